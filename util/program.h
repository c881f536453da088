/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What `cxl` and `daxctl` have in common: a table of our own commands in front
 * of the distribution's program of the same name.
 */
#ifndef UTIL_PROGRAM_H
#define UTIL_PROGRAM_H

#include <stdbool.h>

#include "util/complete.h"
#include "util/delegate.h"
#include "util/options.h"

struct program {
	struct delegate delegate;
	const char *summary;		/* of --help, one line */
	const struct command *const *commands;	/* ends with NULL */
	const struct complete_kind *kinds;	/* of values, for completion */
};

/*
 * Flush standard output.  EXIT_DONE, or EXIT_REFUSED after one sentence on
 * stderr by @name when what was printed could not be written.
 */
int program_flush(const char *name);

/* Run our command, answer --help, --version and --list-cmds, or hand over. */
int program_main(const struct program *p, int argc, char **argv);

#endif
