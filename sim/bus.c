// SPDX-License-Identifier: GPL-2.0-only
/*
 * The files bind and unbind of drivers, with the answers of
 * drivers/base/bus.c, and the CXL bus's flush.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim/dax.h"
#include "sim/device.h"
#include "sim/sim.h"
#include "util/parse.h"

static bool is_region(const struct sim *sim, const struct node *d, const char *driver)
{
	(void)sim;
	(void)driver;
	return dev_is(d, "devtype", "cxl_region");
}

static bool is_memdev(const struct sim *sim, const struct node *d, const char *driver)
{
	unsigned int number;

	(void)sim;
	(void)driver;
	return parse_name(d->name, "mem", &number);
}

static bool is_port(const struct sim *sim, const struct node *d, const char *driver)
{
	(void)sim;
	(void)driver;
	return dev_is(d, "devtype", "cxl_port") && dev_is(d, "modalias", "cxl:t3");
}

static int probe_region(struct sim *sim, struct node *d, const char *driver)
{
	(void)driver;
	return region_probe(sim, d);
}

static int probe_memdev(struct sim *sim, struct node *d, const char *driver)
{
	(void)driver;
	return memdev_probe(sim, d);
}

static int probe_port(struct sim *sim, struct node *d, const char *driver)
{
	(void)driver;
	return port_probe(sim, d);
}

static const struct driver {
	const char *bus, *name;
	bool (*matches)(const struct sim *sim, const struct node *device, const char *driver);
	int (*probe)(struct sim *sim, struct node *device, const char *driver);
	void (*unbind)(struct sim *sim, struct node *device);
} drivers[] = {
	{ "cxl", "cxl_region", is_region, probe_region, region_unbind },
	{ "cxl", "cxl_mem", is_memdev, probe_memdev, memdev_unbind },
	{ "cxl", "cxl_port", is_port, probe_port, port_unbind },
	{ "dax", "device_dax", dax_matches, dax_probe, dax_unbind },
	{ "dax", "kmem", dax_matches, dax_probe, dax_unbind },
};

static const struct driver *driver_of(const struct node *attribute)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++)
		if (!strcmp(drivers[i].name, attribute->parent->name))
			return &drivers[i];
	return NULL;
}

static ssize_t bind_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	const struct driver *driver = driver_of(node);
	char word[128];
	struct node *d = dev_find(op->sim, driver->bus, dev_word(buf, word, sizeof(word)));
	int rc;

	if (!d || !driver->matches(op->sim, d, driver->name))
		return -ENODEV;
	if (dev_driver(d))
		return -EBUSY;
	rc = driver->probe(op->sim, d, driver->name);
	return rc ? rc : (ssize_t)len;
}

static ssize_t unbind_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	const struct driver *driver = driver_of(node);
	char word[128];
	struct node *d = dev_find(op->sim, driver->bus, dev_word(buf, word, sizeof(word)));

	if (!d || !dev_driver(d) || strcmp(dev_driver(d), driver->name))
		return -ENODEV;
	driver->unbind(op->sim, d);
	return (ssize_t)len;
}

/* bus_flush of drivers/cxl/core/port.c waits for the work queue. */
static ssize_t flush_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	char word[16];

	(void)node;
	if (strcmp(dev_word(buf, word, sizeof(word)), "1"))
		return -EINVAL;
	memdevs_flush(op->sim);
	return (ssize_t)len;
}

static const struct attr_ops bind_ops = { .store = bind_store };
static const struct attr_ops unbind_ops = { .store = unbind_store };
static const struct attr_ops flush_ops = { .store = flush_store };

int bus_models_attach(struct sim *sim)
{
	struct node *bus = tree_dir(&sim->tree, "/sys/bus/cxl");

	for (size_t i = 0; i < sizeof(drivers) / sizeof(*drivers); i++) {
		struct node *d = dev_driver_dir(sim, drivers[i].bus, drivers[i].name);

		if (!d)
			continue;
		dev_model(sim, d, "bind", &bind_ops);
		dev_model(sim, d, "unbind", &unbind_ops);
	}
	if (bus)
		dev_model(sim, bus, "flush", &flush_ops);
	return 0;
}
