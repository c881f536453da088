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

#include "lib/model/rebuild.h"

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

/* A dax device of a region; its memory in terms of the region, which may return elsewhere. */
struct recipe_dax {
	const char *name;	/* as it was called */
	const char *policy_name;	/* as the policy file calls it; NULL: it does not */
	const char *driver;	/* "device_dax", "kmem", "fsdev_dax", or STEP_NO_DRIVER */
	uint64_t align;		/* 0: not known, the kernel's own */
	int memmap_on_memory;	/* -1 unknown */
	struct recipe_part {
		uint64_t offset, bytes;
	} *parts;		/* in the order of its pages */
	size_t n_parts;
};

struct recipe_region {
	const char *name;
	const char *decoder;	/* root decoder it is made from: "decoder0.0" */
	const char *uuid;	/* NULL for volatile memory */
	const char *mode;	/* "ram", "pmem" */
	uint64_t size_bytes, address, granularity;
	uint64_t place;		/* where the kernel will make it: .address, unless a move was accepted */
	size_t ways;
	struct recipe_target *targets;	/* one per position */
	bool enabled;		/* its driver is to be bound */
	bool has_dax;		/* it is cut into: */
	struct recipe_dax *dax;	/* in the order of their names; none: nobody has any of it */
	size_t n_dax;
	bool neighbour;		/* of another port: it is only in the way of one that is to be made again */
	const char *lost;	/* why it cannot be made again; NULL when it can */
};

/* A PCI function of an accelerator's device. */
struct recipe_function {
	const char *address;
	const char *driver;	/* NULL: a virtual one that has none */
	const char *physical;	/* a virtual one's: whose it is; NULL */
	const char *override;	/* a virtual one's driver_override; NULL: none */
	uint64_t numvfs;	/* how many virtual ones it has, */
	bool vf_autoprobe;	/* and whether those get drivers by themselves */
};

/* What its own driver brings back, region and all: taken with the driver's consent. */
struct recipe_accelerator {
	const char *address;	/* of its PCI function; NULL: there is none */
	const char *driver;
	const char *memdev;	/* as in .devices; NULL: it has no memory */
	struct recipe_function *functions;	/* of the whole device, itself included, by address */
	size_t n_functions;
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
	struct recipe_accelerator accelerator;	/* then its regions, but for neighbours, are its driver's to make */
};

/*
 * The recipe of what @set (of @host) takes down, memory from @a.  What cannot be
 * made again is told in its region's .lost, not an error.  -errno with @err.
 */
int recipe_read(const struct cxl_host *host, const struct rebuild_set *set, struct arena *a,
		struct recipe *ret, struct err *err);

/* The policy file calls the dax device that is @dax so.  Where it is none of the recipe's nothing is done. */
void recipe_name_dax(struct recipe *recipe, const char *dax, const char *policy_name);
/* How many names a journal may come to hold of it: of each try's regions, and of the last one's dax devices. */
size_t recipe_most_names(const struct recipe *recipe);
/* Is it as the kernel makes it with its region: one device, of all of it? */
bool recipe_is_whole(const struct recipe_region *r);
/* The region of that name; NULL: none. */
const struct recipe_region *recipe_region_of(const struct recipe *recipe, const char *name);
/* Is a region of that name in it? */
bool recipe_has(const struct recipe *recipe, const char *name);
/* Does the accelerator's driver make it, and not the recovery? */
bool recipe_is_drivers(const struct recipe *recipe, const struct recipe_region *r);
/* Is @r a neighbour of it, as it was when the recipe was taken? */
bool recipe_has_neighbour(const struct recipe *recipe, const struct cxl_region *r);

struct json_object *recipe_json(const struct recipe *recipe);
/* -EINVAL when it is not a recipe; strict: everything must be there and fit together. */
int recipe_parse(struct json_object *obj, struct arena *a, struct recipe *ret);

#endif
