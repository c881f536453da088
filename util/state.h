/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files that must survive this process, in one directory of its own: written
 * whole or not at all, and locks that end with whoever holds them.
 */
#ifndef UTIL_STATE_H
#define UTIL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/err.h"

/* Where it is, for sentences: CXL_STATE_DIR in the environment, else the built-in path. */
const char *state_path(void);

/* Open the directory, made when it is missing if @make: a descriptor, or -errno with @err. */
int state_open(bool make, struct err *err);

/*
 * Take the lock NAME.lock without waiting: a descriptor that holds it until it
 * is closed, however the process ends.  -EBUSY with @err (EXIT_NEGATIVE, who has
 * it), else -errno.
 */
int state_lock(int dirfd, const char *name, struct err *err);

/* Write @text as file @name and wait until it is on disk; the old content stays until then.  -errno. */
int state_write(int dirfd, const char *name, const char *text);
/* The same with another mode than 0600. */
int state_write_mode(int dirfd, const char *name, const char *text, mode_t mode);

/* The whole file as a string, malloc()ed: "" when it is no text, or longer than 16 MiB.  -errno. */
int state_read(int dirfd, const char *name, char **ret);

/* -errno; 0 also when it is not there. */
int state_remove(int dirfd, const char *name);

/* Call @fn for every file whose name ends in @suffix until one returns other than 0: that.  -errno. */
int state_each(int dirfd, const char *suffix, int (*fn)(const char *name, void *data), void *data);

#endif
