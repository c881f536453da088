// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that endpoints decode without a region: firmware committed a decoder,
 * and the driver made no region of it (it failed to, a part of it is missing, or
 * the kernel has no region support).  The memory works all the same, as
 * dax_hmem's or as System RAM.
 *
 * Asked are endpoints without a region, and all when dax_hmem has a device: on
 * most hosts none.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/host.h"
#include "lib/read/host_own.h"
#include "lib/read/reader.h"

enum { MAX_DECODERS = 32 };	/* CXL r3.2 sec 8.2.4.20.1 */

static int add_loose(struct cxl_host *host, const struct loose_memory *l)
{
	struct loose_memory *more = arena_alloc(host->arena, host->n_loose + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	if (host->n_loose)
		memcpy(more, host->loose, host->n_loose * sizeof(*more));
	more[host->n_loose++] = *l;
	host->loose = host->own->loose = more;
	return 0;
}

/*
 * The driver resets the decoders of a region that loses a device: one that is
 * committed all the same is firmware's, and the region was never complete.
 */
static bool has_region(const struct cxl_host *host, const char *region)
{
	for (size_t i = 0; i < host->n_regions; i++)
		if (!strcmp(host->regions[i].name, region))
			return host->regions[i].state != REGION_HUSK;
	return *region;
}

/* An endpoint's committed decoders are its first; a kernel that does not count them has sizes. */
static int ask_endpoint(struct cxl_host *host, const struct cxl_endpoint *ep)
{
	struct opt_u64 n = attr_u64_optional(host, ep->name, ep->path, "decoders_committed");

	for (unsigned int i = 0; i < MAX_DECODERS && (!n.known || i < n.v); i++) {
		struct loose_memory l = { .memdev = ep->memdev };
		char name[32], path[PATH_MAX];
		const char *region;
		struct opt_u64 size;

		snprintf(name, sizeof(name), "decoder%u.%u", ep->id, i);
		if (sysfs_join(path, sizeof(path), ep->path, name))
			return 0;
		size = attr_u64_optional(host, name, path, "size");
		if (!size.known)
			return 0;
		region = attr_text(host, path, "region");
		if (!size.v || (region && has_region(host, region)))
			continue;
		l.start = attr_u64_optional(host, name, path, "start");
		l.start.known &= l.start.v <= UINT64_MAX - (size.v - 1);
		l.size_bytes = size.v;
		if (ep->memdev->root_port)
			OWN(host, root_ports, ep->memdev->root_port)->has_loose = true;
		l.decoder = arena_strdup(host->arena, name);
		if (!l.decoder || add_loose(host, &l))
			return -ENOMEM;
	}
	return 0;
}

int loose_read(struct cxl_host *host)
{
	bool *in_region = arena_alloc(host->arena, host->n_memdevs, sizeof(*in_region)),
	     hmem = false;

	if (!in_region)
		return -ENOMEM;
	for (size_t i = 0; i < host->n_dax; i++)
		hmem |= dax_is_hmem(&host->dax[i]);
	for (size_t i = 0; i < host->n_regions; i++)
		for (size_t k = 0; k < host->regions[i].n_targets; k++)
			if (host->regions[i].targets[k] && host->regions[i].state != REGION_HUSK)
				in_region[host->regions[i].targets[k] - host->memdevs] = true;
	for (size_t i = 0; i < host->n_memdevs; i++) {
		const struct cxl_endpoint *ep = host->memdevs[i].endpoint;

		if (ep && ep->path && (hmem || !in_region[i]) && ask_endpoint(host, ep))
			return -ENOMEM;
	}
	return 0;
}

