// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the drivers of dax devices do with the memory of one: device_dax maps it
 * (drivers/dax/device.c of Linux 6.12), fsdev_dax too, for a file system (fsdev.c of 7.2),
 * and kmem has kmem.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/models/dax.h"
#include "sim/models/dax_range.h"
#include "sim/models/lost.h"
#include "sim/models/models.h"
#include "sim/state/device.h"
#include "sim/state/iomem.h"
#include "sim/state/sim.h"

/* --- page maps that a probe in vain leaves behind -------------------------- */

static bool is_stale(const struct sim *sim, const struct node *dax)
{
	const struct stale_dax *s = sim->models->stale_dax;

	while (s && s->dax != dax)
		s = s->next;
	return s;
}

/* @rc, of a device_dax that failed: dev_dax_probe() of drivers/dax/device.c minds what it left. */
static int leave_stale(struct sim *sim, const struct node *dax, int rc)
{
	struct stale_dax *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*s = (struct stale_dax){ dax, sim->models->stale_dax };
	sim->models->stale_dax = s;
	return rc;
}

/* --- mapping --------------------------------------------------------------- */

/* The memory of all ranges is mapped, and claimed under the device's name. */
static int claim(struct sim *sim, struct node *dax)
{
	struct dax_range r;
	int rc = 0;

	for (unsigned int i = 0; dax_range(dax, i, &r); i++)
		if (iomem_has_ram(sim, r.start, r.size))
			return -EBUSY;
	/* a page map is of whole subsections: check_pfn_span() of mm/memory_hotplug.c */
	for (unsigned int i = 0; dax_range(dax, i, &r); i++)
		if (r.start % DAX_SUBSECTION || r.size % DAX_SUBSECTION)
			return -EINVAL;
	for (unsigned int i = 0; !rc && dax_range(dax, i, &r); i++)
		rc = iomem_add(sim, r.start, r.size, dax->name);
	return rc;
}

static void release(struct sim *sim, struct node *dax)
{
	struct dax_range r;

	for (unsigned int i = 0; dax_range(dax, i, &r); i++)
		iomem_remove(sim, r.start, r.size, dax->name);
}

static int map_device(struct sim *sim, struct node *dax, const struct dax_driver *driver)
{
	int rc;

	if (is_stale(sim, dax))
		return -EINVAL;
	rc = claim(sim, dax);
	/* fsdev_dax keeps its page map only when all went well */
	return rc && driver->answers ? leave_stale(sim, dax, rc) : rc;
}

/* --- the drivers ------------------------------------------------------------ */

const struct dax_driver dax_drivers[] = {
	{ "device_dax", map_device, release, .answers = true },
	{ "fsdev_dax", map_device, release },
	{ "kmem", kmem_probe, kmem_remove, .by_type = true },
	{ 0 }
};

const struct dax_driver *dax_driver(const char *name)
{
	for (const struct dax_driver *d = dax_drivers; name && d->name; d++)
		if (!strcmp(d->name, name))
			return d;
	return NULL;
}

bool dax_driver_answers(const char *name)
{
	const struct dax_driver *driver = dax_driver(name);

	return driver && driver->answers;
}

/* dax_bus_probe(): whoever was made last and has a driver now is no seed any more */
static void take_seed(struct sim *sim, const struct node *dax)
{
	struct node *info = tree_child(dax->parent, "dax_region");

	if (info && dev_is(info, "seed", dax->name))
		dev_set(sim, info, "seed", "%s", "");
}

int dax_probe(struct sim *sim, struct node *dax, const char *name)
{
	const struct dax_driver *driver = dax_driver(name);
	uint64_t size = dax_ranges_size(dax);
	int rc;

	if (!size)
		return -ENXIO;
	rc = driver->probe(sim, dax, driver);
	rc = rc ? rc : dev_bind(sim, dax, "dax", name);
	if (rc)
		return rc;
	take_seed(sim, dax);
	if (driver->answers) {
		devnode_answer(sim, dax->name, size);
		if (dev_is(dax->parent->parent, "devtype", "cxl_region"))
			lost_show(sim, dax->parent->parent);
	}
	return 0;
}

void dax_unbind(struct sim *sim, struct node *dax)
{
	const struct dax_driver *driver = dax_driver(dev_driver(dax));

	if (driver)
		driver->remove(sim, dax);
	if (driver && driver->answers)
		devnode_answer(sim, dax->name, 0);
	dev_unbind(sim, dax);
}
