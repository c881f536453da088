// SPDX-License-Identifier: GPL-2.0-only
/* The state directory, its files and locks: see state.h. */
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
	const char *path = state_path();
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && make && !make_directories(path))
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		int saved = errno;

		return err_set(err, EXIT_PREREQ, saved, "the state directory %.200s cannot be used: %s; make it, or name another one in CXL_STATE_DIR; nothing was done",
			       path, strerror(saved));
	}
	return fd;
}

static int with_suffix(char *buf, size_t size, const char *name, const char *suffix)
{
	int n = snprintf(buf, size, "%s%s", name, suffix);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int state_lock(int dirfd, const char *name, struct err *err)
{
	char file[NAME_MAX + 1], holder[32] = "";
	_cleanup_close_ int fd = -1;
	int n = with_suffix(file, sizeof(file), name, ".lock");

	fd = n ? n : openat(dirfd, file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		int saved = n ? -n : errno;

		return err_set(err, EXIT_PREREQ, saved, "the lock %.200s/%s cannot be taken: %s; nothing was done; make that directory writable, or name another one in CXL_STATE_DIR", state_path(),
			       file, strerror(saved));
	}
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		if (pread(fd, holder, sizeof(holder) - 1, 0) > 0)
			holder[strcspn(holder, "\n")] = '\0';
		return err_set(err, EXIT_NEGATIVE, EBUSY, "%s is being worked on by %s%s, nothing was done; wait for its end", name,
			       *holder ? "process " : "another process", holder);
	}
	n = snprintf(holder, sizeof(holder), "%d\n", (int)getpid());
	/* for whoever finds it taken; it is held without */
	if (!ftruncate(fd, 0) && pwrite(fd, holder, (size_t)n, 0) < 0)
		errno = 0;
	return steal_fd(&fd);
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

int state_write_mode(int dirfd, const char *name, const char *text, mode_t mode)
{
	char temp[NAME_MAX + 1];
	_cleanup_close_ int fd = -1;
	int rc = with_suffix(temp, sizeof(temp), name, ".new");

	if (rc)
		return rc;
	fd = openat(dirfd, temp, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = fchmod(fd, mode) ? -errno : write_all(fd, text);
	if (!rc && renameat(dirfd, temp, dirfd, name))
		rc = -errno;
	if (!rc && fsync(dirfd))
		rc = -errno;
	if (rc)
		unlinkat(dirfd, temp, 0);
	return rc;
}

int state_write(int dirfd, const char *name, const char *text)
{
	return state_write_mode(dirfd, name, text, 0600);
}

int state_read(int dirfd, const char *name, char **ret)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t n = 0, size;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	size = S_ISREG(st.st_mode) && st.st_size <= MAX_BYTES ? (size_t)st.st_size : 0;
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
	size_t n = strlen(suffix);
	const struct dirent *de;

	if (!dir) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (!rc && (de = readdir(dir))) {
		size_t len = strlen(de->d_name);

		if (len > n && !strcmp(de->d_name + len - n, suffix))
			rc = fn(de->d_name, data);
	}
	return rc;
}
