// SPDX-License-Identifier: GPL-2.0-only
/*
 * Power of hot-plug slots: the link and what is below come and go with it, so this is
 * above pci.c, which itself tells slot.c of bridges.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "sim/models/link.h"
#include "sim/models/pci.h"
#include "sim/models/port.h"
#include "sim/models/slot.h"
#include "sim/models/topology.h"
#include "sim/state/device.h"
#include "sim/state/sim.h"

enum { MAX_DEVICES = 32, POLL_MS = 20, GIVE_UP_MS = 1000 };

static int power_off(struct sim *sim, struct node *bridge, struct port *port)
{
	struct node *v[MAX_DEVICES];
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < bridge->n_children && n < MAX_DEVICES; i++)
		if (is_function(bridge->children[i]))
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
	for (size_t i = 0; i < bridge->n_children; i++)
		if (is_function(bridge->children[i]))
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
	struct node *slot = node->parent, *bridge = slot_bridge(op->sim, slot);
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
