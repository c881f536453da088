// SPDX-License-Identifier: GPL-2.0-only
/*
 * Planning a recovery: see recover_plan.h.  The order follows what kernels do
 * (Linux 6.12 to 7.2): regions go before their devices do, since a device that
 * leaves first turns them into husks; the endpoints below are removed, never
 * the root port, whose loss the CXL port above would not survive; names are
 * looked up again after the rescan.
 */
#include "lib/plan/recover_build.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/consent.h"
#include "lib/model/rebuild.h"
#include "lib/plan/plan.h"
#include "lib/txn/step_port.h"
#include "lib/txn/users_step.h"

#define CXL "sys/bus/cxl/devices"

/* Before anything else: where they do not go, nothing was done. */
static void add_users_end(struct builder *b, const struct cxl_root_port *rp,
			  const struct recover_options *o)
{
	if (o->users != USERS_REFUSE)
		build_step(b, (struct step){ .op = &step_users, .title = TEXT(b, "end who uses memory below %s", rp->name),
					     .path = rp->path, .value = users_end_names[o->users],
					     .expect_after = STEP_UNUSED,
					     .timeout_us = o->users_grace_us });
}

/* --- taking down --------------------------------------------------------------- */

static const char *decoder_path(struct builder *b, const struct cxl_region *r)
{
	const char *end = strrchr(r->path, '/');

	return build_keep(b, arena_strndup(b->a, r->path, end ? (size_t)(end - r->path) : 0));
}

static void add_region_teardown(struct builder *b, const struct cxl_region *r)
{
	bool committed = region_is_committed(r);

	build_dax_teardown(b, r);
	if (r->state == REGION_ENABLED)
		build_unbind(b, CXL_DRIVERS, r->driver, r->name, r->name);
	if (committed)
		build_step(b, (struct step){ .op = &step_write, .title = TEXT(b, "decommit %s", r->name),
					     .path = TEXT(b, "%s/commit", r->path), .value = "0",
					     .expect_before = r->state == REGION_UNKNOWN ? NULL : "1", .expect_after = "0", .undo = "1" });
	build_step(b, (struct step){ .op = &step_delete, .title = TEXT(b, "delete %s", r->name),
				     .path = TEXT(b, "%s/delete_region", decoder_path(b, r)), .value = r->name,
				     .expect_before = STEP_PRESENT, .expect_after = STEP_ABSENT });
}

/* @acc: whose memory device goes with its driver; NULL: none. */
static void add_devices_teardown(struct builder *b, const struct cxl_root_port *rp,
				 const struct cxl_accelerator *acc,
				 const struct recover_facts *facts)
{
	for (size_t i = 0; i < rp->n_memdevs; i++)
		if (rp->memdevs[i]->bound && !(acc && acc->memdev == rp->memdevs[i]))
			build_unbind(b, CXL_DRIVERS, "cxl_mem", rp->memdevs[i]->name, rp->memdevs[i]->name);
	if (facts->flush && rp->n_memdevs)
		build_step(b, (struct step){ .op = &step_trigger, .title = "wait until the endpoints are gone",
					     .path = "sys/bus/cxl/flush", .value = "1" });
}

/* --- return --------------------------------------------------------------------- */

/* How a device is known again: serial number, or where it was; "" as any. */
static const char *identity(struct builder *b, const struct recipe_device *d,
			    const struct recover_options *o)
{
	if (d->serial.known && !o->accept_replacement)
		return TEXT(b, "0x%" PRIx64, d->serial.v);
	return d->address ? d->address : "";
}

static bool is_alone_below_bridge(const struct cxl_host *host, const struct cxl_root_port *rp)
{
	for (size_t i = 0; i < host->n_root_ports; i++)
		if (&host->root_ports[i] != rp && host->root_ports[i].bridge == rp->bridge &&
		    host->root_ports[i].n_memdevs)
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

static void add_endpoint(struct builder *b, const char *memdev, const char *now,
			 const struct recover_options *o)
{
	build_step(b, (struct step){ .op = &step_endpoint, .title = TEXT(b, "wait for the endpoint of %s", memdev),
				     .path = TEXT(b, CXL "/%s", now), .value = now, .expect_after = STEP_PRESENT,
				     .timeout_us = o->timeout_us });
}

static void add_return(struct builder *b, const struct cxl_host *host,
		       const struct cxl_root_port *rp, const struct recipe *recipe,
		       const struct recover_options *o)
{
	build_step(b, (struct step){ .op = &step_rescan, .title = TEXT(b, "rescan below %s", rp->name),
				     .path = TEXT(b, "%s/rescan", rp->path), .value = "1" });
	build_device_return(b, recipe, o);
	for (size_t i = 0; i < recipe->n_devices; i++) {
		const struct recipe_device *d = &recipe->devices[i];
		const char *who = identity(b, d, o);

		if (d->below)
			build_step(b, (struct step){ .op = &step_returned,
						     .title = *who ? TEXT(b, "wait for %s (%s)",
									  d->name, who)
								   : "wait for a memory device",
						     .path = rp->path,
						     .value = who,
						     .expect_after = STEP_PRESENT,
						     .timeout_us = o->timeout_us });
	}
	if (needs_port_rebind(host, rp)) {
		build_unbind(b, CXL_DRIVERS, "cxl_port", rp->bridge->name, rp->bridge->name);
		build_bind(b, CXL_DRIVERS, "cxl_port", rp->bridge->name, rp->bridge->name);
	}
	for (size_t i = 0; i < recipe->n_devices; i++) {
		const char *name = TEXT(b, "{%s}", recipe->devices[i].name);

		if (!recipe->devices[i].below)
			continue;
		if (recipe->accelerator.address) {	/* its driver binds it, and it has no mailbox to be asked */
			add_endpoint(b, recipe->devices[i].name, name, o);
			continue;
		}
		build_bind(b, CXL_DRIVERS, "cxl_mem", recipe->devices[i].name, name);
		add_endpoint(b, recipe->devices[i].name, name, o);
		build_step(b, (struct step){ .op = &step_health, .title = TEXT(b, "health of %s", recipe->devices[i].name),
					     .path = TEXT(b, "dev/cxl/%s", name), .value = name });
	}
}

static void add_settings(struct builder *b, const struct cxl_root_port *rp,
			 const struct recipe *recipe)
{
	for (size_t i = 0; i < N_ISO_FIELDS; i++) {
		enum iso_field f = plan_order[i];
		char name[ISO_PLACE_BYTES], text[ISO_TEXT_BYTES];
		int v = recipe->settings.v[f];

		if (v < 0 || !iso_field_by_kernel(&rp->iso, f))
			continue;
		rp->iso.kernel.backend->text(f, v, text);
		build_step(b,
			   (struct step){ .op = &step_setting,
					  .title = TEXT(b, "%s %s", iso_fields[f].label,
							step_setting_text(f, v)),
					  .path = TEXT(b, "%s/%s", rp->path,
						       rp->iso.kernel.backend->place(rp, f, name)),
					  .value = TEXT(b, "%s", text),
					  .expect_after = step_setting_text(f, v),
					  .when = STEP_IF_NEEDED });
	}
}

/* --- regions -------------------------------------------------------------------- */

static void add_decoders(struct builder *b, const struct recipe_region *r)
{
	for (size_t i = 0; i < r->ways; i++) {
		const char *dir = TEXT(b, CXL "/{%s/target%zu}", r->name, i), *size = TEXT(b, "0x%" PRIx64, r->targets[i].bytes);

		build_step(b, (struct step){ .op = &step_capacity, .title = TEXT(b, "capacity for %s, target %zu: %s", r->name, i, r->targets[i].mode),
					     .path = TEXT(b, "%s/mode", dir), .value = r->targets[i].mode,
					     .expect_after = r->targets[i].mode });
		build_step(b, (struct step){ .op = &step_capacity, .title = TEXT(b, "capacity for %s, target %zu: size", r->name, i),
					     .path = TEXT(b, "%s/dpa_size", dir), .value = size, .expect_after = size });
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

/* Nothing can be made of memory behind another root port that is isolated. */
static void add_others(struct builder *b, const struct cxl_host *host, const struct recipe *recipe)
{
	for (size_t i = 1; i < recipe->n_root_ports; i++)
		for (size_t k = 0; k < host->n_root_ports; k++) {
			const struct cxl_root_port *rp = &host->root_ports[k];

			if (rp->iso.regs.capable && !strcmp(rp->name, recipe->root_ports[i]))
				build_step(b, (struct step){
						      .op = &step_other,
						      .title = TEXT(b, "%s not isolated", rp->name),
						      .path = build_status_path(b, rp),
						      .value = rp->name,
						      .expect_after = STEP_NORMAL });
		}
}

/* What was only in the way is made again in any case. */
static bool is_made_again(const struct recipe_region *r, const struct recover_options *o)
{
	return !r->lost && (o->rebuild || r->neighbour);
}

/* Waited for and looked at, not made. */
static void add_driver_region(struct builder *b, const struct recipe *recipe,
			      const struct recipe_region *r, const struct recover_options *o)
{
	build_step(b, (struct step){ .op = &step_driver_region, .title = TEXT(b, "wait for %s to make %s again", recipe->accelerator.driver, r->name),
				     .path = TEXT(b, CXL "/{%s}", recipe->accelerator.memdev ? recipe->accelerator.memdev : "mem"),
				     .value = TEXT(b, "%s 0x%" PRIx64 " %s", r->name, r->size_bytes, r->enabled ? "enabled" : "disabled"),
				     .expect_after = STEP_PRESENT, .timeout_us = o->timeout_us });
}

static void add_regions(struct builder *b, const struct recipe *recipe,
			const struct recover_facts *facts, const struct recover_options *o)
{
	for (size_t i = 0; i < recipe->n_regions; i++) {
		const struct recipe_region *r = &recipe->regions[i];

		if (!is_made_again(r, o))
			continue;
		if (recipe_is_drivers(recipe, r)) {
			add_driver_region(b, recipe, r, o);
			continue;
		}
		add_region(b, r);
		build_driver(b, r, facts);
	}
}

static bool is_bound(const struct cxl_host *host, const char *name)
{
	for (size_t i = 0; i < host->n_memdevs; i++)
		if (!strcmp(host->memdevs[i].name, name))
			return host->memdevs[i].bound;
	return false;
}

/* Capacity is given back last first: cxl_dpa_free() of drivers/cxl/core/hdm.c. */
static bool is_below_another(const struct cxl_host *host, const struct recipe *recipe,
			     const struct recipe_region *r, const char *memdev)
{
	for (size_t i = 0; i < host->n_regions; i++) {
		const struct cxl_region *is = &host->regions[i];

		for (size_t k = 0; k < is->n_targets && !recipe_has(recipe, is->name); k++)
			if (is->targets[k] && is->resource.v > r->address &&
			    !strcmp(is->targets[k]->name, memdev))
				return true;
	}
	return false;
}

/*
 * Devices of other ports keep what was set aside for a region that is gone, and nothing could be made of it:
 * only who deletes the region knows that it is nobody's any more (cxl destroy-region frees it, too).
 */
static void free_capacity(struct builder *b, const struct cxl_host *host,
			  const struct recipe *recipe, const struct recipe_region *r)
{
	for (size_t i = r->ways; i-- > 0;) {
		size_t at = r->targets[i].device;
		const struct recipe_device *d = at < recipe->n_devices ? &recipe->devices[at]
								       : NULL;

		if (!d || d->below || !is_bound(host, d->name) ||
		    is_below_another(host, recipe, r, d->name))
			continue;
		build_step(b, (struct step){ .op = &step_capacity, .title = TEXT(b, "free the capacity that %s had of %s", r->name, d->name),
					     .path = TEXT(b, CXL "/{%s/target%zu}/dpa_size", r->name, i), .value = "0",
					     .expect_after = "0" });
	}
}

/* The region with the highest address first. */
static void add_freeing(struct builder *b, const struct cxl_host *host,
			const struct recipe *recipe)
{
	for (size_t i = recipe->n_regions; i-- > 0;)
		free_capacity(b, host, recipe, &recipe->regions[i]);
}

/* --- the whole ------------------------------------------------------------------ */

static size_t most_steps(const struct cxl_host *host, const struct cxl_root_port *rp,
			 const struct recipe *recipe)
{
	size_t n = 40 + N_ISO_FIELDS + recipe->n_root_ports + rp->n_functions + rp->n_memdevs +
		   4 * recipe->n_devices + 8 * recipe->accelerator.n_functions +
		   2 * rp->n_device_functions;

	for (size_t i = 0; i < host->n_regions; i++)
		n += 3 + 2 * host->regions[i].n_dax;
	for (size_t i = 0; i < recipe->n_regions; i++)
		n += 26 + 3 * recipe->regions[i].ways + 7 * recipe->regions[i].n_dax;
	return n;
}

bool recover_is_broken(const struct cxl_host *host, const struct cxl_root_port *rp)
{
	for (size_t i = 0; i < rp->n_memdevs; i++)
		if (!rp->memdevs[i]->bound)
			return true;
	for (size_t i = 0; i < host->n_regions; i++)
		if (host->regions[i].state == REGION_HUSK &&
		    region_touches(host, rp, &host->regions[i]))
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

static bool is_any_made_again(const struct recipe *recipe, const struct recover_options *o)
{
	for (size_t i = 0; i < recipe->n_regions; i++)
		if (is_made_again(&recipe->regions[i], o))
			return true;
	return false;
}

/* Fencing leaves to others what is theirs: what was not taken down yet, and what is whole again. */
static bool is_left_to_others(const struct cxl_host *host, const struct cxl_root_port *rp,
			      const struct cxl_region *r)
{
	return r->state == REGION_ENABLED && !region_touches(host, rp, r);
}

/* @recipe NULL: not known. */
static bool is_to_go(const struct cxl_host *host, const struct cxl_root_port *rp,
		     const struct recipe *recipe, const struct recover_facts *facts,
		     const struct cxl_region *r, bool fencing)
{
	bool has_accelerator = recipe ? recipe->accelerator.address != NULL
				      : rp->n_accelerators > 0;

	if (fencing && is_left_to_others(host, rp, r))
		return false;
	if (has_accelerator && region_accelerator(r))
		return false;	/* it goes with its driver */
	if (region_is_below(r, rp) || recover_is_half_made(facts->made, facts->n_made, r))
		return true;
	if (!fencing && recipe_has_neighbour(recipe, r))
		return true;
	/* a husk of which nothing is left below the port; what became one since is another port's */
	return (!recipe || recipe_has(recipe, r->name)) && region_touches(host, rp, r);
}

static int from_above(const void *a, const void *b)
{
	const struct cxl_region *p = *(const struct cxl_region *const *)a,
				*q = *(const struct cxl_region *const *)b;

	if (p->resource.v != q->resource.v)
		return p->resource.v > q->resource.v ? -1 : 1;
	return p > q ? -1 : p < q;
}

/* The highest goes first, as its decoders were programmed last. */
static void add_teardown(struct builder *b, const struct cxl_host *host,
			 const struct cxl_root_port *rp, const struct recipe *recipe,
			 const struct recover_facts *facts, bool fencing)
{
	const struct cxl_region **going = arena_alloc(b->a, host->n_regions, sizeof(*going));
	size_t n = 0;

	b->no_memory |= !going;
	for (size_t i = 0; going && i < host->n_regions; i++)
		if (is_to_go(host, rp, recipe, facts, &host->regions[i], fencing))
			going[n++] = &host->regions[i];
	if (n)
		qsort(going, n, sizeof(*going), from_above);
	for (size_t i = 0; i < n; i++)
		add_region_teardown(b, going[i]);
	build_device_teardown(b, rp, recipe);
	add_devices_teardown(b, rp, build_accelerator_now(rp, recipe), facts);
}

int recover_plan_fence(const struct cxl_host *host, const struct cxl_root_port *rp,
		       const struct recipe *recipe, const struct recover_facts *facts,
		       struct arena *a, struct recover_plan *ret)
{
	const struct recipe nothing = { 0 };
	struct builder b = { .a = a, .capacity = most_steps(host, rp, &nothing) };

	b.steps = arena_alloc(a, b.capacity, sizeof(*b.steps));
	if (!b.steps)
		return -ENOMEM;
	add_teardown(&b, host, rp, recipe, facts, true);
	*ret = (struct recover_plan){ .steps = b.steps, .n = b.n };
	return b.no_memory ? -ENOMEM : 0;
}

int recover_plan_make(const struct cxl_host *host, const struct cxl_root_port *rp,
		      const struct recipe *recipe, const struct recover_facts *facts,
		      const struct recover_options *options, enum link_method method,
		      struct arena *a, struct recover_plan *ret)
{
	struct builder b = { .a = a, .capacity = most_steps(host, rp, recipe),
			     .unbind_us = options->timeout_us };

	b.steps = arena_alloc(a, b.capacity, sizeof(*b.steps));
	if (!b.steps)
		return -ENOMEM;
	add_users_end(&b, rp, options);
	build_link_prepare(&b, rp, method);
	add_teardown(&b, host, rp, recipe, facts, false);
	build_link(&b, rp, options, method);
	add_return(&b, host, rp, recipe, options);
	add_settings(&b, rp, recipe);
	if (is_any_made_again(recipe, options)) {
		add_others(&b, host, recipe);
		add_regions(&b, recipe, facts, options);
	} else if (!recipe->accelerator.address) {
		add_freeing(&b, host, recipe);
	}
	build_device_virtual(&b, recipe, options);
	*ret = (struct recover_plan){ .steps = b.steps, .n = b.n };
	return b.no_memory ? -ENOMEM : 0;
}
