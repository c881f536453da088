// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ranges of dax devices, given and taken as drivers/dax/bus.c of Linux 6.12 does it
 * (dev_dax_resize(), dev_dax_shrink(), alloc_dev_dax_range()).  Linux 7.2 does the same.
 */
#include "sim/models/dax_range.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/models/topology.h"
#include "sim/state/device.h"
#include "sim/state/sim.h"

#define PAGE_BYTES 4096

/* --- what is there ---------------------------------------------------------- */

static struct node *mapping(const struct node *dax, unsigned int i)
{
	char name[32];

	snprintf(name, sizeof(name), "mapping%u", i);
	return tree_child(dax, name);
}

bool dax_range(const struct node *dax, unsigned int i, struct dax_range *ret)
{
	const struct node *dir = mapping(dax, i);
	uint64_t start = dev_number(dir, "start", UINT64_MAX), end = dev_number(dir, "end", 0);

	if (start <= end) {
		*ret = (struct dax_range){ start, end - start + 1 };
		return true;
	}
	/* recorded by somebody who could not read them: the one that it had */
	if (i || !dev_number(dax, "size", 0))
		return false;
	*ret = (struct dax_range){ dev_number(dax, "resource", 0), dev_number(dax, "size", 0) };
	return true;
}

uint64_t dax_alignment(const struct node *dax)
{
	uint64_t align = dev_number(dax, "align", 0);

	return align > DAX_SUBSECTION ? align : DAX_SUBSECTION;
}

static unsigned int n_ranges(const struct node *dax)
{
	struct dax_range r;
	unsigned int n = 0;

	while (dax_range(dax, n, &r))
		n++;
	return n;
}

uint64_t dax_ranges_size(const struct node *dax)
{
	struct dax_range r;
	uint64_t sum = 0;

	for (unsigned int i = 0; dax_range(dax, i, &r); i++)
		sum += r.size;
	return sum;
}

uint64_t dax_region_start(const struct node *dir)
{
	const struct node *dax, *region = dir->parent;
	uint64_t start = UINT64_MAX;

	if (dev_is(region, "devtype", SYSRAM_DEVTYPE))
		region = region->parent;
	if (dev_is(region, "devtype", "cxl_region"))
		return dev_number(region, "resource", UINT64_MAX);
	/* none of CXL's: sysfs does not say it, but the first device begins there as a rule */
	for (size_t i = 0; (dax = dax_next_in(dir, &i)); ) {
		uint64_t at = dev_number(dax, "resource", UINT64_MAX);

		start = at < start ? at : start;
	}
	return start;
}

static uint64_t region_size(const struct node *dir)
{
	return dev_number(tree_child(dir, "dax_region"), "size", 0);
}

uint64_t dax_available(const struct node *dir)
{
	uint64_t size = region_size(dir), used = 0;
	const struct node *dax;

	for (size_t i = 0; (dax = dax_next_in(dir, &i)); )
		used += dax_ranges_size(dax);
	return used < size ? size - used : 0;
}

/* A range that is some device's. */
struct used {
	struct dax_range range;
	const struct node *dax;
	unsigned int number;
};

/* The lowest that ends behind @from. */
static bool next_used(const struct node *dir, uint64_t from, struct used *ret)
{
	const struct node *dax;
	struct dax_range r;
	bool found = false;

	for (size_t i = 0; (dax = dax_next_in(dir, &i)); ) {
		for (unsigned int k = 0; dax_range(dax, k, &r); k++) {
			if (r.start + r.size <= from || (found && r.start >= ret->range.start))
				continue;
			*ret = (struct used){ r, dax, k };
			found = true;
		}
	}
	return found;
}

/* --- what is shown ---------------------------------------------------------- */

int dax_ranges_show(struct sim *sim, struct node *dax)
{
	struct node *dir = dax->parent, *info = tree_child(dir, "dax_region");
	struct dax_range first = { dax_region_start(dir), 0 };

	dax_range(dax, 0, &first);	/* resource_show(): without any, the region's start */
	if (dev_set(sim, dax, "resource", "0x%" PRIx64, first.start) ||
	    dev_set(sim, dax, "size", "%" PRIu64, dax_ranges_size(dax)))
		return -ENOMEM;
	return info ? dev_set(sim, info, "available_size", "%" PRIu64, dax_available(dir)) : 0;
}

static int set_number(struct sim *sim, struct node *dir, const char *name, uint64_t v)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%" PRIx64 "\n", v);
	return dev_add_attr(sim, dir, name, 0400, text);
}

/* Range @i is this one. */
static int put(struct sim *sim, struct node *dax, unsigned int i, uint64_t start, uint64_t size)
{
	struct node *dir = mapping(dax, i);
	struct dax_range r;
	uint64_t before = 0;
	char name[32];

	for (unsigned int k = 0; k < i && dax_range(dax, k, &r); k++)
		before += r.size;
	snprintf(name, sizeof(name), "mapping%u", i);
	if (!dir) {
		dir = tree_add(&sim->tree, dax, name, NODE_DIR, 0755);
		if (!dir || dev_add_attr(sim, dir, "uevent", 0644, ""))
			return -ENOMEM;
	}
	if (set_number(sim, dir, "start", start) || set_number(sim, dir, "end", start + size - 1) ||
	    set_number(sim, dir, "page_offset", before / PAGE_BYTES))
		return -ENOMEM;
	return dax_ranges_show(sim, dax);
}

static int drop(struct sim *sim, struct node *dax, unsigned int i)
{
	struct node *dir = mapping(dax, i);

	if (dir)
		tree_remove(&sim->tree, dir);
	if (!i && dev_set(sim, dax, "size", "0"))
		return -ENOMEM;
	return dax_ranges_show(sim, dax);
}

/* --- giving and taking ------------------------------------------------------ */

int dax_range_add(struct sim *sim, struct node *dax, uint64_t start, uint64_t size)
{
	uint64_t region = dax_region_start(dax->parent), length = region_size(dax->parent);
	struct used u;

	/* __request_region() in the region's memory, where everything else is busy */
	if (start < region || start - region > length || size > length - (start - region))
		return -ENOMEM;
	if (next_used(dax->parent, start, &u) && u.range.start < start + size)
		return -ENOMEM;
	return put(sim, dax, n_ranges(dax), start, size);
}

static int shrink(struct sim *sim, struct node *dax, uint64_t size)
{
	uint64_t rest = dax_ranges_size(dax) - size;
	struct dax_range r;
	int rc = 0;

	for (unsigned int i = n_ranges(dax); !rc && rest && i-- > 0; ) {
		if (!dax_range(dax, i, &r))
			return -ENXIO;
		if (rest < r.size)
			return put(sim, dax, i, r.start, r.size - rest);
		rc = drop(sim, dax, i);
		rest -= r.size;
	}
	return rc;
}

/* Free memory between two ranges, or beside one. */
struct gap {
	uint64_t start, size;
	struct used before;	/* whose range ends where it starts; dax NULL: the region starts there */
};

static bool first_gap(const struct node *dir, struct gap *ret)
{
	uint64_t at = dax_region_start(dir), end = at + region_size(dir);
	struct used u;

	*ret = (struct gap){ .start = at };
	while (next_used(dir, ret->start, &u) && u.range.start <= ret->start) {
		ret->start = u.range.start + u.range.size;
		ret->before = u;
	}
	if (next_used(dir, ret->start, &u))
		end = u.range.start;
	ret->size = end > ret->start ? end - ret->start : 0;
	return ret->size;
}

/* adjust_ok(): only the last range of a device may become longer */
static bool may_be_longer(const struct node *dax, const struct used *u)
{
	return u->dax == dax && u->number + 1 == n_ranges(dax);
}

static int grow(struct sim *sim, struct node *dax, uint64_t more)
{
	struct gap gap;
	int rc = 0;

	while (!rc && more) {
		const struct used *u = &gap.before;
		uint64_t size;

		if (!first_gap(dax->parent, &gap))
			return -ENOSPC;
		size = gap.size < more ? gap.size : more;
		if (may_be_longer(dax, u))
			rc = put(sim, dax, u->number, u->range.start, u->range.size + size);
		else
			rc = dax_range_add(sim, dax, gap.start, size);
		more -= size;
	}
	return rc;
}

int dax_resize(struct sim *sim, struct node *dax, uint64_t size)
{
	uint64_t now = dax_ranges_size(dax);

	if (size <= now)
		return shrink(sim, dax, size);
	if (size - now > dax_available(dax->parent))
		return -ENOSPC;
	if ((size - now) % dax_alignment(dax))
		return -ENXIO;
	return grow(sim, dax, size - now);
}
