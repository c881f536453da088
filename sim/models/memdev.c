// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory devices, their endpoint ports, and the ports above: what binding and
 * unbinding cxl_mem and cxl_port does (drivers/cxl/mem.c, port.c, core/port.c of
 * Linux 6.12).
 */
#include "sim/models/memdev.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/models/decoder.h"
#include "sim/models/dport.h"
#include "sim/models/hdm.h"
#include "sim/models/models.h"
#include "sim/models/nd.h"
#include "sim/models/port.h"
#include "sim/models/region.h"
#include "sim/models/topology.h"
#include "sim/state/device.h"
#include "sim/state/kstr.h"
#include "sim/state/later.h"
#include "sim/state/sim.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/parse.h"

#define DEBUGFS "/sys/kernel/debug/cxl"

static const char *const port_prefixes[] = { "root", "port", "endpoint", NULL };

/* --- ports ---------------------------------------------------------------- */

static void reset_decoder(struct sim *sim, struct node *d)
{
	if (dev_is(d, "devtype", "cxl_decoder_endpoint")) {
		dev_set(sim, d, "dpa_resource", "0xffffffffffffffff");
		dev_set(sim, d, "dpa_size", "0x%016x", 0);
		dev_set(sim, d, "mode", "none");
	}
	dev_set(sim, d, "region", "%s", "");
	dev_set(sim, d, "size", "0x0");
	dev_set(sim, d, "start", "0x0");
	hdm_read(sim, d);
}

static bool is_decoder(const struct node *n)
{
	return n->kind == NODE_DIR && !strncmp(n->name, "decoder", 7);
}

/* A port that came back: everything of it on the bus, decoders as after reset. */
static int announce_port(struct sim *sim, struct node *port)
{
	struct node *driver = tree_child(port, "driver");

	if (driver)
		tree_remove(&sim->tree, driver);
	if (dev_register(sim, port, "cxl") || dev_bind(sim, port, "cxl", "cxl_port"))
		return -ENOMEM;
	if (tree_child(port, "decoders_committed"))
		dev_set(sim, port, "decoders_committed", "0");
	for (size_t i = 0; i < port->n_children; i++) {
		struct node *d = port->children[i];

		if (!is_decoder(d))
			continue;
		reset_decoder(sim, d);
		endpoint_decoder_attach(sim, d);
		if (dev_register(sim, d, "cxl"))
			return -ENOMEM;
	}
	return 0;
}

static struct node *revive_port(struct sim *sim, const struct node *gone, struct node *parent,
				const char *prefix, const struct node *uport)
{
	unsigned int number = dev_free_number(sim, "cxl", port_prefixes), old = 0;
	char name[64], from[64], to[64];
	struct node *port;

	for (size_t i = 0; i < gone->n_children; i++)
		if (is_decoder(gone->children[i]))
			sscanf(gone->children[i]->name, "decoder%u", &old);
	snprintf(name, sizeof(name), "%s%u", prefix, number);
	snprintf(from, sizeof(from), "decoder%u", old);
	snprintf(to, sizeof(to), "decoder%u", number);
	port = dev_revive(sim, gone, parent, name, from, to);
	return port && !dev_link(sim, port, "uport", uport) && !announce_port(sim, port) ? port : NULL;
}

/* Where the port's uport leads by its text: links into removed devices dangle. */
static bool leads_to(const struct node *port, const char *name, const struct node *device)
{
	const struct node *link = tree_child(port, name);
	const char *at = link && link->data ? link->data : "";
	_cleanup_free_ char *path = node_path(device);

	while (!strncmp(at, "../", 3))
		at += 3;
	return path && *at && has_suffix(path, at);
}

/* The port of a switch between @d and the memory device, if one was there. */
static struct node *switch_port(struct sim *sim, const struct dport *d, const struct node *memdev)
{
	for (const struct parked *p = sim->models->ports; p; p = p->next) {
		for (const struct node *n = memdev; n && n != d->pci; n = n->parent) {
			struct node *port;

			if (p->parent != d->port || !leads_to(p->gone, "uport", n))
				continue;
			port = revive_port(sim, p->gone, p->parent, "port", n);
			if (!port || dev_link(sim, port, "parent_dport", d->pci) ||
			    ports_note_dports(sim, port))
				return NULL;
			return port;
		}
	}
	return NULL;
}

/* What a new endpoint looks like: as this device's last one, or as any. */
static const struct node *endpoint_template(const struct sim *sim, const struct node *memdev)
{
	const struct node *port;

	for (const struct parked *p = sim->models->endpoints; p; p = p->next)
		if (leads_to(p->gone, "uport", memdev))
			return p->gone;
	if (sim->models->endpoints)
		return sim->models->endpoints->gone;
	for (size_t i = 0; (port = dev_next(sim, "cxl", &i)); )
		if (!strncmp(port->name, "endpoint", 8))
			return port;
	return NULL;
}

/* A captured host whose only memory device was not bound shows none. */
static struct node *build_endpoint(struct sim *sim, struct node *parent, const struct node *memdev)
{
	static const struct {
		const char *name;
		mode_t mode;
		const char *text;
	} attrs[] = {
		{ "devtype", 0444, "cxl_decoder_endpoint\n" }, { "dpa_resource", 0444, "" }, { "dpa_size", 0644, "" },
		{ "interleave_granularity", 0444, "" }, { "interleave_ways", 0444, "" }, { "locked", 0444, "0\n" },
		{ "modalias", 0444, "cxl:t0\n" }, { "mode", 0644, "" }, { "region", 0444, "" }, { "size", 0444, "" },
		{ "start", 0400, "" }, { "target_type", 0444, "expander\n" },
		{ "uevent", 0644, "DEVTYPE=cxl_decoder_endpoint\nMODALIAS=cxl:t0\n" },
	};
	unsigned int number = dev_free_number(sim, "cxl", port_prefixes);
	char name[64];
	struct node *port, *d;

	snprintf(name, sizeof(name), "endpoint%u", number);
	port = tree_add(&sim->tree, parent, name, NODE_DIR, 0755);
	if (!port || dev_set(sim, port, "decoders_committed", "0") || dev_set(sim, port, "devtype", "cxl_port") ||
	    dev_set(sim, port, "modalias", "cxl:t3") ||
	    dev_add_attr(sim, port, "uevent", 0644, "DEVTYPE=cxl_port\nMODALIAS=cxl:t3\n"))
		return NULL;
	for (unsigned int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "decoder%u.%u", number, i);
		d = tree_add(&sim->tree, port, name, NODE_DIR, 0755);
		for (size_t k = 0; d && k < ARRAY_SIZE(attrs); k++)
			if (dev_add_attr(sim, d, attrs[k].name, attrs[k].mode, attrs[k].text))
				d = NULL;
		if (!d)
			return NULL;
	}
	return dev_link(sim, port, "uport", memdev) || announce_port(sim, port) ? NULL : port;
}

/* A bound port between @top (NULL: anything) and the memory device. */
static bool has_port_above(const struct sim *sim, const struct node *memdev, const struct node *top)
{
	struct node *port, *uport;

	for (size_t i = 0; (port = dev_next(sim, "cxl", &i)); ) {
		uport = dev_is(port, "devtype", "cxl_port") && dev_driver(port) ? tree_resolve(&sim->tree, port, "uport") : NULL;
		if (uport && uport != memdev && node_is_below(memdev, uport) &&
		    (!top || node_is_below(uport, top)))
			return true;
	}
	return false;
}

/* Its port is there, but does not know the root port or downstream port that came back:
 * 6.12 finds no port, newer ones refuse to make a second of the same name. */
static int no_dport(const struct sim *sim, const struct node *memdev)
{
	return is_newer_kernel(sim) && has_port_above(sim, memdev, NULL) ? -EBUSY : -ENXIO;
}

static int add_endpoint(struct sim *sim, struct node *memdev)
{
	const struct node *template = endpoint_template(sim, memdev);
	struct dport *d = dport_above(sim, memdev);
	struct node *port, *endpoint;
	char path[300];

	if (!d || has_port_above(sim, memdev, d->pci))
		return no_dport(sim, memdev);
	if (switch_port(sim, d, memdev))
		d = dport_above(sim, memdev);
	if (!d)
		return -ENXIO;
	{
		_cleanup_free_ char *of = node_path(d->port);

		snprintf(path, sizeof(path), "%s", of ? of : "");
	}
	port = tree_dir(&sim->tree, path);
	if (!port)
		return -ENXIO;
	endpoint = template ? revive_port(sim, template, port, "endpoint", memdev) : build_endpoint(sim, port, memdev);
	if (!endpoint || dev_link(sim, endpoint, "parent_dport", d->pci))
		return -ENOMEM;
	return 0;
}

/* --- memory devices ------------------------------------------------------- */

static bool has_endpoint_below(const struct node *port)
{
	for (size_t i = 0; i < port->n_children; i++)
		if (port->children[i]->kind == NODE_DIR && (!strncmp(port->children[i]->name, "endpoint", 8) ||
							    !strncmp(port->children[i]->name, "port", 4)))
			return true;
	return false;
}

static void remove_port(struct sim *sim, struct node *port, struct parked **list)
{
	for (size_t i = port->n_children; i-- > 0; )
		if (is_decoder(port->children[i]))
			region_lose_decoder(sim, port->children[i]);
	dports_forget(sim, port);
	dev_park(list, port);
	dev_remove(sim, port);
}

static void debugfs_remove(struct sim *sim, const char *name)
{
	struct node *top = tree_dir(&sim->tree, DEBUGFS), *dir = top ? tree_child(top, name) : NULL;

	if (!dir)
		return;
	dev_park(&sim->models->debug, dir);
	tree_remove(&sim->tree, dir);
}

static void debugfs_add(struct sim *sim, const char *name)
{
	struct node *top = tree_dir(&sim->tree, DEBUGFS);

	if (top && sim->models->debug && !tree_child(top, name))
		dev_revive(sim, sim->models->debug->gone, top, name, NULL, "");
}

/* No poison is modelled: reading the list finds none. */
static ssize_t poison_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	bool on;

	(void)node;
	(void)op;
	return kstr_bool(buf, &on) || !on ? -EINVAL : (ssize_t)len;
}

static const struct attr_ops poison_ops = { .store = poison_store };

int memdev_attach(struct sim *sim, struct node *memdev)
{
	dev_model(sim, memdev, "trigger_poison_list", &poison_ops);
	return 0;
}

int memdev_probe(struct sim *sim, struct node *memdev, const char *driver)
{
	const struct port *port = port_of_node(sim, memdev);
	int rc = port && port->modelled && !port->link_up ? -ENXIO : add_endpoint(sim, memdev);

	rc = rc ? rc : dev_bind(sim, memdev, "cxl", driver);
	if (rc || !tree_child(memdev, "serial"))
		return rc;		/* an accelerator's, without a mailbox */
	debugfs_add(sim, memdev->name);
	nvdimm_add(sim, memdev);
	rc = dev_add_attr(sim, memdev, "trigger_poison_list", 0200, "");
	return rc ? rc : memdev_attach(sim, memdev);
}

void memdev_unbind(struct sim *sim, struct node *memdev)
{
	struct node *endpoint = memdev_endpoint(sim, memdev), *poison = tree_child(memdev, "trigger_poison_list");
	struct node *parent = endpoint ? endpoint->parent : NULL;

	if (endpoint)
		remove_port(sim, endpoint, &sim->models->endpoints);
	/* a switch's port goes with its last endpoint; a host bridge's stays */
	while (parent && !has_endpoint_below(parent) && dev_is(parent->parent, "modalias", "cxl:t3")) {
		struct node *above = parent->parent;

		remove_port(sim, parent, &sim->models->ports);
		parent = above;
	}
	if (!dev_driver(memdev))
		return;
	nvdimm_remove(sim, memdev);
	dev_unbind(sim, memdev);
	if (poison)
		tree_remove(&sim->tree, poison);
	debugfs_remove(sim, memdev->name);
}

/* --- cxl_port on a host bridge's or switch's port ------------------------- */

/*
 * An endpoint that loses its driver has its memory device detached by the CXL work
 * queue (detach_memdev() of drivers/cxl/core/memdev.c): until that ran, or somebody
 * waited for it with flush, the memory device is still bound.
 */
enum { DETACH_MS = 30 };

static void detach_memdev(struct sim *sim, void *arg)
{
	struct node *memdev = arg;

	if (!memdev->gone)
		memdev_unbind(sim, memdev);
}

/* bus_flush of drivers/cxl/core/port.c waits for the work queue. */
static ssize_t flush_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	char word[16];

	(void)node;
	if (strcmp(dev_word(buf, word, sizeof(word)), "1"))
		return -EINVAL;
	later_flush(op->sim, detach_memdev);
	return (ssize_t)len;
}

static const struct attr_ops flush_ops = { .store = flush_store };

void cxl_bus_attach(struct sim *sim)
{
	struct node *bus = tree_dir(&sim->tree, "/sys/bus/cxl");

	if (bus)
		dev_model(sim, bus, "flush", &flush_ops);
}

static void schedule_detach(struct sim *sim, struct node *endpoint, struct node *memdev)
{
	for (size_t i = 0; i < endpoint->n_children; i++)
		if (is_decoder(endpoint->children[i]))
			region_lose_decoder(sim, endpoint->children[i]);
	dev_unbind(sim, endpoint);
	later_add(sim, DETACH_MS, detach_memdev, memdev);
}

static void unbind_below(struct sim *sim, struct node *port)
{
	/* a switch's port goes itself with its last endpoint */
	for (bool again = true; again && !port->gone; ) {
		again = false;
		for (size_t i = 0; i < port->n_children && !again; i++) {
			struct node *n = port->children[i], *memdev;

			if (n->kind != NODE_DIR)
				continue;
			memdev = strncmp(n->name, "endpoint", 8) ? NULL : tree_resolve(&sim->tree, n, "uport");
			if (memdev)
				memdev_unbind(sim, memdev);
			else if (!strncmp(n->name, "port", 4))
				unbind_below(sim, n);
			again = n->gone;	/* the list has changed */
		}
	}
}

void port_unbind(struct sim *sim, struct node *port)
{
	struct node *copy;

	if (!strncmp(port->name, "endpoint", 8)) {
		struct node *memdev = tree_resolve(&sim->tree, port, "uport");

		if (memdev)
			schedule_detach(sim, port, memdev);
		return;
	}
	unbind_below(sim, port);
	if (port->gone)
		return;
	dports_forget(sim, port);
	/* dports and decoders are the driver's: kept as a copy that is gone at once */
	copy = dev_revive(sim, port, sim->tree.root, port->name, NULL, "");
	if (!copy || dev_park(&sim->models->ports, copy))
		return;
	tree_remove(&sim->tree, copy);
	for (size_t i = port->n_children; i-- > 0; ) {
		struct node *n = port->children[i];

		if (is_decoder(n))
			dev_remove(sim, n);
		else if (n->kind == NODE_LINK && !strncmp(n->name, "dport", 5))
			tree_remove(&sim->tree, n);
	}
	dev_unbind(sim, port);
}

int port_probe(struct sim *sim, struct node *port, const char *driver)
{
	const struct parked *p = sim->models->ports;

	(void)driver;
	while (p && strcmp(p->gone->name, port->name))
		p = p->next;
	if (!p)
		return -ENXIO;
	for (size_t i = 0; i < p->gone->n_children; i++) {
		const struct node *was = p->gone->children[i];
		bool is_dport = was->kind == NODE_LINK && !strncmp(was->name, "dport", 5);

		/* a root port that is absent now is not found */
		if (is_dport && !tree_resolve(&sim->tree, port, was->data))
			continue;
		if ((is_decoder(was) || is_dport) && !dev_revive(sim, was, port, was->name, NULL, ""))
			return -ENOMEM;
	}
	if (announce_port(sim, port))
		return -ENOMEM;
	return ports_note_dports(sim, port);
}
