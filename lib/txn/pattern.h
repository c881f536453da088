/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Does memory keep what is written to it?  Dead memory that reads as zero and loses writes, or
 * answers with an error, does not, whatever the decoders in front of it say.
 */
#ifndef CXL_PATTERN_H
#define CXL_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The smallest granularity of interleaving (CXL r3.2 sec 8.2.4.20.7): one word in each such piece is
 * asked, so that every target of a region is, whatever the granularity, in 1/32 of the accesses.
 */
enum { PATTERN_GRANULE = 256, PATTERN_WORDS = PATTERN_GRANULE / sizeof(uint64_t) };

/* The word of a granule that is asked: another one in the next. */
static inline size_t pattern_word(size_t granule)
{
	return granule * PATTERN_WORDS + granule % PATTERN_WORDS;
}

/* Takes what is at @word out of the caches, so that reading asks the device. */
typedef void (*pattern_flush)(const volatile uint64_t *word);

/* Ask @size bytes at @p, a multiple of PATTERN_GRANULE; the words that were asked are zero afterwards. */
bool pattern_is_kept(volatile uint64_t *p, size_t size, pattern_flush flush);

/* The same of memory that may answer with SIGBUS, which says no. */
bool pattern_is_survived(volatile uint64_t *p, size_t size);

#endif
