// SPDX-License-Identifier: GPL-2.0-only
/*
 * Program cxl: the isolation commands in front of the distribution's cxl.
 * Only the table of commands is here; each command has a file of its own.
 */
#include "config.h"
#include "cxl/common.h"
#include "util/program.h"

const char command_program[] = "cxl";

static const struct command *const commands[] = {
	&cmd_list, &cmd_isolation_status, &cmd_enable_isolation, &cmd_disable_isolation, &cmd_set_timeout,
	&cmd_recover_port, &cmd_check_soft_reserved, &cmd_explain, NULL,
};

/* `cxl list` is the distribution's unless --isolation is among its options. */
static bool is_ours(const struct command *cmd, int argc, char **argv)
{
	return cmd != &cmd_list || program_has_option(argc, argv, "--isolation");
}

int main(int argc, char **argv)
{
	static const struct program program = {
		.delegate = { "cxl", CXL_PROGRAM, "CXL_PROGRAM", CXL_PACKAGE },
		.summary = "Administer CXL memory error isolation (CXL.mem Timeout & Isolation).",
		.commands = commands,
		.is_ours = is_ours,
	};

	return program_main(&program, argc, argv);
}
