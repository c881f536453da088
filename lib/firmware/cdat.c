// SPDX-License-Identifier: GPL-2.0-only
/* Parsing a CDAT: see cdat.h. */
#include "lib/firmware/cdat.h"

#include <errno.h>

#include "lib/firmware/fwtable.h"

enum {
	CDAT_HEADER_BYTES = 16,
	TYPE_DSMAS = 0,
	TYPE_DSEMTS = 4,
	DSMAS_BYTES = 24,
	DSEMTS_BYTES = 24,
	N_HANDLES = 256,
};

struct dsmas {
	bool known;
	uint64_t dpa, length;
};

static void add_dsmas(struct table_walk *walk, const struct bytes *e,
		      struct dsmas ranges[static N_HANDLES])
{
	struct dsmas *d = &ranges[bytes_le(e, 4, 1)];

	if (e->n < DSMAS_BYTES) {
		table_complain(walk, "a DSMAS of %zu bytes is too short, so it is left out", e->n);
		return;
	}
	if (d->known)
		table_complain(walk, "the DSMAS handle %llu is there twice; the last one is used",
			       (unsigned long long)bytes_le(e, 4, 1));
	*d = (struct dsmas){ true, bytes_le(e, 8, 8), bytes_le(e, 16, 8) };
}

static void add_dsemts(struct table_walk *walk, const struct bytes *e,
		       const struct dsmas ranges[static N_HANDLES], struct cdat *ret)
{
	uint64_t handle = bytes_le(e, 4, 1), offset = bytes_le(e, 8, 8),
		 length = bytes_le(e, 16, 8), start, end;
	const struct dsmas *d = &ranges[handle];

	if (e->n < DSEMTS_BYTES) {
		table_complain(walk, "a DSEMTS of %zu bytes is too short, so it is left out", e->n);
		return;
	}
	if (!d->known) {
		table_complain(walk, "a DSEMTS refers to DSMAS handle %llu, which is not there, so it is left out",
			       (unsigned long long)handle);
		return;
	}
	if (!length)
		return;
	if (offset > d->length || length > d->length - offset) {
		table_complain(walk, "a DSEMTS reaches outside of DSMAS handle %llu, so it is left out",
			       (unsigned long long)handle);
		return;
	}
	if (__builtin_add_overflow(d->dpa, offset, &start) ||
	    __builtin_add_overflow(start, length - 1, &end)) {
		table_complain(walk, "a DSEMTS ends behind the last address, so it is left out");
		return;
	}
	ret->types[ret->n_types++] = (struct cdat_memory_type){ start, end,
								(unsigned int)bytes_le(e, 5, 1) };
}

int cdat_parse(const void *data, size_t n, const char *target, struct arena *a,
	       struct messages *messages, struct cdat *ret)
{
	struct table_walk walk = {
		.code = "CDAT", .target = target, .messages = messages, .length_at = 2, .length_width = 2,
	};
	struct bytes all = { data, n }, entry;
	struct dsmas ranges[N_HANDLES] = { 0 };
	uint64_t said = bytes_le(&all, 0, 4);

	*ret = (struct cdat){ .damaged = true };
	if (n < CDAT_HEADER_BYTES || said < CDAT_HEADER_BYTES) {
		table_complain(&walk, "the table is shorter than its header, so nothing is read from it");
		return 0;
	}
	walk.table = (struct bytes){ data, table_limit(&walk, said, n) };
	if (walk.table.n == said && !table_sum_is_zero(&walk.table))
		table_complain(&walk, "the checksum is wrong; what the table says is used all the same");
	ret->types = arena_alloc(a, walk.table.n / DSEMTS_BYTES + 1, sizeof(*ret->types));
	if (!ret->types)
		return -ENOMEM;
	/* the DSMAS first, wherever they stand: the others refer to them */
	walk.at = CDAT_HEADER_BYTES;
	while (table_next(&walk, &entry))
		if (bytes_le(&entry, 0, 1) == TYPE_DSMAS)
			add_dsmas(&walk, &entry, ranges);
	/* a broken list breaks off at the same place again, which is said once */
	walk.at = CDAT_HEADER_BYTES;
	while (table_next(&walk, &entry))
		if (bytes_le(&entry, 0, 1) == TYPE_DSEMTS)
			add_dsemts(&walk, &entry, ranges, ret);
	ret->damaged = walk.problems;
	return 0;
}
