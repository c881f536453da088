// SPDX-License-Identifier: GPL-2.0-only
/*
 * A captured host into the tree: names, modes, links and contents as they are
 * in the archive or directory.  Only sys/, some of proc/, the state directory and the
 * policy file are taken.
 */
#include "sim/host/load.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "sim/host/capture.h"
#include "sim/state/fault.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/parse.h"
#include "util/state.h"

/* A capture is foreign input: bounds far above any real one. */
enum {
	MAX_FILE = 4 << 20,
	MAX_TOTAL = 256 << 20,
	ENTRY_BYTES = 1024,	/* more than a name and its node take */
	MAX_DEPTH = 64,
};

struct load {
	struct tree *tree;
	uint64_t bytes;		/* of all that was met, what was not taken included */
};

static int out_of_memory(struct err *err)
{
	return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
}

/* Why /@path of the capture stops the loading. */
static int refuse(const char *path, int rc, struct err *err)
{
	char shown[256];

	if (rc == -ENOMEM)
		return out_of_memory(err);
	if (rc == -E2BIG)
		return err_set(err, EXIT_USAGE, E2BIG, "it holds more than %d MiB, no capture of a host is that large", MAX_TOTAL >> 20);
	return err_set(err, EXIT_USAGE, -rc, "its /%s %s", printable(path, shown, sizeof(shown)),
		       rc == -EFBIG ? "is too large for a file of a capture" :
		       rc == -ENOTDIR ? "lies below what is not a directory" : strerror(-rc));
}

/* One more entry, of @size bytes. */
static int count(struct load *l, uint64_t size)
{
	l->bytes += ENTRY_BYTES;
	if (size > MAX_TOTAL || l->bytes > MAX_TOTAL - size)
		return -E2BIG;
	l->bytes += size;
	return 0;
}

const char *const load_proc_files[] = { "iomem", "cmdline", "modules", "version", "meminfo", "cpuinfo", NULL };

/* "./sys/x" -> "sys/x"; NULL for what is not part of the simulated host. */
static const char *wanted(const char *path)
{
	while (!strncmp(path, "./", 2))
		path += 2 + strspn(path + 2, "/");
	if (!strcmp(path, "sys") || !strncmp(path, "sys/", 4) || !strcmp(path, STATE_DIR_CAPTURED) ||
	    !strncmp(path, STATE_DIR_CAPTURED "/", strlen(STATE_DIR_CAPTURED "/")) || !strcmp(path, &POLICY_FILE[1]))
		return path;
	for (const char *const *name = load_proc_files; *name; name++)
		if (!strncmp(path, "proc/", 5) && !strcmp(path + 5, *name))
			return path;
	return NULL;
}

static bool sane(const char *path)
{
	int depth = 0;

	for (const char *c = path; *c; depth++) {
		size_t n = strcspn(c, "/");

		if ((n == 1 && c[0] == '.') || (n == 2 && c[0] == '.' && c[1] == '.') || n > 255)
			return false;
		c += n;
		c += strspn(c, "/");
	}
	return depth && depth <= MAX_DEPTH;
}

/*
 * What stat(2) says of the size: 4096 for sysfs text, the true size for the
 * binary files that have one (PCI config space, ACPI tables), 0 below /proc.
 */
static void set_size(struct node *n, const char *path)
{
	if (!strncmp(path, "proc/", 5))
		n->size = 0;
	else if (!strcmp(n->name, "config") || !strncmp(path, "sys/firmware/acpi/tables/", 25))
		n->size = n->len;
}

/*
 * A recorded register file (resourceN): as hardware, exact double words.  A
 * model replaces it.
 */
static ssize_t registers_read(struct node *node, void *buf, size_t size, uint64_t offset,
			      struct op *op)
{
	(void)op;
	if (offset >= node->len)
		return 0;
	if (size != 4 || offset % 4 || offset + 4 > node->len)
		return -EINVAL;
	memcpy(buf, node->data + offset, 4);
	return 4;
}

static const struct attr_ops registers_ops = { .read = registers_read };

static bool is_register_file(const struct node *n)
{
	uint64_t key;

	return !fnmatch("resource[0-5]", n->name, 0) && parse_pci_address(n->parent->name, &key);
}

static int add_file(struct tree *tree, const char *path, mode_t mode, const void *data, size_t len,
		    bool unreadable)
{
	struct node *n = tree_add_path(tree, path, NODE_FILE, mode);
	int rc = n ? node_set_data(n, data, len) : -errno;

	if (rc)
		return rc;
	n->unreadable = unreadable;
	set_size(n, path);
	if (is_register_file(n)) {
		n->size = len;
		n->ops = &registers_ops;
	}
	return 0;
}

static int add_link(struct tree *tree, const char *path, const char *target)
{
	struct node *n = tree_add_path(tree, path, NODE_LINK, 0777);

	return n ? node_set_data(n, target, strlen(target)) : -errno;
}

static int add_dir(struct tree *tree, const char *path, mode_t mode)
{
	struct node *n = tree_add_path(tree, path, NODE_DIR, mode);

	if (!n)
		return -errno;
	n->mode = mode & 07777;
	return 0;
}

static int damaged(struct archive *a, struct err *err)
{
	const char *why = archive_error_string(a);

	return err_set(err, EXIT_USAGE, EINVAL, "it is damaged (%.200s)", why ? why : "it ends early");
}

static int add_entry(struct tree *tree, struct archive *a, struct archive_entry *entry,
		     const char *path, struct err *err)
{
	mode_t mode = archive_entry_perm(entry);
	const char *target = archive_entry_symlink(entry);
	_cleanup_free_ char *data = NULL;
	int64_t size = archive_entry_size(entry);
	int rc = 0;

	if (!sane(path))
		return err_set(err, EXIT_USAGE, EINVAL, "it holds an impossible name");
	if (archive_entry_filetype(entry) == AE_IFDIR) {
		rc = add_dir(tree, path, mode);
	} else if (archive_entry_filetype(entry) == AE_IFLNK && target) {
		rc = add_link(tree, path, target);
	} else if (archive_entry_filetype(entry) == AE_IFREG) {
		if (size < 0 || size > MAX_FILE)
			return refuse(path, -EFBIG, err);
		data = malloc((size_t)size + 1);
		if (!data)
			return out_of_memory(err);
		if (archive_read_data(a, data, (size_t)size) != size)
			return damaged(a, err);
		rc = add_file(tree, path, mode, data, (size_t)size, false);
	}	/* devices, sockets, hard links: a capture of sysfs has none */
	return rc ? refuse(path, rc, err) : 0;
}

/* Files that the captured machine could not read either: see CAPTURE_ERRORS. */
static void apply_errors(struct tree *tree, char *text)
{
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *why = strchr(line, '\t');
		struct node *n;

		if (!why)
			continue;
		*why++ = '\0';
		why[strcspn(why, ":")] = '\0';
		n = strncmp(line, "sys/", 4) ? NULL : tree_resolve(tree, NULL, line);
		if (n && n->kind == NODE_FILE && !n->len)
			n->read_errno = fault_errno(why);
	}
}

/* The text of CAPTURE_ERRORS in an archive, malloced; NULL: too large, or out of memory. */
static char *read_errors(struct archive *a, struct archive_entry *entry)
{
	int64_t size = archive_entry_size(entry);
	char *text = size < 0 || size > MAX_FILE ? NULL : malloc((size_t)size + 1);
	la_ssize_t got = text ? archive_read_data(a, text, (size_t)size) : 0;

	if (text)
		text[got < 0 ? 0 : got] = '\0';
	return text;
}

static void cleanup_archivep(struct archive **a)
{
	archive_read_free(*a);
}

/*
 * What tar and its usual compressions make.  libarchive knows more, and starts
 * other programs for some: not on what somebody else made.
 */
static int open_archive(struct archive *a, int fd)
{
	archive_read_support_format_tar(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_zstd(a);
	return archive_read_open_fd(a, fd, 65536);
}

static int load_archive(struct load *l, int fd, struct err *err)
{
	_cleanup_(cleanup_archivep) struct archive *a = archive_read_new();
	_cleanup_free_ char *errors = NULL;
	struct archive_entry *entry;
	int rc;

	if (!a)
		return out_of_memory(err);
	if (open_archive(a, fd) != ARCHIVE_OK)
		return err_set(err, EXIT_USAGE, EINVAL, "it is not an archive that can be read (%.200s)",
			       archive_error_string(a));
	while ((rc = archive_read_next_header(a, &entry)) == ARCHIVE_OK || rc == ARCHIVE_WARN) {
		const char *name = archive_entry_pathname(entry);
		int64_t size = archive_entry_size(entry);

		/* what is not taken is unpacked as well */
		if (count(l, size > 0 ? (uint64_t)size : 0))
			return refuse("", -E2BIG, err);
		if (name && !errors && !strcmp(name, CAPTURE_ERRORS))
			errors = read_errors(a, entry);
		name = name ? wanted(name) : NULL;
		if (!name)
			continue;
		rc = add_entry(l->tree, a, entry, name, err);
		if (rc)
			return rc;
	}
	if (rc != ARCHIVE_EOF && !l->bytes)
		return err_set(err, EXIT_USAGE, EINVAL, "it is not an archive that can be read (%.200s)", archive_error_string(a));
	if (rc != ARCHIVE_EOF)
		return damaged(a, err);
	if (errors)
		apply_errors(l->tree, errors);
	return 0;
}

static int read_all(int dirfd, const char *name, char **ret_data, size_t *ret_len)
{
	_cleanup_close_ int fd = file_open(dirfd, name, O_RDONLY | O_NOFOLLOW, 0, NULL);
	_cleanup_free_ char *data = NULL;
	size_t len = 0, capacity = 0;

	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t got;

		if (len == capacity) {
			char *grown = realloc(data, capacity ? 2 * capacity : 4096);

			if (!grown)
				return -ENOMEM;
			data = grown;
			capacity = capacity ? 2 * capacity : 4096;
		}
		got = read(fd, data + len, capacity - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		len += (size_t)got;
		if (len > MAX_FILE)
			return -EFBIG;
	}
	*ret_data = steal_ptr(&data);
	*ret_len = len;
	return 0;
}

static int load_file(struct load *l, int dirfd, const char *name, const char *path, mode_t mode)
{
	_cleanup_free_ char *data = NULL;
	size_t len = 0;
	int rc = 0;

	if (mode & 0444)
		rc = read_all(dirfd, name, &data, &len);
	if (rc == -ENOMEM || rc == -EFBIG)
		return rc;
	if (count(l, len))
		return -E2BIG;
	/* what this user may not read, or the live kernel refuses, stays unreadable */
	return add_file(l->tree, path, mode, data ? data : "", len, rc != 0);
}

static int load_link(struct load *l, int dirfd, const char *name, const char *path)
{
	char target[4096];
	ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return count(l, (uint64_t)n) ? -E2BIG : add_link(l->tree, path, target);
}

/* Consumes @fd.  @path is a buffer that is extended and restored. */
static int load_dir(struct load *l, int fd, char *path, size_t size, int depth)
{
	_cleanup_closedir_ DIR *dir = fdopendir(fd);
	size_t len = strlen(path);
	struct dirent *d;
	int rc = 0;

	if (!dir) {
		rc = -errno;
		close(fd);
		return rc;
	}
	if (depth > MAX_DEPTH)
		return -ELOOP;
	while (!rc && (errno = 0, d = readdir(dir))) {
		struct stat st;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		if (fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW))
			return -errno;
		if ((size_t)snprintf(path + len, size - len, "/%s", d->d_name) >= size - len)
			return -ENAMETOOLONG;
		if (S_ISDIR(st.st_mode)) {
			int sub = openat(dirfd(dir), d->d_name,
					 O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

			rc = sub < 0	   ? -errno
			     : count(l, 0) ? -E2BIG
					   : add_dir(l->tree, path, st.st_mode);
			if (sub >= 0 && !rc)
				rc = load_dir(l, sub, path, size, depth + 1);
			else if (sub >= 0)
				close(sub);
		} else if (S_ISLNK(st.st_mode)) {
			rc = load_link(l, dirfd(dir), d->d_name, path);
		} else if (S_ISREG(st.st_mode)) {
			rc = load_file(l, dirfd(dir), d->d_name, path, st.st_mode);
		}
		if (!rc)
			path[len] = '\0';
	}
	return rc ? rc : -errno;
}

static int load_below(struct load *l, int rootfd, const char *dir, struct err *err)
{
	char path[4096];
	int rc, fd;

	snprintf(path, sizeof(path), "%s", dir);
	fd = openat(rootfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	rc = fd < 0 ? -errno : load_dir(l, fd, path, sizeof(path), 0);
	return rc ? refuse(path, rc, err) : 0;
}

/* One file, if it is there. */
static int load_one(struct load *l, int rootfd, const char *path, struct err *err)
{
	struct stat st;
	int rc;

	if (fstatat(rootfd, path, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
		return 0;
	rc = load_file(l, rootfd, path, path, st.st_mode);
	return rc ? refuse(path, rc, err) : 0;
}

static int load_proc(struct load *l, int rootfd, struct err *err)
{
	for (const char *const *name = load_proc_files; *name; name++) {
		char path[64];
		int rc;

		snprintf(path, sizeof(path), "proc/%s", *name);
		rc = load_one(l, rootfd, path, err);
		if (rc)
			return rc;
	}
	return 0;
}

static int load_errors(struct tree *tree, int rootfd)
{
	_cleanup_free_ char *data = NULL, *text = NULL;
	size_t len = 0;

	if (read_all(rootfd, CAPTURE_ERRORS, &data, &len))
		return 0;	/* there is none */
	text = calloc(1, len + 1);
	if (!text)
		return -ENOMEM;
	if (len)
		memcpy(text, data, len);
	apply_errors(tree, text);
	return 0;
}

static int load_directory(struct load *l, int fd, struct err *err)
{
	int rc = load_below(l, fd, "sys", err);

	rc = rc ? rc : load_below(l, fd, STATE_DIR_CAPTURED, err);
	rc = rc ? rc : load_one(l, fd, &POLICY_FILE[1], err);
	rc = rc ? rc : load_proc(l, fd, err);
	return rc || !load_errors(l->tree, fd) ? rc : out_of_memory(err);
}

int load_capture(struct tree *tree, const char *path, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct load l = { .tree = tree };
	char shown[PATH_MAX];
	struct stat st;
	int rc = fd < 0 || fstat(fd, &st) ? -errno : file_kind(&st);

	if (rc && rc != -EISDIR)
		return err_set(err, EXIT_USAGE, -rc, "cannot open the capture %s: %s",
			       printable(path, shown, sizeof(shown)), err_text(-rc));
	rc = rc ? load_directory(&l, fd, err) : load_archive(&l, fd, err);
	if (rc)
		return err_wrap(err, "cannot use the capture %.300s", path);
	if (!tree_dir(tree, "sys"))
		return err_set(err, EXIT_USAGE, EINVAL, "%.300s is not a capture: it has no sys/ directory", path);
	return 0;
}
