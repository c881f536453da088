/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a kernel makes of a root port with Timeout & Isolation: its sysfs
 * attributes, what it does when it finds the port and when the port isolates.
 */
#ifndef SIM_KERNEL_H
#define SIM_KERNEL_H

#include <stdbool.h>

#include "util/complete.h"
#include "util/err.h"

struct port;
struct sim;

struct kernel {
	const char *name;
	const char *summary;
	/* the port is found at boot */
	int (*discover)(const struct kernel *kernel, struct port *port, struct err *err);
	/* the port signals isolation; NULL: nobody listens, or it has no harm done */
	void (*isolated)(struct port *port);
	bool hears_cache;	/* of CXL.cache, too: those as posted look at CXL.mem alone */
	bool panics_on_protocol_error;	/* of any port or endpoint, isolated or not */
	bool has_kmem_state;	/* of Linux 7.3, whatever was captured */
	bool has_private_nodes;	/* kmem's file private */
	bool has_sysram_regions;	/* sysram.h */
	const struct attr_ops *isolation_ctrl, *timeout_ctrl, *timeout_range;
};

/* The discovery of "rfc": kernel_rfc.c. */
int rfc_discover(const struct kernel *kernel, struct port *port, struct err *err);

/* What the CXL core's trace events look like on sim->kernel: trace_events.c.  -ENOMEM or 0. */
int trace_events_add(struct sim *sim);

/* NULL when there is none of this name. */
const struct kernel *kernel_find(const char *name);

/* For shell completion. */
void kernels_complete(struct complete *c);

/* "mainline, v1, v1-fixed, rfc, ras-v18, kmem-state, private-nodes, sysram-regions, type2-detach" */
const char *kernel_names(void);

#endif
