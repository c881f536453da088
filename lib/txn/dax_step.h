/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations of steps on a dax device and its memory blocks.  The mode is
 * switched by libdaxctl, which also loads the drivers; it loses the errno of
 * what it writes, so what came of it is read back here.
 */
#ifndef CXL_DAX_STEP_H
#define CXL_DAX_STEP_H

#include "lib/txn/step_run.h"

/*
 * …/memoryN/state: "offline" is tried again while the block is busy, until the step's time is
 * over, or that of the run.  ETIME: that was over already, nothing was tried.
 */
extern const struct step_op step_offline_block;
/* …/memoryN/state: "online_movable", reads online or offline; comes with kmem, so it is waited for. */
extern const struct step_op step_online_block;
/*
 * sys/bus/dax/devices/daxX.Y/driver, value: devdax, system-ram, famfs or unbound; reads the
 * driver.  ENOTEMPTY: its memory came online since and does not go offline within 2 s.
 */
extern const struct step_op step_dax_mode;
/* …/daxX.Y/memmap_on_memory; taking back "1" is no use, and refused, where the parameter is off. */
extern const struct step_op step_memmap;

#endif
