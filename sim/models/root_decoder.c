// SPDX-License-Identifier: GPL-2.0-only
/*
 * Root decoders: creating and deleting regions (drivers/cxl/core/region.c of
 * Linux 6.12).  What a region does is region.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim/models/pinned.h"
#include "sim/models/region.h"
#include "sim/models/topology.h"
#include "sim/state/device.h"
#include "sim/state/iomem.h"
#include "sim/state/sim.h"
#include "util/array.h"
#include "util/parse.h"

static bool is_pending(const struct sim *sim, const char *name)
{
	const struct node *d;

	for (size_t i = 0; (d = dev_next(sim, "cxl", &i)); )
		if (dev_is(d, "create_ram_region", name) || dev_is(d, "create_pmem_region", name))
			return true;
	return false;
}

/* The name that the root decoder's next region has to have. */
static int store(struct sim *sim, struct node *root, const char *name)
{
	if (tree_child(root, "create_ram_region") && dev_set(sim, root, "create_ram_region", "%s", name))
		return -ENOMEM;
	if (tree_child(root, "create_pmem_region") && dev_set(sim, root, "create_pmem_region", "%s", name))
		return -ENOMEM;
	return 0;
}

/* memregion_alloc(): ids are shared by all windows */
static int preallocate(struct sim *sim, struct node *root)
{
	char name[64];

	for (unsigned int id = 0; ; id++) {
		snprintf(name, sizeof(name), "region%u", id);
		if (!dev_find(sim, "cxl", name) && !is_pending(sim, name))
			break;
	}
	return store(sim, root, name);
}

static int add_region(struct sim *sim, struct node *root, const char *name, bool pmem)
{
	static const struct {
		const char *name;
		mode_t mode;
		const char *text;
	} attrs[] = {
		{ "commit", 0644, "0\n" }, { "devtype", 0444, "cxl_region\n" },
		{ "interleave_granularity", 0644, "0\n" }, { "interleave_ways", 0644, "0\n" },
		{ "modalias", 0444, "cxl:t6\n" }, { "resource", 0444, REGION_NO_ADDRESS "\n" }, { "size", 0644, "0x0\n" },
		{ "uevent", 0644, "DEVTYPE=cxl_region\nMODALIAS=cxl:t6\n" },
	};
	struct node *dir = tree_add(&sim->tree, root, name, NODE_DIR, 0755);

	if (!dir)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++)
		if (dev_add_attr(sim, dir, attrs[i].name, attrs[i].mode, attrs[i].text))
			return -ENOMEM;
	if (dev_add_attr(sim, dir, "mode", 0444, pmem ? "pmem\n" : "ram\n") ||
	    dev_add_attr(sim, dir, "uuid", pmem ? 0644 : 0444,
			 pmem ? "00000000-0000-0000-0000-000000000000\n" : "\n") ||
	    (is_newer_kernel(sim) && dev_add_attr(sim, dir, "locked", 0444, "0\n")) ||
	    !tree_add(&sim->tree, dir, "access0", NODE_DIR, 0755) ||
	    !tree_add(&sim->tree, dir, "access1", NODE_DIR, 0755) || dev_register(sim, dir, "cxl"))
		return -ENOMEM;
	return region_attach(sim, dir);
}

static ssize_t create_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct node *root = node->parent;
	char name[64];
	int id, rc;

	if (sscanf(buf, "region%d\n", &id) != 1)
		return -EINVAL;
	snprintf(name, sizeof(name), "region%d", id);
	if (!dev_is(root, node->name, name))
		return -EBUSY;		/* somebody else took it: the id is compared and exchanged */
	rc = add_region(op->sim, root, name, !strcmp(node->name, "create_pmem_region"));
	rc = rc ? rc : preallocate(op->sim, root);
	return rc ? rc : (ssize_t)len;
}

/* cxl_region_release(): an id below the one in store becomes the next again */
static int give_back(struct sim *sim, struct node *root, const char *name)
{
	unsigned int id, pending;
	char next[64];

	if (!tree_text(root, "create_ram_region", next, sizeof(next)) &&
	    !tree_text(root, "create_pmem_region", next, sizeof(next)))
		return 0;
	if (!parse_name(name, "region", &id) || !parse_name(next, "region", &pending) || id > pending)
		return 0;
	return store(sim, root, name);
}

static ssize_t delete_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	char word[64];
	struct node *region;
	unsigned int id;
	int rc;

	if (is_region_deleted_by_number(op->sim) && sscanf(buf, "region%u", &id) != 1)
		return -EINVAL;
	region = tree_child(node->parent, dev_word(buf, word, sizeof(word)));
	if (!region || region->kind != NODE_DIR || !dev_is(region, "devtype", "cxl_region"))
		return -ENODEV;
	if (pinned_waits(op, region, true))
		return SIM_AGAIN;
	region_unbind(op->sim, region);
	for (unsigned int i = 0; i < region_ways(region); i++)
		if (region_target(op->sim, region, i))
			region_lose_decoder(op->sim, region_target(op->sim, region, i));
	iomem_remove_above(op->sim, dev_number(region, "resource", 0), dev_number(region, "size", 0), region->name);
	dev_remove(op->sim, region);
	rc = give_back(op->sim, node->parent, region->name);
	return rc ? rc : (ssize_t)len;
}

static const struct attr_ops create_ops = { .store = create_store };
static const struct attr_ops delete_ops = { .store = delete_store };

int root_decoder_attach(struct sim *sim, struct node *decoder)
{
	dev_model(sim, decoder, "create_ram_region", &create_ops);
	dev_model(sim, decoder, "create_pmem_region", &create_ops);
	dev_model(sim, decoder, "delete_region", &delete_ops);
	return 0;
}
