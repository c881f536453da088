// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dax bus: which driver takes which device, daxctl's new_id and remove_id, and
 * modules that are loaded (drivers/dax/bus.c of Linux 6.12).  What a driver does with a
 * device is dax_driver.c, which devices a region has is dax_region.c.
 */
#include "sim/models/dax.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/models/bus.h"
#include "sim/models/models.h"
#include "sim/models/pinned.h"
#include "sim/state/device.h"
#include "sim/state/sim.h"
#include "util/array.h"

/* --- ids that a driver takes: "device_dax/dax0.0" -------------------------- */

static size_t find_id(const struct models *m, const char *driver, const char *name)
{
	size_t i = 0, n = strlen(driver);

	while (i < m->n_dax_ids && (strncmp(m->dax_ids[i], driver, n) || m->dax_ids[i][n] != '/' ||
				    strcmp(m->dax_ids[i] + n + 1, name)))
		i++;
	return i;
}

static int add_id(struct models *m, const char *driver, const char *name)
{
	char **v, *id;

	if (find_id(m, driver, name) < m->n_dax_ids)
		return 0;
	v = reallocarray(m->dax_ids, m->n_dax_ids + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	m->dax_ids = v;
	if (asprintf(&id, "%s/%s", driver, name) < 0)
		return -ENOMEM;
	v[m->n_dax_ids++] = id;
	return 0;
}

static void remove_id(struct models *m, const char *driver, const char *name)
{
	size_t i = find_id(m, driver, name);

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

bool dax_matches(const struct sim *sim, const struct node *dax, const char *name)
{
	const struct dax_driver *driver = dax_driver(name);

	return driver &&
	       (driver->by_type || find_id(sim->models, name, dax->name) < sim->models->n_dax_ids);
}

/* device_attach(): a driver that fails does not keep the next from trying */
static void attach(struct sim *sim, struct node *dax)
{
	for (const struct dax_driver *d = dax_drivers; d->name && !dev_driver(dax); d++)
		if (dax_matches(sim, dax, d->name) && dev_driver_dir(sim, "dax", d->name))
			dax_probe(sim, dax, d->name);
}

void dax_autoprobe(struct sim *sim, struct node *dax)
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

static ssize_t new_id_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	char word[64];
	struct node *dax;
	int rc = parse_id(buf, word, sizeof(word));

	if (!rc)
		rc = add_id(op->sim->models, node->parent->name, word);
	if (rc)
		return rc;
	/* driver_attach(): whatever the driver takes and nobody has, not this one alone */
	for (size_t i = 0; (dax = dev_next(op->sim, "dax", &i)); )
		if (dax_matches(op->sim, dax, node->parent->name) && pinned_waits(op, dax, false))
			return SIM_AGAIN;
	for (size_t i = 0; (dax = dev_next(op->sim, "dax", &i)); )
		if (!dev_driver(dax) && dax_matches(op->sim, dax, node->parent->name))
			dax_probe(op->sim, dax, node->parent->name);
	return (ssize_t)len;
}

static ssize_t remove_id_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	char word[64];
	int rc = parse_id(buf, word, sizeof(word));

	if (rc)
		return rc;
	remove_id(op->sim->models, node->parent->name, word);
	return (ssize_t)len;
}

/* drivers_autoprobe_store() of drivers/base/bus.c looks at the first character only */
static ssize_t autoprobe_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	return dev_set(op->sim, node->parent, node->name, "%d", *buf != '0') ? -ENOMEM : (ssize_t)len;
}

/* drivers_probe_store(): that every driver failed is no error */
static ssize_t probe_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	char word[64];
	struct node *dax = dev_find(op->sim, "dax", dev_word(buf, word, sizeof(word)));

	(void)node;
	if (!dax)
		return -ENODEV;
	attach(op->sim, dax);
	return (ssize_t)len;
}

static const struct attr_ops autoprobe_ops = { .store = autoprobe_store };
static const struct attr_ops probe_ops = { .store = probe_store };
static const struct attr_ops new_id_ops = { .store = new_id_store };
static const struct attr_ops remove_id_ops = { .store = remove_id_store };

int dax_attach(struct sim *sim, struct node *dax)
{
	const struct dax_driver *driver = dax_driver(dev_driver(dax));

	dax_device_attach(sim, dax);
	if (kmem_attach(sim, dax))
		return -ENOMEM;
	return driver && !driver->by_type ? add_id(sim->models, driver->name, dax->name) : 0;
}

static void attach_driver(struct sim *sim, const char *name)
{
	struct node *driver = dev_driver_dir(sim, "dax", name);

	if (!driver)
		return;
	dev_model(sim, driver, "new_id", &new_id_ops);
	dev_model(sim, driver, "remove_id", &remove_id_ops);
}

int dax_load_driver(struct sim *sim, const char *name)
{
	static const char *const attrs[] = { "bind", "new_id", "remove_id", "uevent", "unbind" };
	struct node *on_bus = tree_dir(&sim->tree, "/sys/bus/dax/drivers"), *driver, *module, *n;
	char text[64];

	if (!on_bus || tree_child(on_bus, name))
		return 0;
	driver = tree_add(&sim->tree, on_bus, name, NODE_DIR, 0755);
	snprintf(text, sizeof(text), "sys/module/%.40s", name);
	module = tree_add_path(&sim->tree, text, NODE_DIR, 0755);
	n = module ? tree_add(&sim->tree, module, "drivers", NODE_DIR, 0755) : NULL;
	snprintf(text, sizeof(text), "dax:%.40s", name);
	if (!driver || !n || dev_set(sim, module, "initstate", "live") || dev_set(sim, module, "refcnt", "0") ||
	    dev_link(sim, driver, "module", module) || dev_link(sim, n, text, driver))
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++)
		if (dev_add_attr(sim, driver, attrs[i], 0200, ""))
			return -ENOMEM;
	attach_driver(sim, name);
	return drivers_attach(sim);
}

int dax_bind(struct sim *sim, struct node *dax, const char *driver)
{
	int rc = dax_driver(driver)->by_type ? 0 : add_id(sim->models, driver, dax->name);

	return rc ? rc : dax_probe(sim, dax, driver);
}

int dax_bus_attach(struct sim *sim)
{
	struct node *bus = tree_dir(&sim->tree, "/sys/bus/dax");
	int rc = dax_load_driver(sim, "kmem");	/* udev does, for dax:t0, on any machine that has it */

	if (bus) {
		dev_model(sim, bus, "drivers_autoprobe", &autoprobe_ops);
		dev_model(sim, bus, "drivers_probe", &probe_ops);
	}
	for (const struct dax_driver *d = dax_drivers; !rc && d->name; d++)
		attach_driver(sim, d->name);
	return rc;
}
