/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one door to the kernel: every file below /sys, /proc and /dev is opened
 * here.  Paths are relative to a root directory ("sys/bus/cxl/devices"), the
 * live system's "/" or an unpacked capture; no link in the tree can lead out
 * of that root.
 *
 * Functions return 0 (or a count) or -errno and print nothing.
 */
#ifndef UTIL_SYSFS_H
#define UTIL_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/arena.h"
#include "util/err.h"

struct statx;

struct sysfs {
	int rootfd;
	int devicesfd;		/* of sys/devices, where most paths lead: a shorter walk; -1 in a capture */
	bool is_capture;	/* --sysroot: nothing is ever written */
	int done_first, done_n;	/* descriptors that are read and wait to be closed together */
};

struct sysfs_names {
	char **v;	/* in the arena */
	size_t n;
};

/* @root NULL or "/" for the live system. */
int sysfs_init(struct sysfs *fs, const char *root, struct err *err);
void sysfs_exit(struct sysfs *fs);

/* "dir/name" into @buf; -ENAMETOOLONG when it does not fit. */
int sysfs_join(char *buf, size_t size, const char *dir, const char *name);

/*
 * Never waits.  In a capture it opens regular files and, with O_DIRECTORY, directories:
 * -EISDIR or -ENOFILE for anything else.
 */
int sysfs_open(struct sysfs *fs, const char *path, int flags);

/* Is anything at @path?  It need not be readable. */
bool sysfs_exists(struct sysfs *fs, const char *path);

/*
 * One attribute as text: at most @size - 1 bytes, NUL terminated, one trailing
 * newline removed.  -E2BIG when it is longer, -EILSEQ when it holds a NUL.
 * Returns the length.
 */
ssize_t sysfs_read(struct sysfs *fs, const char *path, char *buf, size_t size);

/* At most @size bytes of a binary attribute, from @offset.  One read(2). */
ssize_t sysfs_read_bytes(struct sysfs *fs, const char *path, size_t offset, void *buf, size_t size);

/*
 * A whole file in the arena, a NUL behind it: the kernel gives /proc files and
 * binary attributes at most a page at a time.  -EFBIG when it has more than
 * @max bytes.
 */
int sysfs_read_whole(struct sysfs *fs, struct arena *a, const char *path, size_t max, char **ret,
		     size_t *ret_n);

/* One write(2) of the whole value, as sysfs wants it.  A short write is -EIO. */
int sysfs_write(struct sysfs *fs, const char *path, const char *value);

/* One write(2) of @size bytes at @offset of a binary attribute.  A short write is -EIO. */
int sysfs_write_bytes(struct sysfs *fs, const char *path, size_t offset, const void *data,
		      size_t size);

/* Who owns the file at @path, and what its mode is, as chown(2) and chmod(2); links are not followed.  -errno. */
int sysfs_set_owner(struct sysfs *fs, const char *path, uid_t uid, gid_t gid);
int sysfs_set_mode(struct sysfs *fs, const char *path, mode_t mode);

/* A directory that the kernel makes something of, as tracefs does below instances/, and its end.  -errno. */
int sysfs_mkdir(struct sysfs *fs, const char *path);
int sysfs_rmdir(struct sysfs *fs, const char *path);

/* Target of a symbolic link, as stored.  Returns the length. */
ssize_t sysfs_readlink(struct sysfs *fs, const char *path, char *buf, size_t size);

/* Where the link at @path leads, as a path below the root, in the arena. */
int sysfs_resolve(struct sysfs *fs, struct arena *a, const char *path, char **ret);

/* What the file at @path is, links followed, from what the kernel has in memory:
 * a file on a file system that does not answer is not waited for. */
int sysfs_stat(struct sysfs *fs, const char *path, struct statx *ret);

/* Names in a directory, without "." and "..", in the order the kernel gives them;
 * only those that @wanted says yes to, unless it is NULL. */
int sysfs_list(struct sysfs *fs, struct arena *a, const char *path,
	       bool (*wanted)(const char *name), struct sysfs_names *ret);

/* A number that changes when an entry of the directory comes, goes or is replaced. */
int sysfs_hash_names(struct sysfs *fs, const char *path, uint64_t *ret);

/* Names in natural order: mem2 before mem10. */
void sysfs_sort(struct sysfs_names *names);

#endif
