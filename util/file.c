// SPDX-License-Identifier: GPL-2.0-only
/* Opening what somebody else may have put there: see file.h. */
#include "util/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/err.h"

enum { MAX_LINKS = 40 };	/* as the kernel follows */

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

/* Is it somebody else's, or to be changed by others?  A link has an owner only. */
static bool is_others(const struct stat *st)
{
	struct stat as = *st;

	/* of a directory with the sticky bit nobody else can take an entry away */
	if (S_ISLNK(st->st_mode) || (S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX))
		as.st_mode &= ~(mode_t)(S_IWGRP | S_IWOTH);
	return file_why_not_trusted(&as);
}

/* The first part of @rest, which is shortened by it, behind @at; false: there is none. */
static bool take_part(char *rest, char *at, size_t size)
{
	size_t skip = strspn(rest, "/"), n = strcspn(rest + skip, "/"), have = strlen(at);
	char *last;

	if (n == 2 && !strncmp(rest + skip, "..", n)) {
		last = strrchr(at, '/');	/* what is in it is no link */
		if (last)
			*last = '\0';
	} else if (n && !(n == 1 && rest[skip] == '.') && have + 1 < size) {
		snprintf(at + have, size - have, "/%.*s", (int)n, rest + skip);
	}
	memmove(rest, rest + skip + n, strlen(rest + skip + n) + 1);
	return n;
}

/* In place of the link @at stands where it leads, ahead of @rest.  False: nowhere. */
static bool follow(char *at, char *rest, size_t size)
{
	char target[PATH_MAX], behind[PATH_MAX], *last;
	ssize_t n = readlink(at, target, sizeof(target) - 1);

	if (n <= 0)
		return false;
	target[n] = '\0';
	snprintf(behind, sizeof(behind), "%s", rest);
	last = strrchr(at, '/');
	*(*target == '/' ? at : last) = '\0';
	return snprintf(rest, size, "%s%s", target, behind) < (int)size;
}

bool file_is_others(const char *path, char *ret_at, size_t size)
{
	char rest[PATH_MAX], at[PATH_MAX] = "";
	struct stat st;
	int links = 0;

	snprintf(ret_at, size, "%s", path);
	if (snprintf(rest, sizeof(rest), "%s", path) >= (int)sizeof(rest))
		return true;
	do {
		bool is_bad = lstat(*at ? at : "/", &st) || is_others(&st);

		if (!is_bad && S_ISLNK(st.st_mode))
			is_bad = ++links > MAX_LINKS || !follow(at, rest, sizeof(rest));
		if (is_bad) {
			snprintf(ret_at, size, "%s", *at ? at : "/");
			return true;
		}
	} while (take_part(rest, at, sizeof(at)));
	return false;
}
