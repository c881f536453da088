// SPDX-License-Identifier: GPL-2.0-only
/* Judging Soft Reserved memory: see soft_reserved.h. */
#include "lib/soft/soft_reserved.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/soft/internal.h"

const char *const soft_class_names[] = {
	[SOFT_INCONCLUSIVE] = "INCONCLUSIVE", [SOFT_NOT_CXL] = "NOT_CXL",
	[SOFT_NOT_CXL_UNCLAIMED] = "NOT_CXL_UNCLAIMED", [SOFT_SR_OVERRIDDEN] = "SR_OVERRIDDEN",
	[SOFT_STRADDLE_RAM] = "STRADDLE_RAM", [SOFT_STRADDLE_GAP] = "STRADDLE_GAP",
	[SOFT_RAM_COLLISION] = "RAM_COLLISION", [SOFT_DOUBLE_CLAIM] = "DOUBLE_CLAIM",
	[SOFT_CXL_OWNED] = "CXL_OWNED", [SOFT_CXL_OWNED_TILED] = "CXL_OWNED_TILED",
	[SOFT_REGION_NO_DAX] = "REGION_NO_DAX", [SOFT_FALLBACK_HMEM] = "FALLBACK_HMEM",
	[SOFT_NO_OWNER] = "NO_OWNER", [SOFT_MIXED_UNITS] = "MIXED_UNITS", [SOFT_REGION_MISFIT] = "REGION_MISFIT",
};

const char *const soft_verdict_names[] = {
	[VERDICT_OK] = "ok", [VERDICT_INFO] = "info", [VERDICT_FALLBACK] = "fallback",
	[VERDICT_INCONCLUSIVE] = "inconclusive", [VERDICT_STRANDED] = "stranded",
	[VERDICT_CONFLICT] = "conflict", [VERDICT_GIVE_UP] = "give-up-cxl",
};

/* How much of a range or unit lies under what. */
struct cover {
	uint64_t bytes;
	uint64_t window, region, cxl, hmem, ram;	/* W, R, C, H, RAM */
	uint64_t hmem_or_ram;
	uint64_t twice;		/* under both a region and dax_hmem */
	bool in_region;		/* all of it inside one region, */
	bool in_owned;		/* which has a dax device */
};

/* What a class means.  WORST_UNIT and BY_BYTES are not verdicts themselves. */
enum meaning {
	MEANS_OK = VERDICT_OK, MEANS_INFO = VERDICT_INFO, MEANS_FALLBACK = VERDICT_FALLBACK,
	MEANS_UNKNOWN = VERDICT_INCONCLUSIVE, MEANS_STRANDED = VERDICT_STRANDED,
	MEANS_CONFLICT = VERDICT_CONFLICT, MEANS_GIVE_UP = VERDICT_GIVE_UP,
	MEANS_WORST_UNIT,	/* the kernel decides unit by unit */
	MEANS_BY_HMEM,		/* dax_hmem has all of it: fallback; else conflict */
	MEANS_BY_BYTES,		/* something is stranded: stranded; else fallback */
};

static const struct {
	enum meaning strict, kernel;
} meanings[N_SOFT_CLASSES] = {
	[SOFT_INCONCLUSIVE] = { MEANS_UNKNOWN, MEANS_UNKNOWN },
	[SOFT_NOT_CXL] = { MEANS_OK, MEANS_OK },
	[SOFT_NOT_CXL_UNCLAIMED] = { MEANS_STRANDED, MEANS_STRANDED },
	[SOFT_SR_OVERRIDDEN] = { MEANS_INFO, MEANS_INFO },
	[SOFT_STRADDLE_RAM] = { MEANS_GIVE_UP, MEANS_WORST_UNIT },
	[SOFT_STRADDLE_GAP] = { MEANS_GIVE_UP, MEANS_WORST_UNIT },
	[SOFT_RAM_COLLISION] = { MEANS_CONFLICT, MEANS_CONFLICT },
	[SOFT_DOUBLE_CLAIM] = { MEANS_CONFLICT, MEANS_BY_HMEM },
	[SOFT_CXL_OWNED] = { MEANS_OK, MEANS_OK },
	[SOFT_CXL_OWNED_TILED] = { MEANS_OK, MEANS_FALLBACK },
	[SOFT_REGION_NO_DAX] = { MEANS_STRANDED, MEANS_STRANDED },
	[SOFT_FALLBACK_HMEM] = { MEANS_FALLBACK, MEANS_FALLBACK },
	[SOFT_NO_OWNER] = { MEANS_STRANDED, MEANS_STRANDED },
	[SOFT_MIXED_UNITS] = { MEANS_GIVE_UP, MEANS_WORST_UNIT },
	[SOFT_REGION_MISFIT] = { MEANS_GIVE_UP, MEANS_BY_BYTES },
};

static struct cover measure(const struct soft_sets *s, uint64_t start, uint64_t end)
{
	struct cover c = {
		.bytes = interval_bytes(start, end),
		.window = interval_overlap(&s->windows, start, end),
		.region = interval_overlap(&s->regions, start, end),
		.cxl = interval_overlap(&s->owned, start, end),
		.hmem = interval_overlap(&s->hmem, start, end),
		.ram = interval_overlap(&s->ram, start, end),
		.hmem_or_ram = interval_overlap(&s->hmem_or_ram, start, end),
		.twice = interval_overlap(&s->twice, start, end),
	};

	if (c.region != c.bytes)
		return c;
	for (size_t i = 0; i < s->n_committed && s->committed[i]->span.start <= start; i++)
		if (s->committed[i]->span.end >= end) {
			c.in_region = true;
			c.in_owned |= s->committed[i]->has_dax;
		}
	return c;
}

/* Memory that no window is over. */
static enum soft_class judge_outside(const struct cover *c)
{
	if (c->hmem == c->bytes)
		return SOFT_NOT_CXL;
	if (c->ram && c->hmem_or_ram == c->bytes)
		return SOFT_SR_OVERRIDDEN;
	return SOFT_NOT_CXL_UNCLAIMED;
}

/* A unit: all of it in windows, or nothing. */
static enum soft_class judge_unit(const struct cover *c)
{
	if (!c->window)
		return judge_outside(c);
	if (c->ram)
		return c->ram == c->bytes ? SOFT_SR_OVERRIDDEN : SOFT_RAM_COLLISION;
	if (c->twice)
		return SOFT_DOUBLE_CLAIM;
	if (c->in_owned)
		return SOFT_CXL_OWNED;
	if (c->cxl == c->bytes)
		return SOFT_CXL_OWNED_TILED;
	if (c->in_region)
		return SOFT_REGION_NO_DAX;
	if (!c->region)
		return c->hmem == c->bytes ? SOFT_FALLBACK_HMEM : SOFT_NO_OWNER;
	return SOFT_REGION_MISFIT;
}

static bool every_unit_is(const struct soft_range *r, enum soft_class class)
{
	for (size_t i = 0; i < r->n_units; i++)
		if (r->units[i].class != class)
			return false;
	return true;
}

static bool some_unit_is(const struct soft_range *r, enum soft_class class)
{
	for (size_t i = 0; i < r->n_units; i++)
		if (r->units[i].class == class)
			return true;
	return false;
}

/* System RAM ends where the outside part of the range begins, or the other way round. */
static bool ram_abuts_outside(const struct soft_sets *s, const struct soft_range *r)
{
	return (r->start && !interval_overlap(&s->windows, r->start, r->start) &&
		interval_overlap(&s->ram, r->start - 1, r->start - 1)) ||
		(!interval_overlap(&s->windows, r->end, r->end) &&
		 interval_overlap(&s->ram, r->end + 1, r->end + 1));
}

/* A range that meets windows; its units are judged. */
static enum soft_class judge_range(const struct soft_sets *s, const struct soft_range *r,
				   const struct cover *c)
{
	if (c->ram == c->bytes)
		return SOFT_SR_OVERRIDDEN;
	if (c->window != c->bytes)
		return c->ram || ram_abuts_outside(s, r) ? SOFT_STRADDLE_RAM : SOFT_STRADDLE_GAP;
	if (c->ram)
		return SOFT_RAM_COLLISION;
	if (c->twice)
		return SOFT_DOUBLE_CLAIM;
	if (every_unit_is(r, SOFT_CXL_OWNED))
		return SOFT_CXL_OWNED;
	if (c->cxl == c->bytes)
		return SOFT_CXL_OWNED_TILED;
	if (every_unit_is(r, SOFT_REGION_NO_DAX))
		return SOFT_REGION_NO_DAX;
	if (!c->region)
		return c->hmem == c->bytes ? SOFT_FALLBACK_HMEM : SOFT_NO_OWNER;
	return some_unit_is(r, SOFT_REGION_MISFIT) ? SOFT_REGION_MISFIT : SOFT_MIXED_UNITS;
}

static uint64_t stranded(const struct soft_sets *s, uint64_t start, uint64_t end)
{
	return interval_bytes(start, end) - interval_overlap(&s->anybody, start, end);
}

static enum soft_verdict verdict_of(const struct soft_policy *policy, enum soft_class class,
				    const struct cover *c, uint64_t stranded_bytes,
				    const struct soft_range *r)
{
	enum meaning m = policy->strict ? meanings[class].strict : meanings[class].kernel;
	enum soft_verdict worst = VERDICT_OK;

	switch (m) {
	case MEANS_BY_HMEM:
		return c->hmem == c->bytes ? VERDICT_FALLBACK : VERDICT_CONFLICT;
	case MEANS_BY_BYTES:
		return stranded_bytes ? VERDICT_STRANDED : VERDICT_FALLBACK;
	case MEANS_WORST_UNIT:
		for (size_t i = 0; i < r->n_units; i++)
			worst = r->units[i].verdict > worst ? r->units[i].verdict : worst;
		return worst;
	default:
		return (enum soft_verdict)m;
	}
}

/* --- units ---------------------------------------------------------------- */

/* Cut @r at the addresses in @cuts, which are sorted and begin a unit each. */
static int cut(const struct soft_sets *s, struct arena *a, struct soft_range *r)
{
	size_t first = 0, last, hi = s->n_cuts;
	uint64_t start = r->start;

	while (first < hi) {	/* the first cut behind the range's start */
		size_t mid = first + (hi - first) / 2;

		if (s->cuts[mid] <= r->start)
			first = mid + 1;
		else
			hi = mid;
	}
	for (last = first; last < s->n_cuts && s->cuts[last] <= r->end; last++)
		;
	r->units = arena_alloc(a, last - first + 1, sizeof(*r->units));
	if (!r->units)
		return -ENOMEM;
	for (size_t i = first; i < last; i++) {
		r->units[r->n_units++] = (struct soft_unit){ .start = start,
							     .end = s->cuts[i] - 1 };
		start = s->cuts[i];
	}
	r->units[r->n_units++] = (struct soft_unit){ .start = start, .end = r->end };
	return 0;
}

/* --- doubt ---------------------------------------------------------------- */

/* What the kernel rounds away at a range's ends is not a contradiction. */
enum { TRIMMING = 2 * 4095 };

static enum soft_doubt doubt_about(const struct soft_picture *p, const struct soft_sets *s,
				   const struct cover *c, const struct soft_range *r)
{
	uint64_t in_firmware = interval_overlap(&s->said, r->start, r->end);
	uint64_t explained = interval_overlap(&s->explained, r->start, r->end);

	if (p->sources[SOURCE_FIRMWARE_MAP].entries && c->bytes - in_firmware > TRIMMING)
		return DOUBT_ONLY_IOMEM;
	if (p->iomem_soft.n && c->bytes - explained > TRIMMING)
		return DOUBT_ONLY_FIRMWARE;
	if (!s->ram_known)
		return DOUBT_RAM;
	if (!p->windows_known && c->window != c->bytes)
		return DOUBT_WINDOWS;
	for (size_t i = 0; i < p->n_regions && c->region != c->bytes; i++)
		if (p->regions[i].is_hidden)
			return DOUBT_REGIONS;
	return p->sources[SOURCE_DAX].state == SOURCE_HIDDEN ? DOUBT_DAX : DOUBT_NONE;
}

/* Whether a region has all of a unit depends on where units are cut. */
static enum soft_doubt doubt_about_units(const struct soft_picture *p, const struct soft_range *r)
{
	enum soft_source_state srat = p->sources[SOURCE_SRAT].state;

	if (r->class != SOFT_CXL_OWNED_TILED && (r->class != SOFT_REGION_MISFIT || !r->in_regions))
		return DOUBT_NONE;
	if (srat == SOURCE_HIDDEN || srat == SOURCE_DAMAGED)
		return DOUBT_SRAT;
	return p->windows_known ? DOUBT_NONE : DOUBT_UNITS;
}

/* --- one range ------------------------------------------------------------ */

static void judge_units(const struct soft_policy *policy, const struct soft_sets *s,
			struct soft_range *r)
{
	for (size_t i = 0; i < r->n_units; i++) {
		struct soft_unit *u = &r->units[i];
		struct cover c = measure(s, u->start, u->end);

		u->class = judge_unit(&c);
		u->verdict = verdict_of(policy, u->class, &c, stranded(s, u->start, u->end), NULL);
	}
}

static void forget_class(struct soft_range *r)
{
	r->class = SOFT_INCONCLUSIVE;
	for (size_t i = 0; i < r->n_units; i++) {
		r->units[i].class = SOFT_INCONCLUSIVE;
		r->units[i].verdict = VERDICT_INCONCLUSIVE;
	}
}

static int judge_one(const struct soft_picture *p, const struct soft_policy *policy,
		     const struct soft_sets *s, struct arena *a, struct soft_range *r)
{
	struct cover c = measure(s, r->start, r->end);
	int rc = cut(s, a, r);

	if (rc)
		return rc;
	r->in_window = c.window;
	r->in_regions = c.region == c.bytes;
	r->stranded_bytes = stranded(s, r->start, r->end);
	r->uncovered_bytes = c.bytes - c.window;
	r->doubt = doubt_about(p, s, &c, r);
	judge_units(policy, s, r);
	r->class = !c.window ? judge_outside(&c) : judge_range(s, r, &c);
	if (!r->doubt)
		r->doubt = doubt_about_units(p, r);
	if (r->doubt)
		forget_class(r);
	r->verdict = r->by_class = verdict_of(policy, r->class, &c, r->stranded_bytes, r);
	soft_modify(p, policy, s, r);
	return soft_find_evidence(p, a, r);
}

/* Every range of memory that some source calls Soft Reserved. */
static int find_ranges(const struct soft_picture *p, struct arena *a, struct soft_report *ret)
{
	struct interval_set all = { 0 };

	if (interval_add_set(a, &all, &p->firmware_soft) ||
	    interval_add_set(a, &all, &p->cmdline.soft) ||
	    interval_add_set(a, &all, &p->iomem_soft))
		return -ENOMEM;
	interval_normalize(&all);
	ret->ranges = arena_alloc(a, all.n, sizeof(*ret->ranges));
	if (!ret->ranges)
		return -ENOMEM;
	for (; ret->n_ranges < all.n; ret->n_ranges++)
		ret->ranges[ret->n_ranges] = (struct soft_range){
			.start = all.v[ret->n_ranges].start, .end = all.v[ret->n_ranges].end,
		};
	return 0;
}

/* Strict: Linux does not understand the platform, so no CXL range of it is good. */
static void taint(struct soft_report *report)
{
	bool gives_up = false;

	for (size_t i = 0; i < report->n_ranges; i++)
		gives_up |= report->ranges[i].verdict == VERDICT_GIVE_UP;
	for (size_t i = 0; gives_up && i < report->n_ranges; i++) {
		struct soft_range *r = &report->ranges[i];

		r->is_tainted = r->in_window && r->verdict != VERDICT_GIVE_UP;
		if (r->is_tainted)
			r->verdict = VERDICT_GIVE_UP;
	}
}

int soft_judge(const struct soft_picture *p, const struct soft_policy *policy, struct arena *a,
	       struct soft_report *ret)
{
	const struct soft_source *map = &p->sources[SOURCE_FIRMWARE_MAP];
	struct soft_sets sets;

	*ret = (struct soft_report){ 0 };
	if (soft_sets_make(p, a, &sets) || find_ranges(p, a, ret))
		return -ENOMEM;
	for (size_t i = 0; i < ret->n_ranges; i++)
		if (judge_one(p, policy, &sets, a, &ret->ranges[i]))
			return -ENOMEM;
	if (policy->strict)
		taint(ret);
	/* an iomem without such a line is silent: kernel 7.0 shows none */
	ret->no_source = (!map->entries && !p->iomem_soft.n) || map->state == SOURCE_DAMAGED;
	ret->verdict = ret->no_source ? VERDICT_INCONCLUSIVE : VERDICT_OK;
	for (size_t i = 0; i < ret->n_ranges; i++) {
		if (ret->ranges[i].verdict > ret->verdict)
			ret->verdict = ret->ranges[i].verdict;
		if (soft_explain(p, a, &ret->ranges[i]))
			return -ENOMEM;
	}
	return 0;
}

bool soft_is_unsettled(const struct soft_report *report)
{
	for (size_t i = 0; i < report->n_ranges; i++) {
		const struct soft_range *r = &report->ranges[i];

		if (r->class != SOFT_INCONCLUSIVE &&
		    (r->stranded_bytes || r->class == SOFT_DOUBLE_CLAIM))
			return true;
		if (r->doubt == DOUBT_REGIONS)	/* one comes or goes */
			return true;
	}
	return false;
}
