/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an administrator insists on, in words: a level for the worst failure,
 * and levels for single causes of failure.  Whether a root port reaches them
 * is not decided here.
 */
#ifndef CXL_REQUIRE_H
#define CXL_REQUIRE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/check/check.h"
#include "util/err.h"

struct requirement {
	int plain;		/* enum require, -1 not given */
	int level[N_CAUSES];	/* per cause: enum containment, -1 not given */
};
#define REQUIREMENT_NONE { .plain = -1, .level = { -1, -1, -1, -1, -1 } }
_Static_assert(N_CAUSES == 5, "a cause that no level is required of is -1 in REQUIREMENT_NONE");

/*
 * One word, LEVEL or CAUSE:LEVEL, added to @r, which began as REQUIREMENT_NONE.
 * -EINVAL with @err (EXIT_USAGE), and @r as it was, for what is none and for what
 * was given before.
 */
int requirement_parse(const char *word, struct requirement *r, struct err *err);

/* The same for several words, with blanks or commas between them. */
int requirement_parse_list(const char *text, struct requirement *r, struct err *err);

bool requirement_is_same(const struct requirement *a, const struct requirement *b);

/* The level for the worst failure: REQUIRE_SAFE where none is given. */
static inline enum require requirement_plain(const struct requirement *r)
{
	return r->plain < 0 ? REQUIRE_SAFE : (enum require)r->plain;
}

/* "contain, mem_timeout:recover" into @buf, which is returned; "safe", the default, when nothing is given. */
const char *requirement_text(const struct requirement *r, char *buf, size_t size);

#endif
