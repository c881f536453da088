// SPDX-License-Identifier: GPL-2.0-only
/* Files of /etc: see config_file.h. */
#include "util/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/state.h"

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

static bool is_link(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISLNK(st.st_mode);
}

/* Where the file is, links followed; one that leads nowhere is an error. */
static int resolve(const char *path, char real[static PATH_MAX])
{
	if (is_link(path))
		return realpath(path, real) ? 0 : -errno;
	return (size_t)snprintf(real, PATH_MAX, "%s", path) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* The directory of @path into @dir, of PATH_MAX bytes, and the name in it. */
static int split(const char *path, char *dir, const char **ret_name)
{
	const char *slash = strrchr(path, '/');

	if (!slash || slash - path >= PATH_MAX)
		return -EINVAL;
	snprintf(dir, PATH_MAX, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	*ret_name = slash + 1;
	return 0;
}

static int open_dir(const char *path, bool make, const char **ret_name)
{
	char dir[PATH_MAX];
	int fd = split(path, dir, ret_name);

	if (fd)
		return fd;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && make) {
		make_dirs(dir);
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

int config_file_write(const char *path, const char *text)
{
	_cleanup_close_ int dir = -1;
	char real[PATH_MAX];
	const char *name;
	struct stat st;
	bool is_there;
	int rc = resolve(path, real);

	dir = rc ? rc : open_dir(real, true, &name);
	if (dir < 0)
		return dir;
	is_there = !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW);
	rc = state_write_mode(dir, name, text, is_there ? st.st_mode & 0777 : 0644);
	if (!rc && is_there && (st.st_uid != geteuid() || st.st_gid != getegid()) &&
	    fchownat(dir, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW))
		rc = -errno;
	return rc;
}

int config_file_remove(const char *path)
{
	_cleanup_close_ int dir = -1;
	const char *name;

	if (is_link(path))
		return config_file_write(path, "");
	dir = open_dir(path, false, &name);
	if (dir == -ENOENT)
		return 0;
	return dir < 0 ? dir : state_remove(dir, name);
}

int config_file_check(const char *path)
{
	char real[PATH_MAX], dir[PATH_MAX];
	const char *name;
	int rc = resolve(path, real);

	rc = rc ? rc : split(real, dir, &name);
	/* what is missing is made in the next directory above that is there */
	while (!rc && faccessat(AT_FDCWD, dir, W_OK | X_OK, AT_EACCESS)) {
		if (errno != ENOENT || !strcmp(dir, "/"))
			return -errno;
		snprintf(real, sizeof(real), "%s", dir);
		rc = split(real, dir, &name);
	}
	return rc;
}
