/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One error object, filled by the function that failed, wrapped with context
 * on the way up and printed once by the command.  Lower layers never print.
 */
#ifndef UTIL_ERR_H
#define UTIL_ERR_H

#include <errno.h>
#include <stddef.h>

/* The exit statuses of every program here; the same list is in each man page. */
enum exit_status {
	EXIT_DONE = 0,		/* done, already so, assertion holds, something to list */
	EXIT_NEGATIVE = 1,	/* verdict negative: a check blocks */
	EXIT_USAGE = 2,		/* usage, unknown target */
	EXIT_PREREQ = 3,	/* no CXL bus, no capability, no kernel support, no privilege */
	EXIT_REFUSED = 4,	/* kernel, hardware or firmware refused; read-back differs */
	EXIT_RESUMABLE = 5,	/* stopped midway, resumable */
	EXIT_TIMEDOUT = 6,
	EXIT_PARTIAL = 7,	/* some targets done, some failed */
	EXIT_NO_PROGRAM = 127,	/* the delegated program is missing */
};

/* Beside errno's: what is there, and is not read.  Numbers that no file answers with. */
enum {
	ENOFILE = EMEDIUMTYPE,		/* a FIFO, a socket or a device in place of a regular file */
	EUNTRUSTED = EKEYREJECTED,	/* others than root may have written it */
};

/* strerror(3), and the words for those. */
const char *err_text(int errnum);

/* What several targets amount to together. */
struct status_count {
	size_t well, failed;
	int status;		/* of the failures: their own when they agree, else EXIT_NEGATIVE */
};
void status_count_add(struct status_count *c, enum exit_status status);
/* EXIT_DONE, the failures' status, or EXIT_PARTIAL when others succeeded. */
int status_count_end(const struct status_count *c);

struct err {
	enum exit_status status;
	int errnum;		/* positive errno, 0 when none applies */
	char target[128];	/* the object concerned, "" when none */
	char text[1024];	/* one sentence: what happened, the state now, what to type next */
};

/* Fill @err (may be NULL) and return -@errnum, or -EINVAL when @errnum is 0. */
int err_set(struct err *err, enum exit_status status, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* "out of memory" and @after, where it was or the state now: " while reading the host", ", nothing was written". */
int err_no_memory(struct err *err, const char *after);

/* Put "fmt: " before the text; returns -errnum as err_set() does. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Name the object concerned. */
void err_target(struct err *err, const char *target);

#endif
