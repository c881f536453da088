/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory as the kernel manages it: blocks, zones, and how it treats what is added. */
#ifndef CXL_MEMORY_H
#define CXL_MEMORY_H

#include "lib/model/opt.h"

/* A range of host physical addresses, both ends in it. */
struct addr_range {
	uint64_t first, last;
};

enum block_state { BLOCK_OFFLINE, BLOCK_ONLINE, BLOCK_UNKNOWN };

/* A memory block that lies, at least in part, in a region or dax device. */
struct mem_block {
	unsigned int number;	/* of memoryN */
	enum block_state state;
	const char *zone;	/* of an online block; NULL: unknown, or nobody wanted it */
};

/* A zone of some node, and from where to where it spans. */
struct mem_zone {
	const char *name;	/* "Movable" */
	uint64_t first, last;	/* 0, 0: it has no memory */
	bool is_confirmed;	/* by a block's own word */
};

/* What the kernel does with memory that is added: "offline", "online", "online_movable", ... */
#define AUTO_ONLINE "sys/devices/system/memory/auto_online_blocks"

/* Whether struct pages of added memory can be on itself: "N", "Y", "force". */
#define MEMMAP_PARAMETER "sys/module/memory_hotplug/parameters/memmap_on_memory"

/* How this host treats memory that is added to it. */
struct memory_policy {
	/* read only where some object makes them matter; NULL, unknown otherwise */
	const char *auto_online;	/* auto_online_blocks: "offline", "online", ... */
	const char *memmap_parameter;	/* memory_hotplug.memmap_on_memory: "N", "Y", "force" */
	bool memmap_unread;	/* it is there, and cannot be read */
	const char *private_nodes;	/* has_private_memory, "" when no node is */
	enum tri demotion;
	struct opt_u64 room_bytes;	/* that the nodes beside the CXL memory could still give */
};

/* The part of memory that its struct pages take: 64 bytes for 4 KiB. */
#define MEMMAP_SHARE 64

#endif
