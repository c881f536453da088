// SPDX-License-Identifier: GPL-2.0-only
/*
 * Config space of a root port: what reads differ from the capture in, and which
 * bits a write changes.  Files: config, current_link_speed, current_link_width.
 * What the link does of it is link.c.
 */
#include "sim/models/config_space.h"

#include <stdio.h>
#include <string.h>

#include "sim/models/link.h"
#include "sim/models/lost.h"
#include "sim/models/port.h"
#include "sim/state/sim.h"
#include "util/array.h"

enum {
	CONFIG_UNPRIVILEGED = 64,	/* pci_read_config(): more needs CAP_SYS_ADMIN */
	PCI_BARS = 0x10, PCI_BARS_END = 0x28,
	MAX_WRITE = 8,			/* longer ones are answered, and change nothing */
};

/*
 * With the link down speed and width are undefined by the specification; here
 * the register reads 0, for which the kernel prints "Unknown" (link code 0 is
 * PCI_SPEED_UNKNOWN) and "0".
 */
static uint16_t link_status(const struct port *port)
{
	return port->link_up ? port->link_status : 0;
}

static ssize_t config_read(struct node *node, void *buf, size_t size, uint64_t offset,
			   struct op *op)
{
	const struct port *port = node->model;
	uint64_t end = op->uid ? CONFIG_UNPRIVILEGED : node->len;
	uint64_t sta = port->pcie + PCIE_LNKSTA;

	end = end < node->len ? end : node->len;
	if (offset >= end)
		return 0;
	if (size > end - offset)
		size = end - offset;
	memcpy(buf, node->data + offset, size);
	for (unsigned int i = 0; i < 2; i++)
		if (sta + i >= offset && sta + i < offset + size)
			((unsigned char *)buf)[sta + i - offset] =
				(unsigned char)(link_status(port) >> 8 * i);
	return (ssize_t)size;
}

/* Which bits of the byte at @at software may change: those that something is behind. */
static unsigned int writable(const struct port *port, uint64_t at)
{
	unsigned int dvsec = config_dvsec(port->config, DVSEC_PORT);
	const struct {
		uint64_t at;
		unsigned int bits;
	} bytes[] = {
		{ PCI_COMMAND, 0x47 }, { PCI_COMMAND + 1, 0x05 },
		{ PCI_BRIDGE_CTL, 0x03 | PCI_BRIDGE_CTL_SBR },
		{ port->pcie + PCIE_LNKCTL, 0x43 | PCIE_LNKCTL_LD },
		{ dvsec + DVSEC_PORT_CTRL, dvsec && port->unmask_writable ?
		  DVSEC_UNMASK_SBR | DVSEC_UNMASK_LINK_DISABLE : 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bytes); i++)
		if (bytes[i].at == at)
			return bytes[i].bits;
	return 0;
}

static ssize_t config_write(struct node *node, const void *buf, size_t size, uint64_t offset,
			    struct op *op)
{
	struct port *port = node->model;
	uint64_t lnkctl = port->pcie + PCIE_LNKCTL;
	bool retrain = lnkctl >= offset && lnkctl < offset + size &&
		       ((const unsigned char *)buf)[lnkctl - offset] & PCIE_LNKCTL_RL;

	(void)op;
	if (offset >= node->len)
		return 0;
	if (size > node->len - offset)
		size = node->len - offset;
	for (size_t i = 0; size <= MAX_WRITE && i < size; i++) {
		unsigned char *byte = (unsigned char *)node->data + offset + i;
		unsigned int mask = writable(port, offset + i);

		*byte = (unsigned char)((*byte & ~mask) | (((const unsigned char *)buf)[i] & mask));
	}
	link_control_written(port, retrain);
	return (ssize_t)size;
}

static const struct attr_ops config_ops = { .read = config_read, .write = config_write };

/* An endpoint behind a link that is down answers nothing: all ones. */
static ssize_t endpoint_read(struct node *node, void *buf, size_t size, uint64_t offset,
			     struct op *op)
{
	const struct port *port = port_of_node(op->sim, node);
	uint64_t end = op->uid ? CONFIG_UNPRIVILEGED : node->len;

	end = end < node->len ? end : node->len;
	if (offset >= end)
		return 0;
	if (size > end - offset)
		size = end - offset;
	if (port && port->modelled && !port->link_up)
		memset(buf, 0xff, size);
	else
		memcpy(buf, node->data + offset, size);
	for (uint64_t at = PCI_BARS; lost_is_wiped(op->sim, node->parent) && at < PCI_BARS_END;
	     at++)
		if (at >= offset && at < offset + size && port && port->link_up)
			((unsigned char *)buf)[at - offset] = 0;
	return (ssize_t)size;
}

static const struct attr_ops endpoint_ops = { .read = endpoint_read };

void config_attach_endpoint(struct node *function)
{
	struct node *config = tree_child(function, "config");

	if (config && config->kind == NODE_FILE)
		config->ops = &endpoint_ops;
}

static ssize_t speed_show(struct node *node, char *buf, size_t size)
{
	/* pci_speed_string() by the link code of Link Status */
	static const char *const speeds[] = {
		"Unknown", "2.5 GT/s PCIe", "5.0 GT/s PCIe", "8.0 GT/s PCIe",
		"16.0 GT/s PCIe", "32.0 GT/s PCIe", "64.0 GT/s PCIe",
	};
	unsigned int code = link_status(node->model) & PCIE_LNKSTA_SPEED;

	if (code >= ARRAY_SIZE(speeds))
		code = 0;
	return snprintf(buf, size, "%s\n", speeds[code]);
}

static ssize_t width_show(struct node *node, char *buf, size_t size)
{
	return snprintf(buf, size, "%u\n", (link_status(node->model) & PCIE_LNKSTA_WIDTH) >> 4);
}

static const struct attr_ops speed_ops = { .show = speed_show };
static const struct attr_ops width_ops = { .show = width_show };

void config_attach(struct port *port, const struct port_caps *caps)
{
	static const struct {
		const char *name;
		const struct attr_ops *ops;
	} live[] = {
		{ "config", &config_ops },
		{ "current_link_speed", &speed_ops },
		{ "current_link_width", &width_ops },
	};
	unsigned int at = config_dvsec(port->config, DVSEC_PORT);

	for (size_t i = 0; i < ARRAY_SIZE(live); i++) {
		struct node *n = tree_child(port->dir, live[i].name);

		if (n && n->kind == NODE_FILE) {
			n->ops = live[i].ops;
			n->model = port;
		}
	}
	port->unmask_writable = caps->unmask_writable;
	if (at && at + DVSEC_PORT_CTRL < port->config->len)
		port->config->data[at + DVSEC_PORT_CTRL] |=
			(char)((caps->unmask_sbr ? DVSEC_UNMASK_SBR : 0) |
			       (caps->unmask_link_disable ? DVSEC_UNMASK_LINK_DISABLE : 0));
}
