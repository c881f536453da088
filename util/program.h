/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What `cxl` and `daxctl` have in common: a table of our own commands in front
 * of the distribution's program of the same name.
 */
#ifndef UTIL_PROGRAM_H
#define UTIL_PROGRAM_H

#include <stdbool.h>

#include "util/delegate.h"
#include "util/options.h"

struct program {
	struct delegate delegate;
	const char *summary;		/* of --help, one line */
	const struct command *const *commands;	/* ends with NULL */
	/* Is this command line, whose argv[1] is the name of @cmd, ours?  NULL: always. */
	bool (*is_ours)(const struct command *cmd, int argc, char **argv);
};

/* Is @option among the options of this command line? */
bool program_has_option(int argc, char **argv, const char *option);

/*
 * Flush standard output.  EXIT_DONE, or EXIT_REFUSED after one sentence on
 * stderr by @name when what was printed could not be written.
 */
int program_flush(const char *name);

/* Run our command, answer --help, --version and --list-cmds, or hand over. */
int program_main(const struct program *p, int argc, char **argv);

#endif
