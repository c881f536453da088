/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking a dax device from its driver, and giving it to one, bounded in time.  To let go of it
 * the kernel waits until every page of the memory is given back (memunmap_pages() of
 * mm/memremap.c), and what is pinned, by VFIO, RDMA or buffers of io_uring, may never be: no
 * signal ends that.  Everything else that is written to the device waits behind it, and so does
 * new_id with the name of any other (__driver_attach() of drivers/base/dd.c).  So a child writes,
 * which is left behind when the time is over, and shows as "unbind daxX.Y" in ps.
 *
 * It claims the device's number in a file of the state directory (DAX_UNBINDING_FILE,
 * util/claim.h), which later commands ask: to them the device only has no driver.
 */
#ifndef CXL_DAX_WRITE_H
#define CXL_DAX_WRITE_H

#include "lib/txn/step_run.h"

/* Enough for a driver that makes or frees the page map of terabytes, if nothing else is said. */
#define DAX_WRITE_TIMEOUT_US 30000000ull

/* Is @path a file of a driver of the dax bus that a device's name is written to: unbind, bind, new_id? */
bool dax_write_is(const char *path);

/*
 * Write @dax to @path.  -errno as the kernel answered, or with @err (-ETIMEDOUT): its time is
 * over, or another one's still hangs.  Then @run has its name in .hung, and takes back no step on it.
 */
int dax_write(struct step_run *run, const char *path, const char *dax, uint64_t timeout_us,
	      struct err *err);

#endif
