// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dax devices of a layout as steps: see layout_make.h.  All that loses its memory does so first,
 * then each device gets its range, and only then its driver: a kernel may offer a driver
 * every device that nobody has.  Pure.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/plan/dax_plan.h"
#include "lib/prepare/layout_make.h"
#include "lib/txn/dax_step.h"
#include "util/parse.h"

#define TEXT(plan, ...) arena_printf((plan)->a, __VA_ARGS__)
enum { MODE_US = 10000000, ATTR_US = 1000000, BLOCK_US = 10000000 };

/* Which device a wanted one becomes. */
struct seat {
	const struct cxl_dax *is;	/* NULL: it is made, */
	bool is_first;		/* or that of its region, which is new */
	int change;		/* the worst enum layout_way of what differs; -1: nothing */
	const char *name;	/* as in texts of steps: "dax0.1", "{dax vm1}" */
};

struct cutting {
	const struct layout_request *q;
	const struct wanted_layout *l;
	struct layout_plan *plan;
	struct seat *seats;	/* per l->dax[] */
};

/* --- who becomes what ------------------------------------------------------------- */

static int worst_way(const struct dax_match *m)
{
	int worst = -1;

	for (size_t i = 0; i < m->differences.n; i++)
		if (m->differences.v[i].is && (int)m->differences.v[i].way > worst)
			worst = (int)m->differences.v[i].way;
	return worst;
}

static bool is_seated(const struct cutting *c, const struct cxl_dax *d)
{
	for (size_t i = 0; i < c->l->layout->n_dax; i++)
		if (c->seats[i].is == d)
			return true;
	return false;
}

static bool is_in_the_way(const struct cutting *c, const struct cxl_dax *d)
{
	for (size_t i = 0; i < c->q->m->n_foreign; i++)
		if (c->q->m->foreign[i].dax == d && c->q->m->foreign[i].in_the_way_of)
			return true;
	return false;
}

/* One without memory, or that is to lose it, serves again; numbers are not what anybody goes by. */
static const struct cxl_dax *find_spare(const struct cutting *c, const struct wanted_region *w)
{
	for (size_t i = 0; layout_region_is_there(w) && i < w->is->n_dax; i++) {
		const struct cxl_dax *d = w->is->dax[i];

		if ((dax_is_empty(d) || is_in_the_way(c, d)) && !is_seated(c, d))
			return d;
	}
	return NULL;
}

static bool first_is_seated(const struct cutting *c, const struct wanted_region *w)
{
	for (size_t i = 0; i < c->l->layout->n_dax; i++)
		if (c->l->dax[i].region == w && c->seats[i].is_first)
			return true;
	return false;
}

static void seat(const struct cutting *c, size_t i)
{
	const struct wanted_dax *w = &c->l->dax[i];
	struct seat *s = &c->seats[i];

	if (!s->is && layout_region_is_there(w->region))
		s->is = find_spare(c, w->region);
	else if (!s->is)
		s->is_first = !first_is_seated(c, w->region);
	s->name = s->is ? s->is->name
		  : s->is_first ? TEXT(c->plan, "{first %s}", w->region->section->name)
				: TEXT(c->plan, "{dax %s}", w->section->name);
}

/* Those that are known again first: nobody else gets them. */
static void seat_all(const struct cutting *c)
{
	for (size_t i = 0; i < c->l->layout->n_dax; i++) {
		bool stays = c->q->m->dax[i].is && layout_region_is_there(c->l->dax[i].region);

		c->seats[i].is = stays ? c->q->m->dax[i].is : NULL;
		c->seats[i].change = stays ? worst_way(&c->q->m->dax[i]) : (int)WAY_REMAKE;
	}
	for (size_t i = 0; i < c->l->layout->n_dax; i++)
		seat(c, i);
}

/* --- memory ----------------------------------------------------------------------- */

static const char *ranges_text(struct layout_plan *plan, const struct cxl_dax *d)
{
	const char *text = "";

	for (size_t i = 0; text && i < d->n_ranges; i++)
		text = TEXT(plan, "%s%s%" PRIx64 "-%" PRIx64, text, i ? "," : "", d->ranges[i].first, d->ranges[i].last);
	return text;
}

/* Memory that is online never loses kmem: it goes offline first, and on the way back online as it was. */
static void take_from_driver(const struct cutting *c, const struct cxl_dax *d)
{
	const struct cxl_host *host = c->q->facts->host;
	const struct mem_block *b = NULL;

	while (dax_is_kmem(d) && (b = dax_next_block(host, d, b)))
		if (b->state == BLOCK_ONLINE)
			layout_plan_add(c->plan, NULL, (struct step){
				.op = &step_offline_block, .title = TEXT(c->plan, "take memory%u of %s offline", b->number, d->name),
				.path = TEXT(c->plan, "sys/devices/system/memory/memory%u/state", b->number), .value = STEP_OFFLINE,
				.expect_before = "online", .expect_after = STEP_OFFLINE, .undo = dax_online_word(b->zone),
				.timeout_us = BLOCK_US });
	layout_plan_unbind(c->plan, d, true);
}

static void empty(const struct cutting *c, const struct cxl_dax *d)
{
	const char *was = ranges_text(c->plan, d);

	if (d->driver)
		take_from_driver(c, d);
	if (dax_is_empty(d))
		return;
	layout_plan_add(c->plan, NULL,
			(struct step){ .op = &step_ranges,
				       .title = TEXT(c->plan, "take the memory from %s", d->name),
				       .path = TEXT(c->plan, DAX_DEVICES "/%s", d->name),
				       .value = STEP_NO_DRIVER,
				       .expect_before = was && *was ? was : NULL,
				       .expect_after = STEP_NO_DRIVER,
				       .undo = was });
}

static const char *range_text(const struct cutting *c, const struct wanted_region *w,
			      uint64_t offset, uint64_t size)
{
	return TEXT(c->plan, "{range %" PRIx64 "+%" PRIx64 " %s}", offset, size, w->section->name);
}

/* The device of a new region has all of it, which may be what is wanted. */
static void empty_first(const struct cutting *c, size_t i)
{
	const struct wanted_dax *w = &c->l->dax[i];
	const char *name = c->seats[i].name,
		   *all = range_text(c, w->region, 0, w->region->size_bytes);

	if (w->size_bytes == w->region->size_bytes || !name)
		return;
	layout_plan_add(c->plan, NULL, (struct step){
		.op = &step_ranges, .title = TEXT(c->plan, "take the memory from the first device of %s", w->region->section->name),
		.path = TEXT(c->plan, DAX_DEVICES "/%s", name), .value = STEP_NO_DRIVER,
		.expect_before = all, .expect_after = STEP_NO_DRIVER, .undo = all });
}

static void free_memory(const struct cutting *c)
{
	for (size_t i = 0; i < c->l->layout->n_dax; i++) {
		const struct seat *s = &c->seats[i];
		const struct cxl_dax *d = c->q->m->dax[i].is;

		if (s->is_first)
			empty_first(c, i);
		else if (d && s->is == d && s->change == WAY_REMAKE)
			empty(c, d);
		else if (d && s->is == d && s->change == WAY_DRIVER && d->driver)
			take_from_driver(c, d);
	}
	for (size_t i = 0; i < c->q->m->n_foreign; i++) {
		const struct layout_foreign *f = &c->q->m->foreign[i];

		if (f->dax && f->in_the_way_of && layout_region_is_there(f->beside))
			empty(c, f->dax);
	}
}

static void cut(const struct cutting *c, size_t i)
{
	const struct wanted_dax *w = &c->l->dax[i];
	const struct seat *s = &c->seats[i];
	const char *region = w->region->section->name, *align = TEXT(c->plan, "%" PRIu64, w->section->align);
	const struct opt_u64 *was = s->is ? &c->q->facts->dax[s->is - c->q->facts->host->dax].align
					  : NULL;

	if (!s->is && !s->is_first)
		layout_plan_add(c->plan, NULL, (struct step){
			.op = &step_make_dax, .title = TEXT(c->plan, "make a dax device for %s", w->section->name),
			.path = TEXT(c->plan, LAYOUT_CXL "/dax_{region %s}/dax_region/create", region),
			.value = TEXT(c->plan, "dax %s", w->section->name),
			.expect_before = STEP_ABSENT, .expect_after = STEP_PRESENT, .undo = "" });
	layout_plan_add(c->plan, NULL, (struct step){
		.op = was && was->known ? &step_write : &step_of_new, .title = TEXT(c->plan, "align of %s", w->section->name),
		.path = TEXT(c->plan, DAX_DEVICES "/%s/align", s->name), .value = align, .expect_after = align,
		.undo = was && was->known ? TEXT(c->plan, "%" PRIu64, was->v) : "" });
	layout_plan_add(
		c->plan, NULL,
		(struct step){ .op = &step_ranges,
			       .title = TEXT(c->plan, "give %s its memory", w->section->name),
			       .path = TEXT(c->plan, DAX_DEVICES "/%s", s->name),
			       .value = range_text(c, w->region, w->offset, w->size_bytes),
			       .expect_before = STEP_NO_DRIVER,
			       .expect_after = range_text(c, w->region, w->offset, w->size_bytes),
			       .undo = STEP_NO_DRIVER });
}

/* --- drivers and files -------------------------------------------------------------- */

/*
 * A driver that was told of a device before may take it beside another one's: that it has none
 * is expected of famfs alone, whose turn is first.
 */
static void bind(const struct cutting *c, size_t i)
{
	const struct layout_dax *d = c->l->dax[i].section;
	const struct step_op *op = d->mode == LAYOUT_FAMFS ? &step_famfs : &step_dax_mode;
	const char *name = c->seats[i].name;

	/* struct pages on memory that can be isolated would stop the host */
	if (d->mode == LAYOUT_SYSTEM_RAM && c->q->has_memmap)
		layout_plan_add(c->plan, NULL, (struct step){
			.op = &step_memmap, .title = TEXT(c->plan, "switch memmap_on_memory of %s off", d->name),
			.path = TEXT(c->plan, DAX_DEVICES "/%s/memmap_on_memory", name), .value = "0",
			.expect_before = "1", .expect_after = "0", .undo = "1", .when = STEP_IF_NEEDED, .timeout_us = ATTR_US });
	layout_plan_add(c->plan, NULL,
			(struct step){ .op = op,
				       .title = TEXT(c->plan, "switch %s to %s", d->name,
						     layout_mode_names[d->mode]),
				       .path = TEXT(c->plan, DAX_DEVICES "/%s/driver", name),
				       .value = op == &step_famfs ? layout_mode_drivers[d->mode]
								  : layout_mode_names[d->mode],
				       .expect_before = op == &step_famfs ? STEP_NO_DRIVER : NULL,
				       .expect_after = layout_mode_drivers[d->mode],
				       .timeout_us = MODE_US,
				       .undo = op == &step_famfs ? STEP_NO_DRIVER
								 : dax_mode_names[DAX_UNBOUND] });
}

/* A udev rule does it after a boot; what it did is not written again. */
static void own(const struct cutting *c, size_t i)
{
	const struct layout_account *a = &c->q->accounts[i];
	const struct layout_dax *d = c->l->dax[i].section;
	const struct seat *s = &c->seats[i];
	const struct dax_file *f = s->is ? &c->q->facts->dax[s->is - c->q->facts->host->dax] : NULL;
	uint32_t uid = f && f->is_known ? f->uid : 0, gid = f && f->is_known ? f->gid : 0;
	unsigned int mode = f && f->is_known ? f->mode : 0600;
	const char *owner = TEXT(c->plan, "%" PRIu32 ":%" PRIu32, a->has_uid ? a->uid : uid, a->has_gid ? a->gid : gid),
		   *path = TEXT(c->plan, "dev/%s", s->name);

	if (a->has_uid || a->has_gid)
		layout_plan_add(c->plan, NULL, (struct step){
			.op = &step_owner, .title = TEXT(c->plan, "owner of the file of %s", d->name), .path = path,
			.value = owner, .expect_after = owner, .undo = TEXT(c->plan, "%" PRIu32 ":%" PRIu32, uid, gid) });
	if (d->file_mode >= 0)
		layout_plan_add(c->plan, NULL, (struct step){
			.op = &step_file_mode, .title = TEXT(c->plan, "mode of the file of %s", d->name), .path = path,
			.value = TEXT(c->plan, "%04o", (unsigned int)d->file_mode),
			.expect_after = TEXT(c->plan, "%04o", (unsigned int)d->file_mode), .undo = TEXT(c->plan, "%04o", mode) });
}

/* --- what is left over ---------------------------------------------------------------- */

/* Nothing can fail behind it, so that nothing has to make it again.  The kernel keeps the first one. */
static void drop(const struct cutting *c, const struct cxl_dax *d)
{
	unsigned int region, number;

	if (sscanf(d->name, "dax%u.%u", &region, &number) != 2 || !number || is_seated(c, d))
		return;
	layout_plan_add(c->plan, NULL, (struct step){
		.op = &step_drop_dax, .title = TEXT(c->plan, "delete %s", d->name),
		.path = TEXT(c->plan, LAYOUT_CXL "/dax_%s/dax_region/delete", d->region->name), .value = d->name,
		.expect_before = STEP_PRESENT, .expect_after = STEP_ABSENT });
}

/* A new region of which the file has no devices is used as the kernel sees fit. */
static void probe_unmentioned(const struct cutting *c)
{
	for (size_t i = 0; i < c->l->layout->n_regions; i++) {
		const struct wanted_region *w = &c->l->regions[i];
		bool has_dax = false;

		for (size_t k = 0; k < c->l->layout->n_dax; k++)
			has_dax |= c->l->dax[k].region == w;
		if (!has_dax && !layout_region_is_there(w) && c->q->autoprobe)
			layout_plan_add(c->plan, NULL, (struct step){
				.op = &step_of_new, .title = TEXT(c->plan, "let the dax device of %s have a driver", w->section->name),
				.path = "sys/bus/dax/drivers_probe", .value = TEXT(c->plan, "{first %s}", w->section->name), .undo = "" });
	}
}

/*
 * A new dax device is nobody's until it has the driver that it shall have: kmem takes every one that
 * nobody has also when its module is loaded, by udev for the first of them (bus_add_driver() of drivers/base/bus.c).
 */
void layout_plan_hold(struct layout_plan *plan, bool hold)
{
	layout_plan_add(plan, NULL, (struct step){
		.op = hold ? &step_write : &step_let_probe, .title = hold ? "keep new dax devices without driver" : "let new dax devices have a driver",
		.path = DAX_AUTOPROBE, .value = hold ? "0" : "1", .expect_before = hold ? "1" : "0",
		.expect_after = hold ? "0" : "1", .undo = hold ? "1" : "0" });
}

int layout_plan_dax(const struct layout_request *q, bool holds, struct layout_plan *plan)
{
	static const enum layout_mode order[] = { LAYOUT_FAMFS, LAYOUT_DEVDAX, LAYOUT_SYSTEM_RAM };
	struct cutting c = { .q = q, .l = q->m->wanted, .plan = plan };
	size_t n = c.l->layout->n_dax;

	c.seats = arena_alloc(plan->a, n, sizeof(*c.seats));
	if (!c.seats)
		return -ENOMEM;
	seat_all(&c);
	free_memory(&c);
	for (size_t i = 0; i < n; i++)
		if (c.seats[i].change == WAY_REMAKE)
			cut(&c, i);
	for (size_t k = 0; k < sizeof(order) / sizeof(order[0]); k++)
		for (size_t i = 0; i < n; i++)
			if (c.seats[i].change >= WAY_DRIVER &&
			    c.l->dax[i].section->mode == order[k])
				bind(&c, i);
	probe_unmentioned(&c);
	for (size_t i = 0; i < n; i++)
		if (c.seats[i].change >= WAY_ATTRIBUTE)
			own(&c, i);
	if (holds)
		layout_plan_hold(plan, false);
	for (size_t i = 0; i < q->m->n_foreign; i++)
		if (q->m->foreign[i].dax && q->m->foreign[i].in_the_way_of &&
		    layout_region_is_there(q->m->foreign[i].beside))
			drop(&c, q->m->foreign[i].dax);
	return plan->no_memory ? -ENOMEM : 0;
}
