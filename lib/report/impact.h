/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is lost when a root port fails: beyond what the snapshot says of it, the
 * other root ports whose memory goes too, and who uses System RAM that does.
 */
#ifndef CXL_IMPACT_H
#define CXL_IMPACT_H

#include "lib/model/target.h"
#include "lib/read/read_cgroups.h"
#include "lib/read/read_functions.h"

/* A memory node that has blocks of the regions below. */
struct ram_node {
	unsigned int id;
	struct opt_u64 total_bytes, used_bytes;	/* of the whole node, whatever else it holds */
};

struct ram_process {
	pid_t pid;
	const char *command;
	uint64_t bytes;		/* on those nodes */
	struct process_owner owner;
};

/* Who may have memory on those nodes. */
struct impact_cgroups {
	bool is_known;		/* else nothing of it is */
	bool is_whole;		/* all were looked at */
	size_t n_allowed;	/* how many may, but the root */
	const struct cgroup_mems **v;	/* of those: directly below the root, and what the host needs */
	size_t n;
	const char *remedy;	/* what keeps off what the host needs; NULL: it is kept off */
};

/* Everything is limited to what the targets name: below one switch port, say. */
struct impact {
	const struct cxl_memdev **memdevs;
	size_t n_memdevs;
	const struct cxl_accelerator **accelerators;
	size_t n_accelerators;
	struct function_uses functions;	/* all, those of memdevs and accelerators too */
	const struct cxl_region **regions;	/* lost as a whole, wherever else they lie */
	size_t n_regions;
	const struct cxl_dax **dax;
	size_t n_dax;
	struct opt_u64 bytes;		/* of those regions */
	const struct cxl_root_port **others;	/* root ports that lose memory with this one, in bus order */
	size_t n_others;
	struct opt_u64 online_bytes;	/* System RAM blocks inside the regions */
	struct ram_node *nodes;
	size_t n_nodes;
	struct ram_process *processes;	/* those with most there, the biggest first */
	size_t n_processes;
	struct impact_cgroups cgroups;
	bool processes_unknown;		/* nobody could be looked into */
	size_t n_hidden_processes;	/* those that could not */
};

/*
 * For each root port in @set, as far as its memdevs and regions are; *@ret per
 * host->root_ports[], from the host's arena.  /proc and the nodes are only
 * looked at when some of the memory is online.  -ENOMEM with @err, or 0.
 */
int impact_read(const struct cxl_host *host, const struct target_set *set, struct impact **ret,
		struct err *err);

/* One line of /proc/PID/numa_maps: bytes on each node, added to @bytes (per node, @n of them). */
void impact_add_numa_line(const char *line, uint64_t *bytes, size_t n);

#endif
