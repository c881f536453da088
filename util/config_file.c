// SPDX-License-Identifier: GPL-2.0-only
/* Files of /etc: see config_file.h. */
#include "util/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"

/* As mkdir -p; @dir is put together again. */
static void make_dirs(char *dir)
{
	for (char *slash = strchr(dir + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(dir, 0755);
		*slash = '/';
	}
	mkdir(dir, 0755);
}

/* The directory of @path, and the name in it. */
static int open_dir(const char *path, bool make, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	char dir[PATH_MAX];
	int fd;

	if (!slash || (size_t)(slash - path) >= sizeof(dir))
		return -EINVAL;
	snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	*ret_name = slash + 1;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && make) {
		make_dirs(dir);
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const char *text)
{
	for (size_t left = strlen(text); left;) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno != EINTR)
			return -errno;
		text += n > 0 ? n : 0;
		left -= n > 0 ? (size_t)n : 0;
	}
	return fchmod(fd, 0644) || fsync(fd) ? -errno : 0;
}

int config_file_write(const char *path, const char *text)
{
	const char *name;
	_cleanup_close_ int dir = open_dir(path, true, &name), fd = -1;
	char temp[NAME_MAX + 1];
	int rc;

	if (dir < 0)
		return dir;
	if ((size_t)snprintf(temp, sizeof(temp), ".%s.new", name) >= sizeof(temp))
		return -ENAMETOOLONG;
	fd = openat(dir, temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = write_all(fd, text);
	if (!rc && renameat(dir, temp, dir, name))
		rc = -errno;
	if (rc)
		unlinkat(dir, temp, 0);
	else if (fsync(dir))
		rc = -errno;
	return rc;
}

int config_file_remove(const char *path)
{
	const char *name;
	_cleanup_close_ int dir = open_dir(path, false, &name);

	if (dir == -ENOENT)
		return 0;
	if (dir < 0)
		return dir;
	if (unlinkat(dir, name, 0) && errno != ENOENT)
		return -errno;
	return fsync(dir) ? -errno : 0;
}
