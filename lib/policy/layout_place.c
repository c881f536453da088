// SPDX-License-Identifier: GPL-2.0-only
/*
 * How large the regions of a layout are, and where the kernel will make them: see
 * layout_resolve.h.  What is on the host and in no layout is somebody else's, and stays.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/policy/layout_parts.h"
#include "lib/policy/policy_text.h"

#define TEXT(bytes) policy_size_text(bytes, (char[32]){ 0 }, 32)

/* --- capacity -------------------------------------------------------------------------- */

static bool is_in_layout(const struct resolve *r, const struct cxl_region *is)
{
	for (size_t i = 0; i < r->ret->layout->n_regions; i++)
		if (r->ret->regions[i].is == is)
			return true;
	return false;
}

static size_t positions_of(const struct wanted_region *w, const struct cxl_memdev *m)
{
	size_t n = 0;

	for (size_t i = 0; i < w->ways; i++)
		n += w->memdevs[i] == m;
	return n;
}

/* The first region that is none of the layout's and has memory of @m, from behind @from on. */
static const struct cxl_region *next_foreign(const struct resolve *r, const struct cxl_memdev *m,
					     const struct cxl_region *from)
{
	const struct cxl_region *is = from ? from + 1 : r->host->regions;

	for (; is && is < r->host->regions + r->host->n_regions; is++)
		for (size_t k = 0; k < is->n_targets; k++)
			if (is->targets[k] == m && !is_in_layout(r, is))
				return is;
	return NULL;
}

/* What regions of others have of the volatile memory of @m; @ret: one of them. */
static uint64_t foreign_bytes(const struct resolve *r, const struct cxl_memdev *m,
			      const struct cxl_region **ret)
{
	const struct cxl_region *is = NULL;
	uint64_t bytes = 0;

	*ret = NULL;
	while ((is = next_foreign(r, m, is))) {
		if (is->mode && !strcmp(is->mode, "pmem"))
			continue;
		bytes += is->size_bytes.v / is->n_targets;
		*ret = is;
	}
	return bytes;
}

/* What regions of the layout whose size is known by now have of @m. */
static uint64_t layout_bytes(const struct resolve *r, const struct cxl_memdev *m)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < r->ret->layout->n_regions; i++)
		if (positions_of(&r->ret->regions[i], m))
			bytes += r->ret->regions[i].bytes_each;
	return bytes;
}

static uint64_t left_of(const struct resolve *r, const struct cxl_memdev *m)
{
	const struct cxl_region *foreign;
	uint64_t used = foreign_bytes(r, m, &foreign) + layout_bytes(r, m);

	return used < m->ram_bytes.v ? m->ram_bytes.v - used : 0;
}

static int refuse_capacity(const struct resolve *r, const struct wanted_region *w,
			   const struct cxl_memdev *m, uint64_t needed, struct err *err)
{
	const struct cxl_region *foreign;
	uint64_t others = foreign_bytes(r, m, &foreign);
	char by[96] = "";

	if (foreign)
		snprintf(by, sizeof(by), " (%.40s, which is in no [region], has %s)", foreign->name, TEXT(others));
	return REFUSE_HERE(r, layout_region_line(w->section, REGION_SIZE), EXIT_NEGATIVE, foreign ? "make it smaller, or delete what is in the way with 'cxl destroy-region'" : "make it smaller",
			   err, "[region %s] takes %s of %s, which has %s of its %s volatile memory left%s", w->section->name, TEXT(needed), m->name,
			   TEXT(left_of(r, m)), TEXT(m->ram_bytes.v), by);
}

/* Memory that firmware set up and no region has is somebody's, and its decoder is in the way. */
static int refuse_loose(const struct resolve *r, const struct wanted_region *w, struct err *err)
{
	for (size_t i = 0; i < r->host->n_loose; i++) {
		const struct loose_memory *l = &r->host->loose[i];

		if (positions_of(w, l->memdev))
			return REFUSE_HERE(r, w->section->lines[REGION_MEMDEVS], EXIT_NEGATIVE, "switch it off in the firmware's setup, or leave the device out", err,
					   "[region %s]: %s has memory that firmware set up without a region (%s)", w->section->name, l->memdev->name, l->decoder);
	}
	return 0;
}

static int check_decoders(const struct resolve *r, const struct wanted_region *w, struct err *err)
{
	for (size_t i = 0; i < w->ways; i++) {
		const struct cxl_memdev *m = w->memdevs[i];
		size_t has = r->facts->endpoint_decoders[m - r->host->memdevs], needed = 0;
		const struct cxl_region *is = NULL;

		while ((is = next_foreign(r, m, is)))
			needed++;
		for (size_t k = 0; k < r->ret->layout->n_regions; k++)
			needed += positions_of(&r->ret->regions[k], m) > 0;
		if (has && needed > has)
			return REFUSE_HERE(r, w->section->lines[REGION_MEMDEVS], EXIT_NEGATIVE, "make fewer", err,
					   "[region %s]: %zu regions would have memory of %s, and it has %zu decoders", w->section->name, needed, m->name, has);
	}
	return 0;
}

/* With a size that is said, then those that take what is left. */
static int size_region(const struct resolve *r, struct wanted_region *w, struct err *err)
{
	const struct layout_amount *size = &w->section->size;
	bool is_said = size->kind == AMOUNT_BYTES;
	uint64_t each = is_said ? size->v / w->ways : UINT64_MAX,
		 least = is_said ? each : LAYOUT_REGION_ALIGN;

	if (is_said && size->v % (w->ways * LAYOUT_REGION_ALIGN))
		return REFUSE_HERE(r, w->section->lines[REGION_SIZE], EXIT_NEGATIVE, NULL, err, "[region %s]: a region of %zu memory devices takes a multiple of %zu MiB",
				   w->section->name, w->ways, w->ways * 256);
	for (size_t i = 0; i < w->ways; i++) {
		uint64_t left = left_of(r, w->memdevs[i]);

		left -= left % LAYOUT_REGION_ALIGN;
		if (left < least)
			return refuse_capacity(r, w, w->memdevs[i], least, err);
		each = left < each ? left : each;
	}
	w->bytes_each = each;
	w->size_bytes = each * w->ways;
	return 0;
}

/* --- place ------------------------------------------------------------------------------- */

static bool is_same(const struct wanted_region *w)
{
	char decoder[64];

	return w->is && w->is->size_bytes.known && w->is->size_bytes.v == w->size_bytes &&
	       (w->ways == 1 || (w->is->granularity.known &&
				 w->is->granularity.v == w->granularity)) &&
	       !strcmp(region_root_decoder(w->is, decoder, sizeof(decoder)), w->decoder->name);
}

static bool take_stay(struct wanted_region *w)
{
	w->stays = is_same(w);
	if (w->stays)
		w->address = w->is->resource;
	return w->stays;
}

/* Does the region of the host give way to one of the layout? */
static bool goes(const struct resolve *r, const struct cxl_region *is)
{
	for (size_t i = 0; i < r->ret->layout->n_regions; i++)
		if (r->ret->regions[i].is == is)
			return !r->ret->regions[i].stays;
	return false;
}

static void widen(uint64_t first, uint64_t bytes, uint64_t at, uint64_t size, uint64_t *end)
{
	if (bytes && first <= at + (size - 1) && first + (bytes - 1) >= at && first + bytes > *end)
		*end = first + bytes;
}

/* Behind what is in [@at, @at + @size) in the end; @at where nothing is. */
static uint64_t end_of_taken(const struct resolve *r, const struct wanted_region *w, uint64_t at,
			     uint64_t size)
{
	uint64_t end = at;

	for (size_t i = 0; i < r->host->n_regions; i++) {
		const struct cxl_region *is = &r->host->regions[i];

		if (is->resource.known && !goes(r, is))
			widen(is->resource.v, is->size_bytes.v, at, size, &end);
	}
	for (size_t i = 0; i < r->facts->n_taken; i++) {
		const struct addr_range *t = &r->facts->taken[i];

		widen(t->first, t->last - t->first + 1, at, size, &end);
	}
	for (size_t i = 0; i < r->ret->layout->n_regions; i++) {
		const struct wanted_region *other = &r->ret->regions[i];

		if (other != w && !other->stays && other->address.known)
			widen(other->address.v, other->size_bytes, at, size, &end);
	}
	return end;
}

static uint64_t align_up(uint64_t v)
{
	return (v + LAYOUT_REGION_ALIGN - 1) / LAYOUT_REGION_ALIGN * LAYOUT_REGION_ALIGN;
}

/* The lowest free place for @size bytes: alloc_free_mem_region() of kernel/resource.c. */
static bool find_place(const struct resolve *r, const struct wanted_region *w, uint64_t size,
		       uint64_t *ret)
{
	uint64_t at = align_up(w->decoder->start.v), next,
		 last = w->decoder->start.v + (w->decoder->size_bytes.v - 1);

	while (size && at <= last && last - at >= size - 1) {
		next = end_of_taken(r, w, at, size);
		if (next == at) {
			*ret = at;
			return true;
		}
		at = align_up(next);
	}
	return false;
}

/* As much as has a place, at most as wanted: for "max". */
static uint64_t largest_place(const struct resolve *r, const struct wanted_region *w)
{
	uint64_t unit = w->ways * LAYOUT_REGION_ALIGN, few = 0, many = w->size_bytes / unit, at;

	while (few < many) {
		uint64_t n = few + (many - few + 1) / 2;

		if (find_place(r, w, n * unit, &at))
			few = n;
		else
			many = n - 1;
	}
	return few * unit;
}

static int refuse_place(const struct resolve *r, const struct wanted_region *w, struct err *err)
{
	return REFUSE_HERE(r, layout_region_line(w->section, REGION_SIZE), EXIT_NEGATIVE, "'cat /proc/iomem' shows what is in it; make the region smaller, or make room", err,
			   "[region %s]: %s, whose window has %s, has no free place for %s", w->section->name, w->decoder->name,
			   w->decoder->size_bytes.known ? TEXT(w->decoder->size_bytes.v) : "an unknown size", TEXT(w->size_bytes));
}

static int place_region(const struct resolve *r, struct wanted_region *w, struct err *err)
{
	const struct root_decoder *d = w->decoder;
	bool takes_rest = w->section->size.kind == AMOUNT_ALL;
	uint64_t limit;

	if (w->stays || !d->size_bytes.known)
		return 0;
	/* who may not read where the window is, knows at least how large it is */
	limit = d->start.known ? largest_place(r, w) : d->size_bytes.v;
	if (takes_rest && limit < w->size_bytes && r->ret->layout->is_part)
		return REFUSE_HERE(r, layout_region_line(w->section, REGION_SIZE), EXIT_NEGATIVE, "say a size, or wait for the others", err,
				   "[region %s]: what %s has left depends on regions whose memory devices are not there", w->section->name, d->name);
	if (takes_rest && limit < w->size_bytes) {
		w->size_bytes = limit - limit % (w->ways * LAYOUT_REGION_ALIGN);
		w->bytes_each = w->size_bytes / w->ways;
	}
	if (!w->size_bytes || w->size_bytes > limit) {
		w->size_bytes = w->size_bytes ? w->size_bytes : w->ways * LAYOUT_REGION_ALIGN;
		return refuse_place(r, w, err);
	}
	if (!take_stay(w) && d->start.known)
		w->address.known = find_place(r, w, w->size_bytes, &w->address.v);
	return 0;
}

/* --- in which order they can be made -------------------------------------------------------- */

static bool shares_bridge(const struct wanted_region *w, const struct cxl_region *is)
{
	for (size_t i = 0; i < w->ways; i++)
		for (size_t k = 0; k < is->n_root_ports; k++)
			if (w->memdevs[i]->root_port->bridge == is->root_ports[k]->bridge)
				return true;
	return false;
}

/*
 * Decoders are programmed in the order of addresses, and of one that is not committed
 * none behind it is: see rebuild_next_above() and rebuild_uncommitted_beside().
 */
static int check_order(const struct resolve *r, const struct wanted_region *w, struct err *err)
{
	for (size_t i = 0; w->address.known && i < r->host->n_regions; i++) {
		const struct cxl_region *is = &r->host->regions[i];
		bool is_above = is->resource.known && is->resource.v > w->address.v,
		     waits = !region_is_committed(is) && is->n_targets;

		if (goes(r, is) || !shares_bridge(w, is) || !(is_above || waits))
			continue;
		return REFUSE_HERE(r, w->section->line, EXIT_NEGATIVE, "delete that region first with 'cxl destroy-region'", err,
				   "[region %s] would begin at 0x%" PRIx64 ", and %s, behind the same host bridge, %s", w->section->name, w->address.v, is->name,
				   is_above ? "is at a higher address: decoders are programmed in the order of addresses" : "holds a decoder that is not committed");
	}
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct wanted_region *p = *(const struct wanted_region *const *)a,
				   *q = *(const struct wanted_region *const *)b;

	if (p->address.v != q->address.v)
		return p->address.v < q->address.v ? -1 : 1;
	return p < q ? -1 : p > q;
}

static int put_in_order(const struct resolve *r, struct err *err)
{
	struct wanted_layout *ret = r->ret;
	int rc = 0;

	ret->to_make = arena_alloc(r->a, ret->layout->n_regions, sizeof(*ret->to_make));
	if (!ret->to_make)
		return err_no_memory(err, ", nothing was written");
	for (size_t i = 0; !rc && i < ret->layout->n_regions; i++)
		if (!ret->regions[i].stays) {
			ret->to_make[ret->n_to_make++] = &ret->regions[i];
			rc = check_order(r, &ret->regions[i], err);
		}
	if (ret->n_to_make)
		qsort(ret->to_make, ret->n_to_make, sizeof(*ret->to_make), by_place);
	return rc;
}

int layout_place_regions(const struct resolve *r, struct err *err)
{
	static const enum layout_amount_kind turns[] = { AMOUNT_BYTES, AMOUNT_ALL };
	size_t n = r->ret->layout->n_regions;
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++)
		rc = refuse_loose(r, &r->ret->regions[i], err);
	for (size_t i = 0; !rc && i < n; i++)
		rc = check_decoders(r, &r->ret->regions[i], err);
	for (size_t t = 0; t < 2; t++)
		for (size_t i = 0; !rc && i < n; i++)
			if (r->ret->regions[i].section->size.kind == turns[t])
				rc = size_region(r, &r->ret->regions[i], err);
	for (size_t i = 0; !rc && i < n; i++)
		take_stay(&r->ret->regions[i]);
	for (size_t t = 0; t < 2; t++)
		for (size_t i = 0; !rc && i < n; i++)
			if (r->ret->regions[i].section->size.kind == turns[t])
				rc = place_region(r, &r->ret->regions[i], err);
	return rc ? rc : put_in_order(r, err);
}
