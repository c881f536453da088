// SPDX-License-Identifier: GPL-2.0-only
/*
 * Soft Reserved memory as the firmware's map has it, and which regions lie in
 * it.  Source: Documentation/ABI/testing/sysfs-firmware-memmap; the type is
 * drivers/firmware/memmap.c's, which vendors write in either case.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "cxl/lib/host.h"

#define MEMMAP "sys/firmware/memmap"

static int read_ranges(struct cxl_host *host)
{
	struct sysfs_names names;
	char path[PATH_MAX], type[64];
	int rc = sysfs_list(&host->fs, &host->arena, MEMMAP, NULL, &names);

	if (rc)	/* only x86 has it */
		return rc == -ENOMEM ? rc : 0;
	host->soft_reserved = arena_alloc(&host->arena, names.n, sizeof(*host->soft_reserved));
	if (!host->soft_reserved)
		return -ENOMEM;
	for (size_t i = 0; i < names.n; i++) {
		struct opt_u64 start, end;
		char *dir = arena_printf(&host->arena, MEMMAP "/%s", names.v[i]);

		if (!dir)
			return -ENOMEM;
		if (sysfs_join(path, sizeof(path), dir, "type") ||
		    sysfs_read(&host->fs, path, type, sizeof(type)) < 0 || strcasecmp(type, "Soft Reserved"))
			continue;
		start = attr_u64(host, dir, dir, "start");
		end = attr_u64(host, dir, dir, "end");
		if (start.known && end.known && end.v > start.v)
			host->soft_reserved[host->n_soft_reserved++] = (struct mem_range){ start.v, end.v };
	}
	return 0;
}

int firmware_map_read(struct cxl_host *host)
{
	bool wanted = false;
	int rc;

	for (size_t i = 0; i < host->n_regions; i++)
		wanted |= region_is_committed(&host->regions[i]) && !host->regions[i].is_pmem;
	rc = wanted ? read_ranges(host) : 0;
	for (size_t i = 0; !rc && i < host->n_regions; i++) {
		struct cxl_region *r = &host->regions[i];

		for (size_t k = 0; k < host->n_soft_reserved && r->resource.known && r->size_bytes.known; k++)
			r->soft_reserved |= region_is_committed(r) && r->size_bytes.v &&
				r->resource.v >= host->soft_reserved[k].start &&
				r->resource.v <= host->soft_reserved[k].end &&
				host->soft_reserved[k].end - r->resource.v >= r->size_bytes.v - 1;
	}
	return rc;
}
