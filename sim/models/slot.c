// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hot-plug slots: what pciehp of Linux 6.12 registers below a bridge.  Their power is
 * slot_power.c.
 */
#include "sim/models/slot.h"

#include <string.h>

#include "sim/models/models.h"
#include "sim/state/device.h"
#include "sim/state/sim.h"

#define PCIEHP "../../../../module/pciehp"	/* from a slot */

/* Bus number below a bridge: "0000:0d", from its pci_bus directory. */
static const char *secondary_bus(const struct node *bridge)
{
	const struct node *dir = tree_child(bridge, "pci_bus");

	return dir && dir->n_children ? dir->children[0]->name : NULL;
}

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

struct node *slot_bridge(const struct sim *sim, const struct node *slot)
{
	char address[64];
	struct node *n;

	for (size_t i = 0; (n = dev_next(sim, "pci", &i)); ) {
		const char *bus = secondary_bus(n);

		if (bus && tree_text(slot, "address", address, sizeof(address)) && !strncmp(address, bus, strlen(bus)))
			return n;
	}
	return NULL;
}
