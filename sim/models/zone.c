// SPDX-License-Identifier: GPL-2.0-only
/*
 * The zone that a memory block is put into when nobody names one
 * (default_zone_for_pfn() of mm/memory_hotplug.c, Linux 6.12), and valid_zones, which
 * names it first while the block is offline.
 */
#include <limits.h>

#include "sim/models/memory.h"
#include "sim/state/device.h"
#include "sim/state/sim.h"
#include "util/parse.h"

#define KERNEL_FIRST "Normal Movable"
#define MOVABLE_FIRST "Movable Normal"

/* From the first to the last block of a node that is online in a zone. */
struct span {
	unsigned int first, last;
};

static bool is_inside(const struct span *s, unsigned int number)
{
	return number >= s->first && number <= s->last;
}

/* The block that a node's link leads to; NULL: no such link. */
static struct node *block_of(const struct sim *sim, struct node *link, unsigned int *number)
{
	if (link->kind != NODE_LINK || !parse_name(link->name, "memory", number))
		return NULL;
	return tree_resolve(&sim->tree, link->parent, link->data);
}

static struct span span_of(const struct sim *sim, const struct node *dir, const char *zone)
{
	struct span s = { UINT_MAX, 0 };
	unsigned int number = 0;

	for (size_t i = 0; i < dir->n_children; i++) {
		const struct node *block = block_of(sim, dir->children[i], &number);

		if (!block || !dev_is(block, "valid_zones", zone))
			continue;
		s.first = number < s.first ? number : s.first;
		s.last = number > s.last ? number : s.last;
	}
	return s;
}

void zones_show(struct sim *sim, const struct node *dir)
{
	struct span normal = span_of(sim, dir, "Normal"), movable = span_of(sim, dir, "Movable");
	unsigned int number = 0;

	for (size_t i = 0; i < dir->n_children; i++) {
		struct node *block = block_of(sim, dir->children[i], &number);

		if (block && (dev_is(block, "valid_zones", KERNEL_FIRST) || dev_is(block, "valid_zones", MOVABLE_FIRST)))
			dev_set(sim, block, "valid_zones", is_inside(&movable, number) && !is_inside(&normal, number) ?
				MOVABLE_FIRST : KERNEL_FIRST);
	}
}

const char *zone_default(const struct node *block)
{
	return dev_is(block, "valid_zones", MOVABLE_FIRST) ? "Movable" : "Normal";
}
