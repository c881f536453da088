// SPDX-License-Identifier: GPL-2.0-only
/* See modules.h.  Whether a driver is there is read in sysfs, where it is so for what is built in, too. */
#include "lib/read/modules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util/array.h"
#include "util/clock.h"

#define CXL_BUS_DRIVERS "sys/bus/cxl/drivers/"
#define DAX_BUS_DRIVERS "sys/bus/dax/drivers/"

/* In the order in which they are loaded; the Kconfig names of Linux 6.12, fsdev_dax of 7.2. */
static const struct module {
	const char *name, *config;
	const char *driver;	/* is there once it is loaded; NULL: none of its own */
	const char *made;	/* as it made it: does as well; NULL */
	unsigned int uses;
	bool is_new;		/* kernels without it do the same otherwise */
} modules[] = {
	{ "cxl_core", "CONFIG_CXL_BUS", .uses = 0 },
	{ "cxl_acpi", "CONFIG_CXL_ACPI", "sys/bus/platform/drivers/cxl_acpi", "sys/bus/cxl/devices/root0", USE_CXL },
	{ "cxl_port", "CONFIG_CXL_PORT", CXL_BUS_DRIVERS "cxl_port", .uses = USE_CXL },
	{ "cxl_pci", "CONFIG_CXL_PCI", "sys/bus/pci/drivers/cxl_pci", .uses = USE_CXL },
	{ "cxl_mem", "CONFIG_CXL_MEM", CXL_BUS_DRIVERS "cxl_mem", .uses = USE_CXL },
	{ "dax_hmem", "CONFIG_DEV_DAX_HMEM", "sys/bus/platform/drivers/hmem", .uses = 0 },
	{ "dax_cxl", "CONFIG_DEV_DAX_CXL", CXL_BUS_DRIVERS "cxl_dax_region", .uses = USE_REGION_DAX, .is_new = true },
	{ "device_dax", "CONFIG_DEV_DAX", DAX_BUS_DRIVERS "device_dax", .uses = USE_DEVDAX },
	{ "kmem", "CONFIG_DEV_DAX_KMEM", DAX_BUS_DRIVERS "kmem", .uses = USE_SYSTEM_RAM },
	{ "fsdev_dax", "CONFIG_DEV_DAX_FSDEV", DAX_BUS_DRIVERS "fsdev_dax", .uses = USE_FAMFS },
};

static const char *config_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		if (!strcmp(modules[i].name, name))
			return modules[i].config;
	return NULL;
}

/* "not part of this kernel (CONFIG_CXL_ACPI)": what is behind "is"; "" where that is not known. */
static const char *state_text(struct arena *a, const char *name, const struct module_look *look)
{
	static const char *const texts[] = {
		[MODULE_UNKNOWN] = "", [MODULE_LOADED] = "loaded", [MODULE_BUILTIN] = "built into this kernel",
		[MODULE_AVAILABLE] = "available but not loaded", [MODULE_ABSENT] = "not part of this kernel",
	};
	const char *config = look->state == MODULE_ABSENT ? config_of(name) : NULL;

	if (look->state == MODULE_FORBIDDEN)
		return look->by;
	return config ? arena_printf(a, "%s (%s)", texts[look->state], config) : texts[look->state];
}

const char *module_state_text(struct sysfs *fs, struct arena *a, const char *name)
{
	struct module_look look;

	return module_look(fs, a, NULL, name, &look) ? NULL : state_text(a, name, &look);
}

static const char *forbidden_text(struct arena *a, const char *name, const char *by)
{
	return arena_printf(a, "%s is %s, which is not overruled; take that out, or load it once with 'modprobe -i %s' if that is wanted", name, by, name);
}

const char *module_text(struct sysfs *fs, struct arena *a, const char *name, bool has_load)
{
	struct module_look look;
	const char *load, *is;

	if (module_look(fs, a, NULL, name, &look))
		return NULL;
	is = state_text(a, name, &look);
	load = has_load ? "the same command with --load loads it" : arena_printf(a, "load it with 'modprobe %s'", name);
	if (!is || !load)
		return NULL;
	switch (look.state) {
	case MODULE_LOADED:
	case MODULE_BUILTIN:
		return arena_printf(a, "%s is %s; dmesg may say why it is not at work", name, is);
	case MODULE_FORBIDDEN:
		return forbidden_text(a, name, is);
	case MODULE_ABSENT:
		return arena_printf(a, "%s is %s; boot a kernel that has it", name, is);
	case MODULE_AVAILABLE:
		return arena_printf(a, "%s is %s; %s", name, is, load);
	default:
		return arena_printf(a, "%s, if this kernel has it, which cannot be told here", load);
	}
}

/* --- loading -------------------------------------------------------------------------- */

/* May @m be loaded?  *@ret_skip: it need not be.  -errno with @err. */
static int check_module(struct sysfs *fs, struct arena *a, const struct module *m, bool *ret_skip,
			struct err *err)
{
	struct module_look look;
	const char *text;

	*ret_skip = false;
	if (module_look(fs, a, NULL, m->name, &look))
		return err_no_memory(err, ", no module was loaded");
	if (look.state == MODULE_FORBIDDEN) {
		text = forbidden_text(a, m->name, look.by);
		return err_set(err, EXIT_PREREQ, EPERM, "nothing was done: %s", text ? text : look.by);
	}
	*ret_skip = m->is_new && look.state == MODULE_ABSENT;
	if (look.state == MODULE_ABSENT && !*ret_skip) {
		text = state_text(a, m->name, &look);
		return err_set(err, EXIT_PREREQ, ENOENT, "nothing was done: %s is %s; boot a kernel that has it", m->name,
			       text ? text : "not there");
	}
	/* its driver is not there all the same, which loading does not mend: the command says what it lacks */
	*ret_skip |= look.state == MODULE_LOADED || look.state == MODULE_BUILTIN;
	return 0;
}

/* Does this host have what they are for?  Firmware without CXL needs no driver for it. */
static bool has_cxl(struct sysfs *fs)
{
	return sysfs_exists(fs, "sys/bus/acpi/devices/ACPI0017:00") ||
	       sysfs_exists(fs, "sys/devices/platform/ACPI0017:00") || sysfs_exists(fs, "sys/bus/cxl");
}

static int find_lacking(struct sysfs *fs, struct arena *a, unsigned int uses,
			struct modules_loaded *ret, struct err *err)
{
	bool skip;

	for (size_t i = 0; i < ARRAY_SIZE(modules) && ret->n < MODULES_MOST; i++) {
		const struct module *m = &modules[i];
		int rc;

		if (!(m->uses & uses) || sysfs_exists(fs, m->driver) ||
		    (m->made && sysfs_exists(fs, m->made)))
			continue;
		rc = check_module(fs, a, m, &skip, err);
		if (rc)
			return rc;
		if (!skip)
			ret->names[ret->n++] = m->name;
	}
	return 0;
}

enum { SETTLE_STEP_US = 50000, SETTLE_QUIET_US = 400000, SETTLE_MOST_US = 10000000 };

/* Drivers bind in the background (PROBE_PREFER_ASYNCHRONOUS), one device after the other. */
static void wait_until_settled(struct sysfs *fs)
{
	static const char *const dirs[] = { "sys/bus/cxl/devices", "sys/bus/dax/devices" };
	const struct timespec step = { .tv_nsec = SETTLE_STEP_US * 1000 };
	uint64_t start = clock_now_us(), since = start, was = 0;

	while (clock_now_us() - start < SETTLE_MOST_US &&
	       clock_now_us() - since < SETTLE_QUIET_US) {
		uint64_t now = 0, hash;

		for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
			now = now * 31 + (sysfs_hash_names(fs, dirs[i], &hash) ? 0 : hash);
		if (now != was)
			since = clock_now_us();
		was = now;
		nanosleep(&step, NULL);
	}
}

static int load_all(struct sysfs *fs, struct arena *a, const struct modules_loaded *todo,
		    struct modules_loaded *ret, struct err *err)
{
	int rc = 0;

	ret->n = 0;
	for (size_t i = 0; !rc && i < todo->n; i++) {
		rc = module_insert(fs, a, todo->names[i], err);
		if (!rc)
			ret->names[ret->n++] = todo->names[i];
	}
	if (ret->n)
		wait_until_settled(fs);
	return rc;
}

int modules_load(unsigned int uses, bool dry_run, struct modules_loaded *ret, struct err *err)
{
	struct sysfs fs = { .rootfd = -1, .devicesfd = -1 };
	struct modules_loaded todo;
	struct arena a = { 0 };
	int rc = sysfs_init(&fs, NULL, err);

	*ret = (struct modules_loaded){ .is_planned = dry_run };
	if (!rc && has_cxl(&fs))
		rc = find_lacking(&fs, &a, uses, ret, err);
	todo = *ret;
	if (!rc && !dry_run)
		rc = load_all(&fs, &a, &todo, ret, err);
	sysfs_exit(&fs);
	arena_free(&a);
	return rc;
}

int modules_load_driver(struct sysfs *fs, struct arena *a, const char *name, bool dry_run,
			struct messages *messages, struct err *err)
{
	const struct module m = { .name = name };
	struct modules_loaded loaded = { .names = { name }, .n = 1, .is_planned = dry_run };
	bool skip;
	int rc = check_module(fs, a, &m, &skip, err);

	rc = rc || skip || dry_run ? rc : module_insert(fs, a, name, err);
	if (!rc && !skip)
		modules_report(&loaded, messages);
	return rc;
}

bool modules_will_have(const struct modules_loaded *loaded, const char *name)
{
	for (size_t i = 0; i < loaded->n; i++)
		if (!strcmp(loaded->names[i], name))
			return true;
	return false;
}

void modules_offer_load(struct err *err)
{
	struct sysfs fs = { .rootfd = -1, .devicesfd = -1 };
	struct module_look look;
	struct arena a = { 0 };

	if (!sysfs_init(&fs, NULL, NULL) && has_cxl(&fs) &&
	    !module_look(&fs, &a, NULL, "cxl_acpi", &look) && look.state == MODULE_AVAILABLE)
		err_set(err, EXIT_PREREQ, ENODEV, "this host has no CXL bus: cxl_acpi is available but not loaded; the same command with --load loads it");
	sysfs_exit(&fs);
	arena_free(&a);
}

void modules_report(const struct modules_loaded *loaded, struct messages *messages)
{
	for (size_t i = 0; i < loaded->n; i++)
		message_add(messages, SEV_INFO, "MODULE", NULL, loaded->is_planned ? "the module %s would be loaded first" : "the module %s was loaded",
			    loaded->names[i]);
}
