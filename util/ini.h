/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A configuration file of sections and settings, with the line of each.
 *
 * A line is "[SECTION]", "KEY = VALUE", blank or a comment, which "#" or ";" begins,
 * also behind either of the others; a VALUE in quotes, single or double, holds all but
 * its quote.
 *
 * A grammar of our own: libiniparser loses the lines' numbers, merges sections of one
 * name and goes on after errors; inih as Debian builds it tells neither the number of a
 * line nor that a section begins.
 */
#ifndef UTIL_INI_H
#define UTIL_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "util/arena.h"
#include "util/err.h"

struct ini_line {
	unsigned int number;	/* from 1 */
	const char *section;	/* "[NAME]": the name, in lower case; NULL for a setting */
	const char *key;	/* in lower case */
	const char *value;	/* without quotes and comment */
	bool quoted;		/* the value stood between quotes */
};

struct ini {
	struct ini_line *v;	/* in the order of the file */
	size_t n;
};

/*
 * Parse @len bytes of @text; @name is the file's, for errors: "NAME:LINE: ...".
 * -EINVAL with @err (EXIT_USAGE) for what is neither section, setting, comment
 * nor blank, for a line that goes on in the next, and for bytes that are no text.
 */
int ini_parse(const char *name, const char *text, size_t len, struct arena *a, struct ini *ret,
	      struct err *err);

/*
 * Read the file at @path, which only root may have written: a regular file
 * that root owns and neither group nor others may write.  -errno with @err (EXIT_USAGE;
 * EXIT_PREREQ where only the permission to read it is missing).
 */
int ini_read(const char *path, struct arena *a, struct ini *ret, struct err *err);

#endif
