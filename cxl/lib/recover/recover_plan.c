// SPDX-License-Identifier: GPL-2.0-only
/*
 * Planning a recovery: see recover_plan.h.  The order follows what kernels do
 * (Linux 6.12 to 7.2): regions go before their devices do, since a device that
 * leaves first turns them into husks; the endpoints below are removed, never
 * the root port, whose loss the CXL port above would not survive; names are
 * looked up again after the rescan.
 */
#include "cxl/lib/recover/recover_build.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cxl/lib/change/plan.h"
#include "cxl/lib/change/step_port.h"

#define CXL "sys/bus/cxl/devices"
#define CXL_DRIVERS "sys/bus/cxl/drivers"
#define DAX_DRIVERS "sys/bus/dax/drivers"
#define AUTOPROBE "sys/bus/dax/drivers_autoprobe"

/* Measured on Linux 6.12 and 7.2: most of this takes less than 0.2 s. */
#define STORE_TIMEOUT_US 5000000ull

const char *build_keep(struct builder *b, const char *text)
{
	b->no_memory |= !text;
	return text ? text : "";
}

struct step *build_step(struct builder *b, struct step step)
{
	static struct step nowhere;

	if (b->n == b->capacity) {
		b->no_memory = true;
		return &nowhere;
	}
	if (!step.timeout_us)
		step.timeout_us = STORE_TIMEOUT_US;
	if (!step.value)
		step.value = "";
	if (!step.expect_after)
		step.expect_after = "";
	b->steps[b->n] = step;
	return &b->steps[b->n++];
}

void build_write(struct builder *b, const char *title, const char *path, const char *value, const char *before,
		 const char *after)
{
	build_step(b, (struct step){ .op = &step_write, .title = title, .path = path, .value = value, .expect_before = before,
				     .expect_after = after });
}

/* @what: the device in words; @device may be a name in braces. */
static void add_unbind(struct builder *b, const char *drivers, const char *driver, const char *what, const char *device)
{
	build_step(b, (struct step){ .op = &step_unbind, .title = TEXT(b, "unbind %s from %s", what, driver),
				     .path = TEXT(b, "%s/%s/unbind", drivers, driver), .value = device, .expect_before = driver,
				     .expect_after = STEP_NO_DRIVER, .undo = device });
}

static void add_bind(struct builder *b, const char *drivers, const char *driver, const char *what, const char *device)
{
	build_step(b, (struct step){ .op = &step_bind, .title = TEXT(b, "bind %s to %s", what, driver),
				     .path = TEXT(b, "%s/%s/bind", drivers, driver), .value = device,
				     .expect_before = STEP_NO_DRIVER, .expect_after = driver, .undo = device });
}

/* --- taking down --------------------------------------------------------------- */

static const char *decoder_path(struct builder *b, const struct cxl_region *r)
{
	const char *end = strrchr(r->path, '/');

	return build_keep(b, arena_strndup(b->a, r->path, end ? (size_t)(end - r->path) : 0));
}

/* device_dax remembers names it was told to take: another device may have it next */
static void add_dax_release(struct builder *b, const char *what, const char *dax)
{
	add_unbind(b, DAX_DRIVERS, "device_dax", what, dax);
	build_step(b, (struct step){ .op = &step_trigger, .title = TEXT(b, "make device_dax forget %s", what),
				     .path = DAX_DRIVERS "/device_dax/remove_id", .value = dax });
}

/*
 * Memory that is online when kmem lets go stays with the kernel until the next
 * boot, and the region's address range with it (dev_dax_kmem_remove() of
 * drivers/dax/kmem.c).  @what: the region in words; @region may be a name in braces.
 */
static void add_offline(struct builder *b, const char *what, const char *region, enum step_when when)
{
	build_step(b, (struct step){ .op = &step_offline, .title = TEXT(b, "no memory of %s online", what),
				     .path = "sys/devices/system/memory", .value = region, .expect_after = STEP_OFFLINE, .when = when });
}

static void add_region_teardown(struct builder *b, const struct cxl_region *r)
{
	bool committed = region_is_committed(r);

	for (size_t i = 0; i < r->n_dax; i++) {
		const struct cxl_dax *d = r->dax[i];

		if (d->driver && !strcmp(d->driver, "kmem"))
			add_offline(b, r->name, r->name, STEP_ALWAYS);
		if (d->driver && !strcmp(d->driver, "device_dax"))
			add_dax_release(b, d->name, d->name);
		else if (d->driver)
			add_unbind(b, DAX_DRIVERS, d->driver, d->name, d->name);
	}
	if (r->state == REGION_ENABLED)
		add_unbind(b, CXL_DRIVERS, "cxl_region", r->name, r->name);
	if (committed)
		build_step(b, (struct step){ .op = &step_write, .title = TEXT(b, "decommit %s", r->name),
					     .path = TEXT(b, "%s/commit", r->path), .value = "0",
					     .expect_before = r->state == REGION_UNKNOWN ? NULL : "1", .expect_after = "0", .undo = "1" });
	build_step(b, (struct step){ .op = &step_delete, .title = TEXT(b, "delete %s", r->name),
				     .path = TEXT(b, "%s/delete_region", decoder_path(b, r)), .value = r->name,
				     .expect_before = STEP_PRESENT, .expect_after = STEP_ABSENT });
}

static void add_devices_teardown(struct builder *b, const struct cxl_root_port *rp, const struct recover_facts *facts)
{
	for (size_t i = 0; i < rp->n_memdevs; i++)
		if (rp->memdevs[i]->bound)
			add_unbind(b, CXL_DRIVERS, "cxl_mem", rp->memdevs[i]->name, rp->memdevs[i]->name);
	if (facts->flush && rp->n_memdevs)
		build_step(b, (struct step){ .op = &step_trigger, .title = "wait until the endpoints are gone",
					     .path = "sys/bus/cxl/flush", .value = "1" });
}

/* --- return --------------------------------------------------------------------- */

/* How a device is known again: serial number, or where it was; "" as any. */
static const char *identity(struct builder *b, const struct recipe_device *d, const struct recover_options *o)
{
	if (d->serial.known && !o->accept_replacement)
		return TEXT(b, "0x%" PRIx64, d->serial.v);
	return d->address ? d->address : "";
}

static bool is_alone_below_bridge(const struct cxl_host *host, const struct cxl_root_port *rp)
{
	for (size_t i = 0; i < host->n_root_ports; i++)
		if (&host->root_ports[i] != rp && host->root_ports[i].bridge == rp->bridge && host->root_ports[i].n_memdevs)
			return false;
	return rp->bridge;
}

/* A device that had no driver before: the port above may not know the root port
 * any more, which was itself removed and found again. */
static bool needs_port_rebind(const struct cxl_host *host, const struct cxl_root_port *rp)
{
	for (size_t i = 0; i < rp->n_memdevs; i++)
		if (!rp->memdevs[i]->bound)
			return is_alone_below_bridge(host, rp);
	return false;
}

static void add_return(struct builder *b, const struct cxl_host *host, const struct cxl_root_port *rp,
		       const struct recipe *recipe, const struct recover_options *o)
{
	build_step(b, (struct step){ .op = &step_rescan, .title = TEXT(b, "rescan below %s", rp->name),
				     .path = TEXT(b, "%s/rescan", rp->path), .value = "1" });
	for (size_t i = 0; i < recipe->n_devices; i++) {
		const struct recipe_device *d = &recipe->devices[i];
		const char *who = identity(b, d, o);

		if (d->below)
			build_step(b, (struct step){ .op = &step_returned, .title = *who ? TEXT(b, "wait for %s (%s)", d->name, who) :
							     "wait for a memory device",
						     .path = rp->path, .value = who, .expect_after = STEP_PRESENT,
						     .timeout_us = o->timeout_us });
	}
	if (needs_port_rebind(host, rp)) {
		add_unbind(b, CXL_DRIVERS, "cxl_port", rp->bridge->name, rp->bridge->name);
		add_bind(b, CXL_DRIVERS, "cxl_port", rp->bridge->name, rp->bridge->name);
	}
	for (size_t i = 0; i < recipe->n_devices; i++) {
		const char *name = TEXT(b, "{%s}", recipe->devices[i].name);

		if (!recipe->devices[i].below)
			continue;
		add_bind(b, CXL_DRIVERS, "cxl_mem", recipe->devices[i].name, name);
		build_step(b, (struct step){ .op = &step_endpoint, .title = TEXT(b, "wait for the endpoint of %s", recipe->devices[i].name),
					     .path = TEXT(b, CXL "/%s", name), .value = name, .expect_after = STEP_PRESENT,
					     .timeout_us = o->timeout_us });
		build_step(b, (struct step){ .op = &step_health, .title = TEXT(b, "health of %s", recipe->devices[i].name),
					     .path = TEXT(b, "dev/cxl/%s", name), .value = name });
	}
}

static void add_settings(struct builder *b, const struct cxl_root_port *rp, const struct recipe *recipe)
{
	for (size_t i = 0; i < N_ISO_FIELDS; i++) {
		enum iso_field f = plan_order[i];
		int v = recipe->settings.v[f];

		if (v < 0 || !iso_field_by_kernel(&rp->iso, f))
			continue;
		build_step(b, (struct step){ .op = &step_setting, .title = TEXT(b, "%s %s", iso_fields[f].label, step_setting_text(f, v)),
					     .path = TEXT(b, "%s/%s", rp->path, iso_fields[f].attr), .value = TEXT(b, "%d", v),
					     .expect_after = step_setting_text(f, v), .when = STEP_IF_NEEDED });
	}
}

/* --- regions -------------------------------------------------------------------- */

static void add_decoders(struct builder *b, const struct recipe_region *r)
{
	for (size_t i = 0; i < r->ways; i++) {
		const char *dir = TEXT(b, CXL "/{%s/target%zu}", r->name, i), *size = TEXT(b, "0x%" PRIx64, r->targets[i].bytes);

		build_write(b, TEXT(b, "capacity for %s, target %zu: %s", r->name, i, r->targets[i].mode), TEXT(b, "%s/mode", dir),
			    r->targets[i].mode, NULL, r->targets[i].mode);
		build_write(b, TEXT(b, "capacity for %s, target %zu: size", r->name, i), TEXT(b, "%s/dpa_size", dir), size, NULL, size);
	}
}

static void add_region(struct builder *b, const struct recipe_region *r)
{
	const char *dir = TEXT(b, CXL "/{%s}", r->name), *size = TEXT(b, "0x%" PRIx64, r->size_bytes);

	add_decoders(b, r);
	build_step(b, (struct step){ .op = &step_create, .title = TEXT(b, "create %s again", r->name),
				     .path = TEXT(b, CXL "/%s/create_%s_region", r->decoder, r->mode), .value = TEXT(b, "{new %s}", r->name),
				     .expect_before = STEP_ABSENT, .expect_after = STEP_PRESENT });
	if (r->uuid && !strcmp(r->mode, "pmem"))	/* the kernel counts the newline in */
		build_write(b, TEXT(b, "uuid of %s", r->name), TEXT(b, "%s/uuid", dir), TEXT(b, "%s\n", r->uuid), NULL, r->uuid);
	build_write(b, TEXT(b, "granularity of %s", r->name), TEXT(b, "%s/interleave_granularity", dir),
		    TEXT(b, "%" PRIu64, r->granularity), NULL, TEXT(b, "%" PRIu64, r->granularity));
	build_write(b, TEXT(b, "ways of %s", r->name), TEXT(b, "%s/interleave_ways", dir), TEXT(b, "%zu", r->ways), NULL,
		    TEXT(b, "%zu", r->ways));
	build_write(b, TEXT(b, "size of %s", r->name), TEXT(b, "%s/size", dir), size, NULL, size);
	for (size_t i = 0; i < r->ways; i++) {
		const char *decoder = TEXT(b, "{%s/target%zu}", r->name, i);

		build_write(b, TEXT(b, "target %zu of %s", i, r->name), TEXT(b, "%s/target%zu", dir, i), decoder, NULL, decoder);
	}
	build_write(b, TEXT(b, "commit %s", r->name), TEXT(b, "%s/commit", dir), "1", NULL, "1");
}

/* Bound to device_dax, with kmem kept from taking it meanwhile: what kmem takes
 * comes online on many hosts, and cannot be had back. */
static void add_dax(struct builder *b, const struct recipe_region *r, const struct recover_facts *facts)
{
	const char *region = TEXT(b, "{%s}", r->name), *dax = TEXT(b, "{%s/dax}", r->name);

	if (facts->dax_autoprobe == 1)
		build_step(b, (struct step){ .op = &step_write, .title = "keep new dax devices without driver", .path = AUTOPROBE, .value = "0",
					     .expect_before = "1", .expect_after = "0", .undo = "1" });
	add_bind(b, CXL_DRIVERS, "cxl_region", r->name, region);
	build_step(b, (struct step){ .op = &step_wait, .title = TEXT(b, "wait for the dax device of %s", r->name),
				     .path = TEXT(b, "sys/bus/dax/devices/%s", dax), .expect_after = STEP_PRESENT });
	add_offline(b, r->name, region, STEP_IF_NEEDED);
	build_step(b, (struct step){ .op = &step_unbind, .title = TEXT(b, "dax device of %s not with kmem", r->name), .path = DAX_DRIVERS "/kmem/unbind",
				     .value = dax, .expect_before = "kmem", .expect_after = STEP_NO_DRIVER, .when = STEP_IF_NEEDED });
	/* telling the driver the name binds the device, too */
	build_step(b, (struct step){ .op = &step_bind, .title = TEXT(b, "bind the dax device of %s to device_dax", r->name),
				     .path = DAX_DRIVERS "/device_dax/new_id", .value = dax, .expect_before = STEP_NO_DRIVER,
				     .expect_after = "device_dax" });
	if (facts->dax_autoprobe == 1)
		build_step(b, (struct step){ .op = &step_write, .title = "let new dax devices have a driver", .path = AUTOPROBE, .value = "1",
					     .expect_before = "0", .expect_after = "1" });
	if (r->memmap_on_memory >= 0)
		build_step(b, (struct step){ .op = &step_write, .title = TEXT(b, "memmap_on_memory of the dax device of %s", r->name),
					     .path = TEXT(b, "sys/bus/dax/devices/%s/memmap_on_memory", dax),
					     .value = r->memmap_on_memory ? "1" : "0", .expect_after = r->memmap_on_memory ? "1" : "0",
					     .when = STEP_IF_NEEDED });
	build_step(b, (struct step){ .op = &step_wait, .title = TEXT(b, "wait for the device file of %s", r->name), .path = TEXT(b, "dev/%s", dax),
				     .expect_after = STEP_PRESENT });
	build_step(b, (struct step){ .op = &step_pattern, .title = TEXT(b, "write and read back a pattern in %s", r->name),
				     .path = TEXT(b, "dev/%s", dax), .value = TEXT(b, "%" PRIu64, r->size_bytes) });
	if (!strcmp(r->dax_driver, STEP_NO_DRIVER))
		add_dax_release(b, TEXT(b, "the dax device of %s", r->name), dax);
}

/* Nothing can be made of memory behind another root port that is isolated. */
static void add_others(struct builder *b, const struct cxl_host *host, const struct recipe *recipe)
{
	for (size_t i = 1; i < recipe->n_root_ports && recipe->n_regions; i++)
		for (size_t k = 0; k < host->n_root_ports; k++) {
			const struct cxl_root_port *rp = &host->root_ports[k];

			if (rp->iso.regs.capable && !strcmp(rp->name, recipe->root_ports[i]))
				build_step(b, (struct step){ .op = &step_other, .title = TEXT(b, "%s not isolated", rp->name),
							     .path = build_status_path(b, rp), .value = rp->name, .expect_after = STEP_NORMAL });
		}
}

static void add_regions(struct builder *b, const struct recipe *recipe, const struct recover_facts *facts)
{
	for (size_t i = 0; i < recipe->n_regions; i++) {
		const struct recipe_region *r = &recipe->regions[i];

		if (r->lost)
			continue;
		add_region(b, r);
		if (r->dax_driver)
			add_dax(b, r, facts);
		else if (r->enabled)
			add_bind(b, CXL_DRIVERS, "cxl_region", r->name, TEXT(b, "{%s}", r->name));
	}
}

/* --- the whole ------------------------------------------------------------------ */

static size_t most_steps(const struct cxl_host *host, const struct cxl_root_port *rp, const struct recipe *recipe,
			 const struct recover_facts *facts)
{
	size_t n = 32 + N_ISO_FIELDS + recipe->n_root_ports + facts->n_functions + rp->n_memdevs + 4 * recipe->n_devices;

	for (size_t i = 0; i < host->n_regions; i++)
		n += 3 + 2 * host->regions[i].n_dax;
	for (size_t i = 0; i < recipe->n_regions; i++)
		n += 20 + 3 * recipe->regions[i].ways;
	return n;
}

bool recover_is_broken(const struct cxl_host *host, const struct cxl_root_port *rp)
{
	for (size_t i = 0; i < rp->n_memdevs; i++)
		if (!rp->memdevs[i]->bound)
			return true;
	for (size_t i = 0; i < host->n_regions; i++)
		if (host->regions[i].state == REGION_HUSK && recipe_touches(host, rp, &host->regions[i]))
			return true;
	return false;
}

bool recover_is_half_made(const struct journal_name *names, size_t n, const struct cxl_region *r)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(names[i].name, r->name))
			return true;
	return false;
}

/* @recipe NULL: not known. */
static bool is_to_go(const struct cxl_host *host, const struct cxl_root_port *rp, const struct recipe *recipe,
		     const struct recover_facts *facts, const struct cxl_region *r)
{
	if (region_is_below(r, rp) || recover_is_half_made(facts->made, facts->n_made, r))
		return true;
	/* a husk of which nothing is left below the port; what became one since is another port's */
	return (!recipe || recipe_has(recipe, r->name)) && recipe_touches(host, rp, r);
}

/* The region that was made last goes first. */
static void add_teardown(struct builder *b, const struct cxl_host *host, const struct cxl_root_port *rp, const struct recipe *recipe,
			 const struct recover_facts *facts)
{
	for (size_t i = host->n_regions; i-- > 0;)
		if (is_to_go(host, rp, recipe, facts, &host->regions[i]))
			add_region_teardown(b, &host->regions[i]);
	add_devices_teardown(b, rp, facts);
}

int recover_plan_fence(const struct cxl_host *host, const struct cxl_root_port *rp, const struct recipe *recipe,
		       const struct recover_facts *facts, struct arena *a, struct recover_plan *ret)
{
	const struct recipe nothing = { 0 };
	struct builder b = { .a = a, .capacity = most_steps(host, rp, &nothing, facts) };

	b.steps = arena_alloc(a, b.capacity, sizeof(*b.steps));
	if (!b.steps)
		return -ENOMEM;
	add_teardown(&b, host, rp, recipe, facts);
	*ret = (struct recover_plan){ .steps = b.steps, .n = b.n };
	return b.no_memory ? -ENOMEM : 0;
}

int recover_plan_make(const struct cxl_host *host, const struct cxl_root_port *rp, const struct recipe *recipe,
		      const struct recover_facts *facts, const struct recover_options *options, enum link_method method,
		      struct arena *a, struct recover_plan *ret)
{
	struct builder b = { .a = a, .capacity = most_steps(host, rp, recipe, facts) };

	b.steps = arena_alloc(a, b.capacity, sizeof(*b.steps));
	if (!b.steps)
		return -ENOMEM;
	build_link_prepare(&b, rp, method);
	add_teardown(&b, host, rp, recipe, facts);
	build_link(&b, rp, facts, options, method);
	add_return(&b, host, rp, recipe, options);
	add_settings(&b, rp, recipe);
	if (options->rebuild) {
		add_others(&b, host, recipe);
		add_regions(&b, recipe, facts);
	}
	*ret = (struct recover_plan){ .steps = b.steps, .n = b.n };
	return b.no_memory ? -ENOMEM : 0;
}
