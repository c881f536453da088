// SPDX-License-Identifier: GPL-2.0-only
/* Fields and entries of firmware tables: see fwtable.h. */
#include "lib/firmware/fwtable.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MAX_PROBLEMS = 8 };

uint64_t bytes_le(const struct bytes *b, size_t at, size_t width)
{
	uint64_t v = 0;

	if (width > 8 || at > b->n || width > b->n - at)
		return 0;
	for (size_t i = width; i-- > 0;)
		v = v << 8 | b->p[at + i];
	return v;
}

void table_complain(struct table_walk *walk, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	if (walk->problems++ >= MAX_PROBLEMS)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	message_add(walk->messages, SEV_WARNING, walk->code, walk->target, "%s%s%s: %s",
		    walk->target ? walk->target : "", walk->target ? ": " : "", walk->code, text);
}

bool table_sum_is_zero(const struct bytes *b)
{
	uint8_t sum = 0;

	for (size_t i = 0; i < b->n; i++)
		sum = (uint8_t)(sum + b->p[i]);
	return !sum;
}

size_t table_limit(struct table_walk *walk, uint64_t said, size_t n)
{
	if (said <= n)
		return (size_t)said;
	table_complain(walk, "the table says it has %llu bytes but only %zu could be read: entries are missing",
		       (unsigned long long)said, n);
	return n;
}

bool table_open_acpi(struct table_walk *walk, const void *data, size_t n)
{
	struct bytes all = { data, n };
	uint64_t said = bytes_le(&all, 4, 4);

	if (n < ACPI_HEADER_BYTES || memcmp(data, walk->code, 4)) {
		table_complain(walk, n < ACPI_HEADER_BYTES ?
			       "the table is shorter than its header (%zu bytes), so nothing is read from it" :
			       "the table has another signature (%zu bytes), so nothing is read from it", n);
		return false;
	}
	if (said < ACPI_HEADER_BYTES) {
		table_complain(walk, "the table says it has %llu bytes, less than its header, so nothing is read from it",
			       (unsigned long long)said);
		return false;
	}
	walk->table = (struct bytes){ data, table_limit(walk, said, n) };
	if (walk->table.n == said && !table_sum_is_zero(&walk->table)) {
		walk->remarks++;
		table_complain(walk, "the checksum is wrong; what the table says is used all the same");
	}
	walk->at = ACPI_HEADER_BYTES;
	return true;
}

bool table_next(struct table_walk *walk, struct bytes *ret)
{
	struct bytes rest = { walk->table.p + walk->at, walk->table.n - walk->at };
	size_t head = walk->length_at + walk->length_width, length;

	if (!rest.n)
		return false;
	length = (size_t)bytes_le(&rest, walk->length_at, walk->length_width);
	if (rest.n < head || length < head || length > rest.n) {
		table_complain(walk, rest.n < head ? "an entry at byte %zu is cut off (%zu bytes); what follows is not read" :
			       length < head ? "the entry at byte %zu has a length of %zu, less than its own header; what follows is not read" :
			       "the entry at byte %zu with a length of %zu does not fit into the table; what follows is not read",
			       walk->at, rest.n < head ? rest.n : length);
		return false;
	}
	*ret = (struct bytes){ rest.p, length };
	walk->at += length;
	return true;
}
