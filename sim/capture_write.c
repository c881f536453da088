// SPDX-License-Identifier: GPL-2.0-only
/* A recorded machine into an archive: see capture.h. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "sim/capture.h"
#include "sim/sim.h"
#include "util/cleanup.h"

static void cleanup_archivep(struct archive **a)
{
	archive_write_free(*a);
}

static void cleanup_entryp(struct archive_entry **e)
{
	archive_entry_free(*e);
}

static int put(struct archive *a, const char *path, enum node_kind kind, mode_t mode, const char *data, size_t len)
{
	_cleanup_(cleanup_entryp) struct archive_entry *e = archive_entry_new();

	if (!e)
		return -ENOMEM;
	archive_entry_set_pathname(e, path);
	archive_entry_set_perm(e, mode);
	archive_entry_set_mtime(e, time(NULL), 0);
	archive_entry_set_uname(e, "root");
	archive_entry_set_gname(e, "root");
	archive_entry_set_filetype(e, kind == NODE_DIR ? AE_IFDIR : kind == NODE_LINK ? AE_IFLNK : AE_IFREG);
	if (kind == NODE_LINK)
		archive_entry_set_symlink(e, data ? data : "");
	else
		archive_entry_set_size(e, kind == NODE_FILE ? (la_int64_t)len : 0);
	if (archive_write_header(a, e) != ARCHIVE_OK)
		return -EIO;
	return kind == NODE_FILE && len && archive_write_data(a, data, len) != (la_ssize_t)len ? -EIO : 0;
}

static int put_tree(struct archive *a, const struct node *node)
{
	_cleanup_free_ char *path = node_path(node);
	int rc = 0;

	if (!path)
		return -ENOMEM;
	if (node->parent)
		rc = put(a, path + 1, node->kind, node->mode, node->data, node->len);
	for (size_t i = 0; !rc && i < node->n_children; i++)
		rc = put_tree(a, node->children[i]);
	return rc;
}

static int put_all(struct archive *a, const struct capture *capture, int fd)
{
	int rc;

	if (archive_write_add_filter_xz(a) != ARCHIVE_OK || archive_write_set_format_pax_restricted(a) != ARCHIVE_OK ||
	    archive_write_open_fd(a, fd) != ARCHIVE_OK)
		return -EIO;
	rc = put_tree(a, capture->sim->tree.root);
	if (!rc && capture->errors)
		rc = put(a, CAPTURE_ERRORS, NODE_FILE, 0644, capture->errors, capture->errors_len);
	if (!rc && archive_write_close(a) != ARCHIVE_OK)
		rc = -EIO;
	return rc;
}

int capture_write(const struct capture *capture, const char *file, struct err *err)
{
	_cleanup_(cleanup_archivep) struct archive *a = archive_write_new();
	_cleanup_free_ char *temporary = NULL;
	_cleanup_close_ int fd = -1;
	int rc = 0;

	if (!a || asprintf(&temporary, "%s.XXXXXX", file) < 0) {
		temporary = NULL;
		return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
	}
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return err_set(err, EXIT_REFUSED, errno, "cannot write beside %.300s: %s", file, strerror(errno));
	rc = put_all(a, capture, fd);
	if (rc == -EIO && archive_errno(a) > 0)
		rc = -archive_errno(a);
	if (!rc && (fchmod(fd, 0600) || fsync(fd) || rename(temporary, file)))	/* it holds physical addresses */
		rc = -errno;
	if (rc) {
		unlink(temporary);
		return err_set(err, EXIT_REFUSED, -rc, "cannot write %.300s: %s; it is as it was before", file,
			       strerror(-rc));
	}
	return 0;
}
