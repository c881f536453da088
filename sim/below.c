// SPDX-License-Identifier: GPL-2.0-only
/* What is below a root port: see below.h. */
#include "sim/below.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "sim/port.h"
#include "sim/sim.h"
#include "util/parse.h"

static bool is_bound_to(const struct node *device, const char *driver)
{
	const struct node *link = tree_child(device, "driver");
	const char *slash = link && link->kind == NODE_LINK ? strrchr(link->data, '/') : NULL;

	return slash && !strcmp(slash + 1, driver);
}

static const struct node *find_memdev(const struct node *dir)
{
	unsigned int number;

	for (size_t i = 0; i < dir->n_children; i++) {
		const struct node *n = dir->children[i];

		if (n->kind != NODE_DIR)
			continue;
		if (parse_name(n->name, "mem", &number) && is_bound_to(n, "cxl_mem"))
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
	uint64_t key;

	for (size_t i = 0; i < port->dir->n_children; i++)
		if (port->dir->children[i]->kind == NODE_DIR &&
		    parse_pci_address(port->dir->children[i]->name, &key))
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

/* region -> target decoder -> endpoint -> memdev: is one of them below the port? */
static bool region_touches(const struct port *port, const struct node *region)
{
	const struct tree *tree = &port->sim->tree;

	for (size_t i = 0; i < region->n_children; i++) {
		const struct node *attr = region->children[i];
		char name[64], path[128];
		unsigned int number;
		struct node *decoder, *memdev;

		if (!parse_name(attr->name, "target", &number) ||
		    !tree_text(region, attr->name, name, sizeof(name)) || !*name)
			continue;
		snprintf(path, sizeof(path), "/sys/bus/cxl/devices/%s", name);
		decoder = tree_dir(tree, path);
		memdev = decoder ? tree_resolve(tree, decoder->parent, "uport") : NULL;
		if (memdev && node_is_below(memdev, port->dir))
			return true;
	}
	return false;
}

static bool number_of(const struct node *dir, const char *name, bool hex, uint64_t *ret)
{
	char text[64];

	if (!dir || !tree_text(dir, name, text, sizeof(text)))
		return false;
	return !(hex ? parse_hex64(text, ret) : parse_u64(text, ret));
}

/* Any block of [start, start + size) online?  Unknown counts as online. */
static bool blocks_online(const struct tree *tree, const struct node *region)
{
	const struct node *memory = tree_dir(tree, "/sys/devices/system/memory");
	uint64_t start, size, block;

	if (!number_of(region, "resource", false, &start) || !number_of(region, "size", false, &size) ||
	    !number_of(memory, "block_size_bytes", true, &block) || !block)
		return true;
	for (size_t i = 0; i < memory->n_children; i++) {
		const struct node *n = memory->children[i];
		unsigned int number;
		char state[32];

		if (n->kind == NODE_DIR && parse_name(n->name, "memory", &number) &&
		    number >= start / block && number < (start + size + block - 1) / block &&
		    tree_text(n, "state", state, sizeof(state)) && strcmp(state, "offline"))
			return true;
	}
	return false;
}

static const struct node *kmem_device(const struct node *dir)
{
	for (size_t i = 0; i < dir->n_children; i++) {
		const struct node *n = dir->children[i];

		if (n->kind != NODE_DIR)
			continue;
		if (!fnmatch("dax[0-9]*.[0-9]*", n->name, 0) && is_bound_to(n, "kmem"))
			return n;
		n = kmem_device(n);
		if (n)
			return n;
	}
	return NULL;
}

const char *below_system_ram(const struct port *port)
{
	const struct tree *tree = &port->sim->tree;
	const struct node *devices = tree_dir(tree, "/sys/bus/cxl/devices");

	for (size_t i = 0; devices && i < devices->n_children; i++) {
		struct node *link = devices->children[i];
		const struct node *region, *dax;
		unsigned int number;

		if (!parse_name(link->name, "region", &number) || link->kind != NODE_LINK)
			continue;
		region = tree_resolve(tree, link->parent, link->data);
		if (!region || !region_touches(port, region))
			continue;
		dax = kmem_device(region);
		if (dax && blocks_online(tree, region))
			return dax->name;
	}
	return NULL;
}
