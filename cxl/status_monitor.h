/* SPDX-License-Identifier: GPL-2.0-only */
/* cxl isolation-status --monitor. */
#ifndef CXL_MONITOR_H
#define CXL_MONITOR_H

#include "cxl/common.h"

/* How often it looks: at what changes without a word, and at the registers that tell of a failure. */
struct monitor_rhythm {
	uint64_t interval_us, registers_us;
};

/*
 * Print a snapshot of the root ports that @run's operands stand for, and a line
 * for each that changes, until a signal, the first change (@once) or an output
 * that cannot be written.  With @acts also do what the policy says when one
 * fails.  Returns the exit status.
 */
int monitor_run(const struct command_run *run, const char *sysroot,
		const struct monitor_rhythm *rhythm, bool once, bool acts);

/* status_act.c: a test event for the programs of the policy's.  NULL with @err; else an empty list. */
struct json_object *status_act_test(char **targets, struct messages *messages, struct err *err);

#endif
