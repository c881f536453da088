/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The snapshot: one host's CXL hierarchy as it was when read, immutable
 * afterwards, every link resolved both ways.  Built by host_read(), whose parts
 * write to it by .own; checks, plans and records only look at it, and what is
 * read again is in a later snapshot (lib/read/host_read.h).
 *
 * Source: Documentation/ABI/testing/sysfs-bus-cxl and sysfs-bus-dax of the
 * kernel.  An object with a missing or unreadable attribute keeps its place;
 * the attribute is not .known and one message says why.
 */
#ifndef CXL_HOST_H
#define CXL_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "lib/firmware/interval.h"
#include "lib/model/kept.h"
#include "lib/model/platform.h"
#include "lib/model/port.h"
#include "lib/model/region.h"
#include "util/arena.h"
#include "util/message.h"
#include "util/sysfs.h"

struct host_own;

struct cxl_host {
	struct host_own *own;	/* of those who fill it in: lib/read/host_own.h */
	struct sysfs *fs;	/* the door it was read through: reading again does not change it */
	struct arena *arena;	/* its memory, and that of what is read later */
	struct messages *messages;	/* what was said about it */
	const struct cxl_bus *buses;
	size_t n_buses;
	const struct cxl_port *ports;
	size_t n_ports;
	const struct cxl_root_port *root_ports;	/* in bus order */
	size_t n_root_ports;
	const struct cxl_memdev *memdevs;
	size_t n_memdevs;
	const struct cxl_endpoint *endpoints;
	size_t n_endpoints;
	const struct cxl_region *regions;
	size_t n_regions;
	const struct cxl_dax *dax;
	size_t n_dax;
	const struct loose_memory *loose;
	size_t n_loose;
	uint64_t block_bytes;	/* memory block size, 0 when unknown */
	struct memory_policy policy;
	struct platform platform;
	struct kept kept;
	enum tri panics_on_protocol_error;	/* an uncorrectable one, of CXL */
	bool core_is_module;	/* the CXL core is not built into the kernel */
	bool lets_sleep;	/* a function in D3cold is not woken to be read: host_read_watched() */
	bool wants_dax;		/* also what only the dax side needs: host_read_dax() */
	const struct mem_block *blocks;	/* by number */
	size_t n_blocks;
	const struct mem_zone *zones;	/* of the live host, when the dax side is wanted */
	size_t n_zones;
	struct interval_set soft_reserved;	/* of the firmware map; read when there is a region */
	const struct cxl_window *windows;	/* that have a region */
	size_t n_windows;
	const struct window_line *window_lines;	/* by address, larger ones first */
	size_t n_window_lines;
	const char *iomem_unknown;	/* why they are not known, a sentence part; NULL when they are */
	bool dax_unknown;	/* there may be dax devices that could not be listed */
	bool users_read;	/* users.c looked for users of the dax devices */
	bool dax_in_use;	/* the kernel counts a user of some dax device, who need not be known */
	size_t n_hidden_processes;	/* could not be looked into */
};

/* The root port with that PCI address, NULL when there is none. */
const struct cxl_root_port *host_root_port(const struct cxl_host *host, const char *name);
/* endpointN by its number; NULL when there is none. */
const struct cxl_endpoint *host_endpoint(const struct cxl_host *host, unsigned int id);
/* The bus whose directory is above @path; the first where none is. */
const struct cxl_bus *host_bus_above(const struct cxl_host *host, const char *path);
/* Memory below @rp whose struct pages the rest of the system does not hold yet. */
uint64_t memmap_missing_for(const struct cxl_host *host, const struct cxl_root_port *rp);

static inline bool path_is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && path[n] == '/';
}

#endif
