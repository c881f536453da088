// SPDX-License-Identifier: GPL-2.0-only
/* The one door to the kernel: see sysfs.h. */
#include "util/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <limits.h>
#include <stdio.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/file.h"
#include "util/hash.h"
#include "util/parse.h"

#define DEVICES "sys/devices"

int sysfs_init(struct sysfs *fs, const char *root, struct err *err)
{
	bool live = !root || !strcmp(root, "/");

	*fs = (struct sysfs){ .rootfd = -1, .devicesfd = -1, .is_capture = !live };
	fs->rootfd = open(live ? "/" : root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fs->rootfd < 0) {
		int saved = errno;

		return err_set(err, EXIT_USAGE, saved,
			       "--sysroot '%.200s' cannot be opened: %s; name a directory that holds sys/ as an unpacked capture does",
			       root, strerror(saved));
	}
	if (live)
		fs->devicesfd = openat(fs->rootfd, DEVICES, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return 0;
}

/*
 * A listing reads thousands of attributes: close them many at a time.  Only
 * descriptors in a row are kept waiting, so a range never holds another's.
 */
enum { DONE_MAX = 64 };

static void close_done(struct sysfs *fs)
{
	if (fs->done_n)
		close_range((unsigned int)fs->done_first,
			    (unsigned int)(fs->done_first + fs->done_n - 1), 0);
	fs->done_n = 0;
}

static void close_later(struct sysfs *fs, int fd)
{
	if (fs->done_n == DONE_MAX || (fs->done_n && fd != fs->done_first + fs->done_n))
		close_done(fs);
	if (!fs->done_n)
		fs->done_first = fd;
	fs->done_n++;
}

void sysfs_exit(struct sysfs *fs)
{
	close_done(fs);
	if (fs->devicesfd >= 0)
		close(fs->devicesfd);
	if (fs->rootfd >= 0)
		close(fs->rootfd);
	fs->rootfd = -1;
}

int sysfs_join(char *buf, size_t size, const char *dir, const char *name)
{
	size_t n = strlen(dir), m = strlen(name);

	if (n + m + 2 > size)
		return -ENAMETOOLONG;
	memcpy(buf, dir, n);
	buf[n] = '/';
	memcpy(buf + n + 1, name, m + 1);
	return 0;
}

/* The directory to start from, and the rest of @path below it. */
static int start(const struct sysfs *fs, const char **path)
{
	size_t n = sizeof(DEVICES) - 1;

	if (fs->devicesfd < 0 || strncmp(*path, DEVICES "/", n + 1))
		return fs->rootfd;
	*path += n + 1;
	return fs->devicesfd;
}

static int open_in_root(const struct sysfs *fs, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned int)flags,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd, dir = start(fs, &path);

	/* The live system needs no fence around its root. */
	if (fs->is_capture)
		fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	else
		fd = openat(dir, path, flags);
	return fd >= 0 ? fd : -errno;
}

static int open_or_make_room(struct sysfs *fs, const char *path, int flags)
{
	int fd = open_in_root(fs, path, flags | O_CLOEXEC);

	if (fd == -EMFILE && fs->done_n) {
		close_done(fs);
		fd = open_in_root(fs, path, flags | O_CLOEXEC);
	}
	return fd;
}

/*
 * A capture holds whatever an archive can.  A FIFO must not make us wait, and a
 * device is not even opened: some do something then.  Below /sys and /proc the
 * kind of a file is the kernel's.
 */
static int check_captured(struct sysfs *fs, const char *path)
{
	int fd = open_or_make_room(fs, path, O_PATH), rc;
	struct stat st;

	if (fd < 0)
		return fd;
	rc = fstat(fd, &st) ? -errno : file_kind(&st);
	close_later(fs, fd);
	return rc;
}

int sysfs_open(struct sysfs *fs, const char *path, int flags)
{
	int rc = 0;

	if (flags & O_PATH)
		return open_or_make_room(fs, path, flags);
	if (fs->is_capture && !(flags & O_DIRECTORY))
		rc = check_captured(fs, path);
	return rc ? rc : open_or_make_room(fs, path, flags | O_NONBLOCK | O_NOCTTY);
}

/*
 * `cxl-sim capture` keeps a file that could not be read empty, and says why in
 * capture/errors.txt: "path<TAB>ENXIO: text".  The errno, or 0.
 */
static int captured_errno(struct sysfs *fs, const char *path)
{
	int fd = sysfs_open(fs, "capture/errors.txt", O_RDONLY);
	_cleanup_fclose_ FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	size_t n = strlen(path);
	char line[PATH_MAX + 64];

	if (!f && fd >= 0)
		close(fd);
	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, path, n) || line[n] != '\t')
			continue;
		line[n + 1 + strcspn(line + n + 1, ":\n")] = '\0';
		for (int e = 1; e < 134; e++)	/* up to EHWPOISON */
			if (strerrorname_np(e) && !strcmp(strerrorname_np(e), line + n + 1))
				return e;
	}
	return 0;
}

ssize_t sysfs_read_bytes(struct sysfs *fs, const char *path, size_t offset, void *buf, size_t size)
{
	int fd = sysfs_open(fs, path, O_RDONLY), saved;
	ssize_t n;

	if (fd < 0)
		return fd;
	do
		n = pread(fd, buf, size, (off_t)offset);
	while (n < 0 && errno == EINTR);
	saved = errno;
	close_later(fs, fd);
	if (n == 0 && fs->is_capture)
		return -captured_errno(fs, path);
	return n < 0 ? -saved : n;
}

bool sysfs_exists(struct sysfs *fs, const char *path)
{
	_cleanup_close_ int fd = sysfs_open(fs, path, O_PATH);

	return fd >= 0;
}

/* An attribute is at most a page and comes whole. */
ssize_t sysfs_read(struct sysfs *fs, const char *path, char *buf, size_t size)
{
	ssize_t n = sysfs_read_bytes(fs, path, 0, buf, size);

	if (n < 0)
		return n;
	if ((size_t)n == size)
		return -E2BIG;
	if (memchr(buf, '\0', (size_t)n))
		return -EILSEQ;
	if (n && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	return n;
}

int sysfs_read_whole(struct sysfs *fs, struct arena *a, const char *path, size_t max, char **ret,
		     size_t *ret_n)
{
	_cleanup_close_ int fd = sysfs_open(fs, path, O_RDONLY);
	_cleanup_free_ char *buf = NULL;
	size_t size = 0, len = 0;
	ssize_t n = fd;
	struct stat st;

	/* rules and policies are files of people, also on the live system */
	if (fd >= 0)
		n = fstat(fd, &st) ? -errno : file_kind(&st);
	while (n >= 0) {
		char *more = len == size ? realloc(buf, size = size ? 2 * size : 16384) : buf;

		if (!more)
			return -ENOMEM;
		buf = more;
		n = read(fd, buf + len, size - len);
		if (n < 0)
			n = errno == EINTR ? 0 : -errno;
		else if (!n)
			break;
		len += (size_t)n;
		if (n >= 0 && len > max)
			return -EFBIG;
	}
	if (n < 0)
		return (int)n;
	if (!len && fs->is_capture && (n = captured_errno(fs, path)))
		return -(int)n;
	*ret = arena_strndup(a, buf, len);
	*ret_n = len;
	return *ret ? 0 : -ENOMEM;
}

int sysfs_write_bytes(struct sysfs *fs, const char *path, size_t offset, const void *data,
		      size_t size)
{
	_cleanup_close_ int fd = -1;
	ssize_t n;

	if (fs->is_capture)
		return -EROFS;
	fd = sysfs_open(fs, path, O_WRONLY);
	if (fd < 0)
		return fd;
	/* Not repeated on EINTR: a store handler may already have acted. */
	n = offset ? pwrite(fd, data, size, (off_t)offset) : write(fd, data, size);
	if (n < 0)
		return -errno;
	if ((size_t)n != size)
		return -EIO;
	if (close(steal_fd(&fd)) < 0)
		return -errno;
	return 0;
}

int sysfs_write(struct sysfs *fs, const char *path, const char *value)
{
	return sysfs_write_bytes(fs, path, 0, value, strlen(value));
}

int sysfs_set_owner(struct sysfs *fs, const char *path, uid_t uid, gid_t gid)
{
	_cleanup_close_ int fd = fs->is_capture ? -EROFS
						: sysfs_open(fs, path, O_PATH | O_NOFOLLOW);

	if (fd < 0)
		return fd;
	return fchownat(fd, "", uid, gid, AT_EMPTY_PATH) ? -errno : 0;
}

/* fchmod() takes no O_PATH descriptor, and to open a device may be refused: by its name in /proc. */
int sysfs_set_mode(struct sysfs *fs, const char *path, mode_t mode)
{
	_cleanup_close_ int fd = fs->is_capture ? -EROFS
						: sysfs_open(fs, path, O_PATH | O_NOFOLLOW);
	char name[64];

	if (fd < 0)
		return fd;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	return chmod(name, mode) ? -errno : 0;
}

int sysfs_mkdir(struct sysfs *fs, const char *path)
{
	if (fs->is_capture)
		return -EROFS;
	return mkdirat(start(fs, &path), path, 0700) ? -errno : 0;
}

int sysfs_rmdir(struct sysfs *fs, const char *path)
{
	if (fs->is_capture)
		return -EROFS;
	return unlinkat(start(fs, &path), path, AT_REMOVEDIR) ? -errno : 0;
}

ssize_t sysfs_readlink(struct sysfs *fs, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = -1;
	ssize_t n;

	if (fs->is_capture) {	/* inside the fence */
		fd = sysfs_open(fs, path, O_PATH | O_NOFOLLOW);
		if (fd < 0)
			return fd;
		n = readlinkat(fd, "", buf, size);
		if (n < 0 && errno == ENOENT)	/* no link: unlike a path, a descriptor says so */
			return -EINVAL;
	} else {
		int dir = start(fs, &path);

		n = readlinkat(dir, path, buf, size);
	}
	if (n < 0)
		return -errno;
	if ((size_t)n == size)
		return -ENAMETOOLONG;
	buf[n] = '\0';
	return n;
}

/* "a/b" + "../c/d" -> "a/c/d"; never above the root. */
static int path_join(char *out, size_t size, const char *dir, size_t dir_len, const char *rel)
{
	size_t n = *rel == '/' ? 0 : dir_len;

	if (n >= size)
		return -ENAMETOOLONG;
	memcpy(out, dir, n);
	while (*rel) {
		size_t part = strcspn(rel, "/");

		if (part == 2 && !strncmp(rel, "..", 2)) {
			while (n && out[n - 1] != '/')
				n--;
			if (n)
				n--;
		} else if (part && !(part == 1 && *rel == '.')) {
			if (n + part + 2 > size)
				return -ENAMETOOLONG;
			if (n)
				out[n++] = '/';
			memcpy(out + n, rel, part);
			n += part;
		}
		rel += part;
		rel += strspn(rel, "/");
	}
	out[n] = '\0';
	return 0;
}

int sysfs_resolve(struct sysfs *fs, struct arena *a, const char *path, char **ret)
{
	char link[PATH_MAX], full[PATH_MAX];
	const char *slash = strrchr(path, '/');
	ssize_t n = sysfs_readlink(fs, path, link, sizeof(link));
	int rc;

	if (n < 0)
		return (int)n;
	rc = path_join(full, sizeof(full), path, slash ? (size_t)(slash - path) : 0, link);
	if (rc)
		return rc;
	*ret = arena_strdup(a, full);
	return *ret ? 0 : -ENOMEM;
}

int sysfs_stat(struct sysfs *fs, const char *path, struct statx *ret)
{
	const int flags = AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT;
	const unsigned int mask = STATX_TYPE | STATX_INO;
	_cleanup_close_ int fd = -1;
	int dir = start(fs, &path);

	if (fs->is_capture) {	/* inside the fence */
		fd = sysfs_open(fs, path, O_PATH);
		if (fd < 0)
			return fd;
		return statx(fd, "", flags | AT_EMPTY_PATH, mask, ret) ? -errno : 0;
	}
	return statx(dir, path, flags, mask, ret) ? -errno : 0;
}

static int add_name(struct arena *a, struct sysfs_names *names, size_t *capacity, const char *name)
{
	char **v = arena_room(a, names->v, names->n, capacity, sizeof(*v));

	if (!v)
		return -ENOMEM;
	names->v = v;
	v[names->n] = arena_strdup(a, name);
	if (!v[names->n])
		return -ENOMEM;	/* those before stay good */
	names->n++;
	return 0;
}

/* Calls @take for each entry but "." and ".." until it returns nonzero.
 * getdents64(2) itself: opendir(3) adds two calls to every directory. */
static int each_entry(struct sysfs *fs, const char *path,
		      int (*take)(void *data, const struct dirent64 *de), void *data)
{
	_cleanup_close_ int fd = sysfs_open(fs, path, O_RDONLY | O_DIRECTORY);
	alignas(struct dirent64) char buf[32768];

	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t n = getdents64(fd, buf, sizeof(buf));

		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *de = (const void *)(buf + at);
			int rc = 0;

			if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
				rc = take(data, de);
			if (rc)
				return rc;
			at += de->d_reclen;
		}
	}
	return 0;
}

struct listing {
	struct arena *arena;
	bool (*wanted)(const char *name);
	struct sysfs_names *names;
	size_t capacity;
};

static int list_entry(void *data, const struct dirent64 *de)
{
	struct listing *l = data;

	return !l->wanted || l->wanted(de->d_name)
		       ? add_name(l->arena, l->names, &l->capacity, de->d_name)
		       : 0;
}

int sysfs_list(struct sysfs *fs, struct arena *a, const char *path,
	       bool (*wanted)(const char *name), struct sysfs_names *ret)
{
	struct listing l = { a, wanted, ret, 0 };

	*ret = (struct sysfs_names){ 0 };
	return each_entry(fs, path, list_entry, &l);
}

static int hash_entry(void *data, const struct dirent64 *de)
{
	uint64_t *hash = data;

	/* a new object of the old name has another inode */
	*hash = hash_bytes(*hash, &de->d_ino, sizeof(de->d_ino));
	*hash = hash_bytes(*hash, de->d_name, strlen(de->d_name) + 1);
	return 0;
}

int sysfs_hash_names(struct sysfs *fs, const char *path, uint64_t *ret)
{
	*ret = HASH_START;
	return each_entry(fs, path, hash_entry, ret);
}

static int by_name(const void *a, const void *b)
{
	return natural_cmp(*(char *const *)a, *(char *const *)b);
}

void sysfs_sort(struct sysfs_names *names)
{
	if (names->n)
		qsort(names->v, names->n, sizeof(*names->v), by_name);
}
