// SPDX-License-Identifier: GPL-2.0-only
/* The layout of a policy file on a host, and where its dax devices lie: see layout_resolve.h. */
#include "lib/policy/layout_resolve.h"

#include <inttypes.h>

#include "lib/policy/layout_parts.h"
#include "lib/policy/policy_text.h"

#define TEXT(bytes) policy_size_text(bytes, (char[32]){ 0 }, 32)

static uint64_t down_to(uint64_t v, uint64_t unit)
{
	return v - v % unit;
}

/* Percent of a region without the overflow of large ones. */
static uint64_t share_of(uint64_t bytes, uint64_t percent)
{
	return bytes / 100 * percent + bytes % 100 * percent / 100;
}

static uint64_t fixed_size(const struct layout_dax *d, const struct wanted_region *w)
{
	if (d->size.kind == AMOUNT_PERCENT)
		return down_to(share_of(w->size_bytes, d->size.v), d->align);
	return d->size.kind == AMOUNT_BYTES ? d->size.v : 0;
}

/* What the devices whose size is said take of their region; @last: up to this one. */
static uint64_t said_bytes(const struct resolve *r, size_t region, size_t last)
{
	const struct layout *l = r->ret->layout;
	const struct wanted_region *w = &r->ret->regions[region];
	uint64_t bytes = 0;

	for (size_t i = 0; i <= last && i < l->n_dax; i++)
		if (l->dax[i].region == region &&
		    __builtin_add_overflow(bytes, fixed_size(&l->dax[i], w), &bytes))
			return UINT64_MAX;
	return bytes;
}

static int size_dax(const struct resolve *r, size_t i, struct err *err)
{
	const struct layout *l = r->ret->layout;
	const struct layout_dax *d = &l->dax[i];
	struct wanted_dax *w = &r->ret->dax[i];
	uint64_t size = w->region->size_bytes, said = said_bytes(r, d->region, i);

	if (said > size)
		return REFUSE_HERE(r, d->lines[DAX_SIZE], EXIT_NEGATIVE, "make them smaller", err, "[dax %s]: the devices of [region %s] take %s up to here, and it has %s", d->name,
				   w->region->section->name, TEXT(said), TEXT(size));
	w->size_bytes = fixed_size(d, w->region);
	said = said_bytes(r, d->region, l->n_dax);
	if (d->size.kind == AMOUNT_ALL)
		w->size_bytes = said < size ? down_to(size - said, d->align) : 0;
	if (!w->size_bytes)
		return REFUSE_HERE(r, d->lines[DAX_SIZE], EXIT_NEGATIVE, "make others smaller, or leave it out", err, "[dax %s]: nothing of [region %s] (%s) is left for it at an alignment of %s", d->name,
				   w->region->section->name, TEXT(size), TEXT(d->align));
	return 0;
}

/* A page of its size is mapped only where the memory begins at a multiple of it. */
static int check_place(const struct resolve *r, const struct wanted_dax *w, struct err *err)
{
	const struct layout_dax *d = w->section;
	unsigned int line = layout_dax_line(d, DAX_ALIGN);
	uint64_t address = w->region->address.v + w->offset;

	if (w->offset % d->align)
		return REFUSE_HERE(r, line, EXIT_NEGATIVE, "put devices with the larger align first, or use align = 2MiB", err,
				   "[dax %s] would begin %s into [region %s], which is no multiple of its align, %s", d->name, TEXT(w->offset), w->region->section->name, TEXT(d->align));
	if (w->region->address.known && address % d->align)
		return REFUSE_HERE(r, line, EXIT_NEGATIVE, "use align = 2MiB", err, "[dax %s] would begin at address 0x%" PRIx64 ", which is no multiple of its align, %s, so that it could not be mapped in such pages",
				   d->name, address, TEXT(d->align));
	return 0;
}

/* Of a memory block that is the device's in part, nothing comes online: dev_dax_kmem_probe() of drivers/dax/kmem.c. */
static int check_blocks(const struct resolve *r, const struct wanted_dax *w, struct err *err)
{
	uint64_t block = r->host->block_bytes, address = w->region->address.v + w->offset;

	if (w->section->mode != LAYOUT_SYSTEM_RAM || !block)
		return 0;
	if (!(w->size_bytes % block) && !(w->region->address.known && address % block))
		return 0;
	return REFUSE_HERE(r, w->section->lines[DAX_SIZE], EXIT_NEGATIVE, "use sizes that are multiples of it", err,
			   "[dax %s] is to be system-ram, in memory blocks of %s on this host, and does not %s with one", w->section->name, TEXT(block),
			   w->size_bytes % block ? "end" : "begin");
}

static int lay_dax(const struct resolve *r, struct err *err)
{
	const struct layout *l = r->ret->layout;
	uint64_t *next = arena_alloc(r->a, l->n_regions, sizeof(*next));
	int rc = next ? 0 : err_no_memory(err, ", nothing was written");

	for (size_t i = 0; !rc && i < l->n_dax; i++) {
		struct wanted_dax *w = &r->ret->dax[i];

		w->section = &l->dax[i];
		w->region = &r->ret->regions[l->dax[i].region];
		rc = size_dax(r, i, err);
		w->offset = next[l->dax[i].region];
		next[l->dax[i].region] += w->size_bytes;
		rc = rc ? rc : check_place(r, w, err);
		rc = rc ? rc : check_blocks(r, w, err);
	}
	return rc;
}

int layout_resolve(const struct layout *l, const struct layout_facts *facts, struct arena *a,
		   struct wanted_layout *ret, struct err *err)
{
	const struct resolve r = { facts, facts->host, a, ret };
	int rc;

	*ret = (struct wanted_layout){
		.layout = l,
		.regions = arena_alloc(a, l->n_regions, sizeof(*ret->regions)),
		.dax = arena_alloc(a, l->n_dax, sizeof(*ret->dax)),
	};
	if (!ret->regions || !ret->dax)
		return err_no_memory(err, ", nothing was written");
	rc = layout_find_devices(&r, err);
	rc = rc ? rc : layout_place_regions(&r, err);
	return rc ? rc : lay_dax(&r, err);
}
