/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands of program daxctl. */
#ifndef DAXCTL_COMMANDS_H
#define DAXCTL_COMMANDS_H

#include "util/command.h"

extern const struct command cmd_list, cmd_prepare_isolation;

#endif
