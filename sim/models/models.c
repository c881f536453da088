// SPDX-License-Identifier: GPL-2.0-only
/* Which models there are, and what concerns all of them. */
#include "sim/models/models.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/models/accel.h"
#include "sim/models/below.h"
#include "sim/models/bus.h"
#include "sim/models/dax.h"
#include "sim/models/decoder.h"
#include "sim/models/dport.h"
#include "sim/models/hdm.h"
#include "sim/models/lost.h"
#include "sim/models/memdev.h"
#include "sim/models/memory.h"
#include "sim/models/pci.h"
#include "sim/models/pinned.h"
#include "sim/models/port.h"
#include "sim/models/region.h"
#include "sim/models/reset.h"
#include "sim/models/slot.h"
#include "sim/models/sriov.h"
#include "sim/models/sysram.h"
#include "sim/models/topology.h"
#include "sim/models/tracefs.h"
#include "sim/state/device.h"
#include "sim/state/later.h"
#include "sim/state/sim.h"
#include "util/parse.h"

static bool is_memdev(const struct sim *sim, const struct node *device, const char *driver)
{
	unsigned int number;

	(void)sim;
	(void)driver;
	return parse_name(device->name, "mem", &number);
}

static const struct model table[] = {
	{ "cxl", NULL, NULL, dev_attach },
	{ "cxl", "devtype", "cxl_decoder_root", root_decoder_attach },
	{ "cxl", "devtype", "cxl_decoder_endpoint", endpoint_decoder_attach },
	{ "cxl", "devtype", "cxl_decoder_endpoint", hdm_write },	/* as far as sysfs tells */
	{ "cxl", "devtype", "cxl_decoder_switch", hdm_write },
	{ "cxl", "devtype", "cxl_port", ports_note_dports },
	{ "cxl", "modalias", "cxl:t3", NULL, "cxl_port", port_probe, port_unbind },	/* not the root */
	{ "cxl", "devtype", "cxl_region", region_attach, "cxl_region", region_probe, region_unbind },
	{ "cxl", "devtype", "cxl_region", NULL, SYSRAM_DRIVER, region_probe, region_unbind },
	{ "cxl", "devtype", SYSRAM_DEVTYPE, NULL, SYSRAM_DAX_DRIVER, sysram_probe, sysram_unbind },
	{ "cxl", NULL, NULL, memdev_attach, "cxl_mem", memdev_probe, memdev_unbind, is_memdev },
	{ "pci", NULL, NULL, pci_function_attach },
	/* PCI_CLASS_MEMORY_CXL with the programming interface of memory devices: drivers/cxl/pci.c */
	{ "pci", "class", "0x050210", NULL, "cxl_pci", pci_probe, pci_unbind },
	{ "pci", NULL, NULL, accel_attach, ACCEL_DRIVER, pci_accel_probe, pci_accel_unbind, sriov_matches },
	{ "pci", NULL, NULL, NULL, VFIO_DRIVER, sriov_vfio_probe, sriov_vfio_unbind, sriov_matches },
	{ "cxl", "devtype", "cxl_dax_region", dax_region_attach },
	{ "dax", NULL, NULL, dax_attach },
	{ "dax", NULL, NULL, NULL, "device_dax", dax_probe, dax_unbind, dax_matches },
	{ "dax", NULL, NULL, NULL, "fsdev_dax", dax_probe, dax_unbind, dax_matches },
	{ "dax", NULL, NULL, NULL, "kmem", dax_probe, dax_unbind, dax_matches },
	{ 0 }
};

int models_attach(struct sim *sim)
{
	struct node *device;
	int rc = 0;

	sim->models = calloc(1, sizeof(*sim->models));
	if (!sim->models)
		return -ENOMEM;
	sim->models->table = table;
	for (const struct model *m = table; m->bus; m++)
		for (size_t i = 0; m->attach && !rc && (device = dev_next(sim, m->bus, &i)); )
			rc = model_is(sim, m, device) ? m->attach(sim, device) : 0;
	cxl_bus_attach(sim);
	pci_bus_attach(sim);
	slots_attach(sim);
	memory_models_attach(sim);
	rc = rc ? rc : dax_bus_attach(sim);
	rc = rc ? rc : sysram_load(sim);
	return rc ? rc : drivers_attach(sim);
}

void models_free(struct sim *sim)
{
	struct models *m = sim->models;

	for (size_t i = 0; i < sim->n_ports; i++)
		free(sim->ports[i]);
	free(sim->ports);
	if (!m)
		return;
	accel_free(m);
	hdm_free(m);
	reset_free(m);
	parked_free(&m->pci);
	parked_free(&m->unprobed);
	parked_free(&m->endpoints);
	parked_free(&m->ports);
	parked_free(&m->slots);
	parked_free(&m->nmems);
	parked_free(&m->debug);
	lost_free(sim);
	pinned_free(sim);
	tracefs_free(m);
	while (m->busy_blocks) {
		struct busy_block *b = m->busy_blocks;

		m->busy_blocks = b->next;
		free(b);
	}
	while (m->fates) {
		struct fate *f = m->fates;

		m->fates = f->next;
		free(f);
	}
	while (m->dports) {
		struct dport *d = m->dports;

		m->dports = d->next;
		free(d);
	}
	while (m->stale_dax) {
		struct stale_dax *d = m->stale_dax;

		m->stale_dax = d->next;
		free(d);
	}
	for (size_t i = 0; i < m->n_dax_ids; i++)
		free(m->dax_ids[i]);
	free(m->dax_ids);
	free(m);
	sim->models = NULL;
}

void sim_exit(struct sim *sim)
{
	models_free(sim);
	later_free(sim);
	free(sim->only);
	free(sim->host);
	faults_free(sim->faults, sim->n_faults);
	oplog_close(&sim->log);
	tree_exit(&sim->tree);
}

/* --- a device that is pulled out ------------------------------------------ */

/* The endpoint that @node is a part of, or that its memory is on; NULL: none. */
static struct node *endpoint_of(const struct sim *sim, struct node *node)
{
	const struct port *port = port_of_node(sim, node);

	for (struct node *n = node; n; n = n->parent) {
		const struct node *target = dev_is(n, "devtype", "cxl_region") ? region_target(sim, n, 0) : NULL;
		const struct node *memdev = target ? tree_resolve(&sim->tree, target->parent, "uport") : NULL;

		if (memdev)
			return memdev->parent;
		if (is_function(n) && !tree_child(n, "pci_bus"))
			return n;
		if (dev_is(n, "devtype", "cxl_port") && tree_resolve(&sim->tree, n, "uport") &&
		    !strncmp(n->name, "endpoint", 8))
			return tree_resolve(&sim->tree, n, "uport")->parent;
	}
	for (size_t i = 0; i < sim->n_ports; i++) {
		const char *address = !port || port == sim->ports[i] ? below_endpoint(sim->ports[i])
								     : NULL;

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
