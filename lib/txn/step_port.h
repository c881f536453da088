/* SPDX-License-Identifier: GPL-2.0-only */
/* Operations of steps on the root port step_run.rp and what is below it. */
#ifndef CXL_STEP_PORT_H
#define CXL_STEP_PORT_H

#include "lib/model/isolation.h"
#include "lib/txn/step_run.h"

/* As read back by them. */
#define STEP_BUSY "busy"
#define STEP_IDLE "idle"
#define STEP_ISOLATED "isolated"
#define STEP_NORMAL "normal"

extern const struct step_op step_busy;		/* wait for RP Busy to clear; path: the status register's place */
extern const struct step_op step_status;	/* clear the isolation status; the same path */
extern const struct step_op step_other;	/* another root port, value: its name, is not isolated */
extern const struct step_op step_setting;	/* an attribute; reads on, off or the range */
extern const struct step_op step_link;		/* wait for "up" or "down"; path: the port */
extern const struct step_op step_config;	/* …/config+OFFSET, value "BITS:MASK" of 16 bits; reads the bits */
extern const struct step_op step_returned;	/* wait for a memory device below path; value: its serial number, or "" */
extern const struct step_op step_endpoint;	/* wait for memory device @value to have its endpoint and decoders */
/* Wait for memory device @value's driver to have made its region: "region0 0x10000000 enabled", as it was. */
extern const struct step_op step_driver_region;
extern const struct step_op step_health;	/* value: memN; asks its mailbox */
extern const struct step_op step_offline;	/* value: regionN; no block of it is online */

/* What step_setting reads for @value. */
const char *step_setting_text(enum iso_field field, int value);

struct memdev_below {
	const char *name, *path, *serial;	/* @serial: the attribute's text, "" when it cannot be read */
};

/* The memory devices below the PCI device at @root_port now, memory from @a.  -errno or 0. */
int memdevs_below(struct sysfs *fs, const char *root_port, struct arena *a,
		  struct memdev_below **ret, size_t *ret_n);

/* A PCI function that is a CXL memory device (type 3). */
struct function_below {
	const char *name, *path;
	const char *driver;		/* NULL: none */
	struct function_below *next;
};

/* Those below the PCI device at @root_port now, behind switches, too, memory from @a.  -errno or 0. */
int functions_below(struct sysfs *fs, const char *root_port, struct arena *a,
		    struct function_below **ret);

/*
 * The endpoint of memory device @memdev: its directory and the names of its
 * decoders in order, memory from @a.  -ENOENT when it has none (yet).
 */
int endpoint_of(struct sysfs *fs, const char *memdev, struct arena *a, char **ret,
		struct sysfs_names *ret_decoders);

#endif
