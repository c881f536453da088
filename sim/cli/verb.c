// SPDX-License-Identifier: GPL-2.0-only
/* How every verb begins and fails: see verb.h. */
#include "sim/cli/verb.h"

#include <errno.h>
#include <stdio.h>

int verb_failed(const struct err *err)
{
	fprintf(stderr, "cxl-sim: %s\n", err->text);
	return (int)err->status;
}

bool verb_start(const struct command *cmd, void *options, bool *help, int argc, char **argv,
		bool stop_at_operand, int *first_operand, int *ret_status)
{
	struct err err;

	if (options_parse(cmd, options, argc, argv, stop_at_operand, first_operand, &err)) {
		*ret_status = verb_failed(&err);
		return false;
	}
	if (*help) {
		options_help(stdout, cmd, NULL, NULL);
		*ret_status = EXIT_DONE;
		return false;
	}
	if (options_refuse_operand(cmd, argv[*first_operand], &err)) {
		*ret_status = verb_failed(&err);
		return false;
	}
	return true;
}
