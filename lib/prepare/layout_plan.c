// SPDX-License-Identifier: GPL-2.0-only
/* Regions of a layout as steps: see layout_make.h.  Pure; their dax devices are in layout_plan_dax.c. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/prepare/layout_make.h"

#define TEXT(plan, ...) arena_printf((plan)->a, __VA_ARGS__)
#define CXL_DRIVERS "sys/bus/cxl/drivers"

/* --- what goes ------------------------------------------------------------------ */

/* Only of regions that were made so by this command: layout_may_make() sees to that. */
static void take_down(struct layout_plan *plan, const struct cxl_region *r)
{
	char decoder[64];

	region_root_decoder(r, decoder, sizeof(decoder));
	for (size_t i = 0; i < r->n_dax; i++)
		if (r->dax[i]->driver)
			layout_plan_unbind(plan, r->dax[i], true);
	if (r->state == REGION_ENABLED)
		layout_plan_add(plan, NULL, (struct step){
			.op = &step_unbind, .title = TEXT(plan, "take %s from cxl_region", r->name),
			.path = CXL_DRIVERS "/cxl_region/unbind", .value = r->name,
			.expect_before = "cxl_region", .expect_after = STEP_NO_DRIVER, .undo = "cxl_region" });
	if (region_is_committed(r))
		layout_plan_add(plan, NULL, (struct step){
			.op = &step_write, .title = TEXT(plan, "decommit %s", r->name),
			.path = TEXT(plan, "%s/commit", r->path), .value = "0", .expect_after = "0", .undo = "1" });
	layout_plan_add(plan, NULL, (struct step){
		.op = &step_delete, .title = TEXT(plan, "delete %s", r->name),
		.path = TEXT(plan, LAYOUT_CXL "/%s/delete_region", decoder), .value = r->name,
		.expect_before = STEP_PRESENT, .expect_after = STEP_ABSENT });
	for (size_t i = r->n_targets; i-- > 0;)
		if (r->decoders[i])
			layout_plan_add(plan, NULL, (struct step){
				.op = &step_set_aside, .title = TEXT(plan, "free the capacity of %s", r->decoders[i]),
				.path = TEXT(plan, LAYOUT_CXL "/%s/dpa_size", r->decoders[i]),
				.value = "0", .expect_after = "0" });
}

/* --- what comes ------------------------------------------------------------------- */

static void set_aside(struct layout_plan *plan, const struct wanted_region *w)
{
	const char *name = w->section->name, *size = TEXT(plan, "0x%" PRIx64, w->bytes_each);

	for (size_t i = 0; i < w->ways; i++) {
		const char *dir = TEXT(plan, LAYOUT_CXL "/{target%zu %s}", i, name);

		/* what it was before is no use to anybody without capacity */
		layout_plan_add(plan, w, (struct step){
			.op = &step_of_new, .title = TEXT(plan, "capacity of %s for %s: volatile", w->memdevs[i]->name, name),
			.path = dir ? TEXT(plan, "%s/mode", dir) : NULL, .value = "ram", .expect_after = "ram", .undo = "" });
		layout_plan_add(plan, w, (struct step){
			.op = &step_set_aside, .title = TEXT(plan, "capacity of %s for %s: size", w->memdevs[i]->name, name),
			.path = dir ? TEXT(plan, "%s/dpa_size", dir) : NULL, .value = size, .expect_before = "0",
			.expect_after = size, .undo = "0" });
	}
}

static void set(struct layout_plan *plan, const struct wanted_region *w, const char *attr,
		const char *value)
{
	const char *name = w->section->name;

	layout_plan_add(plan, w, (struct step){
		.op = &step_of_new, .title = TEXT(plan, "%s of %s", attr, name),
		.path = TEXT(plan, LAYOUT_CXL "/{region %s}/%s", name, attr),
		.value = value, .expect_after = value, .undo = "" });
}

/*
 * Committed and with its driver, it has one dax device, of all of it.  What is made last of that is the
 * address of its memory: before, whether it gets a driver is not decided, and it seems to have none to cut.
 * Linux makes it while others go on, since 7.2: __devm_create_dev_dax() of drivers/dax/bus.c.
 */
static void enable(struct layout_plan *plan, const struct wanted_region *w)
{
	const char *name = w->section->name;
	bool is_there = w->is && w->stays;

	if (!is_there || !region_is_committed(w->is))
		layout_plan_add(plan, w, (struct step){
			.op = &step_write, .title = TEXT(plan, "commit %s", name),
			.path = TEXT(plan, LAYOUT_CXL "/{region %s}/commit", name), .value = "1",
			.expect_before = "0", .expect_after = "1", .undo = "0" });
	layout_plan_add(plan, w, (struct step){
		.op = &step_bind, .title = TEXT(plan, "give %s its driver", name),
		.path = CXL_DRIVERS "/cxl_region/bind", .value = TEXT(plan, "{region %s}", name),
		.expect_before = STEP_NO_DRIVER, .expect_after = "cxl_region", .undo = "" });
	layout_plan_add(plan, w, (struct step){
		.op = &step_wait, .title = TEXT(plan, "wait for the dax device of %s", name),
		.path = TEXT(plan, DAX_DEVICES "/{first %s}/mapping0/end", name), .value = "",
		.expect_after = STEP_PRESENT });
}

static void make_region(struct layout_plan *plan, const struct wanted_region *w)
{
	const char *name = w->section->name;

	set_aside(plan, w);
	layout_plan_add(plan, w, (struct step){
		.op = &step_make_region, .title = TEXT(plan, "create %s", name),
		.path = TEXT(plan, LAYOUT_CXL "/%s/create_ram_region", w->decoder->name),
		.value = TEXT(plan, "{new %s}", name),
		.expect_before = STEP_ABSENT, .expect_after = STEP_PRESENT, .undo = "" });
	set(plan, w, "interleave_granularity", TEXT(plan, "%" PRIu64, w->granularity));
	set(plan, w, "interleave_ways", TEXT(plan, "%zu", w->ways));
	set(plan, w, "size", TEXT(plan, "0x%" PRIx64, w->size_bytes));
	for (size_t i = 0; i < w->ways; i++) {
		const char *attr = TEXT(plan, "target%zu", i);

		set(plan, w, attr ? attr : "", attr ? TEXT(plan, "{target%zu %s}", i, name) : NULL);
	}
	enable(plan, w);
}

static bool is_cut(const struct layout_matches *m)
{
	for (size_t i = 0; i < m->wanted->layout->n_dax; i++)
		if (layout_dax_is_cut(&m->dax[i]))
			return true;
	return false;
}

int layout_plan_make(const struct layout_request *q, struct layout_plan *plan)
{
	const struct wanted_layout *l = q->m->wanted;
	size_t n = l->layout->n_regions, n_new = l->n_to_make;
	bool hold;
	int rc;

	for (size_t i = 0; i < n; i++)
		n_new += l->regions[i].stays && !layout_region_is_there(&l->regions[i]);
	hold = q->autoprobe && (n_new || is_cut(q->m));
	/* the kernel programs decoders in the order of addresses: the last one goes first */
	for (size_t i = l->n_to_make; i-- > 0;)
		if (l->to_make[i]->is)
			take_down(plan, l->to_make[i]->is);
	if (hold)
		layout_plan_hold(plan, true);
	for (size_t i = 0; i < n; i++)
		if (l->regions[i].stays && !layout_region_is_there(&l->regions[i]))
			enable(plan, &l->regions[i]);
	for (size_t i = 0; i < l->n_to_make; i++)
		make_region(plan, l->to_make[i]);
	rc = layout_plan_dax(q, hold, plan);
	return rc || plan->no_memory ? -ENOMEM : 0;
}
