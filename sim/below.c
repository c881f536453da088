// SPDX-License-Identifier: GPL-2.0-only
/* What is below a root port: see below.h. */
#include "sim/below.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "sim/device.h"
#include "sim/mapped.h"
#include "sim/port.h"
#include "sim/sim.h"
#include "util/parse.h"

enum { MAX_DEPTH = 16 };

static bool is_function(const struct node *n)
{
	uint64_t key;

	return n->kind == NODE_DIR && parse_pci_address(n->name, &key);
}

/* The first function below @dir that is an endpoint and that @is agrees to. */
static const struct node *find_endpoint(const struct node *dir, bool (*is)(const struct node *n, void *data),
					void *data, int depth)
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

static bool has_no_driver(const struct node *n, void *data)
{
	(void)data;
	return !tree_child(n, "driver");
}

const char *below_unhandled(const struct port *port)
{
	const struct node *n = find_endpoint(port->dir, has_no_driver, NULL, 0);

	return n ? n->name : NULL;
}

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

/* region -> target decoder -> endpoint -> memdev: is one of them below the port? */
bool below_has_region(const struct port *port, const struct node *region)
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

/* Each region that touches the port, in turn; *@i is where to go on. */
static const struct node *next_region(const struct port *port, size_t *i)
{
	const struct tree *tree = &port->sim->tree;
	const struct node *devices = tree_dir(tree, "/sys/bus/cxl/devices");

	while (devices && *i < devices->n_children) {
		struct node *link = devices->children[(*i)++];
		const struct node *region;
		unsigned int number;

		if (!parse_name(link->name, "region", &number) || link->kind != NODE_LINK)
			continue;
		region = tree_resolve(tree, link->parent, link->data);
		if (region && below_has_region(port, region))
			return region;
	}
	return NULL;
}

/* The first dax device below @dir, bound to @driver if that is given. */
static const struct node *dax_device(const struct node *dir, const char *driver)
{
	for (size_t i = 0; i < dir->n_children; i++) {
		const struct node *n = dir->children[i];

		if (n->kind != NODE_DIR)
			continue;
		if (!fnmatch("dax[0-9]*.[0-9]*", n->name, 0) && (!driver || is_bound_to(n, driver)))
			return n;
		n = dax_device(n, driver);
		if (n)
			return n;
	}
	return NULL;
}

bool below_in_use(const struct port *port, char *text, size_t size)
{
	const char *ram = below_system_ram(port);
	const struct node *region, *dax;
	size_t i = 0;

	if (ram) {
		snprintf(text, size, "memory of %s was online as System RAM", ram);
		return true;
	}
	while (port->sim->log.own_proc && (region = next_region(port, &i))) {
		char path[64], comm[32];
		pid_t pid;

		dax = dax_device(region, "device_dax");
		snprintf(path, sizeof(path), "/dev/%.40s", dax ? dax->name : "");
		pid = dax ? mapped_find(path, comm, sizeof(comm)) : 0;
		if (!pid)
			continue;
		snprintf(text, size, "process %d (%s) mapped %s", (int)pid, comm, dax->name);
		return true;
	}
	return false;
}

const char *below_system_ram(const struct port *port)
{
	const struct node *region, *dax;
	size_t i = 0;

	while ((region = next_region(port, &i))) {
		dax = dax_device(region, "kmem");
		if (dax && blocks_online(&port->sim->tree, region))
			return dax->name;
	}
	return NULL;
}

void below_fail_memory(const struct port *port)
{
	const struct node *region, *dax;
	size_t i = 0;

	while ((region = next_region(port, &i))) {
		dax = dax_device(region, NULL);
		if (dax)
			devnode_fail(port->sim, dax->name);
	}
}
