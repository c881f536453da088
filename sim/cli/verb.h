/* SPDX-License-Identifier: GPL-2.0-only */
/* The verbs of cxl-sim, and what they share. */
#ifndef SIM_VERB_H
#define SIM_VERB_H

#include "util/command.h"
#include "util/complete.h"
#include "util/options.h"

extern const struct command cmd_run, cmd_ctl, cmd_hosts, cmd_doctor, cmd_capture;

extern const struct complete_kind verb_kinds[];	/* of values, ends with a nameless one */

/*
 * The start of every verb: parse options and answer --help.  Returns true to
 * go on; otherwise @ret_status is what to return.
 */
bool verb_start(const struct command *cmd, void *options, bool *help, int argc, char **argv,
		bool stop_at_operand, int *first_operand, int *ret_status);

/* Print @err's sentence; returns its exit status. */
int verb_failed(const struct err *err);

/* Of verbs that print what can be data: text is the default, and -u is of before it was. */
#define TEXT_OPTIONS(type, common, text) \
	RENDER_OPTIONS_IN(type, common), \
	{ "human", 'u', OPT_FLAG, offsetof(type, text), NULL, "text, which is the default" }, \
	{ "help", 'h', OPT_FLAG, offsetof(type, common.help), NULL, "this text" }

#define HELP_OPTION(type) { "help", 'h', OPT_FLAG, offsetof(type, help), NULL, "this text" }

#endif
