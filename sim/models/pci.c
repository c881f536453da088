// SPDX-License-Identifier: GPL-2.0-only
/*
 * PCI functions that are removed and found again: remove and rescan, as
 * drivers/pci/pci-sysfs.c of Linux 6.12.  What a function was is kept, and comes
 * back as it would be found.  Also cxl_pci, which makes its memory device.
 */
#include "sim/models/pci.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/models/accel.h"
#include "sim/models/config_space.h"
#include "sim/models/dport.h"
#include "sim/models/kernel.h"
#include "sim/models/memdev.h"
#include "sim/models/models.h"
#include "sim/models/port.h"
#include "sim/models/reset.h"
#include "sim/models/slot.h"
#include "sim/models/sriov.h"
#include "sim/models/topology.h"
#include "sim/state/device.h"
#include "sim/state/iomem.h"
#include "sim/state/kstr.h"
#include "sim/state/later.h"
#include "sim/state/sim.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/parse.h"

enum { MAX_FUNCTIONS = 256 };

static const char *const mem_prefixes[] = { "mem", NULL };

static bool is_memdev(const struct node *n)
{
	unsigned int number;

	/* not the firmware upload's directory of the same name */
	return n->kind == NODE_DIR && parse_name(n->name, "mem", &number) && tree_child(n, "dev");
}

/* The nodes below @dir that @is says yes to, parents first; how many. */
static size_t collect(struct node *dir, bool (*is)(const struct node *n), struct node **v, size_t n)
{
	for (size_t i = 0; i < dir->n_children; i++) {
		if (is(dir->children[i]) && n < MAX_FUNCTIONS)
			v[n++] = dir->children[i];
		if (dir->children[i]->kind == NODE_DIR)
			n = collect(dir->children[i], is, v, n);
	}
	return n;
}

static int by_name(const void *a, const void *b)
{
	return natural_cmp((*(struct node *const *)a)->name, (*(struct node *const *)b)->name);
}

/* pci-sysfs.c says EINVAL to whatever kstrtoul() does not take */
static int parse_value(const char *buf, uint64_t *ret)
{
	return kstr_number(buf, ULONG_MAX, ret) ? -EINVAL : 0;
}

/* --- removal -------------------------------------------------------------- */

static void lose_memdev(struct sim *sim, struct node *memdev)
{
	char name[64];

	memdev_unbind(sim, memdev);
	dev_tell(sim, "remove", memdev);
	snprintf(name, sizeof(name), "cxl/%.40s", memdev->name);
	devnode_remove(sim, name);
}

static void remove_memdevs(struct sim *sim, struct node *dir)
{
	struct node *v[MAX_FUNCTIONS];
	size_t n = collect(dir, is_memdev, v, 0);

	for (size_t i = 0; i < n; i++)
		lose_memdev(sim, v[i]);
}

/* The memory device of a function at or below @dir that cxl_pci has not, back in its directory; NULL: none. */
static struct node *take_unprobed(struct sim *sim, const struct node *dir)
{
	for (struct parked **p = &sim->models->unprobed; *p; p = &(*p)->next) {
		struct parked *one = *p;
		struct node *back;

		if (!node_is_below(one->parent, dir))
			continue;
		back = dev_revive(sim, one->gone, one->parent, one->gone->name, NULL, "");
		*p = one->next;
		one->next = NULL;
		parked_free(&one);
		return back;
	}
	return NULL;
}

/* A CXL port keeps its link to a dport whose device went: it dangles. */
static void remove_directory(struct sim *sim, struct node *dir)
{
	struct {
		struct node *port;
		char name[32], text[512];
	} kept[32];
	size_t n = 0;

	for (const struct dport *d = sim->models->dports; d && n < ARRAY_SIZE(kept);
	     d = d->next) {
		for (size_t i = 0; d->pci && node_is_below(d->pci, dir) && i < d->port->n_children;
		     i++) {
			const struct node *link = d->port->children[i];

			if (link->kind != NODE_LINK || strncmp(link->name, "dport", 5) ||
			    tree_resolve(&sim->tree, link->parent, link->data) != d->pci)
				continue;
			kept[n].port = link->parent;
			snprintf(kept[n].name, sizeof(kept[n].name), "%s", link->name);
			snprintf(kept[n].text, sizeof(kept[n].text), "%s", link->data);
			n++;
			break;
		}
	}
	dev_remove(sim, dir);
	for (size_t i = 0; i < n; i++) {
		struct node *link = kept[i].port->gone ? NULL
						       : tree_add(&sim->tree, kept[i].port,
								  kept[i].name, NODE_LINK, 0777);

		if (link)
			node_set_data(link, kept[i].text, strlen(kept[i].text));
	}
}

/* The function of an accelerator loses its driver before it goes: device_del(). */
static void take_down_accel(struct sim *sim, struct node *function)
{
	if (accel_of(sim, function->name) && dev_driver(function) &&
	    !strcmp(dev_driver(function), ACCEL_DRIVER))
		pci_accel_unbind(sim, function);
}

int pci_remove(struct sim *sim, struct node *dir)
{
	struct node *v[MAX_FUNCTIONS];
	size_t n = collect(dir, is_function, v, 0);

	for (size_t i = 0; i < n; i++)
		if (!v[i]->gone)	/* a virtual function goes with its physical one */
			take_down_accel(sim, v[i]);
	take_down_accel(sim, dir);
	while (take_unprobed(sim, dir))
		;	/* removed with its function, it is found with it */
	remove_memdevs(sim, dir);
	n = collect(dir, is_function, v, 0);
	for (size_t i = 0; i < n; i++)
		slot_remove(sim, v[i]);
	slot_remove(sim, dir);
	if (dev_park(&sim->models->pci, dir))
		return -ENOMEM;
	remove_directory(sim, dir);
	return 0;
}

static ssize_t remove_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	uint64_t v;
	int rc = parse_value(buf, &v);

	if (!rc && v)
		rc = pci_remove(op->sim, node->parent);
	return rc ? rc : (ssize_t)len;
}

/* --- return --------------------------------------------------------------- */

static int announce_function(struct sim *sim, struct node *function)
{
	struct node *driver = tree_child(function, "driver"), *d;

	if (dev_register(sim, function, "pci") || reset_attach(sim, function))
		return -ENOMEM;
	sriov_attach(sim, function, true);
	d = driver ? tree_resolve(&sim->tree, function, driver->data) : NULL;
	return d ? dev_link(sim, d, function->name, function) : 0;
}

/* The root port's model goes on behind the new directory: registers outlive the device. */
static void revive_root_port(struct sim *sim, struct node *function)
{
	for (size_t i = 0; i < sim->n_ports; i++) {
		struct port *port = sim->ports[i];
		struct err err;

		if (strcmp(port->address, function->name))
			continue;
		port->dir = function;
		port->address = function->name;
		port->config = tree_child(function, "config");
		if (sim->kernel->discover)
			sim->kernel->discover(sim->kernel, port, &err);
	}
}

/* A memory device has the lowest free number, and is bound if its port will have it. */
static int announce_memdev(struct sim *sim, struct node *was)
{
	unsigned int number = dev_free_number(sim, "cxl", mem_prefixes), major = 0;
	char name[32], dev[32], node_name[64];
	struct node *memdev = was, *driver;

	snprintf(name, sizeof(name), "mem%u", number);
	if (strcmp(name, was->name)) {
		memdev = dev_revive(sim, was, was->parent, name, was->name, name);
		tree_remove(&sim->tree, was);
		if (!memdev)
			return -ENOMEM;
	}
	driver = tree_child(memdev, "driver");
	if (driver)
		tree_remove(&sim->tree, driver);
	driver = tree_child(memdev, "trigger_poison_list");
	if (driver)
		tree_remove(&sim->tree, driver);
	if (tree_text(memdev, "dev", dev, sizeof(dev)))
		major = (unsigned int)strtoul(dev, NULL, 10);
	dev_set(sim, memdev, "dev", "%u:%u", major, number);
	dev_set(sim, memdev, "uevent", "MAJOR=%u\nMINOR=%u\nDEVNAME=cxl/%s\nDEVTYPE=cxl_memdev\nMODALIAS=cxl:t5",
		major, number, name);
	if (dev_register(sim, memdev, "cxl"))
		return -ENOMEM;
	snprintf(node_name, sizeof(node_name), "cxl/%s", name);
	devnode_add(sim, node_name, 0);
	memdev_probe(sim, memdev, "cxl_mem");	/* it may fail: then the device stays unbound */
	return 0;
}

/* --- how it returns ------------------------------------------------------- */

static struct fate *fate_of(const struct sim *sim, const char *address)
{
	for (struct fate *f = sim->models->fates; f; f = f->next)
		if (!strcmp(f->address, address))
			return f;
	return NULL;
}

bool pci_knows(const struct sim *sim, const char *address)
{
	if (dev_find(sim, "pci", address))
		return true;
	for (const struct parked *p = sim->models->pci; p; p = p->next)
		if (!strcmp(p->gone->name, address))
			return true;
	return false;
}

int pci_set_fate(struct sim *sim, const struct fate *fate)
{
	struct fate *f = fate_of(sim, fate->address), *next;

	if (!f) {
		f = calloc(1, sizeof(*f));
		if (!f)
			return -ENOMEM;
		f->next = sim->models->fates;
		sim->models->fates = f;
	}
	next = f->next;
	*f = *fate;
	f->next = next;
	return 0;
}

/* cxl_pci is done with a function that took its time, and that it may have lost meanwhile: then the next probe is. */
static void announce_late(struct sim *sim, void *arg)
{
	struct node *function = arg;
	struct node *memdev = function->gone || !dev_driver(function)
				      ? NULL
				      : take_unprobed(sim, function);

	if (memdev)
		announce_memdev(sim, memdev);
}

/* The function is there and makes no memory device yet. */
static int leave_unprobed(struct sim *sim, struct node *memdev)
{
	struct node *driver = tree_child(memdev, "driver");

	if (driver)
		tree_remove(&sim->tree, driver);
	if (dev_park(&sim->models->unprobed, memdev))
		return -ENOMEM;
	tree_remove(&sim->tree, memdev);
	return 0;
}

static int announce_by_fate(struct sim *sim, struct node *memdev)
{
	struct node *function = memdev->parent;
	struct fate *f = fate_of(sim, function->name);
	bool fails = f && f->unbound, is_late = !fails && f && f->late_ms;

	if (accel_of(sim, function->name))	/* its driver makes it, once all is there */
		return leave_unprobed(sim, memdev);
	if (f && f->serial) {
		dev_set(sim, memdev, "serial", "0x%" PRIx64, f->serial);
		f->serial = 0;
	}
	if (!fails && !is_late)
		return announce_memdev(sim, memdev);
	if (leave_unprobed(sim, memdev))
		return -ENOMEM;
	if (is_late)
		return later_add(sim, f->late_ms, announce_late, function);
	f->unbound--;
	dev_unbind(sim, function);	/* its probe failed */
	return 0;
}

static bool never_returns(const struct sim *sim, const struct node *gone)
{
	const struct fate *f = fate_of(sim, gone->name);

	return f && f->never;
}

/* What is below a switch that returns may stay away by itself, until it is to return. */
static int keep_away(struct sim *sim, struct node *top)
{
	struct node *v[MAX_FUNCTIONS];
	size_t n = collect(top, is_function, v, 0);
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++) {
		if (!never_returns(sim, v[i]))
			continue;
		rc = dev_park(&sim->models->pci, v[i]);
		tree_remove(&sim->tree, v[i]);
	}
	return rc ? -ENOMEM : 0;
}

static bool link_is_down(const struct sim *sim, const struct node *dir)
{
	const struct port *port = port_of_node(sim, dir);

	return port && port->modelled && !port->link_up;
}

/* --- the driver of an accelerator ------------------------------------------- */

static struct node *find_memdev(struct node *function)
{
	struct node *v[MAX_FUNCTIONS];

	return collect(function, is_memdev, v, 0) ? v[0] : NULL;
}

int pci_accel_probe(struct sim *sim, struct node *function, const char *driver)
{
	const struct accel *accel = accel_of(sim, function->name);
	struct fate *f = fate_of(sim, function->name);
	struct node *memdev;
	int rc;

	if (sriov_is_virtual(function))
		return !sriov_is_probed(sim, function) ? -ENODEV
		       : link_is_down(sim, function)   ? -EIO
						       : dev_bind(sim, function, "pci", driver);
	if (!accel)
		return -ENODEV;		/* not in its table of devices */
	if (f && f->unbound) {
		f->unbound--;
		return -EIO;
	}
	if (link_is_down(sim, function))
		return -EIO;
	if (dev_bind(sim, function, "pci", driver))
		return -ENOMEM;
	memdev = take_unprobed(sim, function);
	rc = memdev ? announce_memdev(sim, memdev) : 0;
	memdev = memdev ? find_memdev(function) : NULL;	/* by its new name */
	/* what it cannot have of its memory it goes on without */
	if (!rc && memdev)
		accel_make(sim, accel, memdev);
	return rc;
}

void pci_accel_unbind(struct sim *sim, struct node *function)
{
	struct accel *accel = accel_of(sim, function->name);
	struct node *memdev = find_memdev(function);

	sriov_set(sim, function, 0);	/* it leaves none behind */
	if (accel && memdev)
		accel_take_down(sim, accel, memdev);
	pci_unbind(sim, function);
}

/* What returned without driver gets the one whose table has it. */
static void find_accel_driver(struct sim *sim, struct node *function)
{
	if (accel_of(sim, function->name) && !dev_driver(function) &&
	    dev_driver_dir(sim, "pci", ACCEL_DRIVER))
		pci_accel_probe(sim, function, ACCEL_DRIVER);
}

static int revive_function(struct sim *sim, const struct node *gone, struct node *parent)
{
	struct node *top = dev_revive(sim, gone, parent, gone->name, NULL, ""), *v[MAX_FUNCTIONS];
	struct port *port = port_of_node(sim, parent);
	size_t n;
	int rc;

	if (!top || keep_away(sim, top))
		return -ENOMEM;
	if (port && port->modelled && port->must_pass_down) {
		sim_violation(sim, port->address, "%s was enumerated below %s, which isolated and whose link was not down "
			      "since", gone->name, port->address);
		port->must_pass_down = false;	/* said once */
	}
	rc = announce_function(sim, top);
	revive_root_port(sim, top);
	slot_revive(sim, top);
	n = collect(top, is_function, v, 0);
	qsort(v, n, sizeof(*v), by_name);
	for (size_t i = 0; i < n && !rc; i++) {
		rc = announce_function(sim, v[i]);
		slot_revive(sim, v[i]);
	}
	n = collect(top, is_memdev, v, 0);
	qsort(v, n, sizeof(*v), by_name);
	for (size_t i = 0; i < n && !rc; i++)
		rc = announce_by_fate(sim, v[i]);
	n = rc ? 0 : collect(top, is_function, v, 0);
	for (size_t i = 0; i < n; i++)
		find_accel_driver(sim, v[i]);
	if (!rc)
		find_accel_driver(sim, top);
	return rc;
}

/* --- cxl_pci ---------------------------------------------------------------- */

int pci_probe(struct sim *sim, struct node *function, const char *driver)
{
	struct fate *f = fate_of(sim, function->name);
	struct node *memdev;

	if (f && f->unbound) {
		f->unbound--;
		return -EIO;
	}
	if (link_is_down(sim, function))
		return -EIO;
	memdev = take_unprobed(sim, function);
	if (!memdev)
		return -ENODEV;
	return dev_bind(sim, function, "pci", driver) ? -ENOMEM : announce_memdev(sim, memdev);
}

void pci_unbind(struct sim *sim, struct node *function)
{
	struct node *v[MAX_FUNCTIONS];

	if (collect(function, is_memdev, v, 0)) {
		lose_memdev(sim, v[0]);
		if (!dev_park(&sim->models->unprobed, v[0]))
			dev_remove(sim, v[0]);
	}
	dev_unbind(sim, function);
}

/* Everything that is missing below @from; NULL: anywhere. */
int pci_rescan(struct sim *sim, const struct node *from)
{
	struct models *m = sim->models;
	int rc = 0;

	/* oldest last: a bridge that went after its device came back first */
	for (bool found = true; found && !rc; ) {
		found = false;
		for (struct parked **p = &m->pci; *p; p = &(*p)->next) {
			struct parked *one = *p;
			struct node *parent = tree_dir(&sim->tree, one->parent_path);

			if (!parent || (from && !node_is_below(parent, from)) ||
			    link_is_down(sim, parent) || never_returns(sim, one->gone))
				continue;
			*p = one->next;
			one->next = NULL;
			if (!tree_child(parent, one->gone->name))
				rc = revive_function(sim, one->gone, parent);
			parked_free(&one);
			found = true;
			break;
		}
	}
	return rc;
}

static ssize_t do_rescan(struct sim *sim, const struct node *from, const char *buf, size_t len)
{
	uint64_t v;
	int rc = parse_value(buf, &v);

	if (!rc && v)
		rc = pci_rescan(sim, from);
	return rc ? rc : (ssize_t)len;
}

/* A function's rescan is that of the bus it is on. */
static ssize_t rescan_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	return do_rescan(op->sim, node->parent->parent, buf, len);
}

/* .../pci_bus/0000:0d/rescan */
static ssize_t bus_rescan_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	return do_rescan(op->sim, node->parent->parent->parent, buf, len);
}

static ssize_t all_rescan_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	(void)node;
	return do_rescan(op->sim, NULL, buf, len);
}

static const struct attr_ops remove_ops = { .store = remove_store };
static const struct attr_ops rescan_ops = { .store = rescan_store };
static const struct attr_ops bus_rescan_ops = { .store = bus_rescan_store };
static const struct attr_ops all_rescan_ops = { .store = all_rescan_store };

static void attach_buses(struct sim *sim, struct node *dir)
{
	struct node *buses = tree_child(dir, "pci_bus");

	for (size_t i = 0; buses && i < buses->n_children; i++)
		dev_model(sim, buses->children[i], "rescan", &bus_rescan_ops);
}

int pci_function_attach(struct sim *sim, struct node *function)
{
	dev_model(sim, function, "remove", &remove_ops);
	dev_model(sim, function, "rescan", &rescan_ops);
	sriov_attach(sim, function, false);
	if (!tree_child(function, "pci_bus"))
		config_attach_endpoint(function);
	attach_buses(sim, function);
	attach_buses(sim, function->parent);
	return reset_attach(sim, function);
}

void pci_bus_attach(struct sim *sim)
{
	struct node *bus = tree_dir(&sim->tree, "/sys/bus/pci");

	if (bus)
		dev_model(sim, bus, "rescan", &all_rescan_ops);
}
