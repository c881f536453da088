// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each reason why a region cannot be made again, with its text: see rebuild.h.
 * Which regions is rebuild_regions.c's, addresses are rebuild_set.c's.
 */
#include "lib/model/rebuild.h"

#include <inttypes.h>
#include <string.h>

#include "util/size.h"

/* --- what a region is made from ----------------------------------------------------- */

static bool is_of_mode(const struct cxl_region *r, const char *mode)
{
	return r->mode && !strcmp(r->mode, mode);
}

/* Has each of its devices the capacity that it takes there? */
static enum tri ask_capacity(const struct cxl_region *r, struct rebuild_obstacle *ret)
{
	bool is_pmem = is_of_mode(r, "pmem");

	ret->what = is_pmem ? "pmem/size" : "ram/size";
	for (size_t i = 0; i < r->n_targets; i++) {
		const struct cxl_memdev *m = r->targets[i];
		const struct opt_u64 *bytes = !m ? NULL : is_pmem ? &m->pmem_bytes : &m->ram_bytes;

		if (!m || m->is_accelerator)	/* an accelerator's region is its driver's to make */
			continue;
		ret->memdev = m;
		if (!bytes->known || bytes->v < r->size_bytes.v / r->ways.v)
			return bytes->known ? TRI_YES : TRI_UNKNOWN;
	}
	ret->memdev = NULL;
	return TRI_NO;
}

static enum tri ask_parts(const struct rebuild_set *set, size_t i, struct arena *a,
			  struct rebuild_obstacle *ret)
{
	const struct cxl_region *r = set->v[i];
	const struct {
		const char *attr;
		bool known, is_set;
	} parts[] = {
		{ "mode", r->mode, true },
		{ "size", r->size_bytes.known, r->size_bytes.v },
		{ "resource", r->resource.known, true },
		{ "interleave_ways", r->ways.known, true },
		{ "interleave_granularity", r->granularity.known, r->granularity.v },
		{ "commit", r->commit.known, true },
	};

	(void)a;
	for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++) {
		ret->what = parts[k].attr;
		if (!parts[k].known || !parts[k].is_set)
			return parts[k].known ? TRI_YES : TRI_UNKNOWN;
	}
	return ask_capacity(r, ret);
}

static enum tri ask_targets(const struct rebuild_set *set, size_t i, struct arena *a,
			    struct rebuild_obstacle *ret)
{
	(void)a;
	(void)ret;
	return set->v[i]->targets_unknown ? TRI_UNKNOWN : TRI_NO;
}

static enum tri ask_husk(const struct rebuild_set *set, size_t i, struct arena *a,
			 struct rebuild_obstacle *ret)
{
	const struct cxl_region *r = set->v[i];
	const struct cxl_memdev *lost;

	(void)a;
	while (ret->position < r->n_targets && r->targets[ret->position])
		ret->position++;
	if (ret->position == r->n_targets)
		return TRI_NO;
	return husk_lost_device(set->host, set->rp, r, &lost) == TRI_YES ? TRI_NO : TRI_YES;
}

static enum tri ask_cache(const struct rebuild_set *set, size_t i, struct arena *a,
			  struct rebuild_obstacle *ret)
{
	(void)a;
	(void)ret;
	return tri_of(set->v[i]->linear_cache_bytes);
}

static enum tri ask_kernel(const struct rebuild_set *set, size_t i, struct arena *a,
			   struct rebuild_obstacle *ret)
{
	const struct cxl_region *r = set->v[i];
	enum tri can = TRI_UNKNOWN;

	(void)a;
	ret->what = is_of_mode(r, "pmem") ? "create_pmem_region" : "create_ram_region";
	if (r->window)
		can = is_of_mode(r, "pmem") ? r->window->makes_pmem : r->window->makes_ram;
	return can == TRI_UNKNOWN ? can : tri_of(can == TRI_NO);
}

/* --- its dax devices ------------------------------------------------------------------ */

static enum tri about_dax(struct rebuild_obstacle *ret, const struct cxl_dax *d, const char *what,
			  enum tri answer)
{
	ret->dax = d;
	ret->what = what;
	return answer;
}

/* A namespace's: only one over all of it comes back by itself. */
static enum tri ask_pmem_dax(const struct cxl_region *r, struct rebuild_obstacle *ret)
{
	const struct cxl_dax *d = r->n_dax ? r->dax[0] : NULL;

	if (!d)
		return TRI_NO;
	if (r->n_dax > 1)
		return about_dax(ret, d, "is not its only one", TRI_YES);
	if (!d->size_bytes.known || !r->size_bytes.known)
		return about_dax(ret, d, "size", TRI_UNKNOWN);
	return d->size_bytes.v == r->size_bytes.v
		       ? TRI_NO
		       : about_dax(ret, d, "does not cover it", TRI_YES);
}

/*
 * What the kernel takes for a range of @d: mapping_store() of drivers/dax/bus.c.  Where it starts
 * is none of its business, but a large page needs it; @at: of the region, when it is made again.
 */
static enum tri ask_ranges(const struct cxl_region *r, const struct cxl_dax *d, uint64_t at,
			   struct rebuild_obstacle *ret)
{
	uint64_t align = d->align.v > DAX_SUBSECTION ? d->align.v : DAX_SUBSECTION, sum = 0;

	if (d->n_ranges > DAX_MOST_RANGES)
		return about_dax(ret, d, "is put together from more ranges than are made again", TRI_YES);
	for (size_t i = 0; i < d->n_ranges; i++) {
		const struct addr_range *range = &d->ranges[i];
		uint64_t offset = range->first - r->resource.v,
			 bytes = range->last - range->first + 1;

		if (range->first < r->resource.v || offset >= r->size_bytes.v ||
		    bytes > r->size_bytes.v - offset)
			return about_dax(ret, d, "mapping", TRI_UNKNOWN);
		if (bytes % align)
			return about_dax(ret, d, "has a range that is not a multiple of its align", TRI_YES);
		if (!(range->first % align) && (at + offset) % align)
			return about_dax(ret, d, "would not begin at a multiple of its align there", TRI_YES);
		sum += bytes;
	}
	return sum == d->size_bytes.v ? TRI_NO : about_dax(ret, d, "mapping", TRI_UNKNOWN);
}

static enum tri ask_dax(const struct cxl_region *r, const struct cxl_dax *d, uint64_t at,
			struct rebuild_obstacle *ret)
{
	if (dax_is_empty(d))	/* no memory, no device */
		return TRI_NO;
	if (!d->size_bytes.known || !d->align.known)
		return about_dax(ret, d, d->size_bytes.known ? "align" : "size", TRI_UNKNOWN);
	if (!d->n_ranges || !r->resource.known || !r->size_bytes.known)
		return about_dax(ret, d, "mapping", TRI_UNKNOWN);
	return ask_ranges(r, d, at, ret);
}

/* The first of which the answer is no, else the first of which it cannot be told. */
static enum tri ask_dax_layout(const struct rebuild_set *set, size_t i, struct arena *a,
			       struct rebuild_obstacle *ret)
{
	const struct cxl_region *r = set->v[i];
	const struct rebuild_place *p = &set->places[i];
	bool moves = set->may_move && p->kind == PLACE_ELSEWHERE;
	enum tri answer = set->host->dax_unknown ? TRI_UNKNOWN : TRI_NO;

	(void)a;
	if (!is_of_mode(r, "ram"))
		return answer == TRI_NO ? ask_pmem_dax(r, ret) : answer;
	for (size_t k = 0; k < r->n_dax; k++) {
		struct rebuild_obstacle o = { 0 };
		enum tri one = ask_dax(r, r->dax[k], moves ? p->at : r->resource.v, &o);

		if (one == TRI_NO || (one == TRI_UNKNOWN && answer == TRI_UNKNOWN))
			continue;
		answer = about_dax(ret, o.dax, o.what, one);
		if (one == TRI_YES)
			break;
	}
	return answer;
}

/* Of a driver that is only a name here; those in postings make the dax devices otherwise. */
static enum tri ask_driver(const struct rebuild_set *set, size_t i, struct arena *a,
			   struct rebuild_obstacle *ret)
{
	const char *driver = set->v[i]->driver;

	(void)a;
	(void)ret;
	return tri_of(driver && strcmp(driver, CXL_REGION_DRIVER));
}

static enum tri ask_dax_driver(const struct rebuild_set *set, size_t i, struct arena *a,
			       struct rebuild_obstacle *ret)
{
	const struct cxl_region *r = set->v[i];

	(void)a;
	for (size_t k = 0; k < r->n_dax; k++) {
		ret->dax = r->dax[k];
		if (dax_mode_of(ret->dax->driver) == DAX_OTHER)
			return TRI_YES;
	}
	return TRI_NO;
}

/* --- its address ------------------------------------------------------------------------- */

static enum tri ask_order(const struct rebuild_set *set, size_t i, struct arena *a,
			  struct rebuild_obstacle *ret)
{
	const struct cxl_region *above = NULL;
	enum tri answer = TRI_NO;
	bool sure;

	while ((above = rebuild_next_above(set, i, above, &sure))) {
		if (answer == TRI_YES && !sure)
			continue;
		if (answer == TRI_UNKNOWN && sure) {	/* those that are sure are named alone */
			ret->n_others = 0;
			ret->others = NULL;
		}
		answer = sure ? TRI_YES : TRI_UNKNOWN;
		ret->other = ret->n_others++ ? ret->other : above;
		ret->others = arena_printf(a, "%s%s%s", ret->others ? ret->others : "", ret->others ? ", " : "", above->name);
	}
	return answer;
}

static enum tri ask_held(const struct rebuild_set *set, size_t i, struct arena *a,
			 struct rebuild_obstacle *ret)
{
	(void)a;
	ret->other = rebuild_uncommitted_beside(set, i);
	return tri_of(ret->other);
}

static enum tri ask_room(const struct rebuild_set *set, size_t i, struct arena *a,
			 struct rebuild_obstacle *ret)
{
	(void)a;
	ret->place = set->places[i];
	switch (ret->place.kind) {
	case PLACE_SAME:
		return TRI_NO;
	case PLACE_ELSEWHERE:
		return tri_of(!set->may_move);
	case PLACE_NOWHERE:
		return TRI_YES;
	default:
		return TRI_UNKNOWN;
	}
}

/* --- asking --------------------------------------------------------------------------------- */

static enum tri (*const askers[N_REBUILD_REASONS])(const struct rebuild_set *set, size_t i,
						   struct arena *a,
						   struct rebuild_obstacle *ret) = {
	[REBUILD_PARTS] = ask_parts,
	[REBUILD_TARGETS] = ask_targets,
	[REBUILD_HUSK] = ask_husk,
	[REBUILD_CACHE] = ask_cache,
	[REBUILD_KERNEL] = ask_kernel,
	[REBUILD_DAX_LAYOUT] = ask_dax_layout,
	[REBUILD_DRIVER] = ask_driver,
	[REBUILD_DAX_DRIVER] = ask_dax_driver,
	[REBUILD_ORDER] = ask_order,
	[REBUILD_HELD] = ask_held,
	[REBUILD_ROOM] = ask_room,
};

enum tri rebuild_ask_set(const struct rebuild_set *set, size_t i, enum rebuild_reason reason,
			 struct arena *a, struct rebuild_obstacle *ret)
{
	*ret = (struct rebuild_obstacle){ .reason = reason, .region = set->v[i] };
	ret->answer = askers[reason](set, i, a, ret);
	return ret->answer;
}

enum tri rebuild_ask(const struct cxl_host *host, const struct cxl_root_port *rp,
		     const struct cxl_region *r, enum rebuild_reason reason, struct arena *a,
		     struct rebuild_obstacle *ret)
{
	struct rebuild_set set;
	size_t i = 0;

	*ret = (struct rebuild_obstacle){ .reason = reason, .region = r, .answer = TRI_UNKNOWN,
					  .place = { .why = "there is no memory left to tell" } };
	if (rebuild_set_make(host, rp, false, &set))
		return TRI_UNKNOWN;
	while (i < set.n && set.v[i] != r)
		i++;
	if (i < set.n)
		rebuild_ask_set(&set, i, reason, a, ret);
	rebuild_set_free(&set);
	return ret->answer;
}

/* --- texts -------------------------------------------------------------------------------------- */

static const char *layout_text(const struct rebuild_obstacle *o, struct arena *a)
{
	if (!o->dax)
		return "its dax devices cannot be listed";
	if (o->answer == TRI_YES)
		return arena_printf(a, "%s %s", o->dax->name, o->what);
	return arena_printf(a, strcmp(o->what, "mapping") ? "the %2$s of %1$s cannot be read" : "where %1$s lies cannot be read",
			    o->dax->name, o->what);
}

static const char *order_text(const struct rebuild_obstacle *o, struct arena *a)
{
	const char *names = o->others ? o->others : o->other->name;

	if (o->answer == TRI_UNKNOWN)
		return arena_printf(a, "%s may be at a higher address behind the same host bridge, which cannot be read", names);
	return arena_printf(a, "%s %s behind the same host bridge, whose decoders the kernel programs only in the order of addresses", names,
			    o->n_others > 1 ? "are at higher addresses" : "is at a higher address");
}

static const char *room_text(const struct rebuild_obstacle *o, struct arena *a)
{
	const struct rebuild_place *p = &o->place;
	const char *window = o->region->window ? o->region->window->name : "its window";
	char bytes[64];

	if (p->kind == PLACE_UNKNOWN)
		return arena_printf(a, "where the kernel would make it again cannot be told: %s", p->why);
	if (p->kind == PLACE_NOWHERE)
		return arena_printf(a, "%s has no room for it: \"%s\" in /proc/iomem keeps its place", window,
				    p->in_the_way ? p->in_the_way : "something");
	if (!p->in_the_way)
		return arena_printf(a, "the kernel would make it at 0x%" PRIx64 ", not at 0x%" PRIx64 ": it takes the lowest place of %s that is free",
				    p->at, o->region->resource.v, window);
	return arena_printf(a,
			    "the kernel would make it at 0x%" PRIx64 ", not at 0x%" PRIx64
			    ", where \"%s\" in /proc/iomem keeps %s from everybody",
			    p->at, o->region->resource.v, p->in_the_way,
			    size_human(p->stranded_bytes, bytes, sizeof(bytes)));
}

const char *rebuild_text(const struct rebuild_obstacle *o, struct arena *a)
{
	bool unknown = o->answer == TRI_UNKNOWN;

	if (!a || o->answer == TRI_NO)
		return NULL;
	switch (o->reason) {
	case REBUILD_PARTS:
		if (o->memdev)
			return arena_printf(a, unknown ? "how much memory %s has cannot be told: %s cannot be read" :
					    "%s has less memory than the region takes of it (%s)", o->memdev->name, o->what);
		return arena_printf(a, "its attribute %s %s", o->what, unknown ? "cannot be read" : "was never set");
	case REBUILD_TARGETS:
		return "some of its targets cannot be read";
	case REBUILD_HUSK:
		return arena_printf(a, "which device was its target %zu cannot be told any more", o->position);
	case REBUILD_CACHE:
		return "it has an extended linear cache, which only firmware sets up";
	case REBUILD_KERNEL:
		return unknown ? arena_printf(a, "whether this kernel can make it cannot be told: %s cannot be read", o->what) :
			arena_printf(a, "this kernel cannot make it (it has no %s: Linux 6.3 and newer have it)", o->what);
	case REBUILD_DAX_LAYOUT:
		return layout_text(o, a);
	case REBUILD_DRIVER:
		return arena_printf(a, "it is bound to %s, which no recovery binds it to again", o->region->driver);
	case REBUILD_DAX_DRIVER:
		return arena_printf(a, "%s is bound to %s, which no recovery binds it to again", o->dax->name, o->dax->driver);
	case REBUILD_ORDER:
		return order_text(o, a);
	case REBUILD_HELD:
		return arena_printf(a, "%s, which is not committed, holds a decoder of the same host bridge, and the kernel programs none after it",
				    o->other->name);
	case REBUILD_ROOM:
		return room_text(o, a);
	default:
		return NULL;
	}
}
