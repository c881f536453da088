// SPDX-License-Identifier: GPL-2.0-only
/* The word that was meant: see similar.h. */
#include "util/similar.h"

#include <ctype.h>
#include <string.h>

enum { LONGEST = 32, MOST_SLIPS = 3, WHOLE_WORD = 3 };

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

static bool same(char a, char b)
{
	a = a == '_' ? '-' : (char)tolower((unsigned char)a);
	b = b == '_' ? '-' : (char)tolower((unsigned char)b);
	return a == b;
}

/* By rows of the usual matrix, the two before kept for letters that changed places. */
static unsigned int distance(const char *a, size_t n, const char *b, size_t m)
{
	unsigned int rows[3][LONGEST + 1];
	unsigned int *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t k = 0; k <= m; k++)
		above[k] = (unsigned int)k;
	for (size_t i = 1; i <= n; i++) {
		unsigned int *next = before;

		row[0] = (unsigned int)i;
		for (size_t k = 1; k <= m; k++) {
			row[k] = least(least(above[k], row[k - 1]) + 1,
				       above[k - 1] + !same(a[i - 1], b[k - 1]));
			if (i > 1 && k > 1 && same(a[i - 1], b[k - 2]) && same(a[i - 2], b[k - 1]))
				row[k] = least(row[k], before[k - 2] + 1);
		}
		before = above;
		above = row;
		row = next;
	}
	return above[m];
}

/* Does @candidate begin with all of a word that is long enough to say something? */
static bool is_beginning(const struct similar *s, const char *candidate, size_t m)
{
	return s->len >= WHOLE_WORD && m >= s->len && !distance(s->word, s->len, candidate, s->len);
}

void similar_offer(struct similar *s, const char *candidate)
{
	size_t m = strlen(candidate);
	unsigned int slips, most = s->is_loose ? (unsigned int)m / 2 :
						 least((unsigned int)m / 3, MOST_SLIPS);

	if (s->len > LONGEST || m > LONGEST)
		return;
	slips = distance(s->word, s->len, candidate, m);
	if (slips > 1 && s->is_loose && is_beginning(s, candidate, m))
		slips = 1;
	if (slips > most) {
		if (!is_beginning(s, candidate, m))
			return;
		slips = MOST_SLIPS + 1;	/* its beginning: behind every slip of the pen */
	}
	if (s->best && s->slips <= slips)
		return;
	s->best = candidate;
	s->slips = slips;
}
