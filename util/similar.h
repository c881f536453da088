/* SPDX-License-Identifier: GPL-2.0-only */
/* "Did you mean": which of the words there are is close to one that is none of them. */
#ifndef UTIL_SIMILAR_H
#define UTIL_SIMILAR_H

#include <stdbool.h>
#include <stddef.h>

struct similar {
	const char *word;	/* as typed; its first @len bytes count */
	size_t len;
	const char *best;	/* the closest so far; NULL: none is close */
	unsigned int slips;	/* between the two */
	bool is_loose;		/* half of the letters may be otherwise: of names out of a list that is long */
};

#define SIMILAR_TO(text, n) { .word = (text), .len = (n) }

/*
 * A slip is a letter too many, missing, wrong, or changed places with the next
 * one; case and '-' against '_' are none.  Close is one slip for every three
 * letters of @candidate, three at most; or @candidate begins with all of a word
 * of three letters or more.  Of two that are as close the first one stays.
 */
void similar_offer(struct similar *s, const char *candidate);

#endif
