// SPDX-License-Identifier: GPL-2.0-only
/*
 * Program cxl: the isolation commands in front of the distribution's cxl.
 * Only the table of commands is here; each command has a file of its own.
 */
#include "config.h"
#include "cxl/common.h"
#include "util/program.h"

static const struct command *const commands[] = {
	&cmd_list,
	&cmd_isolation_status,
	&cmd_enable_isolation,
	&cmd_disable_isolation,
	&cmd_set_timeout,
	&cmd_recover_port,
	&cmd_check_soft_reserved,
	&cmd_explain,
	NULL,
};

int main(int argc, char **argv)
{
	static const struct program program = {
		.delegate = { "cxl", CXL_PROGRAM, "CXL_PROGRAM", CXL_PACKAGE },
		.summary = "Administer CXL memory error isolation (CXL.mem Timeout & Isolation).",
		.commands = commands,
		.kinds = value_kinds,
	};

	return program_main(&program, argc, argv);
}
