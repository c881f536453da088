// SPDX-License-Identifier: GPL-2.0-only
/*
 * Program daxctl: the dax side of isolation in front of the distribution's
 * daxctl.  Only the tables of commands and of what completion offers
 * for their values are here; each command has a file of its own.
 */
#include "config.h"
#include "daxctl/commands.h"
#include "lib/model/target.h"
#include "lib/read/target_names.h"
#include "util/program.h"

static const struct command *const commands[] = { &cmd_list, &cmd_prepare_isolation, NULL };

static void offer_targets(struct complete *c)
{
	target_names_complete(c, TARGET_ANY);
}

static void offer_dax(struct complete *c)
{
	target_names_complete(c, TARGET_DAX);
}

static const struct complete_kind kinds[] = {
	{ "TARGET", offer_targets }, { "DAX", offer_dax }, { 0 }
};

int main(int argc, char **argv)
{
	static const struct program program = {
		.delegate = { "daxctl", DAXCTL_PROGRAM, "DAXCTL_PROGRAM", DAXCTL_PACKAGE },
		.summary = "Administer dax devices for CXL memory error isolation.",
		.commands = commands,
		.kinds = kinds,
	};

	return program_main(&program, argc, argv);
}
