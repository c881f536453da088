/* SPDX-License-Identifier: GPL-2.0-only */
/* SIGINT, SIGTERM and SIGHUP as a request to stop at the next good point. */
#ifndef UTIL_STOP_H
#define UTIL_STOP_H

#include <signal.h>
#include <stdbool.h>

enum { N_STOP_SIGNALS = 3 };

struct stop_signals {
	struct sigaction old[N_STOP_SIGNALS];
};

/*
 * A command that changes something begins with this (struct command), so that a signal
 * never ends it but where it asks.  From here to stop_end() those signals are only noted; what is ignored (nohup)
 * stays so.  @restart: a call that is waiting goes on waiting.
 */
void stop_begin(struct stop_signals *ret, bool restart);
void stop_end(const struct stop_signals *held);

/* Did one come? */
bool stop_is_requested(void);

#endif
