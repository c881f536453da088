/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One lock for whatever changes this host: host.lock in the state directory, taken
 * with flock(2), so that a script can take it as well ("flock FILE COMMAND").  It
 * ends with the process, however that ends, and no program that it runs has it.
 */
#ifndef UTIL_LOCK_H
#define UTIL_LOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/err.h"
#include "util/message.h"

/* How long a command waits for another one before it refuses. */
#define HOST_LOCK_WAIT_US 5000000
/* How long one waits that has something to put back, or that nobody would run again. */
#define HOST_LOCK_WAIT_BACK_US 60000000

/* Who has it, as the file says. */
struct lock_holder {
	pid_t pid;		/* 0: not known */
	char command[96];	/* "cxl set-timeout" */
	char since[32];		/* "2026-11-28 11:14:04 UTC" */
	char about[2048];	/* names of what it is making or changing, parted by blanks; "": not told */
};

/*
 * Take the lock for @command, as in "cxl set-timeout", at most after @wait_us: a
 * descriptor that host_lock_release() gives back; -EBUSY with @err (EXIT_NEGATIVE,
 * who has it) and @holder, where that is not NULL; -EINTR with @err when a signal
 * asked to stop; else -errno with @err (EXIT_PREREQ): there can be no lock.
 */
int host_lock(const char *command, uint64_t wait_us, struct lock_holder *holder, struct err *err);

/*
 * The same for a command that goes on where there can be none: containment does not
 * wait for a directory that can be written.  0 with @ret_fd; the errno that keeps
 * this host from having a lock, with -1 in @ret_fd; else -errno with @err.
 */
int host_lock_for_change(const char *command, uint64_t wait_us, int *ret_fd, struct err *err);
/* Say so to root.  A normal user may change nothing anyway, and hears that from the kernel. */
void host_lock_tell_none(int errnum, struct messages *messages);

/* What the lock is held for: blank-separated names, for host_lock_is_about(). */
void host_lock_set_about(int fd, const char *names);
bool host_lock_is_about(const struct lock_holder *holder, const char *name);

/* Does nothing when *@fd is negative, which it is afterwards. */
void host_lock_release(int *fd);

#endif
