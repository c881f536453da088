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

int config_file_write(const char *path, const char *text)
{
	const char *name;
	_cleanup_close_ int dir = open_dir(path, true, &name);

	return dir < 0 ? dir : state_write_mode(dir, name, text, 0644);
}

int config_file_remove(const char *path)
{
	const char *name;
	_cleanup_close_ int dir = open_dir(path, false, &name);

	if (dir == -ENOENT)
		return 0;
	return dir < 0 ? dir : state_remove(dir, name);
}
