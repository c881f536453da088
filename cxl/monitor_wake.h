/* SPDX-License-Identifier: GPL-2.0-only */
/* What the monitor sleeps on: time, the kernel's word, a reader that goes, a signal. */
#ifndef CXL_MONITOR_WAKE_H
#define CXL_MONITOR_WAKE_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/read/uevents.h"
#include "util/err.h"

struct monitor_wake {
	struct uevents uevents;
	sigset_t open_signals;	/* while it sleeps, and at no other time */
};

/* From now on SIGINT and SIGTERM are only noted.  @is_live: the kernel is asked for its word. */
void monitor_wake_open(struct monitor_wake *ret, bool is_live);
void monitor_wake_close(struct monitor_wake *w);

/* What was heard of; several at once. */
enum { HEARD_UEVENT = 1, HEARD_TRACE = 2 };

/*
 * Until @then (CLOCK_MONOTONIC), the kernel has announced something (*@ret_heard), also by @trace_fd (-1: none),
 * or a signal.  -EPIPE with @err when nobody reads standard output any more.
 */
int monitor_wake_sleep(struct monitor_wake *w, int64_t then_us, int trace_fd,
		       unsigned int *ret_heard, struct err *err);

/* Did one of those signals come? */
bool monitor_is_to_stop(void);

#endif
