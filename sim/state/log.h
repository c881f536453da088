/* SPDX-License-Identifier: GPL-2.0-only */
/* --log: one JSON object per line for every operation, the oracle for tests. */
#ifndef SIM_LOG_H
#define SIM_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/err.h"

struct oplog {
	int fd;			/* -1: no log wanted */
	uint64_t seq;
	bool own_proc;		/* /proc/PID/comm can be looked up */
};

/* What an operation was; members that are NULL or 0 stay out of the line. */
struct oplog_line {
	const char *op;
	const char *path;
	const char *data;	/* any bytes */
	size_t data_len;
	bool has_data;
	int errnum;		/* positive, 0: it succeeded */
	const char *fault;	/* the --fault that struck it */
	const char *note;	/* why, when the errno does not say it */
	pid_t pid;
};

int oplog_open(struct oplog *log, const char *file, struct err *err);
void oplog_close(struct oplog *log);

/* The process that @pid, which takes a dax device from its driver, or gives it to one (lib/txn/dax_write.c), is a part of; else @pid. */
pid_t oplog_command_of(pid_t pid);

void oplog_op(struct oplog *log, const struct oplog_line *line);

/* {"op":OP, KEY:VALUE, "reason":REASON} */
void oplog_event(struct oplog *log, const char *op, const char *key, const char *value,
		 const char *reason);

#endif
