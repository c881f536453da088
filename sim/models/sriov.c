// SPDX-License-Identifier: GPL-2.0-only
/* See sriov.h. */
#include "sim/models/sriov.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/models/accel.h"
#include "sim/models/config_space.h"
#include "sim/state/device.h"
#include "sim/state/kstr.h"
#include "sim/state/sim.h"

#define NO_OVERRIDE "(null)"	/* as the kernel prints it */

bool sriov_is_virtual(const struct node *function)
{
	return tree_child(function, "physfn");
}

static struct node *physical_of(const struct sim *sim, const struct node *function)
{
	const struct node *link = tree_child(function, "physfn");

	return link ? tree_resolve(&sim->tree, link->parent, link->data) : NULL;
}

/* --- who may have it -------------------------------------------------------- */

static bool is_overridden(const struct node *device, char *buf, size_t size)
{
	return tree_text(device, "driver_override", buf, size) && *buf && strcmp(buf, NO_OVERRIDE);
}

bool sriov_matches(const struct sim *sim, const struct node *device, const char *driver)
{
	char name[64];

	(void)sim;
	if (is_overridden(device, name, sizeof(name)))
		return !strcmp(name, driver);
	return strcmp(driver, VFIO_DRIVER) && dev_is(device, "class", ACCEL_CLASS);
}

/* pci_device_can_probe() of drivers/pci/pci-driver.c */
bool sriov_is_probed(const struct sim *sim, const struct node *function)
{
	const struct node *physical = physical_of(sim, function);
	char name[64];

	return !physical || dev_is(physical, "sriov_drivers_autoprobe", "1") ||
	       is_overridden(function, name, sizeof(name));
}

int sriov_vfio_probe(struct sim *sim, struct node *function, const char *driver)
{
	const char *dot = strrchr(function->name, '.');
	struct node *dir;
	char name[32];

	if (!sriov_is_probed(sim, function))
		return -ENODEV;
	dir = tree_add(&sim->tree, function, "vfio-dev", NODE_DIR, 0755);
	snprintf(name, sizeof(name), "vfio%.4s", dot + 1);
	dir = dir ? tree_add(&sim->tree, dir, name, NODE_DIR, 0755) : NULL;
	if (!dir || dev_add_attr(sim, dir, "dev", 0444, "240:0\n"))
		return -ENOMEM;
	return dev_bind(sim, function, "pci", driver);
}

void sriov_vfio_unbind(struct sim *sim, struct node *function)
{
	struct node *dir = tree_child(function, "vfio-dev");

	if (dir)
		tree_remove(&sim->tree, dir);
	dev_unbind(sim, function);
}

/* --- they come and go ------------------------------------------------------- */

static int add_attributes(struct sim *sim, const struct node *physical, struct node *function)
{
	static const char *const copied[] = { "class", "vendor", "revision", "numa_node" };
	uint8_t config[256] = { 0xff, 0xff, 0xff, 0xff };	/* no vendor of its own: PCIe r6.0 sec 9.3.4.1.1 */
	struct node *node = tree_add(&sim->tree, function, "config", NODE_FILE, 0644);
	char text[64];

	if (!node || node_set_data(node, config, sizeof(config)))
		return -ENOMEM;
	node->size = sizeof(config);
	config_attach_endpoint(function);
	for (size_t i = 0; i < sizeof(copied) / sizeof(*copied); i++)
		if (tree_text(physical, copied[i], text, sizeof(text)) && dev_set(sim, function, copied[i], "%s", text))
			return -ENOMEM;
	return dev_add_attr(sim, function, "driver_override", 0644, NO_OVERRIDE "\n") ||
	       dev_add_attr(sim, function, "uevent", 0644, "") ? -ENOMEM : 0;
}

static int add_one(struct sim *sim, struct node *physical, unsigned int i)
{
	const char *dot = strrchr(physical->name, '.');
	char name[64], link[32];
	struct node *function;

	snprintf(name, sizeof(name), "%.*s.%u", (int)(dot - physical->name), physical->name, SRIOV_OFFSET + i);
	snprintf(link, sizeof(link), "virtfn%u", i);
	function = tree_add(&sim->tree, physical->parent, name, NODE_DIR, 0755);
	if (!function || add_attributes(sim, physical, function) ||
	    dev_link(sim, function, "physfn", physical) ||
	    dev_link(sim, physical, link, function) || dev_register(sim, function, "pci"))
		return -ENOMEM;
	sriov_attach(sim, function, true);
	return sriov_is_probed(sim, function) ? dev_bind(sim, function, "pci", ACCEL_DRIVER) : 0;
}

static void remove_one(struct sim *sim, const struct node *physical, unsigned int i)
{
	struct node *link, *function;
	char name[32];

	snprintf(name, sizeof(name), "virtfn%u", i);
	link = tree_child(physical, name);
	function = link ? tree_resolve(&sim->tree, link->parent, link->data) : NULL;
	if (link)
		tree_remove(&sim->tree, link);
	if (!function)
		return;
	dev_unbind(sim, function);
	dev_remove(sim, function);
}

int sriov_set(struct sim *sim, struct node *function, unsigned int n)
{
	unsigned int was = (unsigned int)dev_number(function, "sriov_numvfs", 0);
	int rc = 0;

	for (unsigned int i = was; !n && i-- > 0; )
		remove_one(sim, function, i);
	for (unsigned int i = 0; !rc && i < n; i++)
		rc = add_one(sim, function, i);
	return rc || was == n ? rc : dev_set(sim, function, "sriov_numvfs", "%u", n);
}

/* --- attributes --------------------------------------------------------------- */

static ssize_t numvfs_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct node *function = node->parent;
	uint64_t n, now = dev_number(function, "sriov_numvfs", 0);
	int rc;

	if (kstr_number(buf, UINT16_MAX, &n))
		return -EINVAL;
	if (n > dev_number(function, "sriov_totalvfs", 0))
		return -ERANGE;
	if (n == now)
		return (ssize_t)len;
	if (!dev_driver(function))
		return -ENOENT;		/* its driver does it */
	if (n && now)
		return -EBUSY;
	rc = sriov_set(op->sim, function, (unsigned int)n);
	return rc ? rc : (ssize_t)len;
}

static ssize_t autoprobe_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	bool on;

	if (kstr_bool(buf, &on))
		return -EINVAL;
	return dev_set(op->sim, node->parent, node->name, "%d", on) ? -ENOMEM : (ssize_t)len;
}

/* driver_set_override() of drivers/base/driver.c: an empty line is none. */
static ssize_t override_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	char word[64];

	dev_word(buf, word, sizeof(word));
	return dev_set(op->sim, node->parent, node->name, "%s", *word ? word : NO_OVERRIDE) ? -ENOMEM : (ssize_t)len;
}

static const struct attr_ops numvfs_ops = { .store = numvfs_store };
static const struct attr_ops autoprobe_ops = { .store = autoprobe_store };
static const struct attr_ops override_ops = { .store = override_store };

void sriov_attach(struct sim *sim, struct node *function, bool is_back)
{
	dev_model(sim, function, "sriov_numvfs", &numvfs_ops);
	dev_model(sim, function, "sriov_drivers_autoprobe", &autoprobe_ops);
	dev_model(sim, function, "driver_override", &override_ops);
	if (!is_back)
		return;
	if (tree_child(function, "driver_override"))
		dev_set(sim, function, "driver_override", NO_OVERRIDE);
	if (!tree_child(function, "sriov_numvfs"))
		return;
	dev_set(sim, function, "sriov_numvfs", "0");
	dev_set(sim, function, "sriov_drivers_autoprobe", "1");
}
