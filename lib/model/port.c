// SPDX-License-Identifier: GPL-2.0-only
/* Questions to root ports: see port.h. */
#include <string.h>

#include "lib/model/host.h"

const struct cxl_memdev *root_port_memdev(const struct cxl_root_port *rp, const char *function)
{
	for (size_t i = 0; i < rp->n_memdevs; i++)
		if (rp->memdevs[i]->host && !strcmp(rp->memdevs[i]->host, function))
			return rp->memdevs[i];
	return NULL;
}

bool root_port_is_empty(const struct cxl_root_port *rp)
{
	return !root_port_endpoints(rp) && !rp->caps_below && !rp->below_unread;
}

size_t root_port_endpoints(const struct cxl_root_port *rp)
{
	size_t n = rp->n_memdevs;

	for (size_t i = 0; i < rp->n_accelerators; i++)
		n += !rp->accelerators[i].memdev;
	return n;
}

const char *root_port_functions_text(const struct cxl_root_port *rp, struct arena *a)
{
	const char *text = "";

	for (size_t i = 0; text && i < rp->n_pci_functions; i++) {
		const struct pci_function *f = &rp->pci_functions[i];

		text = arena_printf(a, "%s%s%s%s%s%s", text, i ? ", " : "", f->name, f->driver ? " (" : "",
				    f->driver ? f->driver : "", f->driver ? ")" : "");
	}
	return text ? text : "";
}

static enum tri speaks(const struct cxl_root_port *rp, uint16_t cap, bool is_known)
{
	if (is_known || rp->caps_below & cap)
		return TRI_YES;
	for (size_t i = 0; i < rp->n_accelerators; i++)
		if (rp->accelerators[i].caps & cap)
			return TRI_YES;
	return rp->below_unread ? TRI_UNKNOWN : TRI_NO;
}

/* A memdev has memory, whatever can be read of its function. */
enum tri root_port_speaks_mem(const struct cxl_root_port *rp)
{
	return speaks(rp, DVSEC_CAP_MEM, rp->n_memdevs);
}

enum tri root_port_speaks_cache(const struct cxl_root_port *rp)
{
	return speaks(rp, DVSEC_CAP_CACHE, false);
}
