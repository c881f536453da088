/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a root port and the regions that touch it are made of, in terms that
 * outlive removal and rescan: memory devices by serial number, regions by what
 * they are made from.  Taken before a recovery, kept in its journal, rebuilt
 * from at its end.  Names in it are those that the objects had.
 */
#ifndef CXL_RECIPE_H
#define CXL_RECIPE_H

#include <json-c/json.h>

#include "cxl/lib/snapshot/host.h"

/* A memory device: below the port, or a target of a region that touches it. */
struct recipe_device {
	const char *name;	/* as it was called; "device1" when it was already gone */
	const char *address;	/* of its PCI function; NULL when not known */
	struct opt_u64 serial;	/* unknown, too, when it is 0 or that of another device as well: .address tells */
	bool below;		/* below the port: it goes and returns */
};

struct recipe_target {
	size_t device;		/* in recipe.devices */
	const char *mode;	/* of the endpoint decoder: "ram", "pmem" */
	uint64_t bytes;		/* its capacity in the region */
};

struct recipe_region {
	const char *name;
	const char *decoder;	/* root decoder it is made from: "decoder0.0" */
	const char *uuid;	/* NULL for volatile memory */
	const char *mode;	/* "ram", "pmem" */
	uint64_t size_bytes, address, granularity;
	size_t ways;
	struct recipe_target *targets;	/* one per position */
	bool enabled;		/* its driver is to be bound */
	const char *dax_driver;	/* of its dax device: "device_dax", or STEP_NO_DRIVER; NULL: it has none */
	int memmap_on_memory;	/* of its dax device; -1 unknown */
	const char *lost;	/* why it cannot be made again; NULL when it can */
};

struct recipe {
	const char *root_port;
	const char **root_ports;	/* all that its regions touch, itself first */
	size_t n_root_ports;
	struct iso_control settings;	/* as the kernel's attributes say; -1 unknown */
	struct recipe_device *devices;
	size_t n_devices;
	struct recipe_region *regions;	/* in the order of their addresses */
	size_t n_regions;
};

/*
 * The recipe of @rp, memory from @a.  What cannot be made again is told in its
 * region's .lost, not an error.  -errno with @err.
 */
int recipe_read(struct cxl_host *host, const struct cxl_root_port *rp, struct arena *a, struct recipe *ret, struct err *err);

/* Is a region of that name in it? */
bool recipe_has(const struct recipe *recipe, const char *name);

/* Does @r touch @rp, or may it: a husk whose lost position can have been there? */
bool recipe_touches(const struct cxl_host *host, const struct cxl_root_port *rp, const struct cxl_region *r);

struct json_object *recipe_json(const struct recipe *recipe);
/* -EINVAL when it is no recipe; strict: everything must be there and fit together. */
int recipe_parse(struct json_object *obj, struct arena *a, struct recipe *ret);

#endif
