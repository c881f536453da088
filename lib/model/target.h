/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TARGET of the command line to objects of a snapshot: root0, all, portN, a PCI
 * address, memN, regionN, daxX.Y.  Exact names only.
 */
#ifndef CXL_TARGET_H
#define CXL_TARGET_H

#include "lib/model/host.h"

struct target_set {
	bool *root_ports;	/* per host->root_ports[]: selected */
	bool *named;		/* per host->root_ports[]: meant itself, not as a member of a group */
	bool *memdevs;		/* per host->memdevs[] */
	bool *regions;		/* per host->regions[] */
	bool *dax;		/* per host->dax[] */
};

/* What a word may name. */
enum target_kind {
	TARGET_BUS = 1 << 0,		/* root0, all */
	TARGET_PORT = 1 << 1,		/* portN */
	TARGET_PCI = 1 << 2,		/* a root port's, switch port's or endpoint's address */
	TARGET_MEMDEV = 1 << 3,
	TARGET_REGION = 1 << 4,
	TARGET_DAX = 1 << 5,
	TARGET_ANY = (1 << 6) - 1,
};

/* An empty set (or a full one) for @host, from @a.  -ENOMEM or 0. */
int target_set_init(const struct cxl_host *host, struct arena *a, bool full,
		    struct target_set *ret);

/*
 * Add what @target stands for.  A bus, a host bridge's port and "all" are
 * groups; everything else names the root ports above it.  -EINVAL with @err
 * (EXIT_USAGE) listing what exists.
 */
int target_add(const struct cxl_host *host, const char *target, unsigned int kinds,
	       struct target_set *set, struct err *err);

/*
 * Is it known of all root ports whether @target lies below them?  -ENODATA with
 * @err (EXIT_PREREQ) when a position of that region could not be read.
 */
int target_is_known(const struct cxl_host *host, const char *target, struct err *err);

/* Keep in @set only what is in @other, too. */
void target_intersect(const struct cxl_host *host, struct target_set *set,
		      const struct target_set *other);

#endif
