// SPDX-License-Identifier: GPL-2.0-only
/*
 * See lost.h.  As measured on real kernels: the memory device stays and its region
 * stays committed, but reads give 0 and writes are lost.
 */
#include "sim/models/lost.h"

#include <errno.h>
#include <stdlib.h>

#include "sim/models/below.h"
#include "sim/models/hdm.h"
#include "sim/models/models.h"
#include "sim/models/port.h"
#include "sim/models/topology.h"
#include "sim/state/device.h"
#include "sim/state/iomem.h"
#include "sim/state/sim.h"

static bool is_bridge(const struct node *n)
{
	return tree_child(n, "pci_bus");
}

/* --- what is lost --------------------------------------------------------- */

static struct lost *find(const struct sim *sim, const struct node *function)
{
	for (struct lost *l = sim->models->lost; l; l = l->next)
		if (l->function == function)
			return l;
	return NULL;
}

static void mark(struct sim *sim, const struct node *function, bool wiped)
{
	struct lost *l = find(sim, function);

	if (!l) {
		l = calloc(1, sizeof(*l));
		if (!l)
			return;
		l->function = function;
		l->next = sim->models->lost;
		sim->models->lost = l;
	}
	l->wiped = wiped;
}

/* The endpoint in which a region's target decodes. */
static const struct node *function_of(const struct sim *sim, const struct node *decoder)
{
	const struct node *memdev = tree_resolve(&sim->tree, decoder->parent, "uport");

	return memdev ? memdev->parent : NULL;
}

static bool region_is_lost(const struct sim *sim, const struct node *region)
{
	for (unsigned int i = 0; i < region_ways(region); i++) {
		const struct node *decoder = region_target(sim, region, i);

		if (decoder && find(sim, function_of(sim, decoder)))
			return true;
	}
	return false;
}

void lost_show(struct sim *sim, const struct node *region)
{
	bool isolated = false, lost = region_is_lost(sim, region);
	const struct node *dax;
	size_t k = 0;

	for (size_t i = 0; i < sim->n_ports; i++)
		isolated |= sim->ports[i]->status & SIM_ISO_STS_MEM_ISOLATED &&
			    below_has_region(sim->ports[i], region);
	while ((dax = dax_next(region, &k))) {
		if (isolated)
			devnode_fail(sim, dax->name);
		else if (lost)
			devnode_lose(sim, dax->name);
	}
}

static void show_all(struct sim *sim)
{
	const struct node *region;

	for (size_t i = 0; (region = dev_next(sim, "cxl", &i)); )
		if (dev_is(region, "devtype", "cxl_region") && region_is_lost(sim, region))
			lost_show(sim, region);
}

static void mark_below(struct sim *sim, const struct node *dir, bool wiped)
{
	for (size_t i = 0; i < dir->n_children; i++) {
		const struct node *n = dir->children[i];

		if (!is_function(n))
			continue;
		hdm_lose(sim, n);
		if (is_bridge(n))
			mark_below(sim, n, wiped);
		else
			mark(sim, n, wiped);
	}
}

void lost_below(struct sim *sim, const struct node *dir, bool wiped)
{
	below_fail_kernel(sim, dir);
	mark_below(sim, dir, wiped);
	show_all(sim);
}

bool lost_is_wiped(const struct sim *sim, const struct node *function)
{
	const struct lost *l = find(sim, function);

	return l && l->wiped;
}

int lost_commit(struct sim *sim, struct node *region)
{
	for (unsigned int i = 0; i < region_ways(region); i++) {
		const struct node *decoder = region_target(sim, region, i);
		const struct node *function = decoder ? function_of(sim, decoder) : NULL;
		struct port *port = function ? port_of_node(sim, function) : NULL;
		struct lost *l = function ? find(sim, function) : NULL;

		if (port && port->modelled && !port->link_up)
			return -EIO;		/* all ones: committed, and a commit error */
		if (port && port->modelled && port->must_pass_down) {
			sim_violation(sim, port->address, "%s was committed below %s, which isolated and whose link was not "
				      "down since", region->name, port->address);
			port->must_pass_down = false;	/* said once */
		}
		if (l && l->wiped)
			return -ETIMEDOUT;	/* as measured */
		if (l)
			l->function = NULL;
	}
	return 0;
}

void lost_free(struct sim *sim)
{
	while (sim->models->lost) {
		struct lost *l = sim->models->lost;

		sim->models->lost = l->next;
		free(l);
	}
}
