// SPDX-License-Identifier: GPL-2.0-only
/* Parsing the CEDT: see cedt.h. */
#include "lib/firmware/cedt.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/firmware/fwtable.h"
#include "util/array.h"

enum {
	TYPE_CHBS = 0,
	TYPE_CFMWS = 1,
	CHBS_BYTES = 32,
	CFMWS_BYTES = 36,	/* without the targets */
	MAX_GRANULARITY = 6,	/* 256 << 6: 16 KiB */
	ARITHMETIC_XOR = 1,	/* 0: modulo */
};

#define WINDOW_ALIGN (256ULL << 20)	/* drivers/cxl/acpi.c: cxl_acpi_cfmws_verify() */

/* CXL r3.2 sec 9.18.1.3, ENIW */
static unsigned int decode_ways(uint64_t encoded)
{
	static const unsigned int ways[] = { 1, 2, 4, 8, 16, 0, 0, 0, 3, 6, 12 };

	return encoded < ARRAY_SIZE(ways) ? ways[encoded] : 0;
}

/* As cxl_acpi_cfmws_verify() of drivers/cxl/acpi.c judges. */
static const char *why_dropped(const struct cedt_window *w, const struct bytes *e)
{
	if (!w->size)
		return "it has no size";
	if (w->base % WINDOW_ALIGN || w->size % WINDOW_ALIGN)
		return "its base or size is not a multiple of 256 MiB";
	if (w->base + w->size - 1 < w->base)
		return "it ends behind the last address";
	if (!w->ways)
		return "its interleave ways are encoded wrongly";
	if (!w->granularity)
		return "its granularity is encoded wrongly";
	if (bytes_le(e, 25, 1) > ARITHMETIC_XOR)
		return "its interleave arithmetic is neither modulo nor XOR";
	if (e->n < CFMWS_BYTES + 4 * (size_t)w->ways)
		return "it is too short for its targets";
	return NULL;
}

static void add_window(struct table_walk *walk, const struct bytes *e, struct cedt *ret)
{
	uint64_t granularity = bytes_le(e, 28, 4);
	struct cedt_window *w = &ret->windows[ret->n_windows];

	if (e->n < CFMWS_BYTES) {
		table_complain(walk, "a window entry of %zu bytes is too short, so it is left out", e->n);
		return;
	}
	*w = (struct cedt_window){
		.base = bytes_le(e, 8, 8), .size = bytes_le(e, 16, 8),
		.ways = decode_ways(bytes_le(e, 24, 1)),
		.granularity = granularity <= MAX_GRANULARITY ? 256u << granularity : 0,
		.restrictions = (unsigned int)bytes_le(e, 32, 2),
		.is_xor = bytes_le(e, 25, 1) == ARITHMETIC_XOR,
	};
	w->dropped = why_dropped(w, e);
	walk->remarks += w->dropped != NULL;
	if (w->dropped)
		table_complain(walk,
			       "window %zu (0x%llx, %llu bytes) is not taken by the kernel: %s",
			       ret->n_windows, (unsigned long long)w->base,
			       (unsigned long long)w->size, w->dropped);
	ret->n_windows++;
}

static void check_overlap(struct table_walk *walk, const struct cedt *cedt)
{
	for (size_t i = 0; i < cedt->n_windows; i++) {
		const struct cedt_window *v = &cedt->windows[i];

		for (size_t k = 0; !v->dropped && k < i; k++) {
			const struct cedt_window *w = &cedt->windows[k];

			if (w->dropped || v->base >= w->base + w->size ||
			    w->base >= v->base + v->size)
				continue;
			walk->remarks++;
			table_complain(walk, "windows %zu and %zu overlap", k, i);
		}
	}
}

int cedt_parse(const void *data, size_t n, struct arena *a, struct messages *messages,
	       struct cedt *ret)
{
	struct table_walk walk = { .code = "CEDT", .messages = messages, .length_at = 2, .length_width = 2 };
	struct bytes entry;

	*ret = (struct cedt){ 0 };
	if (!table_open_acpi(&walk, data, n)) {
		ret->damaged = true;
		return 0;
	}
	ret->windows = arena_alloc(a, walk.table.n / CFMWS_BYTES + 1, sizeof(*ret->windows));
	if (!ret->windows)
		return -ENOMEM;
	while (table_next(&walk, &entry)) {
		uint64_t type = bytes_le(&entry, 0, 1);

		if (type == TYPE_CFMWS)
			add_window(&walk, &entry, ret);
		else if (type == TYPE_CHBS && entry.n < CHBS_BYTES)
			table_complain(&walk, "a host bridge entry of %zu bytes is too short, so it is left out", entry.n);
		else if (type == TYPE_CHBS)
			ret->n_bridges++;
	}
	check_overlap(&walk, ret);
	ret->damaged = walk.problems > walk.remarks;
	return 0;
}
