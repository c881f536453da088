// SPDX-License-Identifier: GPL-2.0-only
/*
 * See sysram.h.  Which errno the drivers answer with is not said in the posting's texts
 * and is a guess: EINVAL for a device that was not told its online_type, EBUSY for
 * telling it while the driver has it.
 */
#include "sim/models/sysram.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim/models/bus.h"
#include "sim/models/dax.h"
#include "sim/models/kernel.h"
#include "sim/models/topology.h"
#include "sim/state/device.h"
#include "sim/state/sim.h"
#include "util/array.h"
#include "util/parse.h"

#define NOT_SAID "invalid"

int sysram_load(struct sim *sim)
{
	static const char *const drivers[] = { SYSRAM_DRIVER, SYSRAM_DAX_DRIVER };
	struct node *on_bus = tree_dir(&sim->tree, "/sys/bus/cxl/drivers");

	if (!on_bus || !sim->kernel || !sim->kernel->has_sysram_regions)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		struct node *driver = tree_add(&sim->tree, on_bus, drivers[i], NODE_DIR, 0755);

		if (!driver || dev_add_attr(sim, driver, "bind", 0200, "") || dev_add_attr(sim, driver, "unbind", 0200, ""))
			return -ENOMEM;
	}
	return 0;
}

static ssize_t online_type_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	static const char *const types[] = { "offline", "online", "online_movable" };
	struct node *sysram = node->parent;
	bool known = false;
	char word[32];

	dev_word(buf, word, sizeof(word));
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		known |= !strcmp(word, types[i]);
	if (!known || dev_driver(sysram))
		return known ? -EBUSY : -EINVAL;
	return dev_set(op->sim, sysram, "online_type", "%s", word) ? -ENOMEM : (ssize_t)len;
}

static const struct attr_ops online_type_ops = { .store = online_type_store };

int sysram_create(struct sim *sim, struct node *region)
{
	unsigned int id = 0;
	char name[64];
	struct node *dir;

	parse_name(region->name, "region", &id);
	snprintf(name, sizeof(name), "sysram_region%u", id);
	dir = tree_add(&sim->tree, region, name, NODE_DIR, 0755);
	if (!dir || dev_set(sim, dir, "devtype", SYSRAM_DEVTYPE) ||
	    dev_add_attr(sim, dir, "uevent", 0644, "DEVTYPE=" SYSRAM_DEVTYPE "\n") ||
	    dev_add_attr(sim, dir, "online_type", 0644, NOT_SAID "\n") || dev_register(sim, dir, "cxl"))
		return -ENOMEM;
	dev_model(sim, dir, "online_type", &online_type_ops);
	return 0;
}

void sysram_remove(struct sim *sim, struct node *region)
{
	struct node *dir = sysram_region_dir(region);

	if (!dir)
		return;
	dev_unbind(sim, dir);
	dev_remove(sim, dir);
}

int sysram_probe(struct sim *sim, struct node *sysram, const char *driver)
{
	int rc = dev_is(sysram, "online_type", NOT_SAID) ? -EINVAL : dev_bind(sim, sysram, "cxl", driver);

	return rc ? rc : dax_region_create(sim, sysram->parent, sysram);
}

void sysram_unbind(struct sim *sim, struct node *sysram)
{
	dax_region_remove(sim, sysram->parent);
	dev_unbind(sim, sysram);
}
