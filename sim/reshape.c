// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a captured type-3 device to an accelerator, and Soft Reserved memory: see
 * reshape.h.  What such a host looks like in sysfs has no capture yet; it follows
 * the type-2 series and what maintainers wrote about it.
 */
#include "sim/reshape.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/device.h"
#include "sim/port.h"
#include "sim/sim.h"
#include "util/cleanup.h"
#include "util/parse.h"

#define ACCELERATOR_CLASS 0x120000	/* PCI: processing accelerator */
#define MEMMAP "/sys/firmware/memmap"

static int out_of_memory(struct err *err)
{
	return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
}

/* --- /proc/iomem ---------------------------------------------------------- */

/* Rewrite the file line by line: @fn prints what becomes of each into @out. */
static int rewrite_iomem(struct sim *sim, void (*fn)(const char *line, FILE *out, void *data), void *data)
{
	struct node *n = tree_resolve(&sim->tree, NULL, "/proc/iomem");
	_cleanup_free_ char *old = NULL, *text = NULL;
	size_t len = 0;
	char *save = NULL;
	FILE *out;
	int rc;

	if (!n || !n->data)
		return 0;
	old = strdup(n->data);
	out = old ? open_memstream(&text, &len) : NULL;
	if (!out)
		return -ENOMEM;
	for (char *line = strtok_r(old, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		fn(line, out, data);
	rc = fclose(out) ? -ENOMEM : 0;
	return rc ? rc : node_set_data(n, text, len);
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
	bool done;
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
	    start > in->start || end < in->end || strncmp(name + 3, "region", 6))
		return;
	fprintf(out, "%*s%08" PRIx64 "-%08" PRIx64 " : Soft Reserved\n", (int)indent + 2, "", in->start, in->end);
	in->done = true;
	in->below = indent + 2;
}

int reshape_soft_reserved(struct sim *sim, uint64_t start, uint64_t end, struct err *err)
{
	struct insertion in = { .start = start, .end = end };
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
	if (!in.done)
		return err_set(err, EXIT_USAGE, EINVAL, "soft_reserved: no region of the capture holds 0x%" PRIx64
			       "-0x%" PRIx64, start, end);
	return 0;
}

/* --- accelerators --------------------------------------------------------- */

static struct node *memdev_below(const struct node *function)
{
	unsigned int number;

	for (size_t i = 0; i < function->n_children; i++)
		if (parse_name(function->children[i]->name, "mem", &number))
			return function->children[i];
	return NULL;
}

static struct node *endpoint_of(const struct sim *sim, const struct node *memdev)
{
	const struct node *devices = tree_dir(&sim->tree, "/sys/bus/cxl/devices");
	unsigned int number;

	for (size_t i = 0; devices && memdev && i < devices->n_children; i++) {
		struct node *n = dev_find(sim, "cxl", devices->children[i]->name);

		if (n && parse_name(n->name, "endpoint", &number) && tree_resolve(&sim->tree, n, "uport") == memdev)
			return n;
	}
	return NULL;
}

static int set_driver(struct sim *sim, struct node *function, const char *driver)
{
	static const char *const attrs[] = { "bind", "new_id", "remove_id", "uevent", "unbind" };
	struct node *drivers = tree_dir(&sim->tree, "/sys/bus/pci/drivers");
	struct node *dir = drivers ? tree_add(&sim->tree, drivers, driver, NODE_DIR, 0755) : NULL;

	for (size_t i = 0; dir && i < sizeof(attrs) / sizeof(*attrs); i++)
		if (!tree_child(dir, attrs[i]) && dev_add_attr(sim, dir, attrs[i], 0200, ""))
			return -ENOMEM;
	dev_unbind(sim, function);
	return dir ? dev_bind(sim, function, "pci", driver) : -ENOMEM;
}

/* "0x050210" and its like become the accelerator's in every text. */
static int set_class(struct sim *sim, struct node *function, struct node *config)
{
	struct node *modalias = tree_child(function, "modalias"), *uevent = tree_child(function, "uevent");
	char *at;

	for (int i = 0; i < 3; i++)
		config->data[9 + i] = (char)(ACCELERATOR_CLASS >> 8 * i);
	at = modalias && modalias->data ? strstr(modalias->data, "bc05sc02i10") : NULL;
	if (at)
		memcpy(at, "bc12sc00i00", 11);
	at = uevent && uevent->data ? strstr(uevent->data, "bc05sc02i10") : NULL;
	if (at)
		memcpy(at, "bc12sc00i00", 11);
	at = uevent && uevent->data ? strstr(uevent->data, "PCI_CLASS=50210\n") : NULL;
	if (at) {
		_cleanup_free_ char *text = NULL;

		if (asprintf(&text, "%.*sPCI_CLASS=%X\n%s", (int)(at - uevent->data), uevent->data, ACCELERATOR_CLASS,
			     strchr(at, '\n') + 1) < 0)
			return -ENOMEM;
		if (node_set_data(uevent, text, strlen(text)))
			return -ENOMEM;
	}
	return dev_set(sim, function, "class", "0x%06x", ACCELERATOR_CLASS);
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

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
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

static int make_type1(struct sim *sim, struct node *memdev, struct node *endpoint, struct err *err)
{
	for (size_t i = 0; endpoint && i < endpoint->n_children; i++) {
		const struct node *d = endpoint->children[i];

		if (tree_child(d, "region") && !dev_is(d, "region", ""))
			return err_set(err, EXIT_USAGE, EINVAL, "devices: a type-1 device has no memory, but %s has a region in "
				       "the capture: take one without", memdev->name);
	}
	if (rewrite_iomem(sim, drop_name, memdev->name) || (endpoint && rewrite_iomem(sim, drop_name, endpoint->name)))
		return out_of_memory(err);
	drop_mailbox(sim, memdev);
	if (endpoint)
		dev_remove(sim, endpoint);
	dev_remove(sim, memdev);
	return 0;
}

int reshape_device(struct sim *sim, const char *address, int type, const char *driver, struct err *err)
{
	struct node *function = dev_find(sim, "pci", address), *config, *memdev, *endpoint;
	unsigned int at, speaks = DVSEC_CAP_CACHE | DVSEC_CAP_IO | (type == 2 ? DVSEC_CAP_MEM : 0);
	char shown[64];

	memdev = function ? memdev_below(function) : NULL;
	if (!memdev)
		return err_set(err, EXIT_USAGE, EINVAL, "devices: the capture has no memory device at '%s'",
			       printable(address, shown, sizeof(shown)));
	config = tree_child(function, "config");
	at = config ? config_dvsec(config, DVSEC_DEVICE) : 0;
	if (!at)
		return err_set(err, EXIT_USAGE, EINVAL, "devices: %s has no CXL device DVSEC in the capture", address);
	config->data[at + DVSEC_DEVICE_CAP] = (char)((config->data[at + DVSEC_DEVICE_CAP] &
		~(DVSEC_CAP_CACHE | DVSEC_CAP_IO | DVSEC_CAP_MEM)) | (int)speaks);
	endpoint = endpoint_of(sim, memdev);
	if (set_class(sim, function, config) || set_driver(sim, function, driver))
		return out_of_memory(err);
	return type == 2 ? make_type2(sim, memdev, endpoint, err) : make_type1(sim, memdev, endpoint, err);
}
