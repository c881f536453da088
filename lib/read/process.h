/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes in /proc: which there are and what they are called. */
#ifndef CXL_PROCESS_H
#define CXL_PROCESS_H

#include "lib/model/host.h"

/* The process numbers, in order, from @a.  -errno when /proc cannot be listed. */
int process_list(const struct cxl_host *host, struct arena *a, struct sysfs_names *ret);

/* Is every process in @pids?  With hidepid=invisible /proc leaves out what is not ours. */
bool process_list_is_whole(const struct sysfs_names *pids);

/* Name of a process, fit to be shown, from the host's arena; "?" when it has ended, NULL without memory. */
const char *process_command(const struct cxl_host *host, const char *pid);

/* What the process belongs to, fit to be shown, from the host's arena.  -ENOMEM, or 0 whatever could be read. */
int process_owner(const struct cxl_host *host, const char *pid, struct process_owner *ret);

/* Are the numbers in /proc those that this process calls others by?  Not with another namespace's /proc. */
bool process_numbers_are_ours(const struct cxl_host *host);

/* Is it this process, or one that it descends from? */
bool process_is_ours(const struct cxl_host *host, pid_t pid);

#endif
