// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which root ports the captured host has, and finding one by name.  Only the
 * captured config space is read here; the model is port.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/models/config_space.h"
#include "sim/models/port.h"
#include "sim/state/sim.h"
#include "util/parse.h"

uint32_t config_dword(const struct node *config, unsigned int at)
{
	const unsigned char *b = (const unsigned char *)config->data;

	if (at + 4 > config->len)
		return 0;
	return (uint32_t)b[at] | (uint32_t)b[at + 1] << 8 | (uint32_t)b[at + 2] << 16 |
	       (uint32_t)b[at + 3] << 24;
}

unsigned int config_root_port(const struct node *config)
{
	unsigned int at = config_dword(config, 0x34) & 0xfc;

	for (int i = 0; at && i < 48; i++) {
		uint32_t v = config_dword(config, at);

		if ((v & 0xff) == 0x10)		/* PCI Express; [23:20] port type, 4 = root port */
			return (v >> 20 & 0xf) == 4 ? at : 0;
		at = v >> 8 & 0xfc;
	}
	return 0;
}

unsigned int config_dvsec(const struct node *config, unsigned int id)
{
	unsigned int at = 0x100;

	for (int i = 0; at && i < 960; i++) {
		uint32_t head = config_dword(config, at);

		if ((head & 0xffff) == 0x23 && (config_dword(config, at + 4) & 0xffff) == 0x1e98 &&
		    (config_dword(config, at + 8) & 0xffff) == id)
			return at;
		at = head >> 20 & 0xffc;
	}
	return 0;
}

/* The component register entry of the Register Locator. */
static bool find_component_block(struct port *port)
{
	unsigned int at = config_dvsec(port->config, DVSEC_REGISTER_LOCATOR);
	uint32_t length = at ? config_dword(port->config, at + 4) >> 20 : 0;

	for (unsigned int e = at + 0xc; e + 8 <= at + length; e += 8) {
		uint32_t low = config_dword(port->config, e);

		if ((low >> 8 & 0xff) != 1)
			continue;
		port->bar = low & 7;
		port->block = (low & 0xffff0000) | (uint64_t)config_dword(port->config, e + 4)
							   << 32;
		return port->bar < 6;
	}
	return false;
}

static bool probe(struct port *port, struct node *dir)
{
	char class[16];

	if (!parse_pci_address(dir->name, &port->key) || !tree_text(dir, "class", class, sizeof(class)) ||
	    strncmp(class, "0x0604", 6))
		return false;
	port->config = tree_child(dir, "config");
	if (!port->config || port->config->kind != NODE_FILE)
		return false;
	port->dir = dir;
	port->address = dir->name;
	port->pcie = config_root_port(port->config);
	if (!port->pcie || !find_component_block(port))
		return false;
	port->link_status = (uint16_t)(config_dword(port->config, port->pcie + PCIE_LNKCTL) >> 16);
	port->link_up = port->link_status & PCIE_LNKSTA_DLLLA;
	return true;
}

static int by_key(const void *a, const void *b)
{
	uint64_t x = (*(struct port *const *)a)->key, y = (*(struct port *const *)b)->key;

	return (x > y) - (x < y);
}

int ports_discover(struct sim *sim, struct err *err)
{
	const struct node *devices = tree_dir(&sim->tree, "/sys/bus/pci/devices");

	for (size_t i = 0; devices && i < devices->n_children; i++) {
		struct node *link = devices->children[i];
		struct node *dir = link->kind == NODE_LINK ?
			tree_resolve(&sim->tree, link->parent, link->data) : NULL;
		struct port candidate = { .sim = sim }, *port, **v;

		if (!dir || dir->kind != NODE_DIR || !probe(&candidate, dir))
			continue;
		port = malloc(sizeof(*port));
		v = reallocarray(sim->ports, sim->n_ports + 1, sizeof(*v));
		if (v)
			sim->ports = v;
		if (!port || !v) {
			free(port);
			return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
		}
		*port = candidate;
		sim->ports[sim->n_ports++] = port;
	}
	if (sim->n_ports)
		qsort(sim->ports, sim->n_ports, sizeof(*sim->ports), by_key);
	return 0;
}

struct port *port_find(const struct sim *sim, const char *address)
{
	uint64_t key;

	if (!parse_pci_address(address, &key))
		return NULL;
	for (size_t i = 0; i < sim->n_ports; i++)
		if (sim->ports[i]->key == key)
			return sim->ports[i];
	return NULL;
}

const char *ports_list(const struct sim *sim, char *buf, size_t size)
{
	size_t n = 0;

	snprintf(buf, size, "none");
	for (size_t i = 0; i < sim->n_ports && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? ", " : "", sim->ports[i]->address);
	return buf;
}

struct port *port_of_node(const struct sim *sim, const struct node *node)
{
	for (; node; node = node->parent)
		for (size_t i = 0; i < sim->n_ports; i++)
			if (sim->ports[i]->dir == node)
				return sim->ports[i];
	return NULL;
}
