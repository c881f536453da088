// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hot-plug slots: what pciehp of Linux 6.12 registers below a bridge, and their
 * power.  What is in them is pci.c, the link link.c.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/device.h"
#include "sim/port.h"
#include "sim/sim.h"
#include "util/parse.h"

#define PCIEHP "../../../../module/pciehp"	/* from a slot */

enum { MAX_DEVICES = 32, POLL_MS = 20, GIVE_UP_MS = 1000 };

/* Bus number below a bridge: "0000:0d", from its pci_bus directory. */
static const char *secondary_bus(const struct node *bridge)
{
	const struct node *dir = tree_child(bridge, "pci_bus");

	return dir && dir->n_children ? dir->children[0]->name : NULL;
}

/* The slot that the bridge's pciehp made. */
void slot_remove(struct sim *sim, const struct node *bridge)
{
	const struct node *slots = tree_dir(&sim->tree, "/sys/bus/pci/slots");
	const char *bus = secondary_bus(bridge);

	for (size_t i = 0; slots && bus && i < slots->n_children; i++) {
		struct node *slot = slots->children[i];
		char address[64];

		if (!tree_text(slot, "address", address, sizeof(address)) || strncmp(address, bus, strlen(bus)))
			continue;
		dev_park(&sim->models->slots, slot);
		tree_remove(&sim->tree, slot);
		return;
	}
}

/* A slot that pciehp registers after boot has a link to its module. */
static void add_slot(struct sim *sim, const struct node *gone, struct node *slots)
{
	struct node *slot = dev_revive(sim, gone, slots, gone->name, NULL, ""), *link;

	link = slot && !tree_child(slot, "module") ? tree_add(&sim->tree, slot, "module", NODE_LINK, 0777) : NULL;
	if (link)
		node_set_data(link, PCIEHP, strlen(PCIEHP));
}

void slot_revive(struct sim *sim, const struct node *bridge)
{
	struct node *slots = tree_dir(&sim->tree, "/sys/bus/pci/slots");
	const char *bus = secondary_bus(bridge);
	char address[64];

	for (const struct parked *p = sim->models->slots; slots && bus && p; p = p->next)
		if (tree_text(p->gone, "address", address, sizeof(address)) && !strncmp(address, bus, strlen(bus)) &&
		    !tree_child(slots, p->gone->name))
			add_slot(sim, p->gone, slots);
}

/* The bridge below which a slot is. */
static struct node *bridge_of_slot(const struct sim *sim, const struct node *slot)
{
	const struct node *devices = tree_dir(&sim->tree, "/sys/bus/pci/devices");
	char address[64];

	for (size_t i = 0; devices && i < devices->n_children; i++) {
		struct node *n = dev_find(sim, "pci", devices->children[i]->name);
		const char *bus = n ? secondary_bus(n) : NULL;

		if (bus && tree_text(slot, "address", address, sizeof(address)) && !strncmp(address, bus, strlen(bus)))
			return n;
	}
	return NULL;
}

static int power_off(struct sim *sim, struct node *bridge, struct port *port)
{
	struct node *v[MAX_DEVICES];
	size_t n = 0;
	uint64_t key;
	int rc = 0;

	for (size_t i = 0; i < bridge->n_children && n < MAX_DEVICES; i++)
		if (bridge->children[i]->kind == NODE_DIR && parse_pci_address(bridge->children[i]->name, &key))
			v[n++] = bridge->children[i];
	if (port)
		link_check_quiet(port);
	while (n-- && !rc)
		rc = pci_remove(sim, v[n]);
	if (port && !rc)
		link_hold(port, HOLD_POWER, true);
	return rc;
}

static bool is_empty(const struct node *bridge)
{
	uint64_t key;

	for (size_t i = 0; i < bridge->n_children; i++)
		if (bridge->children[i]->kind == NODE_DIR && parse_pci_address(bridge->children[i]->name, &key))
			return false;
	return true;
}

/* board_added(): the link has a second to train, and something must be there */
static ssize_t power_on(struct sim *sim, struct node *bridge, struct port *port, struct op *op)
{
	int rc;

	if (port && !op->tries)
		link_release(port, HOLD_POWER | HOLD_CUT);
	if (port && !port->link_up) {
		if (op->tries * POLL_MS >= GIVE_UP_MS) {
			link_hold(port, HOLD_POWER, true);
			return -ENODEV;
		}
		op->wait_ms = POLL_MS;
		return SIM_AGAIN;
	}
	rc = pci_rescan(sim, bridge);
	if (rc || !is_empty(bridge))
		return rc;
	if (port)
		link_hold(port, HOLD_POWER, true);
	return -ENODEV;			/* "No device found" */
}

/* power_write_file() of drivers/pci/hotplug/pci_hotplug_core.c takes a number
 * from whatever is written, and pciehp refuses what is so already. */
static ssize_t power_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct node *slot = node->parent, *bridge = bridge_of_slot(op->sim, slot);
	struct port *port = bridge ? port_of_node(op->sim, bridge) : NULL;
	unsigned int on = (unsigned int)strtoul(isdigit((unsigned char)*buf) ? buf : "0", NULL, 10) & 0xff;
	ssize_t rc;

	if (on > 1)
		return -EINVAL;
	if (!bridge || (!op->tries && dev_is(slot, "power", on ? "1" : "0")))
		return -ENODEV;
	if (port && (!port->modelled || port->dir != bridge))
		port = NULL;
	rc = on ? power_on(op->sim, bridge, port, op) : power_off(op->sim, bridge, port);
	if (rc)
		return rc;
	if (dev_set(op->sim, slot, "power", "%u", on) || dev_set(op->sim, slot, "adapter", "%u", on))
		return -ENOMEM;
	return (ssize_t)len;
}

static const struct attr_ops power_ops = { .store = power_store };

void slots_attach(struct sim *sim)
{
	const struct node *slots = tree_dir(&sim->tree, "/sys/bus/pci/slots");

	for (size_t i = 0; slots && i < slots->n_children; i++)
		dev_model(sim, slots->children[i], "power", &power_ops);
}
