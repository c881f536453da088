// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a captured type-3 device to an accelerator, and Soft Reserved memory: see
 * reshape.h.  What such a host looks like in sysfs has no capture yet; it follows
 * the type-2 series and what maintainers wrote about it.
 */
#include "sim/host/reshape.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/models/config_space.h"
#include "sim/models/topology.h"
#include "sim/state/device.h"
#include "sim/state/iomem.h"
#include "sim/state/sim.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/output.h"
#include "util/parse.h"

#define ACCELERATOR_CLASS 0x120000	/* PCI: processing accelerator */
#define ORDINARY_CLASS 0x010802		/* NVM Express */
#define MEMDEV_CLASS "bc05sc02i10"	/* of a captured memory device, in modalias */
#define MEMMAP "/sys/firmware/memmap"

static int out_of_memory(struct err *err)
{
	return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
}

/* --- /proc/iomem ---------------------------------------------------------- */

/* Rewrite the file line by line: @fn prints what becomes of each into @out. */
static int rewrite_iomem(struct sim *sim, void (*fn)(const char *line, FILE *out, void *data),
			 void *data)
{
	struct node *n = tree_resolve(&sim->tree, NULL, "/proc/iomem");
	_cleanup_free_ char *old = NULL, *text = NULL;
	size_t len = 0;
	char *save = NULL;
	FILE *out;

	if (!n || !n->data)
		return 0;
	old = strdup(n->data);
	out = old ? open_memstream(&text, &len) : NULL;
	if (!out)
		return -ENOMEM;
	for (char *line = strtok_r(old, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		fn(line, out, data);
	return output_is_whole(out, &text) ? node_set_data(n, text, len) : -ENOMEM;
}

static void drop_name(const char *line, FILE *out, void *data)
{
	const char *colon = strstr(line, " : ");

	if (!colon || strcmp(colon + 3, data))
		fprintf(out, "%s\n", line);
}

struct insertion {
	uint64_t start, end;
	size_t below;		/* indent of what is inside the region, 0 while elsewhere */
	bool hidden;		/* from 7.0 on the kernel keeps no such line (x86) */
	bool done;		/* a region holds it */
	bool is_free;		/* a window holds it, and nothing of that has a part of it */
};

/* Below the region that holds it, and above what that has: as the kernel nests them. */
static void insert_range(const char *line, FILE *out, void *data)
{
	struct insertion *in = data;
	size_t indent = strspn(line, " ");
	const char *name = strstr(line, " : ");
	uint64_t start, end;

	if (in->below && indent < in->below)
		in->below = 0;
	fprintf(out, "%s%s\n", in->below ? "  " : "", line);
	if (in->done || !name || sscanf(line + indent, "%" SCNx64 "-%" SCNx64, &start, &end) != 2 ||
	    start > in->end || end < in->start)
		return;
	in->is_free = start <= in->start && end >= in->end && !strncmp(name + 3, "CXL Window", 10);
	if (start > in->start || end < in->end || strncmp(name + 3, "region", 6))
		return;
	in->done = true;
	if (in->hidden)
		return;
	fprintf(out, "%*s%08" PRIx64 "-%08" PRIx64 " : Soft Reserved\n", (int)indent + 2, "", in->start, in->end);
	in->below = indent + 2;
}

int reshape_soft_reserved(struct sim *sim, uint64_t start, uint64_t end, struct err *err)
{
	struct insertion in = { .start = start, .end = end, .hidden = is_newer_kernel(sim) };
	struct node *maps = tree_dir(&sim->tree, MEMMAP), *dir;
	char name[32], text[64];
	unsigned int n = 0;

	do
		snprintf(name, sizeof(name), "%u", n++);
	while (maps && tree_child(maps, name));
	dir = maps ? tree_add(&sim->tree, maps, name, NODE_DIR, 0755) :
		     tree_add_path(&sim->tree, "sys/firmware/memmap/0", NODE_DIR, 0755);
	snprintf(text, sizeof(text), "0x%" PRIx64, start);
	if (!dir || dev_set(sim, dir, "start", "%s", text))
		return out_of_memory(err);
	snprintf(text, sizeof(text), "0x%" PRIx64, end);
	if (dev_set(sim, dir, "end", "%s", text) || dev_set(sim, dir, "type", "Soft Reserved") ||
	    rewrite_iomem(sim, insert_range, &in))
		return out_of_memory(err);
	if (!in.done && !in.is_free)
		return err_set(err, EXIT_USAGE, EINVAL, "soft_reserved: no region of the capture and no free part of a window "
			       "holds 0x%" PRIx64 "-0x%" PRIx64, start, end);
	if (in.is_free && !in.hidden && iomem_add(sim, start, end - start + 1, "Soft Reserved"))
		return out_of_memory(err);
	return 0;
}

/* --- accelerators --------------------------------------------------------- */

struct node *reshape_memdev(const struct node *function)
{
	unsigned int number;

	for (size_t i = 0; i < function->n_children; i++)
		if (parse_name(function->children[i]->name, "mem", &number))
			return function->children[i];
	return NULL;
}

struct node *reshape_add_driver(struct sim *sim, const char *driver)
{
	static const char *const attrs[] = { "bind", "new_id", "remove_id", "uevent", "unbind" };
	struct node *drivers = tree_dir(&sim->tree, "/sys/bus/pci/drivers");
	struct node *dir = drivers ? tree_add(&sim->tree, drivers, driver, NODE_DIR, 0755) : NULL;

	for (size_t i = 0; dir && i < ARRAY_SIZE(attrs); i++)
		if (!tree_child(dir, attrs[i]) && dev_add_attr(sim, dir, attrs[i], 0200, ""))
			return NULL;
	return dir;
}

static int set_driver(struct sim *sim, struct node *function, const char *driver)
{
	if (!reshape_add_driver(sim, driver))
		return -ENOMEM;
	dev_unbind(sim, function);
	return dev_bind(sim, function, "pci", driver);
}

static void set_modalias(struct node *n, const char *class)
{
	char *at = n && n->data ? strstr(n->data, MEMDEV_CLASS) : NULL;

	if (at)
		memcpy(at, class, strlen(MEMDEV_CLASS));
}

/* "0x050210" and its like become @class in every text. */
static int set_class(struct sim *sim, struct node *function, struct node *config,
		     unsigned int class)
{
	struct node *uevent = tree_child(function, "uevent");
	char text[16], *at;

	snprintf(text, sizeof(text), "bc%02xsc%02xi%02x", class >> 16 & 0xff, class >> 8 & 0xff, class & 0xff);
	for (int i = 0; i < 3; i++)
		config->data[9 + i] = (char)(class >> 8 * i);
	set_modalias(tree_child(function, "modalias"), text);
	set_modalias(uevent, text);
	at = uevent && uevent->data ? strstr(uevent->data, "PCI_CLASS=50210\n") : NULL;
	if (at) {
		_cleanup_free_ char *all = NULL;

		if (asprintf(&all, "%.*sPCI_CLASS=%X\n%s", (int)(at - uevent->data), uevent->data, class, strchr(at, '\n') + 1) < 0)
			return -ENOMEM;
		if (node_set_data(uevent, all, strlen(all)))
			return -ENOMEM;
	}
	return dev_set(sim, function, "class", "0x%06x", class);
}

/* Without a mailbox a memory device says nothing of itself. */
static void drop_mailbox(struct sim *sim, struct node *memdev)
{
	static const char *const names[] = {
		"serial", "firmware_version", "ram", "pmem", "label_storage_size", "payload_max", "security", "firmware",
		"trigger_poison_list",
	};
	char path[128];
	struct node *debug;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (tree_child(memdev, names[i]))
			tree_remove(&sim->tree, tree_child(memdev, names[i]));
	snprintf(path, sizeof(path), "/sys/kernel/debug/cxl/%s", memdev->name);
	debug = tree_dir(&sim->tree, path);
	if (debug)
		tree_remove(&sim->tree, debug);
}

/* A region of device memory is its driver's: it has no dax child. */
static void drop_dax(struct sim *sim, const struct node *decoder)
{
	char name[64];
	struct node *region, *dir, *dax;

	if (!tree_text(decoder, "region", name, sizeof(name)) || !*name)
		return;
	region = dev_find(sim, "cxl", name);
	for (size_t i = region ? region->n_children : 0; i-- > 0; ) {
		dir = region->children[i];
		if (dir->kind != NODE_DIR || strncmp(dir->name, "dax_region", 10))
			continue;
		for (size_t k = dir->n_children; k-- > 0; ) {
			dax = dir->children[k];
			if (!strncmp(dax->name, "dax", 3) && tree_child(dax, "resource"))
				iomem_remove(sim, dev_number(dax, "resource", 0), dev_number(dax, "size", 0), dax->name);
		}
		dev_remove(sim, dir);
	}
}

/* The decoders of the endpoint and of every port above it. */
static int set_target_type(struct sim *sim, struct node *endpoint)
{
	for (struct node *port = endpoint; port && tree_child(port, "devtype"); port = port->parent) {
		for (size_t i = 0; i < port->n_children; i++) {
			struct node *d = port->children[i];

			if (!tree_child(d, "target_type"))
				continue;
			drop_dax(sim, d);
			if (dev_set(sim, d, "target_type", "accelerator"))
				return -ENOMEM;
		}
	}
	return 0;
}

static int make_type2(struct sim *sim, struct node *memdev, struct node *endpoint, struct err *err)
{
	if (!endpoint)
		return err_set(err, EXIT_USAGE, EINVAL, "devices: %s is not bound in the capture", memdev->name);
	drop_mailbox(sim, memdev);
	return set_target_type(sim, endpoint) ? out_of_memory(err) : 0;
}

/* The memory device and its endpoint are not there. */
static int drop_memory(struct sim *sim, const char *address, struct node *memdev,
		       struct node *endpoint, struct err *err)
{
	for (size_t i = 0; endpoint && i < endpoint->n_children; i++) {
		const struct node *d = endpoint->children[i];

		if (tree_child(d, "region") && !dev_is(d, "region", ""))
			return err_set(err, EXIT_USAGE, EINVAL, "devices: '%s' is to be nothing, or a device that has no memory, but %s has a region in the "
				       "capture: take a capture without one", address, memdev->name);
	}
	if (rewrite_iomem(sim, drop_name, memdev->name) ||
	    (endpoint && rewrite_iomem(sim, drop_name, endpoint->name)))
		return out_of_memory(err);
	if (endpoint)
		dev_remove(sim, endpoint);
	drop_mailbox(sim, memdev);
	dev_remove(sim, memdev);
	return 0;
}

/* From 7.2 on only a port with a CXL device below is a dport of its host bridge. */
static void drop_dport(struct sim *sim, const struct node *bridge)
{
	unsigned int number;
	struct node *port;

	for (size_t i = 0; (port = dev_next(sim, "cxl", &i)); ) {
		for (size_t k = port->n_children; k-- > 0; ) {
			struct node *link = port->children[k];

			if (link->kind == NODE_LINK && parse_name(link->name, "dport", &number) &&
			    tree_resolve(&sim->tree, port, link->data) == bridge)
				tree_remove(&sim->tree, link);
		}
	}
}

/* A device of PCI, with none of CXL's or other extended capabilities. */
static int make_ordinary(struct sim *sim, struct node *function, struct node *config,
			 struct node *memdev, struct node *endpoint, struct err *err)
{
	const struct node *bridge = function->parent;
	int rc = drop_memory(sim, function->name, memdev, endpoint, err);

	if (!rc && config->len > 0x100)
		memset(config->data + 0x100, 0, config->len - 0x100);
	if (!rc)
		drop_dport(sim, bridge);
	return rc;
}

static int no_memdev(const char *address, struct err *err)
{
	char shown[64];

	return err_set(err, EXIT_USAGE, EINVAL, "devices: the capture has no memory device at '%s'",
		       printable(address, shown, sizeof(shown)));
}

int reshape_device(struct sim *sim, const char *address, int type, const char *driver,
		   struct err *err)
{
	struct node *function = dev_find(sim, "pci", address), *config, *memdev, *endpoint;
	unsigned int at, speaks = DVSEC_CAP_CACHE | DVSEC_CAP_IO | (type == 2 ? DVSEC_CAP_MEM : 0);

	memdev = function ? reshape_memdev(function) : NULL;
	if (!memdev)
		return no_memdev(address, err);
	config = tree_child(function, "config");
	at = config ? config_dvsec(config, DVSEC_DEVICE) : 0;
	if (!at)
		return err_set(err, EXIT_USAGE, EINVAL, "devices: %s has no CXL device DVSEC in the capture", address);
	config->data[at + DVSEC_DEVICE_CAP] = (char)((config->data[at + DVSEC_DEVICE_CAP] &
		~(DVSEC_CAP_CACHE | DVSEC_CAP_IO | DVSEC_CAP_MEM)) | (int)speaks);
	endpoint = memdev_endpoint(sim, memdev);
	if (set_class(sim, function, config, type ? ACCELERATOR_CLASS : ORDINARY_CLASS) ||
	    set_driver(sim, function, driver))
		return out_of_memory(err);
	if (!type)
		return make_ordinary(sim, function, config, memdev, endpoint, err);
	return type == 2 ? make_type2(sim, memdev, endpoint, err)
			 : drop_memory(sim, address, memdev, endpoint, err);
}

int reshape_add_function(struct sim *sim, const struct node *function, int number,
			 const char *driver)
{
	const char *dot = strrchr(function->name, '.');
	struct node *more, *memdev, *config, *link;
	char name[64];

	snprintf(name, sizeof(name), "%.*s.%d", (int)(dot - function->name), function->name, number);
	more = dev_revive(sim, function, function->parent, name, function->name, name);
	memdev = more ? reshape_memdev(more) : NULL;
	if (memdev)
		tree_remove(&sim->tree, memdev);
	config = more ? tree_child(more, "config") : NULL;
	if (config && config->len > 0x100)
		memset(config->data + 0x100, 0, config->len - 0x100);
	link = more ? tree_child(more, "driver") : NULL;
	if (link)
		tree_remove(&sim->tree, link);
	return more && !dev_register(sim, more, "pci") ? dev_bind(sim, more, "pci", driver) : -ENOMEM;
}

int reshape_absent(struct sim *sim, const char *address, struct err *err)
{
	struct node *function = dev_find(sim, "pci", address), *bridge, *config;
	struct node *memdev = function ? reshape_memdev(function) : NULL;
	unsigned int pcie;
	int rc;

	if (!memdev)
		return no_memdev(address, err);
	rc = drop_memory(sim, address, memdev, memdev_endpoint(sim, memdev), err);
	if (rc)
		return rc;
	if (rewrite_iomem(sim, drop_name, (void *)(uintptr_t)address))
		return out_of_memory(err);
	bridge = function->parent;
	config = tree_child(bridge, "config");
	pcie = config ? config_root_port(config) : 0;
	dev_remove(sim, function);
	drop_dport(sim, bridge);
	if (pcie && pcie + PCIE_LNKSTA + 2 <= config->len)	/* nothing that a link could be trained with */
		memset(config->data + pcie + PCIE_LNKSTA, 0, 2);
	return 0;
}
