/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What CEDT, SRAT and CDAT have in common: little-endian fields of foreign
 * bytes, an ACPI header, and a list of entries that say their own length.
 * Nothing here reads outside of the bytes it was given.
 */
#ifndef CXL_FWTABLE_H
#define CXL_FWTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/message.h"

struct bytes {
	const uint8_t *p;
	size_t n;
};

/* @width bytes at @at, little endian; 0 for what lies outside. */
uint64_t bytes_le(const struct bytes *b, size_t at, size_t width);

enum { ACPI_HEADER_BYTES = 36 };	/* ACPI 6.5 sec 5.2.6 */

/*
 * A walk over entries { type u8, ..., length } from @at.  @problems counts what
 * was said about the table, to keep a broken one from filling the output.
 */
struct table_walk {
	const char *code;	/* "CEDT", also the code of the messages */
	const char *target;	/* the object the table belongs to, NULL: the host */
	struct messages *messages;
	struct bytes table;
	size_t at;
	size_t length_at, length_width;	/* of the length inside an entry */
	size_t problems;
	size_t remarks;		/* of these: about what could be read all the same */
};

/* The sum of all bytes is 0, or the table says so wrongly. */
bool table_sum_is_zero(const struct bytes *b);

/*
 * Check the ACPI header of @data and set @walk->table to what may be read.
 * False: nothing may, a message says why.
 */
bool table_open_acpi(struct table_walk *walk, const void *data, size_t n);

/* A length field of @said bytes against the @n that are there: how many may be read. */
size_t table_limit(struct table_walk *walk, uint64_t said, size_t n);

/* The next whole entry.  False at the end, or where the list breaks off: then
 * with a message. */
bool table_next(struct table_walk *walk, struct bytes *ret);

/* One problem with the table; only the first few are kept. */
void table_complain(struct table_walk *walk, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
