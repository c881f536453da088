// SPDX-License-Identifier: GPL-2.0-only
/*
 * Planning what a recovery does with dax devices: those of regions that are taken down,
 * and what regions that were made again are cut into.  See recover_plan.h.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/plan/recover_build.h"
#include "lib/txn/dax_cut.h"
#include "lib/txn/step_port.h"

#define CXL "sys/bus/cxl/devices"

/* --- taking down --------------------------------------------------------------- */

/* What a driver was told to take by name it remembers: another device may have it next. */
static void add_forget(struct builder *b, const char *driver, const char *what, const char *dax)
{
	build_step(b, (struct step){ .op = &step_trigger, .title = TEXT(b, "make %s forget %s", driver, what),
				     .path = TEXT(b, DAX_DRIVERS "/%s/remove_id", driver), .value = dax });
}

static void add_dax_release(struct builder *b, const char *driver, const char *what,
			    const char *dax)
{
	build_unbind(b, DAX_DRIVERS, driver, what, dax);
	add_forget(b, driver, what, dax);
}

/*
 * Memory that is online when kmem lets go stays with the kernel until the next
 * boot, and the region's address range with it (dev_dax_kmem_remove() of
 * drivers/dax/kmem.c).  @what: the region in words; @region may be a name in braces.
 */
static void add_offline(struct builder *b, const char *what, const char *region,
			enum step_when when)
{
	build_step(b, (struct step){ .op = &step_offline, .title = TEXT(b, "no memory of %s online", what),
				     .path = "sys/devices/system/memory", .value = region, .expect_after = STEP_OFFLINE, .when = when });
}

void build_dax_teardown(struct builder *b, const struct cxl_region *r)
{
	for (size_t i = 0; i < r->n_dax; i++) {
		const struct cxl_dax *d = r->dax[i];

		if (dax_is_kmem(d))
			add_offline(b, r->name, r->name, STEP_ALWAYS);
		if (dax_is_device_dax(d) || dax_is_fsdev(d))
			add_dax_release(b, d->driver, d->name, d->name);
		else if (d->driver)
			build_unbind(b, DAX_DRIVERS, d->driver, d->name, d->name);
	}
}

/* --- making again ---------------------------------------------------------------- */

static void add_autoprobe_off(struct builder *b, const struct recover_facts *facts)
{
	if (facts->dax_autoprobe == 1)
		build_step(b, (struct step){ .op = &step_write, .title = "keep new dax devices without driver", .path = DAX_AUTOPROBE, .value = "0",
					     .expect_before = "1", .expect_after = "0", .undo = "1" });
}

static void add_autoprobe_on(struct builder *b, const struct recover_facts *facts)
{
	if (facts->dax_autoprobe == 1)
		build_step(b, (struct step){ .op = &step_write, .title = "let new dax devices have a driver", .path = DAX_AUTOPROBE, .value = "1",
					     .expect_before = "0", .expect_after = "1" });
}

/* It had no dax device, since dax_cxl is not loaded: one that appears all the same is nobody's. */
static void add_driver_alone(struct builder *b, const struct recipe_region *r,
			     const struct recover_facts *facts)
{
	add_autoprobe_off(b, facts);
	build_bind(b, CXL_DRIVERS, "cxl_region", r->name, TEXT(b, "{%s}", r->name));
	add_autoprobe_on(b, facts);
}

/* In the steps, dax[@k] of a region: "{region0/dax}" is that which the kernel makes with it. */
static const char *dax_of(struct builder *b, const struct recipe_region *r, size_t k)
{
	return k ? TEXT(b, "{%s/dax%zu}", r->name, k) : TEXT(b, "{%s/dax}", r->name);
}

/* "vm2 (dax0.1)" */
static const char *called(struct builder *b, const struct recipe_dax *d)
{
	return d->policy_name ? TEXT(b, "%s (%s)", d->policy_name, d->name) : d->name;
}

/* As step_ranges has them, in host physical addresses. */
static const char *parts_of(struct builder *b, const struct recipe_region *r,
			    const struct recipe_dax *d)
{
	const char *text = d->n_parts ? "" : STEP_NO_DRIVER;

	for (size_t i = 0; i < d->n_parts; i++)
		text = TEXT(b, "%s%s{%s/range %" PRIx64 "+%" PRIx64 "}", text, i ? "," : "", r->name,
			    d->parts[i].offset, d->parts[i].bytes);
	return text;
}

/* The kernel's first one loses what it has, so that there is something to give. */
static void add_empty(struct builder *b, const struct recipe_region *r)
{
	const char *all = TEXT(b, "{%s/range 0+%" PRIx64 "}", r->name, r->size_bytes);

	build_step(b, (struct step){ .op = &step_ranges, .title = TEXT(b, "take the memory from the first dax device of %s", r->name),
				     .path = TEXT(b, DAX_DEVICES "/%s", dax_of(b, r, 0)), .value = STEP_NO_DRIVER,
				     .expect_before = all, .expect_after = STEP_NO_DRIVER });
}

static void add_memmap(struct builder *b, const struct recipe_dax *d, const char *what,
		       const char *dax, const struct recover_facts *facts)
{
	/* where it comes to nothing 1 is refused: memmap_on_memory_store() of drivers/dax/bus.c */
	if (d->memmap_on_memory == 0 || (d->memmap_on_memory == 1 && facts->has_memmap))
		build_step(b, (struct step){ .op = &step_write, .title = TEXT(b, "memmap_on_memory of %s", what),
					     .path = TEXT(b, DAX_DEVICES "/%s/memmap_on_memory", dax),
					     .value = d->memmap_on_memory ? "1" : "0", .expect_after = d->memmap_on_memory ? "1" : "0",
					     .when = STEP_IF_NEEDED });
}

/* Without memory any align will do; with it none is looked at but that of lengths. */
static void add_part(struct builder *b, const struct recipe_region *r, size_t k, bool is_whole,
		     const struct recover_facts *facts)
{
	const struct recipe_dax *d = &r->dax[k];
	const char *dax = dax_of(b, r, k), *align = TEXT(b, "%" PRIu64, d->align), *parts = parts_of(b, r, d);

	if (k)
		build_step(b, (struct step){ .op = &step_make_dax, .title = TEXT(b, "make %s again", called(b, d)),
					     .path = TEXT(b, CXL "/dax_{%s}/dax_region/create", r->name),
					     .value = TEXT(b, "%s/dax%zu", r->name, k),
					     .expect_before = STEP_ABSENT,
					     .expect_after = STEP_PRESENT });
	if (d->align)
		build_step(b, (struct step){ .op = &step_write, .title = TEXT(b, "align of %s", called(b, d)),
					     .path = TEXT(b, DAX_DEVICES "/%s/align", dax), .value = align, .expect_after = align });
	if (!is_whole)
		build_step(b, (struct step){ .op = &step_ranges, .title = TEXT(b, "give %s its memory", called(b, d)),
					     .path = TEXT(b, DAX_DEVICES "/%s", dax), .value = parts,
					     .expect_before = STEP_NO_DRIVER,
					     .expect_after = parts });
	add_memmap(b, d, called(b, d), dax, facts);
}

/* kmem takes any device; told of one by name it would take every other that nobody has. */
static void add_driver(struct builder *b, const struct recipe_region *r, size_t k)
{
	const struct recipe_dax *d = &r->dax[k];
	const char *attr = dax_mode_of(d->driver) == DAX_SYSTEM_RAM ? "bind" : "new_id";

	build_step(b, (struct step){ .op = &step_bind, .title = TEXT(b, "bind %s to %s", called(b, d), d->driver),
				     .path = TEXT(b, DAX_DRIVERS "/%s/%s", d->driver, attr), .value = dax_of(b, r, k),
				     .expect_before = STEP_NO_DRIVER,
				     .expect_after = d->driver });
}

static bool has_driver(const struct recipe_region *r, const char *driver)
{
	for (size_t k = 0; k < r->n_dax; k++)
		if (!strcmp(r->dax[k].driver, driver))
			return true;
	return false;
}

/*
 * Told to take one device, a driver takes whatever else it was ever told of and nobody has:
 * driver_attach(), called by do_id_store() of drivers/dax/bus.c.
 */
static void add_forget_others(struct builder *b, const struct recipe_region *r, const char *driver)
{
	for (size_t k = 0; has_driver(r, driver) && k < r->n_dax; k++)
		if (strcmp(r->dax[k].driver, driver))
			add_forget(b, driver, r->dax[k].name, dax_of(b, r, k));
}

static void add_auto_online(struct builder *b, const char *title, const char *from, const char *to,
			    bool comes_back)
{
	build_step(b, (struct step){ .op = &step_write,
				     .title = title,
				     .path = AUTO_ONLINE,
				     .value = to,
				     .expect_before = from,
				     .expect_after = to,
				     .undo = comes_back ? from : NULL });
}

static void add_drivers(struct builder *b, const struct recipe_region *r, bool of_kmem)
{
	for (size_t k = 0; k < r->n_dax; k++)
		if (strcmp(r->dax[k].driver, STEP_NO_DRIVER) &&
		    of_kmem == !strcmp(r->dax[k].driver, DAX_KMEM_NAME))
			add_driver(b, r, k);
}

/* What kmem had was offline, else nothing could have been taken down; and so it stays, whatever the kernel does by itself. */
static void add_kmem(struct builder *b, const struct recipe_region *r,
		     const struct recover_facts *facts)
{
	const char *policy = facts->auto_online;

	if (!has_driver(r, DAX_KMEM_NAME))
		return;
	if (policy)
		add_auto_online(b, "keep new memory offline", policy, STEP_OFFLINE, true);
	add_drivers(b, r, true);
	if (policy)
		add_auto_online(b, "let new memory come online", STEP_OFFLINE, policy, false);
}

/* As it was: every device has its memory before the first has a driver. */
static void add_cut(struct builder *b, const struct recipe_region *r,
		    const struct recover_facts *facts)
{
	bool is_whole = recipe_is_whole(r);

	if (!is_whole)
		add_empty(b, r);
	for (size_t k = 0; k < r->n_dax; k++)
		add_part(b, r, k, is_whole, facts);
	add_forget_others(b, r, DAX_FSDEV_NAME);
	add_forget_others(b, r, DAX_DEVICE_DAX_NAME);
	add_drivers(b, r, false);
	add_kmem(b, r, facts);
}

/* Is the first device to stay what it is while its memory is proved: the kernel's, with device_dax or none? */
static bool is_plain(const struct recipe_region *r)
{
	if (!recipe_is_whole(r) || (r->dax->align && r->dax->align != DAX_SUBSECTION))
		return false;
	return !strcmp(r->dax->driver, DAX_DEVICE_DAX_NAME) ||
	       !strcmp(r->dax->driver, STEP_NO_DRIVER);
}

/*
 * Its first device, of all of it, is bound to device_dax, with kmem kept from taking it
 * meanwhile: what kmem takes comes online on many hosts, and cannot be had back.  So its memory
 * is proved once, before it is cut, while all of it is this recovery's.  What the kernel makes
 * last of it is the address of its memory, since 7.2 while others go on: before, it seems to have none.
 */
static void add_dax(struct builder *b, const struct recipe_region *r,
		    const struct recover_facts *facts)
{
	const char *region = TEXT(b, "{%s}", r->name), *dax = dax_of(b, r, 0), *what = TEXT(b, "the dax device of %s", r->name);
	bool plain = is_plain(r);

	add_autoprobe_off(b, facts);
	build_bind(b, CXL_DRIVERS, "cxl_region", r->name, region);
	build_step(b, (struct step){ .op = &step_wait, .title = TEXT(b, "wait for the dax device of %s", r->name),
				     .path = TEXT(b, DAX_DEVICES "/%s/mapping0/end", dax), .expect_after = STEP_PRESENT });
	add_offline(b, r->name, region, STEP_IF_NEEDED);
	build_step(b, (struct step){ .op = &step_unbind,
				     .title = TEXT(b, "dax device of %s not with kmem", r->name),
				     .path = DAX_DRIVERS "/kmem/unbind",
				     .value = dax,
				     .expect_before = DAX_KMEM_NAME,
				     .expect_after = STEP_NO_DRIVER,
				     .when = STEP_IF_NEEDED });
	/* telling the driver the name binds the device, too */
	build_step(b, (struct step){ .op = &step_bind, .title = TEXT(b, "bind the dax device of %s to device_dax", r->name),
				     .path = DAX_DRIVERS "/device_dax/new_id", .value = dax, .expect_before = STEP_NO_DRIVER,
				     .expect_after = DAX_DEVICE_DAX_NAME });
	if (plain) {
		add_autoprobe_on(b, facts);
		add_memmap(b, r->dax, what, dax, facts);
	}
	build_step(b, (struct step){ .op = &step_wait, .title = TEXT(b, "wait for the device file of %s", r->name), .path = TEXT(b, "dev/%s", dax),
				     .expect_after = STEP_PRESENT });
	build_step(b, (struct step){ .op = &step_pattern, .title = TEXT(b, "write and read back a pattern in %s", r->name),
				     .path = TEXT(b, "dev/%s", dax), .value = TEXT(b, "%" PRIu64, r->size_bytes) });
	if (!plain || !strcmp(r->dax->driver, STEP_NO_DRIVER))
		add_dax_release(b, DAX_DEVICE_DAX_NAME, what, dax);
	if (plain)
		return;
	add_cut(b, r, facts);
	add_autoprobe_on(b, facts);
}

void build_driver(struct builder *b, const struct recipe_region *r,
		  const struct recover_facts *facts)
{
	if (r->has_dax)
		add_dax(b, r, facts);
	else if (r->enabled)
		add_driver_alone(b, r, facts);
}
