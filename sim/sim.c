// SPDX-License-Identifier: GPL-2.0-only
/* The state of a run: see sim.h. */
#include "sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/below.h"
#include "sim/device.h"
#include "sim/later.h"
#include "sim/port.h"
#include "sim/udev.h"
#include "util/parse.h"

bool sim_is_dead(const struct sim *sim)
{
	return sim->shared->death[0];
}

void sim_die(struct sim *sim, const char *how, const struct port *port, const char *fmt, ...)
{
	char reason[400];
	va_list ap;

	if (sim_is_dead(sim))
		return;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	snprintf(sim->shared->death, sizeof(sim->shared->death), "%s on %s: %s", how,
		 port->address, reason);
	oplog_event(&sim->log, how, "port", port->address, reason);
}

void sim_violation(struct sim *sim, const char *path, const char *fmt, ...)
{
	struct sim_shared *s = sim->shared;
	char reason[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	if (!s->violations++)
		snprintf(s->violation, sizeof(s->violation), "%s", reason);
	oplog_event(&sim->log, "violation", "path", path, reason);
}

/* The endpoint that @node is a part of, or that its memory is on; NULL: none. */
static struct node *endpoint_of(const struct sim *sim, struct node *node)
{
	const struct port *port = port_of_node(sim, node);
	uint64_t key;

	for (struct node *n = node; n; n = n->parent) {
		const struct node *target = dev_is(n, "devtype", "cxl_region") ? region_target(sim, n, 0) : NULL;
		const struct node *memdev = target ? tree_resolve(&sim->tree, target->parent, "uport") : NULL;

		if (memdev)
			return memdev->parent;
		if (n->kind == NODE_DIR && parse_pci_address(n->name, &key) && !tree_child(n, "pci_bus"))
			return n;
		if (dev_is(n, "devtype", "cxl_port") && tree_resolve(&sim->tree, n, "uport") &&
		    !strncmp(n->name, "endpoint", 8))
			return tree_resolve(&sim->tree, n, "uport")->parent;
	}
	for (size_t i = 0; i < sim->n_ports; i++) {
		const char *address = !port || port == sim->ports[i] ? below_endpoint(sim->ports[i]) : NULL;

		if (address)
			return dev_find(sim, "pci", address);
	}
	return NULL;
}

void sim_vanish(struct sim *sim, struct node *node)
{
	struct node *dir = node->kind == NODE_DIR ? node : node->parent;
	struct node *endpoint = sim->models ? endpoint_of(sim, dir) : NULL;

	if (endpoint)
		pci_remove(sim, endpoint);
	if (sim->models)
		return;
	/* a replay: the nearest directory with an uevent file */
	while (dir && !tree_child(dir, "uevent"))
		dir = dir->parent;
	if (dir && dir->parent)
		tree_remove_device(&sim->tree, dir);
}

void sim_exit(struct sim *sim)
{
	for (size_t i = 0; i < sim->n_ports; i++)
		port_free(sim->ports[i]);
	free(sim->ports);
	later_free(sim);
	udev_free(sim);
	models_free(sim);
	free(sim->only);
	free(sim->host);
	faults_free(sim->faults, sim->n_faults);
	oplog_close(&sim->log);
	tree_exit(&sim->tree);
}
