/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Opening what somebody else may have put there: never waiting, and a regular
 * file or nothing.  Whom a file may belong to that a change relies on.
 */
#ifndef UTIL_FILE_H
#define UTIL_FILE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/* 0 for a regular file, -EISDIR, -ENOFILE for a FIFO, a socket or a device. */
int file_kind(const struct stat *st);

/*
 * openat(2) of a regular file, close on exec and without waiting for a writer, a
 * reader or a terminal: a descriptor, or -errno, as file_kind() for what is none.
 * @ret_st, unless NULL, is what fstat(2) says of it.
 */
int file_open(int dirfd, const char *path, int flags, mode_t mode, struct stat *ret_st);

/*
 * Why the caller, root when it changes something, is not to obey what is in it: "it ...; what
 * to do", NULL when nothing is against it.  Of a directory: not to look for such a file there.
 */
const char *file_why_not_trusted(const struct stat *st);

/*
 * Could anybody but root have the program @path, which is absolute, replaced or changed?  Each link on the way is
 * followed, and whoever could change where one leads could.  What is to be seen to, the program, a directory or a link,
 * in @ret_at; false: nobody.
 */
bool file_is_others(const char *path, char *ret_at, size_t size);

#endif
