// SPDX-License-Identifier: GPL-2.0-only
/* Parsing the SRAT: see srat.h. */
#include "lib/firmware/srat.h"

#include <errno.h>

#include "lib/firmware/fwtable.h"

enum {
	SRAT_HEADER_BYTES = 48,	/* ACPI header and 12 reserved bytes */
	TYPE_MEMORY = 1,
	MEMORY_BYTES = 40,
	FLAG_ENABLED = 1 << 0,
};

static void add_memory(struct table_walk *walk, const struct bytes *e, struct srat *ret)
{
	uint64_t base = bytes_le(e, 8, 8), size = bytes_le(e, 16, 8);

	if (e->n < MEMORY_BYTES) {
		table_complain(walk, "a memory entry of %zu bytes is too short, so it is left out", e->n);
		return;
	}
	if (!(bytes_le(e, 28, 4) & FLAG_ENABLED) || !size)
		return;
	if (base + size - 1 < base) {
		table_complain(walk, "the memory entry at 0x%llx ends behind the last address, so it is left out",
			       (unsigned long long)base);
		return;
	}
	ret->memory[ret->n_memory++] = (struct srat_memory){ base, base + size - 1,
							     (uint32_t)bytes_le(e, 2, 4) };
}

int srat_parse(const void *data, size_t n, struct arena *a, struct messages *messages,
	       struct srat *ret)
{
	struct table_walk walk = { .code = "SRAT", .messages = messages, .length_at = 1, .length_width = 1 };
	struct bytes entry;

	*ret = (struct srat){ 0 };
	if (!table_open_acpi(&walk, data, n) || walk.table.n < SRAT_HEADER_BYTES) {
		if (!walk.problems)
			table_complain(&walk, "the table is shorter than its header, so nothing is read from it");
		ret->damaged = true;
		return 0;
	}
	walk.at = SRAT_HEADER_BYTES;
	ret->memory = arena_alloc(a, walk.table.n / MEMORY_BYTES + 1, sizeof(*ret->memory));
	if (!ret->memory)
		return -ENOMEM;
	while (table_next(&walk, &entry))
		if (bytes_le(&entry, 0, 1) == TYPE_MEMORY)
			add_memory(&walk, &entry, ret);
	ret->damaged = walk.problems > walk.remarks;
	return 0;
}
