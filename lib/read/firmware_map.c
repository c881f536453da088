// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which regions lie in memory that firmware's map calls Soft Reserved.
 * Source: Documentation/ABI/testing/sysfs-firmware-memmap.  The whole judgement
 * of such memory is soft_reserved.c's.
 */
#include <errno.h>

#include "lib/firmware/memmap.h"
#include "lib/model/host.h"
#include "lib/read/host_own.h"
#include "lib/read/reader.h"

#define MEMMAP "sys/firmware/memmap"

/* One entry; most are of another type, which is all that is read of them. */
static int read_entry(struct cxl_host *host, const char *name)
{
	char *dir = arena_printf(host->arena, MEMMAP "/%s", name);
	const char *type = dir ? attr_text(host, dir, "type") : NULL, *start, *end;
	struct memmap_entry e;

	if (!dir)
		return -ENOMEM;
	if (!type || memmap_parse("0", "0", type, &e) || e.type != MEMMAP_SOFT)
		return 0;
	start = attr_text(host, dir, "start");
	end = attr_text(host, dir, "end");
	if (!start || !end || memmap_parse(start, end, type, &e))
		return 0;
	return interval_add(host->arena, &host->soft_reserved, e.start, e.end);
}

static int read_map(struct cxl_host *host)
{
	struct sysfs_names names;
	int rc = sysfs_list(host->fs, host->arena, MEMMAP, NULL, &names);

	if (rc)	/* only x86 has it */
		return rc == -ENOMEM ? rc : 0;
	for (size_t i = 0; !rc && i < names.n; i++)
		rc = read_entry(host, names.v[i]);
	interval_normalize(&host->soft_reserved);
	return rc;
}

int firmware_map_read(struct cxl_host *host)
{
	bool wanted = false;
	int rc;

	for (size_t i = 0; i < host->n_regions; i++)
		wanted |= region_is_committed(&host->regions[i]) && !host->regions[i].is_pmem;
	rc = wanted ? read_map(host) : 0;
	for (size_t i = 0; !rc && i < host->n_regions; i++) {
		struct cxl_region *r = &host->own->regions[i];

		if (region_is_committed(r) && r->resource.known && r->size_bytes.known &&
		    r->size_bytes.v)
			r->soft_reserved = interval_covers(&host->soft_reserved, r->resource.v,
							   r->resource.v + r->size_bytes.v - 1);
	}
	return rc;
}
