// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dax side of a ram region: its dax device, and the drivers device_dax and
 * kmem with daxctl's new_id and remove_id (drivers/dax of Linux 6.12).
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/dax.h"
#include "sim/device.h"
#include "sim/kstr.h"
#include "sim/lost.h"
#include "sim/sim.h"
#include "util/parse.h"

#define KMEM_RESOURCE "System RAM (kmem)"

/* --- ids of device_dax ---------------------------------------------------- */

static size_t find_id(const struct models *m, const char *name)
{
	size_t i = 0;

	while (i < m->n_dax_ids && strcmp(m->dax_ids[i], name))
		i++;
	return i;
}

static int add_id(struct models *m, const char *name)
{
	char **v;

	if (find_id(m, name) < m->n_dax_ids)
		return 0;
	v = reallocarray(m->dax_ids, m->n_dax_ids + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	m->dax_ids = v;
	v[m->n_dax_ids] = strdup(name);
	return v[m->n_dax_ids] ? (m->n_dax_ids++, 0) : -ENOMEM;
}

static void remove_id(struct models *m, const char *name)
{
	size_t i = find_id(m, name);

	if (i == m->n_dax_ids)
		return;
	free(m->dax_ids[i]);
	m->dax_ids[i] = m->dax_ids[--m->n_dax_ids];
}

void dax_forget_ids(struct sim *sim)
{
	struct models *m = sim->models;

	while (m->n_dax_ids)
		free(m->dax_ids[--m->n_dax_ids]);
}

/* --- drivers -------------------------------------------------------------- */

/* A CXL region's memory is kmem's; device_dax takes what it was told to. */
bool dax_matches(const struct sim *sim, const struct node *dax, const char *driver)
{
	if (!strcmp(driver, "kmem"))
		return true;
	return find_id(sim->models, dax->name) < sim->models->n_dax_ids;
}

int dax_probe(struct sim *sim, struct node *dax, const char *driver)
{
	uint64_t start = dev_number(dax, "resource", 0), size = dev_number(dax, "size", 0);
	int rc = 0;

	/*
	 * Memory that kmem could not take back keeps the range busy until the next boot.
	 * device_dax fails for that in new_id already, which does not say so; after that
	 * it minds the page map of its first try (dev_dax_probe() of drivers/dax/device.c).
	 */
	if (iomem_has(sim, start, size, KMEM_RESOURCE))
		return strcmp(driver, "kmem") ? -EINVAL : -EBUSY;
	if (!strcmp(driver, "kmem"))
		rc = memory_add(sim, start, size, (unsigned int)dev_number(dax, "target_node", 0));
	/* both drivers claim the range under the device's name */
	rc = rc ? rc : iomem_add(sim, start, size, dax->name);
	if (!rc && !strcmp(driver, "kmem"))
		rc = iomem_add(sim, start, size, KMEM_RESOURCE);
	rc = rc ? rc : dev_bind(sim, dax, "dax", driver);
	if (!rc && strcmp(driver, "kmem")) {
		devnode_answer(sim, dax->name, size);
		if (dev_is(dax->parent->parent, "devtype", "cxl_region"))
			lost_show(sim, dax->parent->parent);
	}
	return rc;
}

/* kmem lets go in any case; memory that is online stays until the next boot. */
void dax_unbind(struct sim *sim, struct node *dax)
{
	uint64_t start = dev_number(dax, "resource", 0), size = dev_number(dax, "size", 0);
	const char *driver = dev_driver(dax);
	bool kmem = driver && !strcmp(driver, "kmem");

	if (!kmem || !memory_remove(sim, start, size)) {
		if (kmem)
			iomem_remove(sim, start, size, KMEM_RESOURCE);
		iomem_remove(sim, start, size, dax->name);
	}
	if (driver && !kmem)
		devnode_answer(sim, dax->name, 0);
	dev_unbind(sim, dax);
}

/* device_attach(): 0 also when no driver wants it */
static int attach(struct sim *sim, struct node *dax)
{
	if (dax_matches(sim, dax, "device_dax") && dev_driver_dir(sim, "dax", "device_dax"))
		return dax_probe(sim, dax, "device_dax");
	return dev_driver_dir(sim, "dax", "kmem") ? dax_probe(sim, dax, "kmem") : 0;
}

static void autoprobe(struct sim *sim, struct node *dax)
{
	if (!dev_driver(dax) && !dev_is(tree_dir(&sim->tree, "/sys/bus/dax"), "drivers_autoprobe", "0"))
		attach(sim, dax);
}

static int parse_id(const char *buf, char *word, size_t size)
{
	unsigned int region, number;
	char again[64];

	dev_word(buf, word, size);
	if (sscanf(word, "dax%u.%u", &region, &number) != 2)
		return -EINVAL;
	snprintf(again, sizeof(again), "dax%u.%u", region, number);
	return strcmp(again, word) ? -EINVAL : 0;
}

static bool is_device_dax(const struct node *attribute)
{
	return !strcmp(attribute->parent->name, "device_dax");
}

static ssize_t new_id_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	char word[64];
	struct node *dax;
	int rc = parse_id(buf, word, sizeof(word));

	if (!rc && is_device_dax(node))
		rc = add_id(op->sim->models, word);
	if (rc)
		return rc;
	dax = dev_find(op->sim, "dax", word);
	if (dax && !dev_driver(dax))	/* driver_attach() */
		dax_probe(op->sim, dax, node->parent->name);
	return (ssize_t)len;
}

static ssize_t remove_id_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	char word[64];
	int rc = parse_id(buf, word, sizeof(word));

	if (rc)
		return rc;
	if (is_device_dax(node))
		remove_id(op->sim->models, word);
	return (ssize_t)len;
}

static ssize_t memmap_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	const struct node *parameters = tree_dir(&op->sim->tree, "/sys/module/memory_hotplug/parameters");
	struct node *dax = node->parent;
	const char *driver = dev_driver(dax);
	bool on;

	if (kstr_bool(buf, &on))
		return -EINVAL;
	if (on && (!parameters || dev_is(parameters, "memmap_on_memory", "N")))
		return -EOPNOTSUPP;
	if (!dev_is(dax, "memmap_on_memory", on ? "1" : "0") && driver && !strcmp(driver, "kmem"))
		return -EBUSY;
	return dev_set(op->sim, dax, "memmap_on_memory", "%d", on) ? -ENOMEM : (ssize_t)len;
}

static bool is_bound(const struct node *dax)
{
	return dev_driver(dax);
}

/* align_store() of drivers/dax/bus.c: which alignments there are depends on the
 * page sizes */
static ssize_t align_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct node *dax = node->parent;
	uint64_t v;

	if (kstr_number(buf, ULONG_MAX, &v))
		return -ENXIO;
	if (v != 4ull << 10 && v != 2ull << 20 && v != 1ull << 30)
		return -EINVAL;
	if (is_bound(dax))
		return -EBUSY;
	if (dev_number(dax, "size", 0) % v)
		return -EINVAL;
	return dev_set(op->sim, dax, "align", "%" PRIu64, v) ? -ENOMEM : (ssize_t)len;
}

/* size_store(): only what does not change it is modelled. */
static ssize_t size_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct node *dax = node->parent;
	uint64_t v, now = dev_number(dax, "size", 0), align = dev_number(dax, "align", 1);
	int rc = kstr_number(buf, UINT64_MAX, &v);

	(void)op;
	if (rc)
		return rc;
	if (align && v % align)
		return -EINVAL;
	if (is_bound(dax))
		return -EBUSY;
	if (v == now)
		return (ssize_t)len;
	return v > now ? -ENOSPC : -EOPNOTSUPP;
}

/* create_store() of a region's only device, which has all of it */
static ssize_t create_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	uint64_t v;
	int rc = kstr_number(buf, INT32_MAX, &v);

	(void)node;
	(void)len;
	(void)op;
	if (rc)
		return rc;
	return v == 1 ? -ENOSPC : -EINVAL;
}

static ssize_t delete_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	char word[64];
	struct node *dax = dev_find(op->sim, "dax", dev_word(buf, word, sizeof(word)));

	(void)len;
	if (!dax || dax->parent != node->parent->parent)
		return -ENXIO;
	return -EBUSY;		/* it has a driver or a size */
}

/* drivers_autoprobe_store() of drivers/base/bus.c looks at the first character only */
static ssize_t autoprobe_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	return dev_set(op->sim, node->parent, node->name, "%d", *buf != '0') ? -ENOMEM : (ssize_t)len;
}

/* drivers_probe_store(), whose errors are all the same */
static ssize_t probe_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	char word[64];
	struct node *dax = dev_find(op->sim, "dax", dev_word(buf, word, sizeof(word)));

	(void)node;
	if (!dax)
		return -ENODEV;
	if (!dev_driver(dax) && attach(op->sim, dax))
		return -EINVAL;
	return (ssize_t)len;
}

static const struct attr_ops autoprobe_ops = { .store = autoprobe_store };
static const struct attr_ops probe_ops = { .store = probe_store };
static const struct attr_ops new_id_ops = { .store = new_id_store };
static const struct attr_ops remove_id_ops = { .store = remove_id_store };
static const struct attr_ops memmap_ops = { .store = memmap_store };
static const struct attr_ops align_ops = { .store = align_store };
static const struct attr_ops size_ops = { .store = size_store };
static const struct attr_ops create_ops = { .store = create_store };
static const struct attr_ops delete_ops = { .store = delete_store };

static void attach_device(struct sim *sim, struct node *dax)
{
	struct node *region = tree_child(dax->parent, "dax_region");

	dev_model(sim, dax, "memmap_on_memory", &memmap_ops);
	dev_model(sim, dax, "align", &align_ops);
	dev_model(sim, dax, "size", &size_ops);
	if (region) {
		dev_model(sim, region, "create", &create_ops);
		dev_model(sim, region, "delete", &delete_ops);
	}
}

/* --- devices -------------------------------------------------------------- */

/* CEDT windows have the nodes behind those of SRAT, in order. */
unsigned int window_node(const struct sim *sim, const struct node *root)
{
	const struct node *nodes = tree_dir(&sim->tree, "/sys/devices/system/node");
	unsigned int window = 0, windows = 0, last = 0;
	char possible[64] = "0", *dash;

	sscanf(root->name, "decoder%*u.%u", &window);
	for (size_t i = 0; i < root->parent->n_children; i++)
		windows += dev_is(root->parent->children[i], "devtype", "cxl_decoder_root");
	if (nodes)
		tree_text(nodes, "possible", possible, sizeof(possible));
	dash = strrchr(possible, '-');
	last = (unsigned int)strtoul(dash ? dash + 1 : possible, NULL, 10);
	return last + 1 >= windows ? last + 1 - windows + window : window;
}

static unsigned int free_minor(const struct sim *sim)
{
	const struct node *devices = tree_dir(&sim->tree, "/sys/bus/dax/devices");
	unsigned int minor = 0;
	bool used;

	do {
		char dev[32];

		used = false;
		snprintf(dev, sizeof(dev), "252:%u", minor);
		for (size_t i = 0; devices && i < devices->n_children; i++) {
			const struct node *n = dev_find(sim, "dax", devices->children[i]->name);

			used = used || (n && dev_is(n, "dev", dev));
		}
		minor += used;
	} while (used);
	return minor;
}

static int add_mapping(struct sim *sim, struct node *dax, uint64_t start, uint64_t size)
{
	struct node *dir = tree_add(&sim->tree, dax, "mapping0", NODE_DIR, 0755);
	char text[64];

	if (!dir)
		return -ENOMEM;
	snprintf(text, sizeof(text), "0x%" PRIx64 "\n", start);
	if (dev_add_attr(sim, dir, "start", 0400, text))
		return -ENOMEM;
	snprintf(text, sizeof(text), "0x%" PRIx64 "\n", start + size - 1);
	if (dev_add_attr(sim, dir, "end", 0400, text) || dev_add_attr(sim, dir, "page_offset", 0400, "0x0\n"))
		return -ENOMEM;
	return dev_add_attr(sim, dir, "uevent", 0644, "");
}

static int add_device(struct sim *sim, struct node *parent, const struct node *region, unsigned int id)
{
	uint64_t start = dev_number(region, "resource", 0), size = dev_number(region, "size", 0);
	unsigned int minor = free_minor(sim);
	char name[64], text[128];
	struct node *dax;

	snprintf(name, sizeof(name), "dax%u.0", id);
	dax = tree_add(&sim->tree, parent, name, NODE_DIR, 0755);
	if (!dax || dev_add_attr(sim, dax, "align", 0644, "2097152\n") || dev_add_attr(sim, dax, "mapping", 0200, "") ||
	    dev_add_attr(sim, dax, "memmap_on_memory", 0644, "1\n") || dev_set(sim, dax, "modalias", "dax:t0") ||
	    dev_set(sim, dax, "numa_node", "-1") || dev_set(sim, dax, "dev", "252:%u", minor) ||
	    dev_set(sim, dax, "target_node", "%u", window_node(sim, region->parent)))
		return -ENOMEM;
	snprintf(text, sizeof(text), "0x%" PRIx64 "\n", start);
	if (dev_add_attr(sim, dax, "resource", 0400, text))
		return -ENOMEM;
	snprintf(text, sizeof(text), "%" PRIu64 "\n", size);
	if (dev_add_attr(sim, dax, "size", 0644, text))
		return -ENOMEM;
	snprintf(text, sizeof(text), "MAJOR=252\nMINOR=%u\nDEVNAME=%s\nMODALIAS=dax:t0\n", minor, name);
	if (dev_add_attr(sim, dax, "uevent", 0644, text) || add_mapping(sim, dax, start, size) ||
	    dev_register(sim, dax, "dax"))
		return -ENOMEM;
	attach_device(sim, dax);
	devnode_answer(sim, name, 0);
	autoprobe(sim, dax);
	return 0;
}

int dax_region_create(struct sim *sim, struct node *region)
{
	unsigned int id = 0;
	char name[64], text[64];
	struct node *dir, *info;

	parse_name(region->name, "region", &id);
	snprintf(name, sizeof(name), "dax_region%u", id);
	dir = tree_add(&sim->tree, region, name, NODE_DIR, 0755);
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
	return add_device(sim, dir, region, id);
}

static bool is_dax(const struct node *n)
{
	unsigned int region, number;

	return n->kind == NODE_DIR && sscanf(n->name, "dax%u.%u", &region, &number) == 2;
}

void dax_region_remove(struct sim *sim, struct node *region)
{
	struct node *dir = NULL;

	for (size_t i = 0; i < region->n_children; i++)
		if (region->children[i]->kind == NODE_DIR && !strncmp(region->children[i]->name, "dax_region", 10))
			dir = region->children[i];
	if (!dir)
		return;
	for (size_t i = dir->n_children; i-- > 0; ) {
		struct node *dax = dir->children[i];

		if (!is_dax(dax))
			continue;
		dax_unbind(sim, dax);
		devnode_remove(sim, dax->name);
		dev_remove(sim, dax);
	}
	dev_remove(sim, dir);
}

/* udev loads kmem for dax:t0 on any machine that has it. */
static int load_kmem(struct sim *sim)
{
	static const char *const attrs[] = { "bind", "new_id", "remove_id", "uevent", "unbind" };
	struct node *drivers = tree_dir(&sim->tree, "/sys/bus/dax/drivers"), *driver, *module, *n;

	if (!drivers || tree_child(drivers, "kmem"))
		return 0;
	driver = tree_add(&sim->tree, drivers, "kmem", NODE_DIR, 0755);
	module = tree_add_path(&sim->tree, "sys/module/kmem", NODE_DIR, 0755);
	n = module ? tree_add(&sim->tree, module, "drivers", NODE_DIR, 0755) : NULL;
	if (!driver || !n || dev_set(sim, module, "initstate", "live") || dev_set(sim, module, "refcnt", "0") ||
	    dev_link(sim, driver, "module", module) || dev_link(sim, n, "dax:kmem", driver))
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(attrs) / sizeof(*attrs); i++)
		if (dev_add_attr(sim, driver, attrs[i], 0200, ""))
			return -ENOMEM;
	return 0;
}

int dax_models_attach(struct sim *sim)
{
	static const char *const drivers[] = { "device_dax", "kmem" };
	const struct node *devices = tree_dir(&sim->tree, "/sys/bus/dax/devices");
	struct node *bus = tree_dir(&sim->tree, "/sys/bus/dax");
	int rc = load_kmem(sim);

	if (bus) {
		dev_model(sim, bus, "drivers_autoprobe", &autoprobe_ops);
		dev_model(sim, bus, "drivers_probe", &probe_ops);
	}
	for (size_t i = 0; !rc && i < sizeof(drivers) / sizeof(*drivers); i++) {
		struct node *d = dev_driver_dir(sim, "dax", drivers[i]);

		if (!d)
			continue;
		dev_model(sim, d, "new_id", &new_id_ops);
		dev_model(sim, d, "remove_id", &remove_id_ops);
	}
	for (size_t i = 0; !rc && devices && i < devices->n_children; i++) {
		struct node *dax = dev_find(sim, "dax", devices->children[i]->name);
		const char *driver = dax ? dev_driver(dax) : NULL;

		if (!dax)
			continue;
		attach_device(sim, dax);
		if (driver && !strcmp(driver, "device_dax"))
			rc = add_id(sim->models, dax->name);
	}
	return rc;
}
