// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a recovery takes down and makes again, where the kernel will put it, and
 * what is in its way: see rebuild.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/rebuild.h"

/* What alloc_hpa() of drivers/cxl/core/region.c asks for. */
#define REGION_ALIGN (256ull << 20)

/* --- which regions ---------------------------------------------------------------- */

static bool has(const struct rebuild_set *set, const struct cxl_region *r)
{
	for (size_t i = 0; i < set->n; i++)
		if (set->v[i] == r)
			return true;
	return false;
}

bool rebuild_is_neighbour(const struct rebuild_set *set, const struct cxl_region *r)
{
	return has(set, r) && !region_touches(set->host, set->rp, r);
}

static int by_address(const void *a, const void *b)
{
	const struct cxl_region *p = *(const struct cxl_region *const *)a,
				*q = *(const struct cxl_region *const *)b;

	if (p->resource.v != q->resource.v)
		return p->resource.v < q->resource.v ? -1 : 1;
	return p < q ? -1 : p > q;
}

/* Do regions of these root ports go through a decoder of the same host bridge? */
static bool shares_bridge(const struct rebuild_set *set, const struct cxl_region *r,
			  const struct cxl_region *other)
{
	bool touches = region_touches(set->host, set->rp, r);

	for (size_t i = 0; i < other->n_root_ports; i++) {
		const struct cxl_port *bridge = other->root_ports[i]->bridge;

		if (touches && bridge == set->rp->bridge)
			return true;
		for (size_t k = 0; k < r->n_root_ports; k++)
			if (bridge == r->root_ports[k]->bridge)
				return true;
	}
	return false;
}

/* From behind @from on, the next that may go through a host bridge that @r, or the set's root port, goes through. */
static const struct cxl_region *next_around(const struct rebuild_set *set,
					    const struct cxl_region *r,
					    const struct cxl_region *from)
{
	const struct cxl_region *first = region_next_beside(set->host, set->rp->bridge, from);

	for (size_t i = 0; i < r->n_root_ports; i++) {
		const struct cxl_region *next = region_next_beside(set->host,
								   r->root_ports[i]->bridge, from);

		if (next && (!first || next < first))
			first = next;
	}
	return first;
}

/* Where it is, or will be, as far as that is known. */
static struct opt_u64 address_of(const struct rebuild_set *set, size_t i)
{
	const struct rebuild_place *p = &set->places[i];

	return p->kind == PLACE_ELSEWHERE ? (struct opt_u64){ true, p->at } : set->v[i]->resource;
}

/*
 * Decoders are programmed in the order of addresses (CXL r3.2 sec 8.2.4.20.12): no
 * region is attached to a port where one at a higher address is attached already
 * (alloc_region_ref() of drivers/cxl/core/region.c).
 */
const struct cxl_region *rebuild_next_above(const struct rebuild_set *set, size_t i,
					    const struct cxl_region *from, bool *ret_sure)
{
	const struct cxl_region *r = set->v[i], *other = from;
	struct opt_u64 at = address_of(set, i);

	while ((other = next_around(set, r, other))) {
		bool shares = shares_bridge(set, r, other),
		     may = other->targets_unknown && other->bus == r->bus;

		if (has(set, other) || (!shares && !may))
			continue;
		/* without a size it has no address */
		if (!other->resource.known && other->size_bytes.known && !other->size_bytes.v)
			continue;
		if (other->resource.known && at.known && other->resource.v <= at.v)
			continue;
		*ret_sure = shares && other->resource.known && at.known;
		return other;
	}
	return NULL;
}

/*
 * One that is not committed and holds a decoder there keeps those after it from being
 * committed: cxl_num_decoders_committed() of drivers/cxl/core/hdm.c.  At a higher address it
 * is in the way already: rebuild_next_above().
 */
const struct cxl_region *rebuild_uncommitted_beside(const struct rebuild_set *set, size_t i)
{
	struct opt_u64 at = address_of(set, i);
	const struct cxl_region *other = NULL;

	while ((other = next_around(set, set->v[i], other))) {
		bool holds = false,
		     is_above = other->resource.known && at.known && other->resource.v > at.v;

		for (size_t t = 0; t < other->n_targets; t++)
			holds |= other->targets[t] != NULL;
		if (holds && !is_above && !region_is_committed(other) && !has(set, other) &&
		    shares_bridge(set, set->v[i], other))
			return other;
	}
	return NULL;
}

/* --- where the kernel makes them --------------------------------------------------- */

static uint64_t last_of(const struct cxl_region *r)
{
	return r->resource.v + (r->size_bytes.v - 1);
}

static bool has_range(const struct cxl_region *r)
{
	return r->resource.known && r->size_bytes.known && r->size_bytes.v;
}

/* A line that goes with @r: its own, and those of what is made of it. */
static bool goes_with(const struct cxl_region *r, const struct window_line *line)
{
	if (!has_range(r) || line->start < r->resource.v || line->end > last_of(r))
		return false;
	if (!strcmp(line->name, r->name) || (r->is_pmem && strcmp(line->name, "Soft Reserved")))
		return true;
	for (size_t i = 0; i < r->n_dax; i++)
		if (!strcmp(line->name, r->dax[i]->name) || (dax_is_kmem(r->dax[i]) && !strncmp(line->name, "System RAM", 10)))
			return true;
	return false;
}

static bool goes(const struct rebuild_set *set, const struct window_line *line)
{
	for (size_t i = 0; i < set->n; i++)
		if (goes_with(set->v[i], line))
			return true;
	return false;
}

/* The next place behind @last; 0 when there is none. */
static uint64_t behind(uint64_t last)
{
	return last > UINT64_MAX - REGION_ALIGN ? 0 : (last / REGION_ALIGN + 1) * REGION_ALIGN;
}

/* A place that is looked for: [@at, @at + @bytes); @at 0 once there is none. */
struct search {
	uint64_t at, bytes;
};

static bool overlaps(const struct search *s, uint64_t first, uint64_t last)
{
	return s->at && last >= s->at && (first <= s->at || first - s->at < s->bytes);
}

/* Past what ends at @last and is in the way. */
static bool skip(struct search *s, uint64_t last)
{
	s->at = behind(last);
	return true;
}

/* Once over everything that stays, and what was placed before @n; true: something was in the way. */
static bool sweep(const struct rebuild_set *set, size_t n, struct search *s)
{
	const struct cxl_host *host = set->host;
	bool moved = false;

	for (size_t i = 0; i < host->n_window_lines; i++) {
		const struct window_line *line = &host->window_lines[i];

		if (overlaps(s, line->start, line->end) && !goes(set, line))
			moved |= skip(s, line->end);
	}
	for (size_t i = 0; i < host->n_regions; i++) {	/* one that firmware made may have no line */
		const struct cxl_region *r = &host->regions[i];

		if (has_range(r) && overlaps(s, r->resource.v, last_of(r)) && !has(set, r))
			moved |= skip(s, last_of(r));
	}
	for (size_t i = 0; i < n; i++) {
		const struct rebuild_place *p = &set->places[i];
		uint64_t last = p->at + (set->v[i]->size_bytes.v - 1);

		if ((p->kind == PLACE_SAME || p->kind == PLACE_ELSEWHERE) &&
		    overlaps(s, p->at, last))
			moved |= skip(s, last);
	}
	return moved;
}

/* What keeps the old place, and how much of it nobody can have. */
static void see_old_place(const struct rebuild_set *set, const struct cxl_region *r,
			  struct rebuild_place *p)
{
	const struct cxl_host *host = set->host;
	const struct search old = { r->resource.v, r->size_bytes.v };
	uint64_t from = r->resource.v;

	for (size_t i = 0; i < host->n_window_lines; i++) {	/* by address */
		const struct window_line *line = &host->window_lines[i];
		uint64_t first = line->start > from ? line->start : from,
			 last = line->end < last_of(r) ? line->end : last_of(r);

		if (!overlaps(&old, line->start, line->end) || goes(set, line))
			continue;
		if (!p->in_the_way)
			p->in_the_way = line->name;
		if (last < first)
			continue;
		p->stranded_bytes += last - first + 1;
		from = last + 1;
	}
	for (size_t i = 0; !p->in_the_way && i < host->n_regions; i++) {
		const struct cxl_region *other = &host->regions[i];

		if (has_range(other) && overlaps(&old, other->resource.v, last_of(other)) &&
		    !has(set, other))
			p->in_the_way = other->name;
	}
}

static const char *why_unknown(const struct cxl_host *host, const struct cxl_region *r)
{
	const struct cxl_window *w = r->window;

	return !has_range(r) ? "its address or size is not known" :
	       !w || !w->start.known || !w->size_bytes.known ? "the range of its window cannot be read" :
	       host->iomem_unknown ? host->iomem_unknown :
	       !w->in_iomem ? "/proc/iomem does not show its window" : NULL;
}

/* get_free_mem_region() of kernel/resource.c: upwards, from one aligned address to the next. */
static void find_place(const struct rebuild_set *set, size_t i)
{
	const struct cxl_region *r = set->v[i];
	struct rebuild_place *p = &set->places[i];
	struct search s = { .bytes = r->size_bytes.v };
	uint64_t last;

	*p = (struct rebuild_place){ .why = why_unknown(set->host, r) };
	if (p->why)
		return;
	last = r->window->start.v + (r->window->size_bytes.v - 1);
	s.at = r->window->start.v ? behind(r->window->start.v - 1) : 0;
	while (s.at && s.at <= last && sweep(set, i, &s))
		;
	p->at = s.at;
	p->kind = !s.at || s.at > last || last - s.at < s.bytes - 1 ? PLACE_NOWHERE :
		  s.at == r->resource.v ? PLACE_SAME : PLACE_ELSEWHERE;
	if (p->kind != PLACE_SAME)
		see_old_place(set, r, p);
}

/* --- the set ------------------------------------------------------------------------ */

static void find_places(struct rebuild_set *set)
{
	qsort(set->v, set->n, sizeof(*set->v), by_address);
	for (size_t i = 0; i < set->n; i++)
		find_place(set, i);
}

/* One more that is in the way; false when there is none. */
static bool add_neighbour(struct rebuild_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		bool sure;
		const struct cxl_region *above = rebuild_next_above(set, i, NULL, &sure);

		if (!above)
			continue;
		set->v[set->n++] = above;
		return true;
	}
	return false;
}

int rebuild_set_make(const struct cxl_host *host, const struct cxl_root_port *rp,
		     bool with_neighbours, struct rebuild_set *ret)
{
	const struct cxl_region *r = NULL;
	size_t capacity = 1;

	/* neighbours can be any */
	if (with_neighbours)
		capacity += host->n_regions;
	while (!with_neighbours && (r = region_next_touching(host, rp, r)))
		capacity++;
	*ret = (struct rebuild_set){ .host = host, .rp = rp };
	ret->v = calloc(capacity, sizeof(*ret->v));
	ret->places = calloc(capacity, sizeof(*ret->places));
	if (!ret->v || !ret->places) {
		rebuild_set_free(ret);
		return -ENOMEM;
	}
	while ((r = region_next_touching(host, rp, r)))
		ret->v[ret->n++] = r;
	find_places(ret);
	while (with_neighbours && add_neighbour(ret))
		find_places(ret);
	return 0;
}

void rebuild_set_free(struct rebuild_set *set)
{
	free(set->v);
	free(set->places);
	*set = (struct rebuild_set){ 0 };
}

/* --- neighbours ----------------------------------------------------------------------- */

/* Who has it open: only mapped memory is traffic, but whose it is, and that it is idle, nobody else can tell. */
static const char *why_dax_busy(const struct cxl_host *host, const struct cxl_dax *d,
				struct arena *a)
{
	const struct dax_user *u = d->users;
	const char *text = NULL;

	if (d->unbinding)
		text = arena_printf(a, "is in use: %s", dax_unbinding_text(d, a));
	else if (d->n_users)
		text = arena_printf(a, "is in use: %s has %s %s", dax_user_text(u, a), d->name, u->maps ? "mapped" : "open");
	else if (d->users_unknown && host->dax_in_use)
		text = arena_printf(a, "may be in use: the kernel counts a user of some dax device who cannot be seen (fuser -v /dev/%s)", d->name);
	else if (d->mounted_at)
		text = arena_printf(a, "is in use: %s is mounted from %s at %s", d->fs, d->name, d->mounted_at);
	else
		return NULL;
	return text ? text : "is in use";
}

const char *region_why_in_use(const struct cxl_host *host, const struct cxl_region *r,
			      struct arena *a)
{
	const char *text = NULL;

	for (size_t i = 0; !text && i < r->n_dax; i++)
		text = why_dax_busy(host, r->dax[i], a);
	return text;
}

static const char *why_kmem(const struct cxl_region *r, struct arena *a)
{
	const char *text;

	for (size_t i = 0; i < r->n_dax; i++)
		if (dax_is_kmem(r->dax[i])) {
			text = arena_printf(a, "is made for System RAM: %s is bound to kmem ('daxctl prepare-isolation %s' changes that)",
					    r->dax[i]->name, r->dax[i]->name);
			return text ? text : "is made for System RAM";
		}
	return NULL;
}

const char *region_why_busy(const struct cxl_host *host, const struct cxl_region *r,
			    struct arena *a)
{
	const char *text = NULL;

	if (r->blocks_online || r->blocks_unknown)
		return r->blocks_online ? "is in use: its memory is online as System RAM" :
			"may be in use: whether its memory is online cannot be told";
	if (r->is_pmem)
		return "is persistent memory";
	if (r->state != REGION_ENABLED && r->state != REGION_DISABLED)
		return r->state == REGION_HUSK ? "is a husk, which is to be put right first" : "is not whole: something is done to it";
	if (r->lock == LOCK_UNKNOWN)
		return "may be locked, which cannot be read";
	if (r->lock != LOCK_NONE) {
		text = arena_printf(a, "cannot be torn down: %s is locked", r->locked_by ? r->locked_by : "it");
		return text ? text : "is locked";
	}
	if (region_accelerator(r))
		return "is an accelerator's, whose driver has it";
	for (size_t i = 0; i < r->n_root_ports; i++) {
		const struct cxl_root_port *rp = r->root_ports[i];

		if (iso_isolated(&rp->iso) != TRI_YES && rp->link.up != TRI_NO)
			continue;
		text = arena_printf(a, "does not work: its root port %s is isolated, or its link is down", rp->name);
		return text ? text : "does not work";
	}
	text = region_why_in_use(host, r, a);
	return text ? text : why_kmem(r, a);
}
