/* SPDX-License-Identifier: GPL-2.0-only */
/* Running another program while holding something that must be given back. */
#ifndef UTIL_CHILD_H
#define UTIL_CHILD_H

#include <signal.h>
#include <stdbool.h>

/*
 * SIGINT, SIGTERM, SIGHUP and SIGQUIT, unless ignored, wait from
 * child_hold_signals() to child_release_signals(); child_run() passes those that
 * somebody sent to this process on to the program (a terminal has sent them to
 * both already).
 */
struct child_signals {
	sigset_t held, old;
	struct sigaction old_child;	/* of SIGCHLD */
};
void child_hold_signals(struct child_signals *ret);
void child_release_signals(const struct child_signals *held);

/* Did one of them come in the meantime?  It is kept for child_release_signals(). */
bool child_signal_waits(const struct child_signals *held);

/*
 * Run @argv (ends with NULL; found along PATH) to its end.  Its exit status as a
 * shell gives it: 128 + N when signal N ended it; -errno when it could not be
 * started.
 */
int child_run(char **argv, const struct child_signals *held);

#endif
