/* SPDX-License-Identifier: GPL-2.0-only */
/* --fault: the n-th operation on a path goes wrong in a chosen way. */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include <stdbool.h>
#include <stddef.h>

#include "util/err.h"

enum fault_action {
	FAULT_ERRNO,		/* the operation fails and has no effect */
	FAULT_SHORT,		/* all but the last byte is taken or given; of one byte, none */
	FAULT_DELAY,		/* it is done after @ms */
	FAULT_VANISH,		/* the endpoint behind it is pulled out first */
	FAULT_ISOLATE,		/* the port above, or the first one, isolates first, by a timeout */
	FAULT_DROP,		/* a write answers success and has no effect: firmware kept control */
	FAULT_KILL_BEFORE,	/* the process is killed, the operation not done */
	FAULT_KILL_AFTER,	/* the operation is done, the process killed before it hears of it */
};

struct fault {
	char *spec;		/* as the user wrote it */
	unsigned int kinds;	/* bit per enum op_kind */
	char *glob;		/* NULL: any path */
	unsigned long nth;	/* from 1 */
	bool persistent;	/* and every later one */
	enum fault_action action;
	int errnum;
	unsigned int ms;
	unsigned long seen;
};

/* Fill @fault; faults_free() also frees what a failed parse left. */
int fault_parse(struct fault *fault, const char *spec, struct err *err);
void faults_free(struct fault *faults, size_t n);

/* The errno of this name, "EIO"; 0: there is none. */
int fault_errno(const char *name);

/* It strikes no more. */
void fault_disarm(struct fault *fault);

/* Count an operation of @kind on @path; the fault that strikes it, or NULL. */
const struct fault *fault_match(struct fault *faults, size_t n, unsigned int kind,
				const char *path);

#endif
