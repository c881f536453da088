/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All models of a host: each puts itself behind its devices, and keeps beside the
 * tree only what sysfs does not show.
 */
#ifndef SIM_MODELS_H
#define SIM_MODELS_H

#include <stdbool.h>
#include <stddef.h>

struct node;
struct sim;

struct models {
	const struct model *table;	/* bus.h */
	struct parked *pci;		/* removed functions */
	struct parked *unprobed;	/* memory devices of functions that cxl_pci has not */
	struct parked *endpoints;	/* endpoint ports that went, newest first */
	struct parked *ports;		/* switch ports that went, newest first */
	struct parked *slots;		/* of root ports that went */
	struct parked *nmems;		/* nvdimm devices of memory devices */
	struct parked *debug;		/* debugfs directories of memory devices */
	struct dport *dports;
	struct hdm *hdms;
	struct methods *methods;	/* of reset */
	struct lost *lost;
	struct fate *fates;
	struct accel *accels;
	struct busy_block *busy_blocks;
	struct stale_dax *stale_dax;
	struct pinned_dax *pinned;
	struct tracer *tracers;		/* trace buffers, the first is that at the top */
	char **dax_ids;			/* "device_dax/dax0.0": written to new_id */
	size_t n_dax_ids;
};

/* Put the models behind every device of the loaded tree.  0 or -errno. */
int models_attach(struct sim *sim);

/* And its root ports. */
void models_free(struct sim *sim);

/* Everything of the host and its run. */
void sim_exit(struct sim *sim);

/*
 * The endpoint that @node belongs to is pulled out, and may come back with a rescan:
 * the function itself, of a region or dax device the one of its first target, else
 * the first below the node's root port or any.
 */
void sim_vanish(struct sim *sim, struct node *node);

#endif
