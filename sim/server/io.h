/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One file operation from the request to the answer: faults, --only, the
 * model, the log.  An operation that has to wait is kept here and taken up
 * again; the server goes on with others meanwhile.
 */
#ifndef SIM_IO_H
#define SIM_IO_H

#define FUSE_USE_VERSION 34
#include <fuse_lowlevel.h>
#include <stdbool.h>
#include <stdint.h>

#include "sim/state/sim.h"

/* The first process of the run sets the stage; its operations do not count. */
#define SIM_STAGE_PID 1

struct open_file {
	struct node *node;
	char *text;		/* what show gave, or a store's reply */
	size_t len;
	bool is_reply;
	uint64_t next;		/* where the last read ended */
};

/* Somebody waits for a file by poll(2). */
struct waiting_poll {
	struct waiting_poll *next;
	struct open_file *file;
	struct fuse_pollhandle *handle;
};

struct request;

struct io {
	struct sim *sim;
	struct request *waiting;
	struct waiting_poll *polls;
};

/* Each answers @req sooner or later. */
void io_open(struct io *io, fuse_req_t req, struct node *node, const struct fuse_file_info *fi);
void io_read(struct io *io, fuse_req_t req, struct open_file *file, size_t size, uint64_t offset,
	     bool is_nonblocking);
void io_write(struct io *io, fuse_req_t req, struct open_file *file, const char *buf, size_t size,
	      uint64_t offset);

/* Milliseconds until io_run_due() has something to do, -1: nothing waits. */
int io_next_due(const struct io *io);
void io_run_due(struct io *io);
void io_exit(struct io *io);

/* @file was closed. */
void io_release(struct io *io, struct open_file *file);
/* What poll(2) says of @file; @handle is told when it is readable, and belongs to @io.  NULL: nobody waits. */
unsigned int io_poll(struct io *io, struct open_file *file, struct fuse_pollhandle *handle);
/* Tell whoever waits for what is readable by now. */
void io_tell_polls(struct io *io);

/* Log an operation that does not go through here, unless the stage did it. */
void io_log(struct io *io, fuse_req_t req, const char *op, const char *path, const char *data,
	    int errnum);

#endif
