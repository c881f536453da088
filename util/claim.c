// SPDX-License-Identifier: GPL-2.0-only
/* Claims as record locks, a byte each: see claim.h. */
#include "util/claim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/file.h"
#include "util/state.h"

int claim_make(const char *name)
{
	struct err err;
	_cleanup_close_ int dir = state_open(true, &err);

	return dir < 0 ? dir : file_open(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, NULL);
}

/* One call where there is none: whoever lists a host asks. */
int claim_look(const char *name)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", state_path(), name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	return file_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0, NULL);
}

static struct flock lock_of(uint64_t number)
{
	return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)number,
			       .l_len = 1 };
}

int claim_take(int fd, uint64_t number)
{
	struct flock lock = lock_of(number);

	return !fcntl(fd, F_SETLK, &lock) ? 0 : errno == EACCES ? -EAGAIN : -errno;
}

pid_t claim_holder(int fd, uint64_t number)
{
	struct flock lock = lock_of(number);

	if (fcntl(fd, F_GETLK, &lock) || lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid > 0 ? lock.l_pid : -1;
}
