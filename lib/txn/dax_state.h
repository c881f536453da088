/* SPDX-License-Identifier: GPL-2.0-only */
/* The memory of a dax device that kmem has, as a whole: by its file state, and as its blocks are. */
#ifndef CXL_DAX_STATE_H
#define CXL_DAX_STATE_H

#include "lib/model/dax_facts.h"
#include "lib/txn/step_run.h"

/* "sys/bus/dax/devices/dax0.0/state", or another file of it -> "dax0.0"; -EINVAL. */
int dax_step_name(const struct step *step, char *buf, size_t size);

/* Of run->host's device @name, as they are now. */
struct dax_blocks_now {
	uint64_t there, online, movable;
};
struct dax_blocks_now dax_blocks_of(struct step_run *run, const char *name);

/*
 * sys/bus/dax/devices/daxX.Y/state, value: DAX_UNPLUGGED or DAX_ONLINE_MOVABLE; tried again while
 * memory is busy, until the step's time is over.  Read is what became of its blocks, which the file
 * does not tell: DAX_UNPLUGGED where none is online, or kmem has let it go; DAX_ONLINE_MOVABLE where
 * all are, in that zone.
 */
extern const struct step_op step_dax_state;

#endif
