// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which downstream port of which CXL port a PCI device is below: kept while the
 * ports themselves come and go (drivers/cxl/core/port.c of Linux 6.12).
 */
#include "sim/models/dport.h"

#include <errno.h>
#include <stdlib.h>

#include "sim/models/models.h"
#include "sim/state/device.h"
#include "sim/state/sim.h"
#include "util/parse.h"

int ports_note_dports(struct sim *sim, struct node *port)
{
	struct models *m = sim->models;
	unsigned int number;

	for (size_t i = 0; i < port->n_children; i++) {
		struct node *link = port->children[i];
		struct dport *d;

		if (link->kind != NODE_LINK || !parse_name(link->name, "dport", &number))
			continue;
		d = calloc(1, sizeof(*d));
		if (!d)
			return -ENOMEM;
		d->port = port;
		d->pci = tree_resolve(&sim->tree, link->parent, link->data);
		d->next = m->dports;
		m->dports = d;
	}
	return 0;
}

void dports_forget(struct sim *sim, const struct node *port)
{
	for (struct dport **p = &sim->models->dports; *p; ) {
		struct dport *d = *p;

		if (d->port != port) {
			p = &d->next;
			continue;
		}
		*p = d->next;
		free(d);
	}
}

struct dport *dport_above(const struct sim *sim, const struct node *device)
{
	for (const struct node *n = device; n; n = n->parent)
		for (struct dport *d = sim->models->dports; d; d = d->next)
			if (d->pci == n && !d->port->gone && !d->pci->gone && dev_driver(d->port))
				return d;
	return NULL;
}
