/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files that must survive this process, in one directory of its own: written
 * whole or not at all, and held as long as somebody lives who needs them.
 */
#ifndef UTIL_STATE_H
#define UTIL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "util/err.h"

/* That of a captured host, below the capture's root, wherever the machine had it. */
#define STATE_DIR_CAPTURED "var/lib/cxl-isolation"

/* Where it is, for sentences: CXL_STATE_DIR in the environment, else the built-in path. */
const char *state_path(void);

/*
 * Open the directory, made when it is missing if @make: a descriptor, or -errno with @err;
 * -EUNTRUSTED when others than root may write into it.
 */
int state_open(bool make, struct err *err);

/* Write @text as file @name and wait until it is on disk; the old content stays until then.  -errno. */
int state_write(int dirfd, const char *name, const char *text);
/* The same with another mode than 0600. */
int state_write_mode(int dirfd, const char *name, const char *text, mode_t mode);

/*
 * The same for a file that is held: a descriptor, close-on-exec, which holds it with
 * those of all others until it is closed, or -errno.  Nobody ever sees it without.
 */
int state_write_held(int dirfd, const char *name, const char *text);
/* Hold what is there already, with those who hold it. */
int state_hold(int dirfd, const char *name);
/* Does anybody hold it (but @own, a descriptor of this process or -1)?  Takes nothing.  -errno. */
int state_is_held(int dirfd, const char *name, int own);

/*
 * Of those who call this for @name, made where it is missing, one at a time has it: a descriptor, close-on-exec, that
 * gives it up where the last copy of it is closed.  -EWOULDBLOCK: another one has it.  -errno.
 */
int state_lock(int dirfd, const char *name);

/*
 * The whole file as a string, malloc()ed: "" when it is not text, or longer than 16 MiB.
 * -errno; -EISDIR or -ENOFILE when it is not a file, -EUNTRUSTED as state_open() has it.
 */
int state_read(int dirfd, const char *name, char **ret);

/* -errno; 0 also when it is not there. */
int state_remove(int dirfd, const char *name);

/* Call @fn for every file whose name ends in @suffix until one returns other than 0: that.  -errno. */
int state_each(int dirfd, const char *suffix, int (*fn)(const char *name, void *data), void *data);

#endif
