/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every PCI function below a root port and what it is used for, for whoever asks what goes
 * with the port: beyond the snapshot, which knows CXL's and, where there may be others, names.
 */
#ifndef CXL_READ_FUNCTIONS_H
#define CXL_READ_FUNCTIONS_H

#include "lib/model/host.h"

struct function_use {
	const char *name;		/* PCI address */
	const char *path;
	const char *driver;		/* NULL when it has none */
	const char *physical;		/* a virtual function's: whose it is; NULL */
	const char *iommu_group;	/* "12"; NULL when it has none */
	const char *const *netdevs;
	size_t n_netdevs;
	const char **blocks;		/* block devices without partitions */
	size_t n_blocks;
	bool blocks_unknown;
	const struct dax_user *users;	/* of its VFIO device or group, by pid: whoever has it */
	size_t n_users;
	bool users_unknown;
};

struct function_uses {
	struct function_use *v;		/* in the order of the tree */
	size_t n;
};

/* All but bridges, below root_ports[@at], from the host's arena.  -ENOMEM or 0. */
int functions_read(const struct cxl_host *host, size_t at, struct function_uses *ret);

#endif
