// SPDX-License-Identifier: GPL-2.0-only
/* The state directory and its files: see state.h. */
#include "util/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/parse.h"

#define MAX_BYTES (16 << 20)

const char *state_path(void)
{
	const char *other = secure_getenv("CXL_STATE_DIR");

	return other && *other ? other : STATE_DIR;
}

/* The directory and those above it that are missing. */
static int make_directories(const char *path)
{
	char part[PATH_MAX];

	for (const char *p = strchr(path + 1, '/');; p = strchr(p + 1, '/')) {
		int n = snprintf(part, sizeof(part), "%.*s", p ? (int)(p - path) : INT_MAX, path);

		if (n < 0 || (size_t)n >= sizeof(part))
			return -ENAMETOOLONG;
		if (mkdir(part, p ? 0755 : 0700) && errno != EEXIST)
			return -errno;
		if (!p)
			return 0;
	}
}

int state_open(bool make, struct err *err)
{
	const char *path = state_path(), *why;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 && errno == ENOENT && make && !make_directories(path))
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		int saved = errno;

		return err_set(err, EXIT_PREREQ, saved, "the state directory %.200s cannot be used: %s; make it, or name another one in CXL_STATE_DIR; nothing was done",
			       path, strerror(saved));
	}
	why = fstat(fd, &st) ? strerror(errno) : file_why_not_trusted(&st);
	if (!why)
		return fd;
	close(fd);
	return err_set(err, EXIT_PREREQ, EUNTRUSTED, "the state directory %.200s is not used: %s; nothing was done", path, why);
}

static int with_suffix(char *buf, size_t size, const char *name, const char *suffix)
{
	int n = snprintf(buf, size, "%s%s", name, suffix);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int write_all(int fd, const char *text)
{
	for (size_t size = strlen(text); size;) {
		ssize_t n = write(fd, text, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		text += n;
		size -= (size_t)n;
	}
	return fsync(fd) ? -errno : 0;
}

/* An open file description lock: it belongs to the descriptor, not to the process, and tells who only asks. */
static int hold(int fd)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_OFD_SETLK, &lock) ? -errno : 0;
}

/* @ret_held: the descriptor that holds it, see state_write_held(); NULL: nobody does. */
static int write_file(int dirfd, const char *name, const char *text, mode_t mode, int *ret_held)
{
	char temp[NAME_MAX + 1];
	_cleanup_close_ int fd = -1;
	int rc = with_suffix(temp, sizeof(temp), name, ".new");

	if (rc)
		return rc;
	/* whatever was left there, of whatever kind */
	unlinkat(dirfd, temp, 0);
	fd = openat(dirfd, temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = ret_held ? hold(fd) : 0;
	rc = rc ? rc : fchmod(fd, mode) ? -errno : write_all(fd, text);
	if (!rc && renameat(dirfd, temp, dirfd, name))
		rc = -errno;
	if (!rc && fsync(dirfd))
		rc = -errno;
	if (rc)
		unlinkat(dirfd, temp, 0);
	else if (ret_held)
		*ret_held = steal_fd(&fd);
	return rc;
}

int state_write_mode(int dirfd, const char *name, const char *text, mode_t mode)
{
	return write_file(dirfd, name, text, mode, NULL);
}

int state_write_held(int dirfd, const char *name, const char *text)
{
	int fd, rc = write_file(dirfd, name, text, 0600, &fd);

	return rc ? rc : fd;
}

int state_hold(int dirfd, const char *name)
{
	_cleanup_close_ int fd = file_open(dirfd, name, O_RDWR | O_NOFOLLOW, 0, NULL);
	int rc = fd < 0 ? fd : hold(fd);

	return rc ? rc : steal_fd(&fd);
}

int state_is_held(int dirfd, const char *name, int own)
{
	_cleanup_close_ int opened =
		own < 0 ? file_open(dirfd, name, O_RDONLY | O_NOFOLLOW, 0, NULL) : -1;
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = own < 0 ? opened : own;

	if (fd < 0)
		return fd;
	if (fcntl(fd, F_OFD_GETLK, &lock))
		return -errno;
	return lock.l_type != F_UNLCK;
}

int state_lock(int dirfd, const char *name)
{
	_cleanup_close_ int fd = file_open(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, NULL);

	if (fd < 0)
		return fd;
	return flock(fd, LOCK_EX | LOCK_NB) ? -errno : steal_fd(&fd);
}

int state_write(int dirfd, const char *name, const char *text)
{
	return state_write_mode(dirfd, name, text, 0600);
}

int state_read(int dirfd, const char *name, char **ret)
{
	struct stat st;
	_cleanup_close_ int fd = file_open(dirfd, name, O_RDONLY | O_NOFOLLOW, 0, &st);
	_cleanup_free_ char *text = NULL;
	size_t n = 0, size;

	if (fd < 0)
		return fd;
	if (file_why_not_trusted(&st))
		return -EUNTRUSTED;
	size = st.st_size <= MAX_BYTES ? (size_t)st.st_size : 0;
	text = calloc(1, size + 1);
	if (!text)
		return -ENOMEM;
	while (n < size) {
		ssize_t got = read(fd, text + n, size - n);

		if (got < 0 && errno != EINTR)
			return -errno;
		if (!got)
			break;
		n += got > 0 ? (size_t)got : 0;
	}
	if (strlen(text) != n)
		*text = '\0';
	*ret = steal_ptr(&text);
	return 0;
}

int state_remove(int dirfd, const char *name)
{
	if (unlinkat(dirfd, name, 0) && errno != ENOENT)
		return -errno;
	return fsync(dirfd) ? -errno : 0;
}

int state_each(int dirfd, const char *suffix, int (*fn)(const char *name, void *data), void *data)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *de;

	if (!dir) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (!rc && (de = readdir(dir)))
		if (has_suffix(de->d_name, suffix))
			rc = fn(de->d_name, data);
	return rc;
}
