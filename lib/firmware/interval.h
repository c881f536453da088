/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sets of addresses: unions of ranges, and how much of a range they cover.
 * Ends are inclusive, as firmware and /proc/iomem write them.  The last address
 * of all is left out, so that every length fits into 64 bits.
 */
#ifndef CXL_INTERVAL_H
#define CXL_INTERVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"

struct interval {
	uint64_t start, end;
};

struct interval_set {
	struct interval *v;	/* in the arena; sorted and apart once normalized */
	size_t n, capacity;
};

static inline uint64_t interval_bytes(uint64_t start, uint64_t end)
{
	return end - start + 1;
}

/* Append, in any order; interval_normalize() before asking.  -ENOMEM or 0; an
 * empty range (@end before @start) is not added. */
int interval_add(struct arena *a, struct interval_set *set, uint64_t start, uint64_t end);
/* All of @other. */
int interval_add_set(struct arena *a, struct interval_set *set, const struct interval_set *other);

/* Sort, and join what overlaps or touches. */
void interval_normalize(struct interval_set *set);

/* The following want normalized sets. */

/* Index of the first range that ends at or behind @at; set->n when none does. */
size_t interval_find(const struct interval_set *set, uint64_t at);
/* How many bytes of @start-@end lie in @set. */
uint64_t interval_overlap(const struct interval_set *set, uint64_t start, uint64_t end);
bool interval_covers(const struct interval_set *set, uint64_t start, uint64_t end);
/* What is in both; @ret is normalized. */
int interval_intersect(struct arena *a, const struct interval_set *x, const struct interval_set *y,
		       struct interval_set *ret);

#endif
