// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dax devices of a ram region: made as the kernel makes them or as is written to
 * create, laid out as a host file says, and removed (drivers/dax/bus.c and cxl.c of Linux
 * 6.12, and 7.2 is the same).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "sim/models/dax.h"
#include "sim/models/dax_range.h"
#include "sim/models/memory.h"
#include "sim/models/pinned.h"
#include "sim/models/topology.h"
#include "sim/state/device.h"
#include "sim/state/iomem.h"
#include "sim/state/kstr.h"
#include "sim/state/sim.h"
#include "util/array.h"
#include "util/parse.h"

/* --- devices -------------------------------------------------------------- */

static unsigned int free_minor(const struct sim *sim)
{
	const struct node *n;
	unsigned int minor = 0;
	bool used;

	do {
		char dev[32];

		used = false;
		snprintf(dev, sizeof(dev), "252:%u", minor);
		for (size_t i = 0; !used && (n = dev_next(sim, "dax", &i)); )
			used = dev_is(n, "dev", dev);
		minor += used;
	} while (used);
	return minor;
}

/* What a new device is; @size 0: it has no memory yet. */
struct device {
	unsigned int number, target_node;
	uint64_t start, size;
	bool memmap_on_memory;
};

/* The part behind its region's name: "dax0." and the number, the lowest that is free (ida_alloc()). */
static unsigned int free_number(const struct node *dir, unsigned int region)
{
	unsigned int number = 0;
	char name[64];

	do
		snprintf(name, sizeof(name), "dax%u.%u", region, number++);
	while (tree_child(dir, name));
	return number - 1;
}

/* Before anybody is told of it. */
static struct node *make_device(struct sim *sim, struct node *parent, const char *name,
				const struct device *d)
{
	unsigned int minor = free_minor(sim);
	char text[128];
	struct node *dax = tree_add(&sim->tree, parent, name, NODE_DIR, 0755);

	if (!dax || dev_add_attr(sim, dax, "align", 0644, "2097152\n") || dev_add_attr(sim, dax, "mapping", 0200, "") ||
	    dev_add_attr(sim, dax, "memmap_on_memory", 0644, d->memmap_on_memory ? "1\n" : "0\n") ||
	    dev_set(sim, dax, "modalias", "dax:t0") || dev_set(sim, dax, "numa_node", "-1") ||
	    dev_set(sim, dax, "dev", "252:%u", minor) || dev_set(sim, dax, "target_node", "%u", d->target_node) ||
	    dev_add_attr(sim, dax, "resource", 0400, "") || dev_add_attr(sim, dax, "size", 0644, "0\n"))
		return NULL;
	snprintf(text, sizeof(text), "MAJOR=252\nMINOR=%u\nDEVNAME=%s\nMODALIAS=dax:t0\n", minor, name);
	if (dev_add_attr(sim, dax, "uevent", 0644, text))
		return NULL;
	if (d->size ? dax_range_add(sim, dax, d->start, d->size) : dax_ranges_show(sim, dax))
		return NULL;
	return dax;
}

static struct node *add_device(struct sim *sim, struct node *parent, const struct device *d)
{
	unsigned int region = (unsigned int)dev_number(tree_child(parent, "dax_region"), "id", 0);
	char name[64];
	struct node *dax;

	snprintf(name, sizeof(name), "dax%u.%u", region, d->number);
	dax = make_device(sim, parent, name, d);
	if (!dax || dev_register(sim, dax, "dax"))
		return NULL;
	dax_attach(sim, dax);
	devnode_answer(sim, name, 0);
	return dax;
}

/* A region's device as the kernel makes it: one, of all of it. */
static int add_whole(struct sim *sim, struct node *parent, const struct node *region)
{
	struct device d = {
		.target_node = window_node(sim, region->parent),
		.memmap_on_memory = true,
		.start = dev_number(region, "resource", 0),
		.size = dev_number(region, "size", 0),
	};
	struct node *dax = add_device(sim, parent, &d);

	if (!dax)
		return -ENOMEM;
	dax_autoprobe(sim, dax);
	return 0;
}

/* --- the region's files ------------------------------------------------------ */

/* The youngest is what create shows, the seed the first of those that had no driver yet. */
static int note_youngest(struct sim *sim, struct node *info, const struct node *dax)
{
	if (dev_set(sim, info, "create", "%s", dax->name))
		return -ENOMEM;
	return dev_is(info, "seed", "") ? dev_set(sim, info, "seed", "%s", dax->name) : 0;
}

/* A device as create makes it: of no memory, and without what CXL's first one has. */
static int create_device(struct sim *sim, struct node *dir, struct node *info)
{
	const struct node *first;
	struct device d = { .number = free_number(dir, (unsigned int)dev_number(info, "id", 0)) };
	struct node *dax;

	for (size_t i = 0; (first = dax_next_in(dir, &i)); )
		d.target_node = (unsigned int)dev_number(first, "target_node", d.target_node);
	dax = add_device(sim, dir, &d);
	return dax ? note_youngest(sim, info, dax) : -ENOMEM;
}

static ssize_t create_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct node *info = node->parent;
	uint64_t v;
	int rc = kstr_number(buf, UINT64_MAX, &v);

	if (rc)
		return rc;
	if (v > INT32_MAX)
		return -ERANGE;
	if (v != 1)
		return -EINVAL;
	if (!dax_available(info->parent))
		return -ENOSPC;
	rc = create_device(op->sim, info->parent, info);
	return rc ? rc : (ssize_t)len;
}

static void remove_device(struct sim *sim, struct node *dax)
{
	pinned_forget(sim, dax);
	dax_unbind(sim, dax);
	devnode_remove(sim, dax->name);
	dev_remove(sim, dax);
}

static ssize_t delete_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	static const char *const names[] = { "seed", "create" };
	struct node *info = node->parent, *dax;
	unsigned int region, number = 0;
	char word[64];

	dax = tree_child(info->parent, dev_word(buf, word, sizeof(word)));
	if (!dax || !is_dax(dax))
		return -ENXIO;
	if (pinned_waits(op, dax, false))
		return SIM_AGAIN;
	sscanf(dax->name, "dax%u.%u", &region, &number);
	if (dev_driver(dax) || dax_ranges_size(dax) || !number)
		return -EBUSY;		/* the first one stays */
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (dev_is(info, names[i], dax->name))
			dev_set(op->sim, info, names[i], "%s", "");
	remove_device(op->sim, dax);
	return (ssize_t)len;
}

static const struct attr_ops create_ops = { .store = create_store };
static const struct attr_ops delete_ops = { .store = delete_store };

int dax_region_attach(struct sim *sim, struct node *dir)
{
	struct node *info = tree_child(dir, "dax_region");

	if (info) {
		dev_model(sim, info, "create", &create_ops);
		dev_model(sim, info, "delete", &delete_ops);
	}
	return 0;
}

/* --- regions ----------------------------------------------------------------- */

int dax_region_create(struct sim *sim, struct node *region, struct node *parent)
{
	unsigned int id = 0;
	char name[64], text[64];
	struct node *dir, *info;

	parse_name(region->name, "region", &id);
	snprintf(name, sizeof(name), "dax_region%u", id);
	dir = tree_add(&sim->tree, parent, name, NODE_DIR, 0755);
	if (!dir || dev_set(sim, dir, "devtype", "cxl_dax_region") || dev_set(sim, dir, "modalias", "cxl:t8") ||
	    dev_add_attr(sim, dir, "uevent", 0644, "DEVTYPE=cxl_dax_region\nMODALIAS=cxl:t8\n") ||
	    dev_register(sim, dir, "cxl"))
		return -ENOMEM;
	if (dev_bind(sim, dir, "cxl", "cxl_dax_region"))
		return 0;		/* dax_cxl is not loaded */
	info = tree_add(&sim->tree, dir, "dax_region", NODE_DIR, 0755);
	snprintf(text, sizeof(text), "%" PRIu64, dev_number(region, "size", 0));
	if (!info || dev_add_attr(sim, info, "align", 0400, "2097152\n") || dev_set(sim, info, "available_size", "0") ||
	    dev_add_attr(sim, info, "create", 0644, "\n") || dev_add_attr(sim, info, "delete", 0200, "") ||
	    dev_set(sim, info, "id", "%u", id) || dev_set(sim, info, "seed", "%s", "") ||
	    dev_set(sim, info, "size", "%s", text))
		return -ENOMEM;
	dax_region_attach(sim, dir);
	return add_whole(sim, dir, region);
}

static void remove_devices(struct sim *sim, struct node *dir)
{
	for (size_t i = dir->n_children; i-- > 0; )
		if (is_dax(dir->children[i]))
			remove_device(sim, dir->children[i]);
}

void dax_region_remove(struct sim *sim, struct node *region)
{
	struct node *dir = dax_region_dir(region);

	if (!dir)
		return;
	remove_devices(sim, dir);
	dev_remove(sim, dir);
}

int dax_lay_out(struct sim *sim, struct node *region, const struct dax_part *parts, size_t n)
{
	uint64_t start = dev_number(region, "resource", 0), size = dev_number(region, "size", 0), used = 0;
	struct node *dir = dax_region_dir(region), *info = dir ? tree_child(dir, "dax_region") : NULL;
	struct device d = { .target_node = window_node(sim, region->parent) };
	const struct node *was;
	bool memmap = true;
	size_t at = 0;
	int rc = 0;

	if (!info)
		return -ENODEV;
	was = dax_next(region, &at);
	if (was) {
		d.target_node = (unsigned int)dev_number(was, "target_node", d.target_node);
		memmap = !dev_is(was, "memmap_on_memory", "0");
	}
	memory_force_offline(sim, start, size);
	remove_devices(sim, dir);
	for (size_t i = 0; i < n && !rc; i++) {
		struct node *dax;

		d.number = (unsigned int)i;
		d.memmap_on_memory = memmap && !i;	/* what create makes has it off */
		d.start = start + used;
		d.size = parts[i].size;
		used += d.size;
		dax = add_device(sim, dir, &d);
		rc = !dax ? -ENOMEM : i ? note_youngest(sim, info, dax) : 0;
		if (!rc && parts[i].driver)
			rc = dax_load_driver(sim, parts[i].driver);
		if (!rc && parts[i].driver)
			rc = dax_bind(sim, dax, parts[i].driver);
	}
	return rc;
}
