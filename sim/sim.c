// SPDX-License-Identifier: GPL-2.0-only
/* The state of a run: see sim.h. */
#include "sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/device.h"
#include "sim/port.h"

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

/* A device's directory is the nearest one with an uevent file. */
void sim_vanish(struct sim *sim, struct node *node)
{
	struct node *dir = node->kind == NODE_DIR ? node : node->parent;

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
	models_free(sim);
	free(sim->only);
	faults_free(sim->faults, sim->n_faults);
	oplog_close(&sim->log);
	tree_exit(&sim->tree);
}
