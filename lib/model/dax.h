/* SPDX-License-Identifier: GPL-2.0-only */
/* Dax devices, and who uses them. */
#ifndef CXL_DAX_H
#define CXL_DAX_H

#include <string.h>
#include <sys/types.h>

#include "lib/model/memory.h"
#include "lib/model/process_owner.h"

struct cxl_host;
struct cxl_region;

/* A process that has a dax device open or mapped. */
struct dax_user {
	pid_t pid;
	const char *command;
	bool maps;		/* has it mapped, else only open */
	uint64_t mapped_bytes;
	struct process_owner owner;
};

struct cxl_dax {
	const char *name;	/* "dax0.0" */
	const char *path;
	const struct cxl_region *region;	/* NULL: not below a CXL region (hmem) */
	const char *driver;	/* its name, NULL when unbound: see dax_mode_of() */
	struct opt_u64 size_bytes, align;	/* the latter of CXL's alone */
	const struct addr_range *ranges;	/* in the order of its pages */
	size_t n_ranges;	/* 0: where it lies is unknown, or it is empty */
	const struct dax_user *users;	/* by pid */
	size_t n_users;
	bool users_unknown;	/* there may be more users than those */
	enum tri memmap_on_memory;	/* while kmem is bound; in force only with the parameter of memory_hotplug */
	struct opt_u64 target_node;	/* while kmem is bound */
	const char *mounted_at, *fs;	/* a file system on it */
	const char *mount_words;	/* all such places, for a shell's command line */
	pid_t unbinding;	/* who waits in the kernel for its driver to let go; 0: nobody, -1: not known by number */
	const char *may_be_mounted_at;	/* a famfs whose devices are not all told, and that may have this one */
};

/* "pid 123 (qemu, guest vm1)"; without memory less of it. */
const char *dax_user_text(const struct dax_user *u, struct arena *a);

/* What becomes of who uses memory that is to be taken down. */
enum users_end { USERS_REFUSE, USERS_TERMINATE, USERS_KILL };
enum { N_USERS_ENDS = USERS_KILL + 1 };
extern const char *const users_end_names[N_USERS_ENDS + 1];	/* ends with NULL */
#define USERS_GRACE_US 10000000ull	/* between SIGTERM and more, if nothing else is said */

/*
 * The file that `daxctl prepare-isolation --persist` writes below UDEV_RULES_DIR,
 * and the start of the line for each serial number in it, hexadecimal.
 */
#define DAX_KEPT_FILE "85-cxl-isolation.rules"
#define DAX_KEPT_RULE "ENV{CXL_ISOLATION_SERIALS}+=\"0x"

/* What its memory is used for; a device can be put in the first four. */
enum dax_mode {
	DAX_DEVDAX,
	DAX_SYSTEM_RAM,
	DAX_FAMFS,	/* a file system's alone: its file cannot be mapped (drivers/dax/fsdev.c of Linux 7.2) */
	DAX_UNBOUND,
	DAX_OTHER,	/* with a driver that is only a name here: listed as devdax */
	DAX_HMEM,	/* of Soft Reserved memory that no CXL region holds: below no root port */
};
enum { N_DAX_GOALS = DAX_UNBOUND + 1 };
#define DAX_DEVICE_DAX_NAME "device_dax"
#define DAX_KMEM_NAME "kmem"
#define DAX_FSDEV_NAME "fsdev_dax"	/* for a file system: famfs; takes devices by name, as device_dax */

extern const char *const dax_mode_names[];
extern const char *const dax_mode_drivers[N_DAX_GOALS];	/* NULL: none */
/* By its driver alone, NULL: it has none. */
enum dax_mode dax_mode_of(const char *driver);
/* DAX_HMEM too, whatever its driver is. */
enum dax_mode dax_mode(const struct cxl_dax *d);

static inline bool dax_is_kmem(const struct cxl_dax *d)
{
	return dax_mode_of(d->driver) == DAX_SYSTEM_RAM;
}

static inline bool dax_is_device_dax(const struct cxl_dax *d)
{
	return dax_mode_of(d->driver) == DAX_DEVDAX;
}

static inline bool dax_is_fsdev(const struct cxl_dax *d)
{
	return d->driver && !strcmp(d->driver, DAX_FSDEV_NAME);
}

/* Without it the kernel takes no memory at all: a page map is of whole subsections. */
#define DAX_SUBSECTION (2ull << 20)
/* As steps on a device's memory have them at most: its ranges are one text of a step. */
enum { DAX_MOST_RANGES = 6 };

#define DAX_DRIVERS "sys/bus/dax/drivers"
#define NO_FSDEV "this kernel has no driver " DAX_FSDEV_NAME ": " NO_FSDEV_REMEDY
#define NO_FSDEV_REMEDY "load it with 'modprobe " DAX_FSDEV_NAME "', which kernels before 7.2 do not have"

/* "1": a new dax device gets a driver by itself. */
#define DAX_AUTOPROBE "sys/bus/dax/drivers_autoprobe"

/* A dax device of no region and no pmem namespace: dax_hmem's. */
bool dax_is_hmem(const struct cxl_dax *d);
/* Its number in the file of the state directory where each unbind claims it: util/claim.h; false: its name is another's. */
#define DAX_UNBINDING_FILE "unbinding"
bool dax_number(const char *name, uint64_t *ret);
/* "... pid 5 ...": that .unbinding is set, and what to do; without memory less of it. */
const char *dax_unbinding_text(const struct cxl_dax *d, struct arena *a);
/* It has no memory: made small by somebody, or not given any yet.  No driver takes it. */
bool dax_is_empty(const struct cxl_dax *d);
/* Does some of [@first, @last] lie in @d? */
bool dax_touches(const struct cxl_dax *d, uint64_t first, uint64_t last);
/* Blocks that lie in @d, from @from (NULL: the first) on; NULL when there is no other. */
const struct mem_block *dax_next_block(const struct cxl_host *host, const struct cxl_dax *d,
				       const struct mem_block *from);

#endif
