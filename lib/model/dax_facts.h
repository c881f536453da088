/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a dax device's memory is used for, and whether that is what isolation
 * needs.  Read beyond the snapshot, by the commands of daxctl alone.
 *
 * Source: Documentation/ABI/testing/sysfs-bus-dax, sysfs-devices-memory;
 * Documentation/admin-guide/mm/memory-hotplug.rst of the kernel.
 */
#ifndef CXL_DAX_FACTS_H
#define CXL_DAX_FACTS_H

#include "lib/model/check_id.h"
#include "lib/model/host.h"

/* Something that makes System RAM of memory without being asked. */
enum online_kind { ONLINE_AUTO, ONLINE_KMEM, ONLINE_UDEV, ONLINE_PARAMETER };
extern const char *const online_kind_names[];

struct online_cause {
	enum online_kind kind;
	const char *where;	/* "/etc/udev/rules.d/x.rules:3" */
	const char *value;	/* what is there; NULL: could not be read */
};

struct zone_count {
	const char *zone;	/* NULL: not known */
	size_t blocks;
};

struct dax_facts {
	const struct cxl_dax *dax;
	enum dax_mode mode;
	enum tri memmap;	/* memmap_on_memory of the device */
	enum tri memmap_in_force;	/* its struct pages are on itself, now */
	struct opt_u64 node;
	const char *state;	/* file state of kmem's device, Linux 7.3; NULL: it has none, or not known */
	enum tri is_private;	/* its node is a private one, posted, not merged; unknown: the kernel has none, or it cannot be read */
	bool blocks_unknown;	/* where it lies, or a block's state, is not known */
	size_t blocks_total, blocks_online;
	struct zone_count *zones;	/* of the online ones */
	size_t n_zones;
	enum tri fit;
	enum check_id *unfit;	/* the checks that stand against it */
	size_t n_unfit;
};

struct dax_view {
	const struct cxl_host *host;
	struct dax_facts *v;	/* per host->dax[] */
	struct online_cause *causes;
	size_t n_causes;
	const char *memmap_param;	/* memory_hotplug.memmap_on_memory: "Y", "N", "force"; NULL unknown */
	const char *auto_online;	/* auto_online_blocks; NULL unknown */
	bool kmem_has_state;	/* seen of a device that kmem has; false: not so, or none to see it of */
};

/*
 * kmem was taken from it while its memory was online: the blocks are still there,
 * and no driver gets the device, until the next boot (dev_dax_kmem_remove() of
 * drivers/dax/kmem.c keeps the range).
 */
bool dax_is_left_behind(const struct dax_facts *f);

/*
 * The file state of kmem's devices takes away, and brings, all memory of one at a time
 * (drivers/dax/kmem.c of Linux 7.3).  It tells what was last done by it, or the kernel's policy when
 * kmem got the device, and not what became of single blocks since.
 */
#define DAX_UNPLUGGED "unplugged"
#define DAX_ONLINE_MOVABLE "online_movable"
/* Why it is not for taking the memory of @f away, so that the way back is exact; NULL: it is. */
const char *dax_no_unplug(const struct dax_facts *f);

#endif
