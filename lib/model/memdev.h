/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory devices and their endpoints. */
#ifndef CXL_MEMDEV_H
#define CXL_MEMDEV_H

#include <stddef.h>

#include "lib/model/opt.h"

struct cxl_bus;
struct cxl_port;
struct cxl_root_port;

struct cxl_memdev {
	const char *name;
	unsigned int id;
	const char *path;
	const char *host;	/* PCI address of the endpoint; NULL when it is not a PCI device */
	const struct cxl_endpoint *endpoint;	/* NULL while it has left the topology */
	const struct cxl_root_port *root_port;	/* NULL: unattached */
	const struct cxl_bus *bus;
	const char **chain;	/* PCI addresses from the root port to the endpoint */
	size_t n_chain;
	bool bound;		/* cxl_mem driver */
	bool is_kept_devdax;	/* by a udev rule: see DAX_KEPT_RULE */
	bool is_accelerator;	/* a type-2 device's: no serial, and the PCI driver is not cxl_pci */
	struct opt_u64 serial, ram_bytes, pmem_bytes;
};

struct cxl_endpoint {
	const char *name;
	unsigned int id;	/* of endpointN, which names its decoders */
	const char *path;
	const struct cxl_memdev *memdev;	/* NULL when the link is gone */
	const struct cxl_port *port;	/* the one it hangs below; NULL when it is in none */
};

#endif
