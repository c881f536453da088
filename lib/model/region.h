/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Regions, the windows that they are in, and memory that endpoints decode without
 * one.
 *
 * Source: Documentation/ABI/testing/sysfs-bus-cxl of the kernel.
 */
#ifndef CXL_REGION_H
#define CXL_REGION_H

#include "lib/model/dax.h"
#include "lib/model/memdev.h"

enum region_state {
	REGION_ENABLED,		/* committed, driver bound */
	REGION_DISABLED,	/* committed, no driver */
	REGION_RESET,		/* not committed, every target there */
	REGION_HUSK,		/* not committed and a target lost; it still holds its address range */
	REGION_UNKNOWN,		/* neither driver nor commit can tell; counts as committed */
};
extern const char *const region_state_names[];

/* Can only a reboot tear it down, and why? */
enum region_lock {
	LOCK_NONE,
	LOCK_DECODER,	/* a decoder in its path is locked, its window's included */
	LOCK_REGION,	/* the kernel says so of the region, and no decoder is: address translation, or its driver */
	LOCK_UNKNOWN,	/* some decoder cannot be asked */
};

/*
 * The device of a region whose memory is to be System RAM, of the series of 2026-01-29: posted, not
 * merged.  Its driver makes kmem's device of it once .online_type, "invalid" at first, was said.
 */
struct sysram_region {
	const char *name, *path;	/* "sysram_region0"; NULL: the region has none */
	const char *online_type, *driver;	/* NULL: not known; none */
};

/* The driver that a recovery gives a region to; others are in postings. */
#define CXL_REGION_DRIVER "cxl_region"

struct cxl_region {
	const char *name;
	const char *path;
	const struct cxl_bus *bus;
	enum region_state state;
	const char *driver;	/* NULL: none, or not known */
	struct sysram_region sysram;
	struct opt_u64 resource, size_bytes, ways;
	const struct cxl_memdev **targets;	/* one per position; NULL where lost */
	const char **decoders;	/* the endpoint decoder of each position; NULL where none is known */
	size_t n_targets;
	bool targets_unknown;	/* some position could not be read: it may be anywhere on the bus */
	const struct cxl_root_port **root_ports;
	size_t n_root_ports;
	const char **bridges;	/* of a husk: hosts of the bridges whose turn it is, by position; none: unknown */
	size_t n_bridges;
	const struct cxl_dax **dax;
	size_t n_dax;
	/* System RAM blocks inside the region */
	size_t blocks_online, blocks_total;
	bool blocks_unknown;	/* some block could not be judged */
	const char *zone;	/* of online blocks: one that is not Movable where there is, NULL when unknown */
	bool is_pmem;		/* persistent memory */
	const char *mounted_at;	/* a file system on it; NULL when none is known */
	const char *mount_words;	/* all such places, for a shell's command line */
	enum region_lock lock;
	const char *locked_by;	/* with LOCK_DECODER: which one */
	uint64_t linear_cache_bytes;	/* extended linear cache: firmware made it */
	bool soft_reserved;	/* inside a Soft Reserved range of the firmware map */
	/* what making it again takes, beside the above: see rebuild.h */
	const char *mode;	/* "ram", "pmem"; NULL when it cannot be read */
	struct opt_u64 granularity;	/* 0: never set */
	struct opt_u64 commit;
	const struct cxl_window *window;	/* NULL where nothing is to be made again */
};

/* The root decoder of a region: a window of host physical addresses. */
struct cxl_window {
	const char *name;	/* "decoder0.0" */
	const char *path;
	struct opt_u64 start, size_bytes;	/* root's alone may read the start */
	enum tri makes_ram, makes_pmem;		/* it has create_ram_region; asked only where a region is of that kind */
	bool in_iomem;		/* /proc/iomem shows it: host.window_lines has all that is in it */
};

/* A line that /proc/iomem has inside a CXL window, at any depth. */
struct window_line {
	uint64_t start, end;	/* inclusive */
	const char *name;	/* "region0", "Soft Reserved" */
};

/*
 * Addresses that a committed decoder of an endpoint sends to its memory, and that
 * no region has: firmware programmed it, and dax_hmem owns the memory, the page
 * allocator, or nobody.
 */
struct loose_memory {
	const char *decoder;
	const struct cxl_memdev *memdev;
	struct opt_u64 start;	/* root's alone may read it */
	uint64_t size_bytes;
	size_t blocks_online, blocks_total;
	bool blocks_unknown;
	const struct cxl_dax *dax;	/* hmem's device in it, NULL when none is known */
};

/* Two decoders of one interleaved range? */
static inline bool loose_is_same(const struct loose_memory *a, const struct loose_memory *b)
{
	return a->start.known && b->start.known && a->start.v == b->start.v;
}

/* It decodes addresses: traffic can be in it. */
bool region_is_committed(const struct cxl_region *r);
/* "decoder0.0" out of "…/root0/decoder0.0/region0", into @buf, which is returned. */
const char *region_root_decoder(const struct cxl_region *r, char *buf, size_t size);
/* A position of @r is below @rp. */
bool region_is_below(const struct cxl_region *r, const struct cxl_root_port *rp);
/* A target that belongs to an accelerator: its driver made the region, and keeps it.  NULL: none does. */
const struct cxl_memdev *region_accelerator(const struct cxl_region *r);
/* A position of @r could not be read: can it be below @rp? */
bool region_may_touch(const struct cxl_region *r, const struct cxl_root_port *rp);
/*
 * The regions that can have to do with host bridge @bridge (NULL: it is not known), from
 * behind @from (NULL: the first) on, in the order of host->regions; NULL when there is no other.
 */
const struct cxl_region *region_next_beside(const struct cxl_host *host,
					    const struct cxl_port *bridge,
					    const struct cxl_region *from);
/* The first region that @m's memory is in; NULL: none is known. */
const struct cxl_region *host_region_of_memdev(const struct cxl_host *host,
					       const struct cxl_memdev *m);
/* Memory without a region below @rp, from behind @from (NULL: the first) on; NULL when there is no other. */
const struct loose_memory *loose_next_below(const struct cxl_host *host,
					    const struct cxl_root_port *rp,
					    const struct loose_memory *from);

#endif
