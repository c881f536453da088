/* SPDX-License-Identifier: GPL-2.0-only */
/* Which PCI devices the CXL ports know as their downstream ports. */
#ifndef SIM_DPORT_H
#define SIM_DPORT_H

struct node;
struct sim;

/* A downstream port that a CXL port found when its driver bound: the very PCI
 * device, not one that came back at the same place. */
struct dport {
	const struct node *port, *pci;
	struct dport *next;
};

int ports_note_dports(struct sim *sim, struct node *port);
void dports_forget(struct sim *sim, const struct node *port);

/* The downstream port of the lowest CXL port above @device that knows it, NULL when there is none. */
struct dport *dport_above(const struct sim *sim, const struct node *device);

#endif
