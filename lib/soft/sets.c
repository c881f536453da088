// SPDX-License-Identifier: GPL-2.0-only
/* The unions that a picture is judged by: see internal.h. */
#include <errno.h>
#include <stdlib.h>

#include "lib/soft/internal.h"

static int region_cmp(const void *a, const void *b)
{
	const struct soft_region *x = *(const struct soft_region *const *)a,
				 *y = *(const struct soft_region *const *)b;

	return x->span.start < y->span.start ? -1 : x->span.start > y->span.start;
}

static int cut_cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* What is left of @start-@end when only whole memory blocks count. */
static int add_usable(struct arena *a, const struct soft_picture *p, uint64_t start, uint64_t end,
		      struct interval_set *set)
{
	uint64_t block = p->block_bytes, first = start;

	if (!block)
		return interval_add(a, set, start, end);
	if (__builtin_add_overflow(start, block - 1, &first))
		return 0;
	first &= ~(block - 1);
	end = (end + 1) & ~(block - 1);	/* 0 when the range ends at the last address */
	return end ? interval_add(a, set, first, end - 1) : 0;
}

/* kmem trims each range of a device by itself. */
static int add_dax(struct arena *a, const struct soft_picture *p, struct soft_sets *ret)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < p->n_dax; i++) {
		const struct soft_dax *d = &p->dax[i];

		if (d->owner == DAX_OF_HMEM)
			rc = interval_add_set(a, &ret->hmem, &d->ranges);
		for (size_t k = 0; !rc && d->owner != DAX_OF_OTHER && k < d->ranges.n; k++)
			rc = add_usable(a, p, d->ranges.v[k].start, d->ranges.v[k].end,
					&ret->usable);
	}
	return rc;
}

/* What no device of the region has (all of it where they are hidden) can be made into another. */
static int add_unused(struct arena *a, const struct soft_picture *p, size_t region,
		      struct soft_sets *ret)
{
	const struct soft_span *span = &p->regions[region].span;
	struct interval_set used = { 0 };
	uint64_t at = span->start;
	int rc = 0;

	for (size_t i = 0; !rc && i < p->n_dax; i++)
		if (p->dax[i].owner == DAX_OF_REGION && p->dax[i].region == region)
			rc = interval_add_set(a, &used, &p->dax[i].ranges);
	interval_normalize(&used);
	for (size_t i = 0; !rc && i < used.n && used.v[i].start <= span->end; i++) {
		if (used.v[i].start > at)
			rc = add_usable(a, p, at, used.v[i].start - 1, &ret->usable);
		if (used.v[i].end >= at)
			at = used.v[i].end + 1;
	}
	return !rc && at <= span->end ? add_usable(a, p, at, span->end, &ret->usable) : rc;
}

static int add_regions(struct arena *a, const struct soft_picture *p, struct soft_sets *ret)
{
	int rc = 0;

	ret->committed = arena_alloc(a, p->n_regions, sizeof(*ret->committed));
	if (!ret->committed)
		return -ENOMEM;
	for (size_t i = 0; !rc && i < p->n_regions; i++) {
		const struct soft_region *r = &p->regions[i];

		if (!r->is_committed || !r->has_span)
			continue;
		ret->committed[ret->n_committed++] = r;
		rc = interval_add(a, &ret->regions, r->span.start, r->span.end);
		if (!rc && r->has_dax)
			rc = interval_add(a, &ret->owned, r->span.start, r->span.end);
		if (!rc && r->has_dax)
			rc = add_unused(a, p, i, ret);
	}
	if (ret->n_committed)
		qsort(ret->committed, ret->n_committed, sizeof(*ret->committed), region_cmp);
	return rc;
}

/*
 * System RAM out of iomem; where that is hidden, what the firmware map says,
 * if nothing on the command line changes it.
 */
static int add_ram(struct arena *a, const struct soft_picture *p, struct soft_sets *ret)
{
	enum soft_source_state iomem = p->sources[SOURCE_IOMEM].state;
	enum soft_source_state map = p->sources[SOURCE_FIRMWARE_MAP].state;

	if (iomem == SOURCE_READ || iomem == SOURCE_SILENT) {
		ret->ram_known = true;
		return interval_add_set(a, &ret->ram, &p->iomem_ram);
	}
	ret->ram_known = (map == SOURCE_READ || map == SOURCE_SILENT) &&
		p->sources[SOURCE_CMDLINE].state == SOURCE_READ && !p->cmdline.edits_map;
	return interval_add_set(a, &ret->ram, &p->firmware_ram);
}

static int add_cuts(struct arena *a, const struct soft_picture *p, struct soft_sets *ret)
{
	size_t n = 2 * (p->n_windows + p->srat.n_memory);

	ret->cuts = arena_alloc(a, n, sizeof(*ret->cuts));
	if (!ret->cuts)
		return -ENOMEM;
	for (size_t i = 0; i < p->n_windows; i++) {
		ret->cuts[ret->n_cuts++] = p->windows[i].span.start;
		ret->cuts[ret->n_cuts++] = p->windows[i].span.end + 1;
	}
	for (size_t i = 0; i < p->srat.n_memory; i++) {
		ret->cuts[ret->n_cuts++] = p->srat.memory[i].start;
		ret->cuts[ret->n_cuts++] = p->srat.memory[i].end + 1;
	}
	if (!n)
		return 0;
	qsort(ret->cuts, n, sizeof(*ret->cuts), cut_cmp);
	ret->n_cuts = 1;
	for (size_t i = 1; i < n; i++)
		if (ret->cuts[i] != ret->cuts[ret->n_cuts - 1])
			ret->cuts[ret->n_cuts++] = ret->cuts[i];
	return 0;
}

/* A union of up to three sets. */
static int join(struct arena *a, struct interval_set *ret, const struct interval_set *x,
		const struct interval_set *y, const struct interval_set *z)
{
	if (interval_add_set(a, ret, x) || interval_add_set(a, ret, y) ||
	    (z && interval_add_set(a, ret, z)))
		return -ENOMEM;
	interval_normalize(ret);
	return 0;
}

int soft_sets_make(const struct soft_picture *p, struct arena *a, struct soft_sets *ret)
{
	struct interval_set usable;

	*ret = (struct soft_sets){ 0 };
	if (add_regions(a, p, ret) || add_dax(a, p, ret) || add_ram(a, p, ret) ||
	    add_cuts(a, p, ret))
		return -ENOMEM;
	for (size_t i = 0; i < p->n_windows; i++)
		if (interval_add(a, &ret->windows, p->windows[i].span.start,
				 p->windows[i].span.end))
			return -ENOMEM;
	interval_normalize(&ret->regions);
	interval_normalize(&ret->owned);
	interval_normalize(&ret->hmem);
	interval_normalize(&ret->ram);
	if (interval_add_set(a, &ret->windows, &ret->regions) ||
	    interval_add_set(a, &ret->usable, &ret->ram))
		return -ENOMEM;
	interval_normalize(&ret->windows);
	interval_normalize(&ret->usable);
	if (join(a, &ret->hmem_or_ram, &ret->hmem, &ret->ram, NULL) ||
	    join(a, &ret->anybody, &ret->owned, &ret->hmem, &ret->ram) ||
	    join(a, &ret->said, &p->firmware_soft, &p->cmdline.soft, NULL) ||
	    join(a, &ret->soft, &p->firmware_soft, &p->cmdline.soft, &p->iomem_soft) ||
	    /* the kernel takes the line away where it is RAM or a region's */
	    join(a, &ret->explained, &p->iomem_soft, &ret->ram, &ret->regions))
		return -ENOMEM;
	/* a dax device that says to lie outside of its region makes nothing usable */
	if (interval_intersect(a, &ret->usable, &ret->anybody, &usable))
		return -ENOMEM;
	ret->usable = usable;
	return interval_intersect(a, &ret->regions, &ret->hmem, &ret->twice);
}
