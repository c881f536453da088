// SPDX-License-Identifier: GPL-2.0-only
/* Opening what somebody else may have put there: see file.h. */
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/err.h"

int file_kind(const struct stat *st)
{
	return S_ISREG(st->st_mode) ? 0 : S_ISDIR(st->st_mode) ? -EISDIR : -ENOFILE;
}

int file_open(int dirfd, const char *path, int flags, mode_t mode, struct stat *ret_st)
{
	_cleanup_close_ int fd = openat(dirfd, path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
					mode);
	struct stat st;
	int rc;

	if (fd < 0)	/* a socket, or a FIFO that nobody reads */
		return errno == ENXIO ? -ENOFILE : -errno;
	rc = fstat(fd, &st) ? -errno : file_kind(&st);
	if (!rc && ret_st)
		*ret_st = st;
	return rc ? rc : steal_fd(&fd);
}

const char *file_why_not_trusted(const struct stat *st)
{
	if (st->st_uid && st->st_uid != geteuid())
		return "it does not belong to root; 'chown root' it after a look at what is in it";
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return "others than root may write it; 'chmod go-w' it after a look at what is in it";
	return NULL;
}

bool file_is_others(const char *path, char *ret_at, size_t size)
{
	struct stat st;

	snprintf(ret_at, size, "%s", path);
	for (;;) {
		char *slash = strrchr(ret_at, '/');

		if (strlen(path) >= size || stat(*ret_at ? ret_at : "/", &st))
			return true;
		/* of a directory with the sticky bit nobody else can take an entry away */
		if (S_ISDIR(st.st_mode) && st.st_mode & S_ISVTX)
			st.st_mode &= ~(mode_t)(S_IWGRP | S_IWOTH);
		if (file_why_not_trusted(&st))
			return true;
		if (!*ret_at || !slash)
			return false;
		*slash = '\0';
	}
}
