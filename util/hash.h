/* SPDX-License-Identifier: GPL-2.0-only */
/* FNV-1a, 64 bits: against accidents, not against malice. */
#ifndef UTIL_HASH_H
#define UTIL_HASH_H

#include <stddef.h>
#include <stdint.h>

#define HASH_START 0xcbf29ce484222325u

/* @hash with @n more bytes in it; start with HASH_START. */
static inline uint64_t hash_bytes(uint64_t hash, const void *data, size_t n)
{
	for (const unsigned char *p = data; n--; p++)
		hash = (hash ^ *p) * 0x100000001b3u;
	return hash;
}

#endif
