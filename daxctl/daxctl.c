// SPDX-License-Identifier: GPL-2.0-only
/* Program daxctl: so far every command goes to the distribution's daxctl. */
#include "config.h"
#include "util/program.h"

int main(int argc, char **argv)
{
	static const struct command *const commands[] = { NULL };
	static const struct program program = {
		.delegate = { "daxctl", DAXCTL_PROGRAM, "DAXCTL_PROGRAM", DAXCTL_PACKAGE },
		.summary = "Administer dax devices for CXL memory error isolation.",
		.commands = commands,
	};

	return program_main(&program, argc, argv);
}
