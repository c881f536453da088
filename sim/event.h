/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events from inside the run (`cxl-sim ctl`): one line of text written to the
 * control file, one line read back: the exit status, a space, a sentence.
 */
#ifndef SIM_EVENT_H
#define SIM_EVENT_H

#include <stdio.h>

#include "sim/tree.h"

#define EVENT_NAME "cxl-sim/ctl"		/* below /dev */
#define EVENT_FILE "/dev/" EVENT_NAME

extern const struct attr_ops event_ops;	/* the model is the struct sim */

/* The events with their operands, for help. */
void events_help(FILE *f);

#endif
