// SPDX-License-Identifier: GPL-2.0-only
/*
 * The FUSE server: names, attributes, directories and links here, reading and
 * writing in io.c.  No entry is cached by the kernel, and attributes only for a
 * moment, so that every operation arrives and the log is complete.  Inode numbers
 * towards the kernel are node pointers: nodes live as long as the tree.
 */
#include "sim/server/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/server/io.h"
#include "sim/state/later.h"
#include "util/cleanup.h"
#include "util/clock.h"

/* A hung server is killed by SIGALRM: it looks in at least as often as IDLE_MS. */
enum { WATCHDOG_SECONDS = 60, IDLE_MS = 10000 };

/*
 * Each part of a path is looked up again, with its attributes; the kernel's check of
 * permissions, right behind, need not ask for them once more.
 */
#define ATTR_SECONDS 0.02

static struct io *io_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static struct node *node_of(fuse_req_t req, fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID ? io_of(req)->sim->tree.root : (struct node *)(uintptr_t)ino;
}

/* What /dev/cxl-sim/ctl is bound to: the only file at the top, and not the host's. */
static bool is_control_file(const struct node *node)
{
	return node->kind == NODE_FILE && node->parent && !node->parent->parent;
}

/* The stage is set even on a host that is dead already. */
static bool is_dead_for(fuse_req_t req, const struct node *node)
{
	const struct sim *sim = io_of(req)->sim;

	return sim_is_dead(sim) && fuse_req_ctx(req)->pid != SIM_STAGE_PID &&
	       node != sim->tree.root && !is_control_file(node);
}

/* On a dead host: log @op on @node, answer EIO and return true. */
static bool refuse_dead(fuse_req_t req, const char *op, const struct node *node)
{
	_cleanup_free_ char *path = NULL;

	if (!is_dead_for(req, node))
		return false;
	path = node_path(node);
	if (path)
		io_log(io_of(req), req, op, path, NULL, EIO);
	fuse_reply_err(req, EIO);
	return true;
}

static char *child_path(const struct node *dir, const char *name)
{
	_cleanup_free_ char *parent = node_path(dir);
	char *path;

	if (!parent || asprintf(&path, "%s/%s", strcmp(parent, "/") ? parent : "", name) < 0)
		return NULL;
	return path;
}

static void log_child(fuse_req_t req, const char *op, const struct node *dir, const char *name,
		      int errnum)
{
	_cleanup_free_ char *path = io_of(req)->sim->log.fd >= 0 ? child_path(dir, name) : NULL;

	if (path)
		io_log(io_of(req), req, op, path, NULL, errnum);
}

static void fill_stat(const struct node *n, struct stat *st)
{
	*st = (struct stat){
		.st_ino = n->ino,
		.st_mode = n->mode,
		.st_nlink = 1,
		.st_size = (off_t)n->size,
		.st_blksize = 4096,
	};
	if (n->kind == NODE_DIR) {
		st->st_mode |= S_IFDIR;
		st->st_nlink = 2;
		for (size_t i = 0; i < n->n_children; i++)
			st->st_nlink += n->children[i]->kind == NODE_DIR;
	} else if (n->kind == NODE_LINK) {
		st->st_mode |= S_IFLNK;
	} else {
		st->st_mode |= S_IFREG;
	}
}

static void fs_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	conn->want &= ~(unsigned int)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
				      FUSE_CAP_SPLICE_MOVE | FUSE_CAP_ASYNC_READ |
				      FUSE_CAP_READDIRPLUS);
	/* O_TRUNC comes with the open and is ignored there, as sysfs does */
	conn->want |= conn->capable & FUSE_CAP_ATOMIC_O_TRUNC;
}

static void fs_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct node *dir = node_of(req, parent), *n;
	struct fuse_entry_param e = { 0 };

	if (is_dead_for(req, dir)) {
		log_child(req, "lookup", dir, name, EIO);
		fuse_reply_err(req, EIO);
		return;
	}
	n = dir->gone ? NULL : tree_child(dir, name);
	if (!n) {
		log_child(req, "lookup", dir, name, ENOENT);
		fuse_reply_err(req, ENOENT);
		return;
	}
	e.ino = (uintptr_t)n;
	e.attr_timeout = ATTR_SECONDS;
	fill_stat(n, &e.attr);
	fuse_reply_entry(req, &e);
}

static void fs_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct node *n = node_of(req, ino);
	struct stat st;

	(void)fi;
	if (refuse_dead(req, "stat", n))
		return;
	fill_stat(n, &st);
	fuse_reply_attr(req, &st, ATTR_SECONDS);
}

/* As sysfs: modes can be changed, truncation and times do nothing. */
static void fs_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		       struct fuse_file_info *fi)
{
	struct node *n = node_of(req, ino);
	_cleanup_free_ char *path = node_path(n);
	struct stat st;
	char mode[16];

	(void)fi;
	if (refuse_dead(req, "chmod", n))
		return;
	if (to_set & FUSE_SET_ATTR_MODE && path) {
		snprintf(mode, sizeof(mode), "%04o", attr->st_mode & 07777);
		io_log(io_of(req), req, "chmod", path, mode, 0);
	}
	if (to_set & FUSE_SET_ATTR_MODE)
		n->mode = attr->st_mode & 07777;
	if (to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) {
		fuse_reply_err(req, EPERM);
		return;
	}
	fill_stat(n, &st);
	fuse_reply_attr(req, &st, 0);
}

static void fs_readlink(fuse_req_t req, fuse_ino_t ino)
{
	const struct node *n = node_of(req, ino);
	_cleanup_free_ char *path = NULL;

	if (refuse_dead(req, "readlink", n))
		return;
	path = node_path(n);
	if (path)
		io_log(io_of(req), req, "readlink", path, NULL, 0);
	fuse_reply_readlink(req, n->data ? n->data : "");
}

static void fs_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	io_open(io_of(req), req, node_of(req, ino), fi);
}

static struct open_file *file_of(const struct fuse_file_info *fi)
{
	return (struct open_file *)(uintptr_t)fi->fh;
}

static void fs_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	(void)ino;
	io_read(io_of(req), req, file_of(fi), size, (uint64_t)off, fi->flags & O_NONBLOCK);
}

static void fs_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t off,
		     struct fuse_file_info *fi)
{
	(void)ino;
	io_write(io_of(req), req, file_of(fi), buf, size, (uint64_t)off);
}

static void fs_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	io_release(io_of(req), file_of(fi));
	fuse_reply_err(req, 0);
}

static void fs_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
		    struct fuse_pollhandle *handle)
{
	(void)ino;
	fuse_reply_poll(req, io_poll(io_of(req), file_of(fi), handle));
}

/* --- directories: a snapshot of the names per pass ----------------------- */

struct open_dir {
	char *entries;
	size_t len, capacity;
	off_t next;		/* offset of the next entry to be added */
};

static int add_entry(fuse_req_t req, struct open_dir *d, const char *name, const struct node *n)
{
	size_t need = fuse_add_direntry(req, NULL, 0, name, NULL, 0);
	struct stat st;

	if (d->len + need > d->capacity) {
		size_t capacity = 2 * d->capacity + need + 1024;
		char *grown = realloc(d->entries, capacity);

		if (!grown)
			return -ENOMEM;
		d->entries = grown;
		d->capacity = capacity;
	}
	fill_stat(n, &st);
	d->len += fuse_add_direntry(req, d->entries + d->len, need, name, &st,
				    (off_t)(d->len + need));
	return 0;
}

static int fill_dir(fuse_req_t req, struct open_dir *d, const struct node *dir)
{
	int rc;

	d->len = 0;
	rc = add_entry(req, d, ".", dir);
	rc = rc ? rc : add_entry(req, d, "..", dir->parent ? dir->parent : dir);
	for (size_t i = 0; !rc && !dir->gone && i < dir->n_children; i++)
		rc = add_entry(req, d, dir->children[i]->name, dir->children[i]);
	return rc;
}

static void fs_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct open_dir *d;

	if (refuse_dead(req, "readdir", node_of(req, ino)))
		return;
	d = calloc(1, sizeof(*d));
	if (!d) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	fi->fh = (uintptr_t)d;
	if (fuse_reply_open(req, fi))
		free(d);
}

static void fs_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	struct open_dir *d = (struct open_dir *)(uintptr_t)fi->fh;
	const struct node *dir = node_of(req, ino);
	size_t at = (size_t)off, end = at;
	int rc = 0;

	if (refuse_dead(req, "readdir", dir))
		return;
	if (!off) {
		_cleanup_free_ char *path = node_path(dir);

		rc = fill_dir(req, d, dir);
		if (path)
			io_log(io_of(req), req, "readdir", path, NULL, -rc);
	}
	if (rc) {
		fuse_reply_err(req, -rc);
		return;
	}
	/* whole entries only: each holds the offset of the one after it */
	while (end < d->len) {
		uint64_t next;

		memcpy(&next, d->entries + end + sizeof(uint64_t), sizeof(next));	/* struct fuse_dirent */
		if (next - at > size)
			break;
		end = (size_t)next;
	}
	fuse_reply_buf(req, at < d->len ? d->entries + at : NULL, at < d->len ? end - at : 0);
}

static void fs_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct open_dir *d = (struct open_dir *)(uintptr_t)fi->fh;

	(void)ino;
	free(d->entries);
	free(d);
	fuse_reply_err(req, 0);
}

/* --- what sysfs refuses, and with which errno ---------------------------- */

static void refuse(fuse_req_t req, const char *op, fuse_ino_t parent, const char *name, int errnum)
{
	log_child(req, op, node_of(req, parent), name, errnum);
	fuse_reply_err(req, errnum);
}

static void fs_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	(void)mode;
	(void)fi;
	refuse(req, "create", parent, name, EACCES);	/* kernfs directories have no create */
}

static void fs_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	(void)mode;
	(void)rdev;
	refuse(req, "mknod", parent, name, EPERM);
}

static struct op op_of(fuse_req_t req, struct node *node)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return (struct op){
		.sim = io_of(req)->sim,
		.kind = OP_WRITE,
		.pid = ctx->pid,
		.uid = ctx->uid,
		.node = node,
	};
}

/* Only where a model makes something of it, as tracefs does of its instances. */
static void fs_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct node *dir = node_of(req, parent);
	struct op op = op_of(req, dir);
	int rc = -EPERM;

	(void)mode;
	if (is_dead_for(req, dir) || dir->gone)
		rc = dir->gone ? -ENOENT : -EIO;
	else if (dir->ops && dir->ops->mkdir)
		rc = dir->ops->mkdir(dir, name, &op);
	if (rc) {
		refuse(req, "mkdir", parent, name, -rc);
		return;
	}
	log_child(req, "mkdir", dir, name, 0);
	fs_lookup(req, parent, name);
}

static void fs_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	refuse(req, "unlink", parent, name, EPERM);
}

static void fs_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct node *dir = node_of(req, parent), *n = tree_child(dir, name);
	struct op op = op_of(req, n);
	int rc = n ? -EPERM : -ENOENT;

	if (is_dead_for(req, dir))
		rc = -EIO;
	else if (n && n->ops && n->ops->rmdir)
		rc = n->ops->rmdir(n, &op);
	refuse(req, "rmdir", parent, name, -rc);
}

static void fs_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name)
{
	(void)link;
	refuse(req, "symlink", parent, name, EPERM);
}

static void fs_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
		      const char *newname, unsigned int flags)
{
	(void)newparent;
	(void)newname;
	(void)flags;
	refuse(req, "rename", parent, name, EPERM);
}

static void fs_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent, const char *newname)
{
	(void)ino;
	refuse(req, "link", newparent, newname, EPERM);
}

static const struct fuse_lowlevel_ops fs_ops = {
	.init = fs_init,
	.lookup = fs_lookup,
	.getattr = fs_getattr,
	.setattr = fs_setattr,
	.readlink = fs_readlink,
	.open = fs_open,
	.read = fs_read,
	.write = fs_write,
	.release = fs_release,
	.poll = fs_poll,
	.opendir = fs_opendir,
	.readdir = fs_readdir,
	.releasedir = fs_releasedir,
	.create = fs_create,
	.mknod = fs_mknod,
	.mkdir = fs_mkdir,
	.unlink = fs_unlink,
	.rmdir = fs_rmdir,
	.symlink = fs_symlink,
	.rename = fs_rename,
	.link = fs_link,
};

/* Of two waits in milliseconds; -1 is for ever. */
static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

static void watchdog(uint64_t *armed)
{
	uint64_t now = clock_now_us();

	if (*armed && now - *armed < 1000000)
		return;
	*armed = now;
	alarm(WATCHDOG_SECONDS);
}

/* One operation after another, in the order of arrival; those that wait in between. */
static int loop(struct fuse_session *se, struct io *io)
{
	struct fuse_buf buf = { 0 };
	uint64_t armed = 0;
	int rc = 0;

	while (!fuse_session_exited(se)) {
		struct pollfd p = { .fd = fuse_session_fd(se), .events = POLLIN };
		int wait = sooner(IDLE_MS, sooner(io_next_due(io), later_next(io->sim))), n;

		watchdog(&armed);
		n = poll(&p, 1, wait);
		later_run(io->sim);
		io_run_due(io);
		io_tell_polls(io);
		if (n <= 0)
			continue;
		rc = fuse_session_receive_buf(se, &buf);
		if (rc == -EINTR)
			continue;
		if (rc <= 0)
			break;
		fuse_session_process_buf(se, &buf);
		io_run_due(io);
		io_tell_polls(io);
	}
	free(buf.mem);
	return rc;
}

int fs_serve(struct sim *sim, int fuse_fd, struct err *err)
{
	char *argv[] = { (char[]){ "cxl-sim" }, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	struct io io = { .sim = sim };
	struct fuse_session *se = fuse_session_new(&args, &fs_ops, sizeof(fs_ops), &io);
	char fd[32];
	int rc = -ENOMEM;

	snprintf(fd, sizeof(fd), "/dev/fd/%d", fuse_fd);
	if (se && !fuse_session_mount(se, fd))
		rc = loop(se, &io);
	alarm(0);
	if (se)
		fuse_session_destroy(se);
	io_exit(&io);
	return rc < 0 ? err_set(err, EXIT_REFUSED, -rc, "the simulated host's file system failed: %s",
				strerror(-rc)) : 0;
}
