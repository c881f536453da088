/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Handing a command over, unchanged, to the distribution's program of the same
 * name.
 */
#ifndef UTIL_DELEGATE_H
#define UTIL_DELEGATE_H

#include <stddef.h>

struct delegate {
	const char *name;	/* "cxl" */
	const char *path;	/* absolute, from the build configuration */
	const char *env;	/* variable that overrides it; ignored in a set-user-ID run */
	const char *package;	/* what to install when it is missing */
};

/*
 * Become the distribution's program.  Returns only on failure, with the exit
 * status: EXIT_NO_PROGRAM after one sentence on stderr.
 */
int delegate_exec(const struct delegate *d, char **argv);

/* What `PROGRAM @arg [@more]` prints (@more may be NULL), NUL terminated into @buf;
 * "" when the program is missing or fails. */
void delegate_capture(const struct delegate *d, const char *arg, const char *more, char *buf,
		      size_t size);

/* The path in use, for a person to see. */
const char *delegate_path(const struct delegate *d);

#endif
