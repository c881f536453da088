/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file that --output names: as `>` would be allowed to write it, and whole or
 * not at all.  What is replaced keeps its owner and its mode; in a directory where
 * everybody may make files no link is followed and nothing of others is touched.
 */
#ifndef UTIL_OUTPUT_H
#define UTIL_OUTPUT_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "util/err.h"

struct output {
	FILE *f;			/* to write to; of output_open() */
	bool in_place;			/* a device or a pipe: written to, never replaced */
	int dirfd;
	char name[NAME_MAX + 1];
	char temp[NAME_MAX + 1];	/* "" when there is none */
};

/* Open it, a new file with @mode less the umask.  -errno with @err; output_close() in any case. */
int output_open(const char *path, unsigned int mode, struct output *ret, struct err *err);

/* Is all that was written to @f out?  0, or -errno of what was not. */
int output_flush(FILE *f);

/* Closes @f of open_memstream(): is all that was written to it in *@text? */
bool output_is_whole(FILE *f, char *const *text);

/* What was written to it takes its place.  -errno with @err. */
int output_commit(struct output *o, const char *path, struct err *err);

/* Without output_commit() before, everything is as it was. */
void output_close(struct output *o);

/* Could it be opened?  Asked before something is changed whose result goes there. */
int output_check(const char *path, struct err *err);

#endif
