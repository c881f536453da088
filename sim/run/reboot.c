// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host starts again: see reboot.h.  It is loaded again, which is what firmware
 * leaves to the kernel: ports, devices, regions that are programmed.  What the
 * kernel then does of itself follows: dax devices of regions appear, with the
 * driver and the memory policy of every boot, whatever they were captured with.
 */
#include "sim/run/reboot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/host/host.h"
#include "sim/models/dax.h"
#include "sim/models/kernel.h"
#include "sim/models/memory.h"
#include "sim/models/models.h"
#include "sim/models/port.h"
#include "sim/models/region.h"
#include "sim/run/boot_units.h"
#include "sim/run/stage.h"
#include "sim/run/udev.h"
#include "sim/run/udev_device.h"
#include "sim/state/device.h"
#include "sim/state/iomem.h"
#include "sim/state/later.h"
#include "sim/state/sim.h"
#include "util/cleanup.h"
#include "util/parse.h"

enum { POLL_MS = 5 };

#define MEMORY "/sys/devices/system/memory"

/* --- every device of a bus ------------------------------------------------ */

static void each(struct sim *sim, const char *bus, void (*fn)(struct sim *sim, struct node *device))
{
	char path[64];
	const struct node *devices;
	struct node **v;
	size_t n = 0;

	snprintf(path, sizeof(path), "/sys/bus/%s/devices", bus);
	devices = tree_dir(&sim->tree, path);
	v = devices ? calloc(devices->n_children + 1, sizeof(struct node *)) : NULL;
	for (size_t i = 0; v && (v[n] = dev_next(sim, bus, &i)); )
		n++;
	for (size_t i = 0; i < n; i++)
		if (!v[i]->gone)
			fn(sim, v[i]);
	free(v);
}

static void announce(struct sim *sim, struct node *device)
{
	dev_tell(sim, "add", device);
}

/* --- /dev ----------------------------------------------------------------- */

static void drop_memdev_node(struct sim *sim, struct node *device)
{
	unsigned int number;
	char name[64];

	snprintf(name, sizeof(name), "cxl/%.50s", device->name);
	if (parse_name(device->name, "mem", &number))
		devnode_remove(sim, name);
}

static void add_memdev_node(struct sim *sim, struct node *device)
{
	unsigned int number;
	char name[64];

	snprintf(name, sizeof(name), "cxl/%.50s", device->name);
	if (parse_name(device->name, "mem", &number))
		devnode_add(sim, name, 0);
}

static void drop_dax_node(struct sim *sim, struct node *device)
{
	devnode_remove(sim, device->name);
}

/* --- loading -------------------------------------------------------------- */

/* The parts of a host that loading it makes. */
struct loaded {
	struct tree tree;
	struct models *models;
	struct port **ports;
	size_t n_ports;
};

static struct loaded take(struct sim *sim)
{
	struct loaded l = { sim->tree, sim->models, sim->ports, sim->n_ports };

	sim->models = NULL;
	sim->ports = NULL;
	sim->n_ports = 0;
	return l;
}

static void give(struct sim *sim, struct loaded l)
{
	sim->tree = l.tree;
	sim->models = l.models;
	sim->ports = l.ports;
	sim->n_ports = l.n_ports;
}

/* The same host into an empty @sim; on failure it is as before. */
static int load(struct sim *sim, struct loaded *old, struct err *err)
{
	_cleanup_free_ char *host = strdup(sim->host ? sim->host : "");
	int rc;

	*old = take(sim);
	sim->running = false;
	rc = !host || tree_init(&sim->tree) ? err_set(err, EXIT_REFUSED, ENOMEM, "out of memory") :
	     host_load(sim, host, sim->kernel->name, err);
	sim->running = true;
	if (rc) {
		models_free(sim);
		tree_exit(&sim->tree);
		give(sim, *old);
		err_wrap(err, "the host stays up, since it cannot be loaded again");
	}
	return rc;
}

static int reload(struct sim *sim, struct err *err)
{
	struct loaded old, new;
	int rc;

	udev_kill(sim);
	later_free(sim);
	rc = load(sim, &old, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < sim->n_only; i++)
		sim->only[i] = port_find(sim, sim->only[i]->address);
	/* /dev first, while the old devices are still known */
	new = take(sim);
	give(sim, old);
	each(sim, "dax", drop_dax_node);
	each(sim, "cxl", drop_memdev_node);
	models_free(sim);
	give(sim, new);
	tree_succeed(&old.tree, &sim->tree);
	sim->tree = old.tree;
	each(sim, "cxl", add_memdev_node);
	return 0;
}

/* --- the kernel's part ---------------------------------------------------- */

static void stop_region(struct sim *sim, struct node *device)
{
	if (!dev_is(device, "devtype", "cxl_region") || !dev_is(device, "mode", "ram"))
		return;
	memory_force_offline(sim, dev_number(device, "resource", 0), dev_number(device, "size", 0));
	region_unbind(sim, device);
}

static void start_region(struct sim *sim, struct node *device)
{
	if (dev_is(device, "devtype", "cxl_region") && dev_is(device, "commit", "1") && !dev_driver(device))
		region_probe(sim, device, "cxl_region");
}

/* memhp_default_state= of the command line, else what Debian's kernels are built with. */
static void set_policy(struct sim *sim)
{
	const struct node *cmdline = tree_resolve(&sim->tree, NULL, "/proc/cmdline");
	const char *at = cmdline && cmdline->data ? strstr(cmdline->data, "memhp_default_state=") : NULL;
	struct node *memory = tree_dir(&sim->tree, MEMORY);
	int n = 6;

	at = at ? strchr(at, '=') + 1 : "online";
	n = (int)strcspn(at, " \n");
	if (memory && tree_child(memory, "auto_online_blocks"))
		dev_set(sim, memory, "auto_online_blocks", "%.*s", n, at);
}

static int start(struct sim *sim, struct err *err)
{
	int rc = reload(sim, err);

	if (rc)
		return rc;
	if (stage_boot())
		return err_set(err, EXIT_REFUSED, EIO, "the host started again with the boot_id it had");
	udev_forget();
	boot_units_hold();
	sim->shared->death[0] = '\0';
	oplog_event(&sim->log, "reboot", "path", sim->host, "the host starts again");
	set_policy(sim);
	each(sim, "cxl", stop_region);
	dax_forget_ids(sim);
	udev_kill(sim);		/* of what was captured and is not there at boot */
	each(sim, "pci", announce);
	return 0;
}

static void announce_memdev(struct sim *sim, struct node *device)
{
	unsigned int number;

	if (parse_name(device->name, "mem", &number))
		announce(sim, device);
}

static void find_devices(struct sim *sim)
{
	const struct node *memory = tree_dir(&sim->tree, MEMORY);
	unsigned int number;

	each(sim, "cxl", announce_memdev);
	for (size_t i = 0; memory && i < memory->n_children; i++)
		if (parse_name(memory->children[i]->name, "memory", &number))
			announce(sim, memory->children[i]);
	each(sim, "cxl", start_region);
}

int reboot_step(struct op *op, struct err *err)
{
	struct sim *sim = op->sim;

	if (!op->tries) {
		int rc = start(sim, err);

		if (rc)
			return rc;
		sim->finding_devices = false;
	}
	op->wait_ms = POLL_MS;
	if (udev_is_busy(sim))
		return 1;
	if (sim->finding_devices)
		return 0;
	find_devices(sim);
	sim->finding_devices = true;
	return 1;
}
