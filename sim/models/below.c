// SPDX-License-Identifier: GPL-2.0-only
/* What is below a root port: see below.h. */
#include "sim/models/below.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "sim/models/config_space.h"
#include "sim/models/dax_range.h"
#include "sim/models/mapped.h"
#include "sim/models/port.h"
#include "sim/models/sriov.h"
#include "sim/models/topology.h"
#include "sim/state/device.h"
#include "sim/state/iomem.h"
#include "sim/state/sim.h"
#include "util/parse.h"

/* What the kernel itself has of memory: a block online, whoever added it, or the struct pages of a device of kmem. */
enum kernel_use { NOT_USED, USED_AS_RAM, USED_FOR_STRUCT_PAGES };

enum { MAX_DEPTH = 16 };

/* The first function below @dir that is an endpoint and that @is agrees to. */
static const struct node *find_endpoint(const struct node *dir,
					bool (*is)(const struct node *n, void *data), void *data,
					int depth)
{
	for (size_t i = 0; i < dir->n_children && depth < MAX_DEPTH; i++) {
		const struct node *n = dir->children[i], *found;

		if (!is_function(n))
			continue;
		found = tree_child(n, "pci_bus") ? find_endpoint(n, is, data, depth + 1) : is(n, data) ? n : NULL;
		if (found)
			return found;
	}
	return NULL;
}

static bool add_protocols(const struct node *n, void *data)
{
	const struct node *config = tree_child(n, "config");
	unsigned int *sum = data, at = config ? config_dvsec(config, DVSEC_DEVICE) : 0;

	if (at)
		*sum |= config_dword(config, at + 8) >> 16 & (DVSEC_CAP_CACHE | DVSEC_CAP_IO | DVSEC_CAP_MEM);
	return false;
}

unsigned int below_protocols(const struct port *port)
{
	unsigned int sum = 0;

	find_endpoint(port->dir, add_protocols, &sum, 0);
	return sum;
}

static bool is_any(const struct node *n, void *data)
{
	(void)n;
	(void)data;
	return true;
}

const char *below_endpoint(const struct port *port)
{
	const struct node *n = find_endpoint(port->dir, is_any, NULL, 0);

	return n ? n->name : NULL;
}

static bool is_bound_to(const struct node *device, const char *driver)
{
	const char *bound = dev_driver(device);

	return bound && !strcmp(bound, driver);
}

/* Whoever has a function by VFIO is not asked. */
static bool has_no_handler(const struct node *n, void *data)
{
	(void)data;
	return !tree_child(n, "driver") || is_bound_to(n, VFIO_DRIVER);
}

const char *below_unhandled(const struct port *port)
{
	const struct node *n = find_endpoint(port->dir, has_no_handler, NULL, 0);

	return n ? n->name : NULL;
}

static const struct node *find_memdev(const struct node *dir)
{
	unsigned int number;

	for (size_t i = 0; i < dir->n_children; i++) {
		const struct node *n = dir->children[i];

		if (n->kind != NODE_DIR)
			continue;
		if (parse_name(n->name, "mem", &number) && is_bound_to(n, "cxl_mem") &&
		    is_bound_to(dir, "cxl_pci"))
			return n;
		n = find_memdev(n);
		if (n)
			return n;
	}
	return NULL;
}

const char *below_type3(const struct port *port)
{
	const struct node *n = find_memdev(port->dir);

	return n ? n->name : NULL;
}

static bool is_populated(const struct port *port)
{
	for (size_t i = 0; i < port->dir->n_children; i++)
		if (is_function(port->dir->children[i]))
			return true;
	return false;
}

const char *below_sibling(const struct port *port)
{
	const struct sim *sim = port->sim;

	for (size_t i = 0; i < sim->n_ports; i++) {
		const struct port *other = sim->ports[i];

		if (other != port && !other->dir->gone && other->dir->parent == port->dir->parent &&
		    is_populated(other))
			return other->address;
	}
	return NULL;
}

/* Where a decoder of an endpoint leads: the memory device, NULL when that is gone. */
static const struct node *memdev_of(const struct tree *tree, const struct node *decoder)
{
	return tree_resolve(tree, decoder->parent, "uport");
}

/* region -> target decoder -> endpoint -> memdev: is one of them below @dir? */
static bool touches(const struct tree *tree, const struct node *dir, const struct node *region)
{
	for (size_t i = 0; i < region->n_children; i++) {
		const struct node *attr = region->children[i], *decoder, *memdev;
		char name[64], path[128];
		unsigned int number;

		if (!parse_name(attr->name, "target", &number) ||
		    !tree_text(region, attr->name, name, sizeof(name)) || !*name)
			continue;
		snprintf(path, sizeof(path), "/sys/bus/cxl/devices/%s", name);
		decoder = tree_dir(tree, path);
		memdev = decoder ? memdev_of(tree, decoder) : NULL;
		if (memdev && node_is_below(memdev, dir))
			return true;
	}
	return false;
}

bool below_has_region(const struct port *port, const struct node *region)
{
	return touches(&port->sim->tree, port->dir, region);
}

/* Each device of the CXL bus with a name like this, in turn; *@i is where to go on. */
static const struct node *next_device(const struct tree *tree, const char *glob, size_t *i)
{
	const struct node *devices = tree_dir(tree, "/sys/bus/cxl/devices");

	while (devices && *i < devices->n_children) {
		struct node *link = devices->children[(*i)++];
		const struct node *n = link->kind == NODE_LINK && !fnmatch(glob, link->name, 0) ?
			tree_resolve(tree, link->parent, link->data) : NULL;

		if (n)
			return n;
	}
	return NULL;
}

/* Each region with a target below @dir, in turn. */
static const struct node *next_region(const struct tree *tree, const struct node *dir, size_t *i)
{
	const struct node *region;

	do
		region = next_device(tree, "region[0-9]*", i);
	while (region && !touches(tree, dir, region));
	return region;
}

/* --- memory that the kernel uses ------------------------------------------ */

/* Any block of the range online?  Where nothing says how large blocks are, it is @unknown. */
static bool blocks_online(const struct tree *tree, uint64_t start, uint64_t size, bool unknown)
{
	const struct node *memory = tree_dir(tree, "/sys/devices/system/memory");
	uint64_t block;
	char text[64];

	if (start == UINT64_MAX || !memory || !tree_text(memory, "block_size_bytes", text, sizeof(text)) ||
	    parse_hex64(text, &block) || !block)
		return unknown;
	for (size_t i = 0; size && i < memory->n_children; i++) {
		const struct node *n = memory->children[i];
		unsigned int number;

		if (n->kind == NODE_DIR && parse_name(n->name, "memory", &number) && number >= start / block &&
		    number <= (start + size - 1) / block && !dev_is(n, "state", "offline"))
			return true;
	}
	return false;
}

/* The same of what @of says that it has, an address by @start_name. */
static bool is_online(const struct tree *tree, const struct node *of, const char *start_name,
		      bool unknown)
{
	return blocks_online(tree, dev_number(of, start_name, UINT64_MAX), dev_number(of, "size", 0), unknown);
}

static bool is_dax_online(const struct tree *tree, const struct node *dax)
{
	struct dax_range r;

	for (unsigned int i = 0; dax_range(dax, i, &r); i++)
		if (blocks_online(tree, r.start, r.size, true))
			return true;
	return false;
}

/* kmem put the array of struct pages on the memory itself (mhp_supports_memmap_on_memory()). */
static bool holds_struct_pages(const struct tree *tree, const struct node *dax)
{
	const struct node *parameters = tree_dir(tree, "/sys/module/memory_hotplug/parameters");

	return dev_is(dax, "memmap_on_memory", "1") && parameters &&
	       (dev_is(parameters, "memmap_on_memory", "Y") || dev_is(parameters, "memmap_on_memory", "force"));
}

/* The same of one region: its dax devices, then what no dax device has any more. */
static enum kernel_use use_of_region(const struct tree *tree, const struct node *region,
				     const char **ret_name)
{
	const struct node *dax;
	size_t i = 0;

	while ((dax = dax_next(region, &i))) {
		*ret_name = dax->name;
		if (!is_bound_to(dax, "kmem"))
			continue;
		if (is_dax_online(tree, dax))
			return USED_AS_RAM;
		if (holds_struct_pages(tree, dax))
			return USED_FOR_STRUCT_PAGES;
	}
	*ret_name = region->name;
	return is_online(tree, region, "resource", false) ? USED_AS_RAM : NOT_USED;
}

/* Of the memory below @dir.  @ret_name: the dax device, the region or the decoder that it is of. */
static enum kernel_use kernel_use_of(const struct sim *sim, const struct node *dir,
				     const char **ret_name)
{
	const struct node *region, *decoder;
	const struct tree *tree = &sim->tree;
	enum kernel_use use;
	size_t i = 0;

	while ((region = next_region(tree, dir, &i))) {
		use = use_of_region(tree, region, ret_name);
		if (use != NOT_USED)
			return use;
	}
	/* what firmware programmed and no region has */
	for (i = 0; (decoder = next_device(tree, "decoder[0-9]*.[0-9]*", &i)); ) {
		const struct node *memdev = dev_is(decoder, "devtype", "cxl_decoder_endpoint") ? memdev_of(tree, decoder) : NULL;

		*ret_name = decoder->name;
		if (memdev && node_is_below(memdev, dir) && is_online(tree, decoder, "start", false))
			return USED_AS_RAM;
	}
	return NOT_USED;
}

/* --- who uses it ------------------------------------------------------------ */

bool below_in_use(const struct port *port, char *text, size_t size)
{
	const struct tree *tree = &port->sim->tree;
	const struct node *region, *dax;
	const char *name;
	size_t i = 0;

	switch (kernel_use_of(port->sim, port->dir, &name)) {
	case USED_AS_RAM:
		snprintf(text, size, "memory of %s was online as System RAM", name);
		return true;
	case USED_FOR_STRUCT_PAGES:
		snprintf(text, size, "the struct pages of %s lay on its memory", name);
		return true;
	case NOT_USED:
		break;
	}
	while (port->sim->log.own_proc && (region = next_region(tree, port->dir, &i))) {
		for (size_t k = 0; (dax = dax_next(region, &k)); ) {
			char path[64], comm[32];
			pid_t pid;

			snprintf(path, sizeof(path), "/dev/%.40s", dax->name);
			pid = is_bound_to(dax, "device_dax") ? mapped_find(path, comm, sizeof(comm)) : 0;
			if (!pid)
				continue;
			snprintf(text, size, "process %d (%s) mapped %s", (int)pid, comm, dax->name);
			return true;
		}
	}
	return false;
}

/* --- memory that fails ------------------------------------------------------ */

void below_fail_kernel(struct sim *sim, const struct node *dir)
{
	const struct port *port = port_of_node(sim, dir);
	const char *name = NULL;
	enum kernel_use use = port ? kernel_use_of(sim, dir, &name) : NOT_USED;

	if (use == USED_AS_RAM)
		sim_die(sim, "panic", port->address, "memory of %s is online as System RAM", name);
	else if (use == USED_FOR_STRUCT_PAGES)
		sim_die(sim, "panic", port->address, "the struct pages of %s lie on its memory", name);
}

void below_fail_memory(const struct port *port)
{
	const struct node *region, *dax;
	size_t i = 0;

	while ((region = next_region(&port->sim->tree, port->dir, &i)))
		for (size_t k = 0; (dax = dax_next(region, &k)); )
			devnode_fail(port->sim, dax->name);
	below_fail_kernel(port->sim, port->dir);
}
