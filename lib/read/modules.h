/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's modules that CXL memory needs: what state each is in, and loading those that a command lacks (--load). */
#ifndef CXL_MODULES_H
#define CXL_MODULES_H

#include <stdbool.h>

#include "util/message.h"
#include "util/module.h"

/* What there shall be drivers for; the bits together. */
enum module_use {
	USE_CXL = 1 << 0,	/* root ports, memdevs, regions */
	USE_REGION_DAX = 1 << 1,	/* dax devices of regions */
	USE_DEVDAX = 1 << 2,
	USE_SYSTEM_RAM = 1 << 3,
	USE_FAMFS = 1 << 4,
};

enum { MODULES_MOST = 8 };

/* What was loaded, or (.is_planned) would be. */
struct modules_loaded {
	const char *names[MODULES_MOST];
	size_t n;
	bool is_planned;
};

/*
 * What the module @name is: "blacklisted by /etc/modprobe.d/x.conf:3", "not part of this kernel
 * (CONFIG_CXL_ACPI)"; "" where that is not known.  NULL for lack of memory.
 */
const char *module_state_text(struct sysfs *fs, struct arena *a, const char *name);

/*
 * What is to be said of the module @name, whose driver is not there, from @a: its state, and what to
 * type, "cxl_acpi is available but not loaded; load it with 'modprobe cxl_acpi'".  @has_load: the
 * command that says it takes --load.  NULL for lack of memory.
 */
const char *module_text(struct sysfs *fs, struct arena *a, const char *name, bool has_load);

/*
 * Load what @uses lack on this host, and wait until the devices that come of it have settled.  With
 * @dry_run nothing is loaded, and it is said what would be.  One that is blacklisted, or not part of
 * this kernel, is an error before anything is loaded.  Names are static.  -errno with @err.
 */
int modules_load(unsigned int uses, bool dry_run, struct modules_loaded *ret, struct err *err);

/* The same for the module of the PCI driver @name alone. */
int modules_load_driver(struct sysfs *fs, struct arena *a, const char *name, bool dry_run,
			struct messages *messages, struct err *err);

/* Is the module of that name among them, or only planned to be? */
bool modules_will_have(const struct modules_loaded *loaded, const char *name);

/*
 * There is no CXL bus, as @err says: where that is since cxl_acpi is not loaded, it says that the
 * command can do that.
 */
void modules_offer_load(struct err *err);

void modules_report(const struct modules_loaded *loaded, struct messages *messages);

#endif
