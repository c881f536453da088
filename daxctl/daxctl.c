// SPDX-License-Identifier: GPL-2.0-only
/*
 * Program daxctl: the dax side of isolation in front of the distribution's
 * daxctl.  Only the table of commands is here; each command has a file of its
 * own.
 */
#include "config.h"
#include "daxctl/commands.h"
#include "util/program.h"

const char command_program[] = "daxctl";

static const struct command *const commands[] = { &cmd_list, &cmd_prepare_isolation, NULL };

/* `daxctl list` is the distribution's unless --isolation is among its options. */
static bool is_ours(const struct command *cmd, int argc, char **argv)
{
	return cmd != &cmd_list || program_has_option(argc, argv, "--isolation");
}

int main(int argc, char **argv)
{
	static const struct program program = {
		.delegate = { "daxctl", DAXCTL_PROGRAM, "DAXCTL_PROGRAM", DAXCTL_PACKAGE },
		.summary = "Administer dax devices for CXL memory error isolation.",
		.commands = commands,
		.is_ours = is_ours,
	};

	return program_main(&program, argc, argv);
}
