// SPDX-License-Identifier: GPL-2.0-only
/* Questions to regions: see region.h. */
#include <stdio.h>
#include <string.h>

#include "lib/model/host.h"

const char *const region_state_names[] = {
	[REGION_ENABLED] = "enabled", [REGION_DISABLED] = "disabled",
	[REGION_RESET] = "reset", [REGION_HUSK] = "husk", [REGION_UNKNOWN] = NULL,
};

bool region_is_committed(const struct cxl_region *r)
{
	return r->state == REGION_ENABLED || r->state == REGION_DISABLED ||
	       r->state == REGION_UNKNOWN;
}

const char *region_root_decoder(const struct cxl_region *r, char *buf, size_t size)
{
	const char *at = strstr(r->path, "/decoder");

	snprintf(buf, size, "%.*s", at ? (int)strcspn(at + 1, "/") : 8, at ? at + 1 : "decoderX");
	return buf;
}

const struct cxl_region *host_region_of_memdev(const struct cxl_host *host,
					       const struct cxl_memdev *m)
{
	for (size_t i = 0; i < host->n_regions; i++)
		for (size_t k = 0; k < host->regions[i].n_targets; k++)
			if (host->regions[i].targets[k] == m)
				return &host->regions[i];
	return NULL;
}

bool region_is_below(const struct cxl_region *r, const struct cxl_root_port *rp)
{
	for (size_t i = 0; i < r->n_root_ports; i++)
		if (r->root_ports[i] == rp)
			return true;
	return false;
}

const struct cxl_memdev *region_accelerator(const struct cxl_region *r)
{
	for (size_t i = 0; i < r->n_targets; i++)
		if (r->targets[i] && r->targets[i]->is_accelerator)
			return r->targets[i];
	return NULL;
}

bool region_may_touch(const struct cxl_region *r, const struct cxl_root_port *rp)
{
	return r->targets_unknown && rp->n_memdevs &&
	       (!rp->bridge || rp->bridge->bus == r->bus) &&
	       region_is_committed(r);
}

const struct cxl_region *region_next_beside(const struct cxl_host *host,
					    const struct cxl_port *bridge,
					    const struct cxl_region *from)
{
	size_t next = from ? (size_t)(from - host->regions) + 1 : 0, lo = 0, hi;

	if (!bridge || !bridge->regions)
		return next < host->n_regions ? &host->regions[next] : NULL;
	for (hi = bridge->n_regions; lo < hi;) {
		size_t mid = (lo + hi) / 2;

		if (bridge->regions[mid] < &host->regions[next])
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < bridge->n_regions ? bridge->regions[lo] : NULL;
}

const struct loose_memory *loose_next_below(const struct cxl_host *host,
					    const struct cxl_root_port *rp,
					    const struct loose_memory *from)
{
	const struct loose_memory *l = from ? from + 1 : host->loose;

	for (; l && l < host->loose + host->n_loose; l++)
		if (l->memdev->root_port == rp)
			return l;
	return NULL;
}
