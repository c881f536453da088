/* SPDX-License-Identifier: GPL-2.0-only */
/* The processes of a run. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "util/err.h"

struct sim;

/*
 * Run @argv on the loaded host.  Returns the command's exit status (128+N when
 * a signal killed it), or fills @err and returns -errno.
 */
int run_command(struct sim *sim, char **argv, struct err *err);

#endif
