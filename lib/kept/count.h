/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Counting isolations and recoveries of a root port in its file (counters.h).  One isolation is counted once, whoever
 * sees it, until it is over or the host is rebooted.
 *
 * In the state directory @dirfd, on disk when they return; -errno: nothing was counted.
 */
#ifndef CXL_COUNT_H
#define CXL_COUNT_H

#include "lib/model/host.h"

/* @rp is isolated, as its registers in @host have it. */
int count_isolation(int dirfd, const struct cxl_host *host, const struct cxl_root_port *rp);
/* It is not isolated any more. */
int count_back(int dirfd, const struct cxl_host *host, const struct cxl_root_port *rp);
/* A recovery of it came to @end, which took @us; ENDED_DONE: it is not isolated any more. */
int count_recovery(int dirfd, const struct cxl_host *host, const struct cxl_root_port *rp,
		   enum counted_end end, uint64_t us);

#endif
