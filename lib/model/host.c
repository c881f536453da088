// SPDX-License-Identifier: GPL-2.0-only
/* Questions to a host: see host.h. */
#include "lib/model/host.h"

#include "util/parse.h"

const struct cxl_root_port *host_root_port(const struct cxl_host *host, const char *name)
{
	uint64_t key;

	if (!parse_pci_address(name, &key))
		return NULL;
	for (size_t lo = 0, hi = host->n_root_ports; lo < hi;) {
		size_t mid = (lo + hi) / 2;

		if (host->root_ports[mid].key == key)
			return &host->root_ports[mid];
		if (key < host->root_ports[mid].key)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

const struct cxl_bus *host_bus_above(const struct cxl_host *host, const char *path)
{
	for (size_t i = 0; i < host->n_buses; i++)
		if (path_is_below(path, host->buses[i].path))
			return &host->buses[i];
	return &host->buses[0];
}

const struct cxl_endpoint *host_endpoint(const struct cxl_host *host, unsigned int id)
{
	for (size_t lo = 0, hi = host->n_endpoints; lo < hi;) {	/* in the order of their numbers */
		size_t mid = (lo + hi) / 2;

		if (host->endpoints[mid].id == id)
			return &host->endpoints[mid];
		if (id < host->endpoints[mid].id)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

static bool holds_memmap_elsewhere(const struct cxl_host *host, const struct cxl_dax *d)
{
	if (!d->driver)
		return false;
	return !dax_is_kmem(d) || d->memmap_on_memory == TRI_NO || !host->policy.memmap_parameter ||
	       !strcmp(host->policy.memmap_parameter, "N");
}

uint64_t memmap_missing_for(const struct cxl_host *host, const struct cxl_root_port *rp)
{
	uint64_t total = 0, held = 0;

	for (size_t i = 0; i < rp->n_memdevs; i++)
		total += rp->memdevs[i]->ram_bytes.v;
	for (size_t i = 0; i < rp->n_dax; i++) {
		const struct cxl_region *r = rp->dax[i]->region;
		size_t below = 0;

		if (r->is_pmem)
			continue;

		for (size_t k = 0; k < r->n_targets; k++)
			below += r->targets[k] && r->targets[k]->root_port == rp;
		if (holds_memmap_elsewhere(host, rp->dax[i]) && r->n_targets)
			held += rp->dax[i]->size_bytes.v / r->n_targets * below;
	}
	return total > held ? total - held : 0;
}
