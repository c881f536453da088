/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations of steps that cut a region into dax devices.  A device has its name only
 * once it is made: the run keeps it, by a key of its own (step_run.keep_name).
 */
#ifndef CXL_DAX_CUT_H
#define CXL_DAX_CUT_H

#include "lib/txn/step_run.h"

#define DAX_DEVICES "sys/bus/dax/devices"

extern const struct step_op step_make_dax;	/* dax_region/create, value: the key that its name gets */
extern const struct step_op step_ranges;	/* daxX.Y: "none", or "START-END[,START-END...]" */

#endif
