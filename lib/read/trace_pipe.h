/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's trace events about errors of PCI and CXL devices, in a trace instance of our own: the buffer at the top
 * of tracefs is the administrator's, or rasdaemon's.
 */
#ifndef CXL_TRACE_PIPE_H
#define CXL_TRACE_PIPE_H

#include <stdint.h>

#include "lib/read/trace_line.h"
#include "util/message.h"
#include "util/sysfs.h"

enum { TRACE_PIPE_BYTES = 8192 };	/* a longer line is left out */

struct trace_pipe {
	struct sysfs fs;
	char instance[96];	/* its directory, "" while there is none */
	int fd;			/* of its trace_pipe, to poll; -1: nothing is heard of */
	char buf[TRACE_PIPE_BYTES + 1];
	size_t start, n;	/* what was read and not yet taken */
	bool is_skipping;	/* the rest of a line that is too long */
	uint64_t n_lost;	/* events so far that the kernel had no room for */
};

/*
 * From now on they are kept until they are taken.  Instances of those who were killed are removed.  What is not
 * heard of, and why, is in @messages, for information: no tracefs, not for this user, an event that this kernel lacks.
 */
void trace_pipe_open(struct trace_pipe *ret, struct messages *messages);

/* One read(2), which does not wait.  False: there is nothing (more) to take now. */
bool trace_pipe_read(struct trace_pipe *p);
/* The next one of what was read; lines about something else are passed over.  False: none. */
bool trace_pipe_next(struct trace_pipe *p, struct trace_event *ret);

/* And the instance is gone. */
void trace_pipe_close(struct trace_pipe *p);

#endif
