/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A program of the administrator's that is run when something happened: trusted as the policy
 * file is, without capabilities, in a process group of its own, for a limited time.
 */
#ifndef CXL_HOOK_H
#define CXL_HOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"

enum {
	HOOK_TIMEOUT_US = 60 * 1000000,	/* hook-timeout where the policy has none */
	HOOK_MAX_LINES = 200,		/* of its output */
	HOOK_LIMIT_N = 20,		/* so often a root port's are run */
	HOOK_LIMIT_S = 3600,		/* in this time */
};

struct hook {
	const char *key;	/* the policy's: "on-isolated" */
	const char *program;
	const char *root_port;
	char *const *env;	/* ends with NULL: all that it has */
	const char *input;	/* on its standard input */
	uint64_t timeout_us;
};

/* Nobody but root could have put @program there, or change it: 0, or -errno with @err. */
int hook_check(const char *key, const char *program, struct err *err);

/*
 * Run it to its end, its output to act_say().  0: it ended with exit status 0; -EINTR with @err:
 * @is_stopped said so, and it was ended; else -errno with @err: it was not run, failed, or had no more time.
 */
int hook_run(const struct hook *hook, bool (*is_stopped)(void), struct err *err);

#endif
