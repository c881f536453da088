/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events from inside the run (`cxl-sim ctl`): one line of text written to the
 * control file, one line read back: the exit status, a space, a sentence.
 */
#ifndef SIM_EVENT_H
#define SIM_EVENT_H

#include <stdio.h>

#include "sim/state/tree.h"
#include "util/complete.h"

#define EVENT_NAME "cxl-sim/ctl"		/* below /dev */
#define EVENT_FILE "/dev/" EVENT_NAME

extern const struct attr_ops event_ops;	/* the model is the struct sim */

/* The events with their operands, for help. */
void events_help(FILE *f);

/* For shell completion: the events; what may follow event @name as its operand @n, from 0, names of a kind ("PORT") by @named. */
void events_complete(const struct complete *c);
void event_operands_complete(const struct complete *c, const char *name, size_t n,
			     void (*named)(const struct complete *c, const char *kind));

#endif
