/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes in /proc: which there are and what they are called. */
#ifndef CXL_PROCESS_H
#define CXL_PROCESS_H

#include "cxl/lib/snapshot/host.h"

/* The process numbers, in order, from @a.  -errno when /proc cannot be listed. */
int process_list(struct cxl_host *host, struct arena *a, struct sysfs_names *ret);

/* Is every process in @pids?  With hidepid=invisible /proc leaves out what is not ours. */
bool process_list_is_whole(const struct sysfs_names *pids);

/* Name of a process, fit to be shown, from the host's arena; "?" when it has ended, NULL without memory. */
const char *process_command(struct cxl_host *host, const char *pid);

#endif
