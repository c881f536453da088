/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who may have memory on which NUMA nodes: cpuset.mems.effective of the unified hierarchy
 * (Documentation/admin-guide/cgroup-v2.rst of the kernel).  A control group without the file
 * has what the one above it has, which includes what is below.
 */
#ifndef CXL_READ_CGROUPS_H
#define CXL_READ_CGROUPS_H

#include "lib/model/host.h"

enum { CGROUP_MAX_NODES = 1024 };

struct cgroup_mems {
	const char *path;	/* "/system.slice/ssh.service", "/" */
	const char *mems;	/* "0-1" */
	bool is_own;		/* it has the file, or is the root: not what is above it */
	bool is_core;		/* the host does not work without it */
	bool has_pid1;
	unsigned int depth;	/* 0: the root */
};

struct cgroup_list {
	struct cgroup_mems *v;	/* each behind the one it is in */
	size_t n;
	bool is_whole;		/* there are no more of them */
};

/* From the host's arena; -errno when there is no such hierarchy, or it cannot be read. */
int cgroups_read(const struct cxl_host *host, struct cgroup_list *ret);

/* Is node @id in "0-1,4"? */
bool cgroup_has_node(const char *mems, unsigned int id);

#endif
