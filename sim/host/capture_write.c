// SPDX-License-Identifier: GPL-2.0-only
/* A recorded machine into an archive: see capture.h. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "sim/host/capture.h"
#include "sim/state/sim.h"
#include "util/cleanup.h"
#include "util/output.h"

static void cleanup_archivep(struct archive **a)
{
	archive_write_free(*a);
}

static void cleanup_entryp(struct archive_entry **e)
{
	archive_entry_free(*e);
}

static int put(struct archive *a, const char *path, enum node_kind kind, mode_t mode,
	       const char *data, size_t len)
{
	_cleanup_(cleanup_entryp) struct archive_entry *e = archive_entry_new();

	if (!e)
		return -ENOMEM;
	archive_entry_set_pathname(e, path);
	archive_entry_set_perm(e, mode);
	archive_entry_set_mtime(e, time(NULL), 0);
	archive_entry_set_uname(e, "root");
	archive_entry_set_gname(e, "root");
	archive_entry_set_filetype(e, kind == NODE_DIR	  ? AE_IFDIR
				      : kind == NODE_LINK ? AE_IFLNK
							  : AE_IFREG);
	if (kind == NODE_LINK)
		archive_entry_set_symlink(e, data ? data : "");
	else
		archive_entry_set_size(e, kind == NODE_FILE ? (la_int64_t)len : 0);
	if (archive_write_header(a, e) != ARCHIVE_OK)
		return -EIO;
	return kind == NODE_FILE && len && archive_write_data(a, data, len) != (la_ssize_t)len
		       ? -EIO
		       : 0;
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

	if (archive_write_add_filter_xz(a) != ARCHIVE_OK ||
	    archive_write_set_format_pax_restricted(a) != ARCHIVE_OK ||
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
	struct output o;
	int rc;

	if (!a)
		return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
	rc = output_open(file, 0600, &o, err);
	/* also in place of an older one: it holds physical addresses */
	if (!rc && !o.in_place && fchmod(fileno(o.f), 0600))
		rc = err_set(err, EXIT_REFUSED, errno, "cannot write %.300s: %s; it is as it was before", file, strerror(errno));
	if (!rc) {
		rc = put_all(a, capture, fileno(o.f));
		if (rc == -EIO && archive_errno(a) > 0)
			rc = -archive_errno(a);
		if (rc)
			err_set(err, EXIT_REFUSED, -rc, "cannot write %.300s: %s; it is as it was before", file, strerror(-rc));
	}
	rc = rc ? rc : output_commit(&o, file, err);
	output_close(&o);
	return rc;
}
