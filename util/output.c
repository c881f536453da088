// SPDX-License-Identifier: GPL-2.0-only
/* The file that --output names: see output.h. */
#include "util/output.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "util/cleanup.h"

enum { MAX_LINKS = 40 };	/* as the kernel's MAXSYMLINKS */

/* Where a path ends. */
struct place {
	int dirfd;
	char name[NAME_MAX + 1];
	bool is_there;
	struct stat st;
	const char *why;	/* why it is not written to, NULL: as errno has it */
};

/* As protected_symlinks and protected_regular have it (Documentation/admin-guide/sysctl/fs.rst), whatever those are set to. */
static const char *why_not_in(const struct stat *dir, const struct stat *st)
{
	if (!(dir->st_mode & S_ISVTX) || !(dir->st_mode & (S_IWGRP | S_IWOTH)))
		return NULL;
	if (S_ISLNK(st->st_mode))
		return "it is a link in a directory where others make files, too; name the file that it leads to";
	if (st->st_uid != geteuid() && st->st_uid != dir->st_uid)
		return "it is somebody else's, in a directory where others make files, too; name another file";
	return NULL;
}

/* "dir/name" below @base, neither behind the link that may be there. */
static int step_to(int base, const char *path, struct place *ret)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	char dir[PATH_MAX];
	struct stat st;

	ret->dirfd = -1;	/* what it was is @base, the caller's */
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return *path ? -EISDIR : -ENOENT;
	if (strlen(name) > NAME_MAX)
		return -ENAMETOOLONG;
	snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : slash ? (int)(slash - path) : 1, slash ? path : ".");
	strcpy(ret->name, name);
	ret->dirfd = openat(base, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ret->dirfd < 0 || fstat(ret->dirfd, &st))
		return -errno;
	ret->is_there = !fstatat(ret->dirfd, name, &ret->st, AT_SYMLINK_NOFOLLOW);
	if (!ret->is_there)
		return errno == ENOENT ? 0 : -errno;
	ret->why = why_not_in(&st, &ret->st);
	return ret->why ? -EPERM : 0;
}

/* /proc/self/fd/1 is what it leads to, not the name that it shows. */
static bool is_of_proc(const struct place *p)
{
	struct statfs fs;

	return !fstatfs(p->dirfd, &fs) && fs.f_type == PROC_SUPER_MAGIC;
}

static int find_place(const char *path, struct place *ret)
{
	char at[PATH_MAX];
	int base = AT_FDCWD;

	*ret = (struct place){ .dirfd = -1 };
	if (strlen(path) >= sizeof(at))
		return -ENAMETOOLONG;
	strcpy(at, path);
	for (int links = 0;; links++) {
		int rc = step_to(base, at, ret);
		ssize_t n;

		if (base >= 0)
			close(base);
		if (rc || !ret->is_there || !S_ISLNK(ret->st.st_mode))
			return rc;
		if (is_of_proc(ret))
			return fstatat(ret->dirfd, ret->name, &ret->st, 0) ? -errno : 0;
		n = links < MAX_LINKS ? readlinkat(ret->dirfd, ret->name, at, sizeof(at) - 1) : -1;
		if (n < 0)
			return links < MAX_LINKS ? -errno : -ELOOP;
		at[n] = '\0';
		base = ret->dirfd;
	}
}

/* Written to as it is. */
static bool is_special(const struct place *p)
{
	return p->is_there && (!S_ISREG(p->st.st_mode) || is_of_proc(p));
}

/* A pipe that nobody reads is an error, not a reason to wait. */
static int open_special(const struct place *p)
{
	int fd = openat(p->dirfd, p->name,
			O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC |
				(S_ISREG(p->st.st_mode) ? O_TRUNC : 0));

	if (fd < 0)
		return -errno;
	fcntl(fd, F_SETFL, O_WRONLY);
	return fd;
}

/* Owner and mode of what it will replace, or @mode.  In this order: chown() takes bits away. */
static int dress(int fd, const struct place *p, mode_t mode)
{
	mode_t mask = umask(0);
	struct stat st;

	umask(mask);
	if (fstat(fd, &st))
		return -errno;
	if (p->is_there && (st.st_uid != p->st.st_uid || st.st_gid != p->st.st_gid) &&
	    fchown(fd, p->st.st_uid, p->st.st_gid))
		return -errno;
	return fchmod(fd, p->is_there ? p->st.st_mode & 0777 : mode & ~mask) ? -errno : 0;
}

static int open_temp(struct place *p, mode_t mode, char temp[static NAME_MAX + 1])
{
	uint64_t unique = 0;
	int fd, rc;

	if (p->is_there && faccessat(p->dirfd, p->name, W_OK, AT_EACCESS))
		return -errno;
	if (getrandom(&unique, sizeof(unique), 0) < 0)
		return -errno;
	snprintf(temp, NAME_MAX + 1, "%.200s.%016llx", p->name, (unsigned long long)unique);
	fd = openat(p->dirfd, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		rc = -errno;
		*temp = '\0';
		return rc;
	}
	rc = dress(fd, p, mode);
	if (!rc)
		return fd;
	if (p->is_there && rc == -EPERM)
		p->why = "its owner and group cannot be kept; name another file";
	close(fd);
	return rc;
}

static int failed(const char *path, int rc, const char *why, struct err *err)
{
	return err_set(err, EXIT_REFUSED, -rc, "the output cannot be written to %.200s: %s", path, why ? why : strerror(-rc));
}

static int open_place(const char *path, unsigned int mode, bool only_check, struct output *ret,
		      struct err *err)
{
	struct place p;
	int rc = find_place(path, &p), fd = -1;

	*ret = (struct output){ .dirfd = p.dirfd };
	strcpy(ret->name, p.name);
	if (!rc && p.is_there && S_ISDIR(p.st.st_mode))
		rc = -EISDIR;
	ret->in_place = is_special(&p);
	if (!rc && !(ret->in_place && only_check)) {
		fd = ret->in_place ? open_special(&p) : open_temp(&p, mode, ret->temp);
		rc = fd < 0 ? fd : 0;
	}
	if (fd >= 0 && !(ret->f = fdopen(fd, "w"))) {
		rc = -errno;
		close(fd);
	}
	return rc ? failed(path, rc, p.why, err) : 0;
}

int output_open(const char *path, unsigned int mode, struct output *ret, struct err *err)
{
	return open_place(path, mode, false, ret, err);
}

bool output_is_whole(FILE *f, char *const *text)
{
	bool failed = ferror(f);

	return !fclose(f) && !failed && *text;
}

int output_flush(FILE *f)
{
	errno = 0;
	if (!fflush(f) && !ferror(f))
		return 0;
	return errno ? -errno : -EIO;
}

int output_commit(struct output *o, const char *path, struct err *err)
{
	int rc = output_flush(o->f);

	if (!rc && !o->in_place &&
	    (fsync(fileno(o->f)) || renameat(o->dirfd, o->temp, o->dirfd, o->name)))
		rc = -errno;
	if (rc)
		return failed(path, rc, NULL, err);
	*o->temp = '\0';
	return 0;
}

void output_close(struct output *o)
{
	if (*o->temp)
		unlinkat(o->dirfd, o->temp, 0);
	if (o->f)
		fclose(o->f);
	if (o->dirfd >= 0)
		close(o->dirfd);
	*o = (struct output){ .dirfd = -1 };
}

int output_check(const char *path, struct err *err)
{
	struct output o;
	int rc = open_place(path, 0600, true, &o, err);

	output_close(&o);
	return rc;
}
