// SPDX-License-Identifier: GPL-2.0-only
/*
 * A captured host into the tree: names, modes, links and contents as they are
 * in the archive or directory.  Only sys/ and some of proc/ are taken.
 */
#include "sim/load.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/capture.h"
#include "util/cleanup.h"
#include "util/parse.h"

/* A capture is foreign input: bounds far above any real one. */
enum {
	MAX_FILE = 4 << 20,
	MAX_ENTRIES = 4 << 20,
	MAX_DEPTH = 64,
};

static int out_of_memory(struct err *err)
{
	return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
}

const char *const load_proc_files[] = { "iomem", "cmdline", "modules", "version", "meminfo", NULL };

/* "./sys/x" -> "sys/x"; NULL for what is not part of the simulated host. */
static const char *wanted(const char *path)
{
	while (!strncmp(path, "./", 2))
		path += 2 + strspn(path + 2, "/");
	if (!strcmp(path, "sys") || !strncmp(path, "sys/", 4))
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
static ssize_t registers_read(struct node *node, void *buf, size_t size, uint64_t offset, struct op *op)
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
	int rc = n ? node_set_data(n, data, len) : -ENOMEM;

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

	return n ? node_set_data(n, target, strlen(target)) : -ENOMEM;
}

static int add_dir(struct tree *tree, const char *path, mode_t mode)
{
	struct node *n = tree_add_path(tree, path, NODE_DIR, mode);

	if (!n)
		return -ENOMEM;
	n->mode = mode & 07777;
	return 0;
}

static int add_entry(struct tree *tree, struct archive *a, struct archive_entry *entry,
		     const char *path, struct err *err)
{
	mode_t mode = archive_entry_perm(entry);
	const char *target = archive_entry_symlink(entry);
	_cleanup_free_ char *data = NULL;
	int64_t size = archive_entry_size(entry);
	la_ssize_t got;
	int rc;

	if (!sane(path))
		return err_set(err, EXIT_USAGE, EINVAL, "the capture holds an impossible name");
	if (archive_entry_filetype(entry) == AE_IFDIR) {
		rc = add_dir(tree, path, mode);
	} else if (archive_entry_filetype(entry) == AE_IFLNK && target) {
		rc = add_link(tree, path, target);
	} else if (archive_entry_filetype(entry) == AE_IFREG) {
		if (size < 0 || size > MAX_FILE)
			return err_set(err, EXIT_USAGE, EFBIG, "the capture's /%.200s is too large", path);
		data = malloc((size_t)size + 1);
		if (!data)
			return out_of_memory(err);
		got = archive_read_data(a, data, (size_t)size);
		if (got < 0)
			return err_set(err, EXIT_USAGE, EINVAL, "the capture cannot be read: %.200s",
				       archive_error_string(a));
		rc = add_file(tree, path, mode, data, (size_t)got, false);
	} else {
		return 0;	/* devices, sockets, hard links: a capture of sysfs has none */
	}
	return rc ? out_of_memory(err) : 0;
}

static int errno_by_name(const char *name)
{
	for (int e = 1; e < 134; e++)
		if (strerrorname_np(e) && !strcmp(strerrorname_np(e), name))
			return e;
	return 0;
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
			n->read_errno = errno_by_name(why);
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

static int load_archive(struct tree *tree, const char *path, struct err *err)
{
	_cleanup_(cleanup_archivep) struct archive *a = archive_read_new();
	_cleanup_free_ char *errors = NULL;
	struct archive_entry *entry;
	int rc, n = 0;

	if (!a)
		return out_of_memory(err);
	archive_read_support_filter_all(a);
	archive_read_support_format_all(a);
	if (archive_read_open_filename(a, path, 65536) != ARCHIVE_OK)
		return err_set(err, EXIT_USAGE, EINVAL, "it is not an archive that can be read (%.200s)",
			       archive_error_string(a));
	while ((rc = archive_read_next_header(a, &entry)) == ARCHIVE_OK || rc == ARCHIVE_WARN) {
		const char *name = archive_entry_pathname(entry);

		if (name && !errors && !strcmp(name, CAPTURE_ERRORS))
			errors = read_errors(a, entry);
		name = name ? wanted(name) : NULL;
		if (!name)
			continue;
		if (++n > MAX_ENTRIES)
			return err_set(err, EXIT_USAGE, E2BIG, "it holds too many files");
		rc = add_entry(tree, a, entry, name, err);
		if (rc)
			return rc;
	}
	if (rc != ARCHIVE_EOF)
		return err_set(err, EXIT_USAGE, EINVAL, "it is damaged (%.200s)", archive_error_string(a));
	if (errors)
		apply_errors(tree, errors);
	return 0;
}

static int read_all(int dirfd, const char *name, char **ret_data, size_t *ret_len)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_free_ char *data = NULL;
	size_t len = 0, capacity = 0;

	if (fd < 0)
		return -errno;
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

static int load_file(struct tree *tree, int dirfd, const char *name, const char *path, mode_t mode)
{
	_cleanup_free_ char *data = NULL;
	size_t len = 0;
	int rc = 0;

	if (mode & 0444)
		rc = read_all(dirfd, name, &data, &len);
	if (rc == -ENOMEM || rc == -EFBIG)
		return rc;
	/* what this user may not read, or the live kernel refuses, stays unreadable */
	return add_file(tree, path, mode, data ? data : "", len, rc != 0);
}

static int load_link(struct tree *tree, int dirfd, const char *name, const char *path)
{
	char target[4096];
	ssize_t n = readlinkat(dirfd, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return add_link(tree, path, target);
}

/* Consumes @fd.  @path is a buffer that is extended and restored. */
static int load_dir(struct tree *tree, int fd, char *path, size_t size, int depth)
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
			int sub = openat(dirfd(dir), d->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

			rc = sub < 0 ? -errno : add_dir(tree, path, st.st_mode);
			if (sub >= 0 && !rc)
				rc = load_dir(tree, sub, path, size, depth + 1);
			else if (sub >= 0)
				close(sub);
		} else if (S_ISLNK(st.st_mode)) {
			rc = load_link(tree, dirfd(dir), d->d_name, path);
		} else if (S_ISREG(st.st_mode)) {
			rc = load_file(tree, dirfd(dir), d->d_name, path, st.st_mode);
		}
		if (!rc)
			path[len] = '\0';
	}
	return rc ? rc : -errno;
}

static int load_sys(struct tree *tree, int rootfd, struct err *err)
{
	char path[4096] = "sys", shown[256];
	int rc, fd = openat(rootfd, "sys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	rc = fd < 0 ? -errno : load_dir(tree, fd, path, sizeof(path), 0);
	if (rc)
		return err_set(err, EXIT_USAGE, -rc, "its %s cannot be read: %s",
			       printable(path, shown, sizeof(shown)), strerror(-rc));
	return 0;
}

static int load_proc(struct tree *tree, int rootfd, struct err *err)
{
	for (const char *const *name = load_proc_files; *name; name++) {
		char path[64];
		struct stat st;
		int rc;

		snprintf(path, sizeof(path), "proc/%s", *name);
		if (fstatat(rootfd, path, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
			continue;
		rc = load_file(tree, rootfd, path, path, st.st_mode);
		if (rc)
			return err_set(err, EXIT_USAGE, -rc, "its %s cannot be read: %s", path, strerror(-rc));
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

int load_capture(struct tree *tree, const char *path, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char shown[PATH_MAX];
	struct stat st;
	int rc;

	if (fd < 0 || fstat(fd, &st)) {
		rc = -errno;
		return err_set(err, EXIT_USAGE, -rc, "cannot open the capture %s: %s",
			       printable(path, shown, sizeof(shown)), strerror(-rc));
	}
	if (S_ISDIR(st.st_mode)) {
		rc = load_sys(tree, fd, err);
		rc = rc ? rc : load_proc(tree, fd, err);
		if (!rc && load_errors(tree, fd))
			rc = out_of_memory(err);
	} else {
		rc = load_archive(tree, path, err);
	}
	if (rc)
		return err_wrap(err, "cannot use the capture %.300s", path);
	if (!tree_dir(tree, "sys"))
		return err_set(err, EXIT_USAGE, EINVAL, "%.300s is not a capture: it has no sys/ directory", path);
	return 0;
}
