/* SPDX-License-Identifier: GPL-2.0-only */
/* `cxl-sim ctl reboot`: the host starts again under the processes of the run. */
#ifndef SIM_REBOOT_H
#define SIM_REBOOT_H

#include "util/err.h"

struct op;

/*
 * A step of it: 0 when the host is up, -errno, or 1 to be called again after
 * op->wait_ms, since udev's rules for what was found so far come first.
 */
int reboot_step(struct op *op, struct err *err);

#endif
