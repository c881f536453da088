// SPDX-License-Identifier: GPL-2.0-only
/* Sets of addresses: see interval.h. */
#include "lib/firmware/interval.h"

#include <errno.h>
#include <stdlib.h>

int interval_add(struct arena *a, struct interval_set *set, uint64_t start, uint64_t end)
{
	struct interval *v;

	if (end == UINT64_MAX)
		end--;
	if (end < start)
		return 0;
	v = arena_room(a, set->v, set->n, &set->capacity, sizeof(*v));
	if (!v)
		return -ENOMEM;
	set->v = v;
	v[set->n++] = (struct interval){ start, end };
	return 0;
}

int interval_add_set(struct arena *a, struct interval_set *set, const struct interval_set *other)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < other->n; i++)
		rc = interval_add(a, set, other->v[i].start, other->v[i].end);
	return rc;
}

static int by_start(const void *a, const void *b)
{
	const struct interval *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

void interval_normalize(struct interval_set *set)
{
	size_t n = 0;

	if (set->n)
		qsort(set->v, set->n, sizeof(*set->v), by_start);
	for (size_t i = 0; i < set->n; i++) {
		struct interval *last = n ? &set->v[n - 1] : NULL;

		if (!last || set->v[i].start > last->end + 1)
			set->v[n++] = set->v[i];
		else if (set->v[i].end > last->end)
			last->end = set->v[i].end;
	}
	set->n = n;
}

size_t interval_find(const struct interval_set *set, uint64_t at)
{
	size_t lo = 0, hi = set->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (set->v[mid].end < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

uint64_t interval_overlap(const struct interval_set *set, uint64_t start, uint64_t end)
{
	uint64_t total = 0;

	for (size_t i = interval_find(set, start); i < set->n && set->v[i].start <= end; i++) {
		const struct interval *v = &set->v[i];

		total += interval_bytes(v->start > start ? v->start : start,
					v->end < end ? v->end : end);
	}
	return total;
}

bool interval_covers(const struct interval_set *set, uint64_t start, uint64_t end)
{
	size_t i = interval_find(set, start);

	return i < set->n && set->v[i].start <= start && set->v[i].end >= end;
}

int interval_intersect(struct arena *a, const struct interval_set *x, const struct interval_set *y,
		       struct interval_set *ret)
{
	*ret = (struct interval_set){ 0 };
	for (size_t i = 0, k = 0; i < x->n && k < y->n;) {
		const struct interval *p = &x->v[i], *q = &y->v[k];
		int rc = interval_add(a, ret, p->start > q->start ? p->start : q->start,
				      p->end < q->end ? p->end : q->end);

		if (rc)
			return rc;
		if (p->end < q->end)
			i++;
		else
			k++;
	}
	return 0;
}
