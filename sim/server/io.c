// SPDX-License-Identifier: GPL-2.0-only
/* The way of a file operation: see io.h. */
#include "sim/server/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/models/link.h"
#include "sim/models/models.h"
#include "sim/models/port.h"
#include "util/cleanup.h"

enum {
	TEXT_SIZE = 4096,		/* a sysfs attribute's page */
	MAX_READ = 1 << 20,
	MAX_WAIT_MS = 60000,		/* nothing is held longer than this at a time */
	DYING_CHECK_MS = 50,
};

struct request {
	struct op op;
	struct io *io;
	fuse_req_t req;
	struct open_file *file;		/* OP_READ, OP_WRITE */
	struct fuse_file_info fi;	/* OP_OPEN */
	char *path;
	char *buf;			/* to write; what was read */
	size_t len;			/* asked for */
	uint64_t offset;
	const struct fault *fault;
	bool counted, struck;
	bool interrupted;		/* a signal arrived for the client, perhaps not its death */
	bool abandoned;			/* the client is dying: stop waiting */
	const char *note;
	uint64_t due;
	struct request *next;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* What is gone has no model any more. */
static void open_file_free(struct open_file *file)
{
	if (file && !file->node->gone && file->node->ops && file->node->ops->release)
		file->node->ops->release(file->node);
	if (file)
		free(file->text);
	free(file);
}

static bool is_binary(const struct node *node)
{
	return node->ops && (node->ops->read || node->ops->write);
}

/*
 * A store in the kernel goes on when a signal arrives, and so does one that
 * waits here, unless the signal kills: then SIGKILL is pending for the thread,
 * whatever signal it was, and the client can only go when it is answered.
 */
static bool is_dying(const struct request *r)
{
	char path[64], line[256];
	_cleanup_fclose_ FILE *f = NULL;
	uint64_t pending = 0;

	if (!r->op.sim->log.own_proc)
		return true;	/* cannot be seen: rather interrupt too often */
	snprintf(path, sizeof(path), "/proc/%d/status", (int)r->op.pid);
	f = fopen(path, "re");
	if (!f)
		return true;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "SigPnd: %" SCNx64, &pending) == 1)
			break;
	return pending >> (SIGKILL - 1) & 1;
}

/* --- carrying out -------------------------------------------------------- */

static ssize_t do_open(struct request *r)
{
	const struct node *node = r->op.node;
	int access = r->fi.flags & O_ACCMODE;
	bool reads = access != O_WRONLY, writes = access != O_RDONLY;
	int rc;

	/* kernfs refuses these to root as well */
	if (node->unreadable && reads)
		return -EACCES;
	if ((writes && !(node->mode & 0222)) || (reads && !(node->mode & 0444)))
		return -EACCES;
	r->file = calloc(1, sizeof(*r->file));
	if (!r->file)
		return -ENOMEM;
	r->file->node = r->op.node;
	rc = node->ops && node->ops->open ? node->ops->open(r->op.node, &r->op) : 0;
	if (rc)
		free(r->file);
	return rc;
}

/* A slice of @data to r->buf. */
static ssize_t take(struct request *r, const char *data, size_t len)
{
	size_t n = r->offset < len ? len - r->offset : 0;

	n = n < r->len ? n : r->len;
	if (n)
		memcpy(r->buf, data + r->offset, n);
	return (ssize_t)n;
}

static ssize_t do_read(struct request *r)
{
	struct open_file *file = r->file;
	struct node *node = r->op.node;
	int errnum = node->fail_errno ? node->fail_errno : node->read_errno;

	if (file->is_reply)
		return take(r, file->text, file->len);
	if (errnum)
		return -errnum;
	if (node->ops && node->ops->read)
		return node->ops->read(node, r->buf, r->len, r->offset, &r->op);
	if (!node->ops || !node->ops->show)
		return take(r, node->data ? node->data : "", node->len);
	if (!file->text || !r->offset) {	/* as seq_file: shown once per pass */
		char *text = malloc(TEXT_SIZE);
		ssize_t n = text ? node->ops->show(node, text, TEXT_SIZE) : -ENOMEM;

		if (n < 0) {
			free(text);
			return n;
		}
		free(file->text);
		file->text = text;
		file->len = (size_t)n;
	}
	return take(r, file->text, file->len);
}

static bool may_write(const struct request *r)
{
	struct sim *sim = r->op.sim;
	const struct port *port = port_of_node(sim, r->op.node);

	if (!sim->n_only || !port)
		return true;
	for (size_t i = 0; i < sim->n_only; i++)
		if (sim->only[i] == port)
			return true;
	sim_violation(sim, r->path, "%.200s was written, but only other ports may be (--only)", r->path);
	return false;
}

static ssize_t do_write(struct request *r)
{
	struct node *node = r->op.node;
	size_t len = r->len;
	ssize_t rc;

	if (!may_write(r))
		return -EPERM;
	if (r->fault && r->fault->action == FAULT_DROP)
		return (ssize_t)len;
	if (r->fault && r->fault->action == FAULT_SHORT && !--len)
		return 0;
	if (node->ops && node->ops->write)
		return node->ops->write(node, r->buf, len, r->offset, &r->op);
	if (!node->ops || !node->ops->store) {
		r->note = "no model";
		return -EOPNOTSUPP;
	}
	len = len < TEXT_SIZE ? len : TEXT_SIZE;	/* kernfs takes a page at most */
	r->buf[len] = '\0';
	rc = node->ops->store(node, r->buf, len, &r->op);
	if (rc != SIM_AGAIN && r->op.reply) {
		free(r->file->text);
		r->file->text = steal_ptr(&r->op.reply);
		r->file->len = strlen(r->file->text);
		r->file->is_reply = true;
	}
	if (rc == SIM_AGAIN)
		r->op.tries++;
	return rc;
}

static void isolate(struct request *r)
{
	struct sim *sim = r->op.sim;
	struct port *port = port_of_node(sim, r->op.node);

	if (!port && sim->n_ports)
		port = sim->ports[0];
	if (port && port->modelled) {
		port_force_isolated(port);
		port_signal(port, 0);
	}
}

/* A command and the child that writes for it are killed as one. */
static void kill_writer(pid_t pid)
{
	pid_t command = oplog_command_of(pid);

	if (command != pid)
		kill(command, SIGKILL);
	kill(pid, SIGKILL);
}

/* What the fault does before the operation; 0 to go on with it. */
static ssize_t strike(struct request *r)
{
	const struct fault *f = r->fault;

	if (r->struck)
		return 0;
	r->struck = true;
	switch (f->action) {
	case FAULT_ERRNO:
		return -f->errnum;
	case FAULT_DELAY:
		r->op.wait_ms = f->ms;
		return SIM_AGAIN;
	case FAULT_VANISH:
		sim_vanish(r->op.sim, r->op.node);
		return 0;
	case FAULT_ISOLATE:
		isolate(r);
		return 0;
	case FAULT_KILL_BEFORE:
		kill_writer(r->op.pid);
		return -EINTR;
	case FAULT_SHORT:
	case FAULT_DROP:
	case FAULT_KILL_AFTER:
		return 0;
	}
	return 0;
}

/* A read that goes on where the handle's last one ended is the same operation. */
static bool continues(const struct request *r)
{
	return r->op.kind == OP_READ && r->offset && r->offset == r->file->next &&
	       !(r->op.node->ops && r->op.node->ops->read);
}

static bool is_control(const struct request *r)
{
	return r->op.node->parent == r->op.sim->tree.root;
}

static ssize_t perform(struct request *r)
{
	struct sim *sim = r->op.sim;
	ssize_t rc;

	if (r->abandoned)
		return -EINTR;
	if (!is_control(r) && sim_is_dead(sim))
		return -EIO;
	if (!r->counted && !is_control(r) && !continues(r))
		r->fault = fault_match(sim->faults, sim->n_faults, r->op.kind, r->path);
	r->counted = true;
	if (r->fault) {
		rc = strike(r);
		if (rc)
			return rc;
		if (sim_is_dead(sim))
			return -EIO;
	}
	if (r->op.node->gone)		/* kernfs: the open file outlived its device */
		return r->op.kind == OP_OPEN ? -ENOENT : -ENODEV;
	if (r->op.kind == OP_OPEN)
		return do_open(r);
	if (r->op.kind == OP_WRITE)
		return do_write(r);
	rc = do_read(r);
	if (rc > 0 && r->fault && r->fault->action == FAULT_SHORT)
		rc--;
	return rc;
}

/* --- answering ----------------------------------------------------------- */

static uint64_t little_endian(const char *buf, size_t n)
{
	uint64_t v = 0;

	for (size_t i = n; i-- > 0; )
		v = v << 8 | (unsigned char)buf[i];
	return v;
}

static void log_request(struct request *r, ssize_t rc)
{
	static const char *const names[] = { [OP_READ] = "read", [OP_WRITE] = "write", [OP_OPEN] = "open" };
	static const char *const access[] = { [O_RDONLY] = "r", [O_WRONLY] = "w", [O_RDWR] = "rw" };
	struct oplog_line line = {
		.op = names[r->op.kind], .path = r->path, .errnum = rc < 0 ? (int)-rc : 0,
		.fault = r->fault ? r->fault->spec : NULL, .note = r->note, .pid = r->op.pid,
	};
	size_t got = rc > 0 ? (size_t)rc : 0;
	char data[64];

	if (r->op.sim->log.fd < 0 || is_control(r) || (continues(r) && rc >= 0))
		return;
	if (r->op.kind == OP_OPEN) {
		line.data = access[(r->fi.flags & O_ACCMODE) % 3];
	} else if (is_binary(r->op.node)) {
		size_t n = r->op.kind == OP_WRITE ? r->len : got;

		if (n && n <= sizeof(uint64_t))
			snprintf(data, sizeof(data), "0x%" PRIx64 "=0x%0*" PRIx64, r->offset, (int)(2 * n),
				 little_endian(r->buf, n));
		else
			snprintf(data, sizeof(data), "0x%" PRIx64 "+%zu", r->offset, r->len);
		line.data = data;
	} else if (r->op.kind == OP_WRITE) {
		line.data = r->buf;
		line.data_len = r->len;
		line.has_data = true;
	}
	if (line.data && !line.has_data) {
		line.data_len = strlen(line.data);
		line.has_data = true;
	}
	oplog_op(&r->op.sim->log, &line);
}

static void request_free(struct request *r)
{
	free(r->op.reply);
	free(r->path);
	free(r->buf);
	free(r);
}

static void answer(struct request *r, ssize_t rc)
{
	log_request(r, rc);
	if (r->fault && r->fault->action == FAULT_KILL_AFTER && r->struck)
		kill_writer(r->op.pid);
	if (rc >= 0 && r->op.kind == OP_READ)
		r->file->next = r->offset + (size_t)rc;
	if (rc < 0) {
		fuse_reply_err(r->req, (int)-rc);
	} else if (r->op.kind == OP_OPEN) {
		r->fi.fh = (uintptr_t)r->file;
		r->fi.direct_io = 1;	/* no page cache: exact sizes, and no shared mmap */
		if (fuse_reply_open(r->req, &r->fi))
			open_file_free(r->file);	/* the opener is gone */
	} else if (r->op.kind == OP_READ) {
		fuse_reply_buf(r->req, r->buf, (size_t)rc);
	} else {
		fuse_reply_write(r->req, (size_t)rc);
	}
	request_free(r);
}

static void on_interrupt(fuse_req_t req, void *data)
{
	struct request *r = data;

	(void)req;
	r->interrupted = true;	/* taken up by io_run_due(): libfuse holds its lock here */
}

static void step(struct request *r)
{
	ssize_t rc = perform(r);
	uint64_t wait = r->op.wait_ms < MAX_WAIT_MS ? r->op.wait_ms : MAX_WAIT_MS;

	if (rc != SIM_AGAIN) {
		fuse_req_interrupt_func(r->req, NULL, NULL);
		answer(r, rc);
		return;
	}
	r->due = now_ms() + wait;
	r->next = r->io->waiting;
	r->io->waiting = r;
	fuse_req_interrupt_func(r->req, on_interrupt, r);
}

static struct request *request_new(struct io *io, fuse_req_t req, enum op_kind kind,
				   struct node *node)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct request *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->io = io;
	r->req = req;
	r->path = node_path(node);
	r->op = (struct op){
		.sim = io->sim,
		.kind = kind,
		.pid = ctx->pid,
		.uid = ctx->uid,
		.node = node,
		.path = r->path,
	};
	if (!r->path) {
		request_free(r);
		return NULL;
	}
	return r;
}

void io_open(struct io *io, fuse_req_t req, struct node *node, const struct fuse_file_info *fi)
{
	struct request *r = request_new(io, req, OP_OPEN, node);

	if (!r) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	r->fi = *fi;
	step(r);
}

static void transfer(struct io *io, fuse_req_t req, struct open_file *file, enum op_kind kind,
		     const char *data, size_t size, uint64_t offset, bool is_nonblocking)
{
	struct request *r = request_new(io, req, kind, file->node);

	if (size > MAX_READ)
		size = MAX_READ;
	if (r)
		r->buf = malloc(size + 1);
	if (!r || !r->buf) {
		if (r)
			request_free(r);
		fuse_reply_err(req, ENOMEM);
		return;
	}
	if (data)
		memcpy(r->buf, data, size);
	r->file = file;
	r->len = size;
	r->offset = offset;
	r->op.is_nonblocking = is_nonblocking;
	step(r);
}

void io_read(struct io *io, fuse_req_t req, struct open_file *file, size_t size, uint64_t offset,
	     bool is_nonblocking)
{
	transfer(io, req, file, OP_READ, NULL, size, offset, is_nonblocking);
}

void io_write(struct io *io, fuse_req_t req, struct open_file *file, const char *buf, size_t size,
	      uint64_t offset)
{
	transfer(io, req, file, OP_WRITE, buf, size, offset, false);
}

/* --- poll(2) ------------------------------------------------------------- */

static bool is_ready(const struct open_file *file)
{
	const struct node *node = file->node;

	return node->gone || !node->ops || !node->ops->is_readable || node->ops->is_readable(node);
}

/* Those of @file (NULL: of all that are ready) are told, and wait no more. */
static void end_polls(struct io *io, const struct open_file *file)
{
	struct waiting_poll **at = &io->polls;

	while (*at) {
		struct waiting_poll *p = *at;

		if (file ? p->file != file : !is_ready(p->file)) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		fuse_lowlevel_notify_poll(p->handle);
		fuse_pollhandle_destroy(p->handle);
		free(p);
	}
}

void io_tell_polls(struct io *io)
{
	end_polls(io, NULL);
}

unsigned int io_poll(struct io *io, struct open_file *file, struct fuse_pollhandle *handle)
{
	struct waiting_poll *p = handle ? calloc(1, sizeof(*p)) : NULL;

	if (p) {
		*p = (struct waiting_poll){ io->polls, file, handle };
		io->polls = p;
	} else if (handle) {
		fuse_pollhandle_destroy(handle);
	}
	if (file->node->gone)
		return POLLERR | POLLHUP;
	if (!is_ready(file))
		return 0;
	if (file->node->ops && file->node->ops->is_readable)
		return POLLIN | POLLRDNORM;
	return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;	/* as where nobody says what it is */
}

void io_release(struct io *io, struct open_file *file)
{
	end_polls(io, file);
	open_file_free(file);
}

int io_next_due(const struct io *io)
{
	uint64_t now = now_ms(), least = MAX_WAIT_MS;

	if (!io->waiting)
		return -1;
	for (const struct request *r = io->waiting; r; r = r->next) {
		uint64_t left = r->due <= now ? 0 : r->due - now;

		if (r->interrupted && left > DYING_CHECK_MS)
			left = DYING_CHECK_MS;
		least = left < least ? left : least;
	}
	return (int)least;
}

void io_run_due(struct io *io)
{
	struct request *all = io->waiting;
	uint64_t now = now_ms();

	io->waiting = NULL;
	while (all) {
		struct request *r = all;

		all = r->next;
		r->abandoned = r->interrupted && is_dying(r);
		if (r->abandoned || r->due <= now) {
			step(r);
		} else {
			r->next = io->waiting;
			io->waiting = r;
		}
	}
}

void io_exit(struct io *io)
{
	while (io->polls) {
		struct waiting_poll *p = io->polls;

		io->polls = p->next;
		fuse_pollhandle_destroy(p->handle);
		free(p);
	}
	while (io->waiting) {
		struct request *r = io->waiting;

		io->waiting = r->next;
		request_free(r);
	}
}

void io_log(struct io *io, fuse_req_t req, const char *op, const char *path, const char *data,
	    int errnum)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct oplog_line line = {
		.op = op, .path = path, .data = data, .data_len = data ? strlen(data) : 0,
		.has_data = data, .errnum = errnum, .pid = ctx->pid,
	};

	if (ctx->pid != SIM_STAGE_PID)
		oplog_op(&io->sim->log, &line);
}
