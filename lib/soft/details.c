// SPDX-License-Identifier: GPL-2.0-only
/* What else is to be said of a range than its class: see internal.h. */
#include <errno.h>

#include "lib/soft/internal.h"

const char *const soft_modifier_names[] = {
	[MODIFIER_ALIGN_LOSS] = "ALIGN_LOSS", [MODIFIER_WINDOW_HEADROOM] = "WINDOW_HEADROOM",
	[MODIFIER_OFFLINE] = "OFFLINE", [MODIFIER_DEV_COHERENT] = "DEV_COHERENT",
	[MODIFIER_CDAT_MISMATCH] = "CDAT_MISMATCH", [MODIFIER_ORPHAN_IOMEM] = "ORPHAN_IOMEM",
	[MODIFIER_QUIRK_ELC] = "QUIRK_ELC", [MODIFIER_QUIRK_ATL] = "QUIRK_ATL", [MODIFIER_QUIRK_LMH] = "QUIRK_LMH",
};

/* The part of @span that lies in @r; false when none does. */
static bool clip(const struct soft_range *r, const struct soft_span *span, struct interval *ret)
{
	ret->start = span->start > r->start ? span->start : r->start;
	ret->end = span->end < r->end ? span->end : r->end;
	return ret->start <= ret->end;
}

/* --- evidence ------------------------------------------------------------- */

static bool dax_meets(const struct soft_picture *p, const struct soft_dax *d,
		      const struct soft_range *r)
{
	const struct soft_region *region = d->owner == DAX_OF_REGION ? &p->regions[d->region]
								     : NULL;
	struct interval part;

	if (!d->size_bytes)
		return false;
	if (d->is_hidden)
		return region && region->has_span && clip(r, &region->span, &part);
	return interval_overlap(&d->ranges, r->start, r->end);
}

int soft_find_evidence(const struct soft_picture *p, struct arena *a, struct soft_range *r)
{
	struct interval part;

	r->windows = arena_alloc(a, p->n_windows, sizeof(*r->windows));
	r->regions = arena_alloc(a, p->n_regions, sizeof(*r->regions));
	r->dax = arena_alloc(a, p->n_dax, sizeof(*r->dax));
	if (!r->windows || !r->regions || !r->dax)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_windows; i++)
		if (clip(r, &p->windows[i].span, &part))
			r->windows[r->n_windows++] = p->windows[i].span.name;
	for (size_t i = 0; i < p->n_regions; i++)
		if (p->regions[i].has_span && clip(r, &p->regions[i].span, &part))
			r->regions[r->n_regions++] = p->regions[i].span.name;
	for (size_t i = 0; i < p->n_dax; i++)
		if (dax_meets(p, &p->dax[i], r))
			r->dax[r->n_dax++] = p->dax[i].name;
	return 0;
}

/* --- modifiers ------------------------------------------------------------ */

static void modify(struct soft_range *r, enum soft_modifier_id id, uint64_t bytes)
{
	r->modified[id] |= bytes != 0;
	r->modifier_bytes[id] += bytes;
}

static void worsen(struct soft_range *r, enum soft_verdict verdict)
{
	if (r->verdict < verdict)
		r->verdict = verdict;
}

/*
 * No device behind @w has memory that may be Soft Reserved: without a region
 * nothing tells which part of a device would be in the window.
 */
static bool all_forbid(const struct soft_picture *p, const struct soft_window *w)
{
	for (size_t i = 0; i < w->n_devices; i++) {
		const struct cdat *cdat = &p->devices[w->devices[i]].cdat;

		for (size_t k = 0; k < cdat->n_types; k++)
			if (cdat->types[k].efi_type != CDAT_RESERVED &&
			    cdat->types[k].efi_type != CDAT_CONVENTIONAL)
				return false;
		if (!cdat->n_types)
			return false;
	}
	return w->n_devices;
}

/* A device behind @w has no CDAT, or none is known to be behind it. */
static bool lacks_cdat(const struct soft_picture *p, const struct soft_window *w)
{
	for (size_t i = 0; i < w->n_devices; i++)
		if (p->devices[w->devices[i]].cdat_state != CDAT_PRESENT)
			return true;
	return !w->n_devices;
}

static void modify_by_windows(const struct soft_picture *p, const struct soft_sets *s,
			      struct soft_range *r)
{
	for (size_t i = 0; i < p->n_windows; i++) {
		const struct soft_window *w = &p->windows[i];
		uint64_t owned, free_bytes;
		struct interval part;

		if (!clip(r, &w->span, &part))
			continue;
		modify(r, MODIFIER_WINDOW_HEADROOM, interval_bytes(w->span.start, w->span.end) -
		       interval_overlap(&s->soft, w->span.start, w->span.end));
		owned = interval_overlap(&s->owned, part.start, part.end) +
			interval_overlap(&s->hmem, part.start, part.end) -
			interval_overlap(&s->twice, part.start, part.end);
		if (w->is_coherent && owned) {
			modify(r, MODIFIER_DEV_COHERENT, owned);
			r->is_unproven |= lacks_cdat(p, w);
		}
		free_bytes = interval_bytes(part.start, part.end) -
			     interval_overlap(&s->regions, part.start, part.end);
		if (all_forbid(p, w))
			modify(r, MODIFIER_CDAT_MISMATCH, free_bytes);
	}
}

static void modify_by_regions(const struct soft_sets *s, struct soft_range *r)
{
	for (size_t i = 0; i < s->n_committed; i++) {
		const struct soft_region *region = s->committed[i];
		struct interval part;
		uint64_t bytes;

		if (!clip(r, &region->span, &part))
			continue;
		bytes = interval_bytes(part.start, part.end);
		modify(r, MODIFIER_CDAT_MISMATCH, region->cdat_mismatch ? bytes : 0);
		modify(r, MODIFIER_QUIRK_ELC, region->elc_bytes);
		modify(r, MODIFIER_QUIRK_ATL, region->is_atl ? bytes : 0);
		modify(r, MODIFIER_QUIRK_LMH, region->is_lmh ? bytes : 0);
	}
}

void soft_modify(const struct soft_picture *p, const struct soft_policy *policy,
		 const struct soft_sets *s, struct soft_range *r)
{
	struct interval part;

	r->owned_bytes = interval_overlap(&s->anybody, r->start, r->end);
	r->usable_bytes = interval_overlap(&s->usable, r->start, r->end);
	if (p->block_bytes && r->class != SOFT_INCONCLUSIVE)
		modify(r, MODIFIER_ALIGN_LOSS, r->owned_bytes - r->usable_bytes);
	modify(r, MODIFIER_OFFLINE, interval_overlap(&p->offline, r->start, r->end));
	modify_by_windows(p, s, r);
	modify_by_regions(s, r);
	for (size_t i = 0; i < p->n_orphans; i++)
		if (clip(r, &p->orphans[i], &part))
			modify(r, MODIFIER_ORPHAN_IOMEM, interval_bytes(part.start, part.end));
	if (r->modified[MODIFIER_ORPHAN_IOMEM])
		worsen(r, VERDICT_CONFLICT);
	/* firmware must honour the device's memory type, and dax never have a
	 * device-coherent window without one */
	if (policy->strict && (r->modified[MODIFIER_CDAT_MISMATCH] || r->is_unproven))
		worsen(r, VERDICT_CONFLICT);
	r->exceeds_align_loss = policy->has_max_align_loss &&
		r->modifier_bytes[MODIFIER_ALIGN_LOSS] > policy->max_align_loss;
	if (r->exceeds_align_loss)
		worsen(r, VERDICT_STRANDED);
}
