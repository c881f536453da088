/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a layout of memory is judged by, beyond the snapshot: the root decoders, those
 * without a region too, and what belongs to a dax device beside its memory.  Read by
 * whoever needs a layout alone: layout_facts_read() of lib/read/host_read.h.
 *
 * Source: Documentation/ABI/testing/sysfs-bus-cxl and sysfs-bus-dax of the kernel.
 */
#ifndef CXL_LAYOUT_FACTS_H
#define CXL_LAYOUT_FACTS_H

#include "lib/model/host.h"

/* A window of host physical addresses. */
struct root_decoder {
	const char *name;	/* "decoder0.0" */
	const char *path;
	const struct cxl_bus *bus;
	struct opt_u64 start, size_bytes;	/* root's alone may read the start */
	struct opt_u64 granularity;
	const char **bridges;	/* by position: hosts of the bridges ("pci0000:0c") */
	size_t n_bridges;	/* how many ways it interleaves; 0: not known */
	enum tri makes_ram;	/* it has create_ram_region */
};

/* Of a dax device, beside its memory. */
struct dax_file {
	struct opt_u64 start;	/* where its first part begins; root's alone may read it */
	struct opt_u64 align;
	bool is_known;		/* its device file is there: the rest */
	const char *owner, *group;	/* names, or numbers of those without */
	uint32_t uid, gid;
	unsigned int mode;	/* permission bits */
};

struct layout_facts {
	const struct cxl_host *host;
	const struct root_decoder *decoders;
	size_t n_decoders;
	const size_t *endpoint_decoders;	/* per host->memdevs[]: how many it has; 0: not known */
	const struct dax_file *dax;	/* per host->dax[] */
	/* what /proc/iomem has in CXL windows beside regions (Soft Reserved); none where addresses cannot be read */
	const struct addr_range *taken;
	size_t n_taken;
};

/* Where @d begins in its region; false: that cannot be told, or it is in none. */
static inline bool dax_offset(const struct layout_facts *facts, const struct cxl_dax *d,
			      uint64_t *ret)
{
	const struct opt_u64 *start = &facts->dax[d - facts->host->dax].start;
	const struct cxl_region *r = d->region;

	if (!r || !r->resource.known || !start->known || start->v < r->resource.v)
		return false;
	*ret = start->v - r->resource.v;
	return true;
}

#endif
