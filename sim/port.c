// SPDX-License-Identifier: GPL-2.0-only
/*
 * The root port's hardware: see port.h.  The files it stands behind: config,
 * resourceN, current_link_speed and current_link_width.
 */
#include "sim/port.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/sim.h"

/* PCI and PCI Express, as in linux/pci_regs.h. */
enum {
	PCIE_LNKCAP = 0x0c,		/* from the PCI Express capability */
	PCIE_LNKCAP_DLLLARC = 1 << 20,	/* reports Data Link Layer Link Active */
	PCIE_LNKSTA_SPEED = 0xf,
	PCIE_LNKSTA_WIDTH = 0x3f0,
	CONFIG_UNPRIVILEGED = 64,	/* pci_read_config(): more needs CAP_SYS_ADMIN */
};

/*
 * The component register block (CXL r3.2 8.2.4): CXL.cachemem at 0x1000, an
 * array of headers there, then the capabilities.  Only Timeout & Isolation is
 * modelled; the others are named, as QEMU's root port does, and read 0.
 */
enum {
	BLOCK_SIZE = 0x10000,
	CACHEMEM = 0x1000,
	ISO_AT = 0x200,			/* from CACHEMEM */
};

struct header {
	uint16_t id;
	uint8_t version;
	uint16_t offset;
};

static const struct header headers[] = {
	{ 2, 2, 0x80 },			/* RAS */
	{ 4, 2, 0x100 },		/* Link */
	{ 3, 1, 0x180 },		/* Extended Security */
	{ 9, 1, ISO_AT },		/* Timeout & Isolation; last, so that it can be left out */
};

enum { N_HEADERS = sizeof(headers) / sizeof(*headers) };

const struct iso_range iso_ranges[] = {
	{ 0x1, 1 << 0, "A" }, { 0x2, 1 << 0, "A2" },
	{ 0x5, 1 << 1, "B" }, { 0x6, 1 << 1, "B2" },
	{ 0x9, 1 << 2, "C" }, { 0xa, 1 << 2, "C2" },
	{ 0xd, 1 << 3, "D" }, { 0xe, 1 << 3, "D2" },
	{ 0 }
};

const struct port_caps port_caps_default = {
	.capability = true,
	.mem_timeout = true, .mem_ranges = 0xf, .mem_isolation = true, .mem_link_down = true,
	.interrupt = 3,
};

const struct iso_range *iso_range_by_value(unsigned int value)
{
	for (const struct iso_range *r = iso_ranges; r->name; r++)
		if (r->value == value)
			return r;
	return NULL;
}

static uint32_t encode_caps(const struct port_caps *c)
{
	uint32_t v = c->mem_ranges | (uint32_t)c->cache_ranges << ISO_CACHE_RANGE_SHIFT;

	v |= c->mem_timeout ? ISO_MEM_TIMEOUT : 0;
	v |= c->mem_isolation ? ISO_MEM_ISOLATION : 0;
	v |= c->mem_link_down ? ISO_MEM_LINK_DOWN : 0;
	v |= c->cache_timeout ? ISO_CACHE_TIMEOUT : 0;
	v |= c->cache_isolation ? ISO_CACHE_ISOLATION : 0;
	v |= c->cache_link_down ? ISO_CACHE_LINK_DOWN : 0;
	v |= c->err_cor ? ISO_ERR_COR : 0;
	if (c->interrupt >= 0)
		v |= ISO_INTERRUPT | (uint32_t)c->interrupt << ISO_INTERRUPT_SHIFT;
	return v;
}

/* A range value is taken when it is the default or its range is supported;
 * otherwise the field keeps what it has. */
static uint32_t merge_range(uint32_t old, uint32_t value, uint32_t supported)
{
	const struct iso_range *r = iso_range_by_value(value);

	if (!value && supported)
		return 0;
	return r && r->needs & supported ? value : old;
}

static uint32_t merge_ctrl(const struct port *port, uint32_t value)
{
	/* every enable bit sits where CAP says that it is supported */
	uint32_t enables = port->cap & (ISO_MEM_TIMEOUT | ISO_CACHE_TIMEOUT | ISO_MEM_ISOLATION |
					ISO_MEM_LINK_DOWN | ISO_CACHE_ISOLATION | ISO_CACHE_LINK_DOWN |
					ISO_ERR_COR | ISO_INTERRUPT);
	uint32_t mem = merge_range(port->ctrl & ISO_MEM_RANGE, value & ISO_MEM_RANGE,
				   port->cap & ISO_MEM_RANGE);
	uint32_t cache = merge_range(port->ctrl >> ISO_CACHE_RANGE_SHIFT & 0xf,
				     value >> ISO_CACHE_RANGE_SHIFT & 0xf,
				     port->cap >> ISO_CACHE_RANGE_SHIFT & 0xf);

	return (value & enables) | mem | cache << ISO_CACHE_RANGE_SHIFT;
}

static void clear_status(struct port *port, uint32_t value)
{
	const uint32_t isolated = ISO_STS_MEM_ISOLATED | ISO_STS_CACHE_ISOLATED;
	const uint32_t rw1c = isolated | ISO_STS_MEM_TIMEOUT | ISO_STS_CACHE_TIMEOUT |
			      ISO_STS_MEM_BY_LINK_DOWN | ISO_STS_CACHE_BY_LINK_DOWN;

	if (value & port->status & isolated && port->status & ISO_STS_BUSY)
		sim_violation(port->sim, port->address,
			      "the isolation status of %s was cleared while RP Busy was set: undefined",
			      port->address);
	port->status &= ~(value & rw1c);
}

uint32_t port_read_register(const struct port *port, unsigned int reg)
{
	switch (reg) {
	case ISO_CAP:
		return port->cap;
	case ISO_CTRL:
		return port->ctrl;
	case ISO_STATUS:
		return port->status;
	default:
		return 0;
	}
}

void port_write_register(struct port *port, unsigned int reg, uint32_t value)
{
	if (reg == ISO_CTRL)
		port->ctrl = merge_ctrl(port, value);
	else if (reg == ISO_STATUS)
		clear_status(port, value);
}

static uint32_t read_block(const struct port *port, uint64_t offset)
{
	uint32_t n = N_HEADERS - (port->capable ? 0 : 1);

	if (offset < CACHEMEM || offset >= BLOCK_SIZE)
		return 0;
	offset -= CACHEMEM;
	if (!offset)
		return n << 24 | 1 << 20 | 1 << 16 | 1;
	if (offset <= 4ull * n) {
		const struct header *h = &headers[offset / 4 - 1];

		return (uint32_t)h->offset << 20 | (uint32_t)h->version << 16 | h->id;
	}
	if (port->capable && offset >= ISO_AT && offset < ISO_AT + ISO_SIZE)
		return port_read_register(port, (unsigned int)(offset - ISO_AT));
	return 0;
}

static void write_block(struct port *port, uint64_t offset, uint32_t value)
{
	uint64_t at = CACHEMEM + ISO_AT;

	if (port->capable && offset >= at && offset < at + ISO_SIZE)
		port_write_register(port, (unsigned int)(offset - at), value);
}

/* Registers are accessed by aligned double words, as the specification demands. */
static bool is_register_access(const struct node *node, size_t size, uint64_t offset)
{
	return size == 4 && !(offset % 4) && offset + 4 <= node->size;
}

static ssize_t bar_read(struct node *node, void *buf, size_t size, uint64_t offset, struct op *op)
{
	const struct port *port = node->model;
	uint32_t v;

	(void)op;
	if (offset >= node->size)
		return 0;
	if (!is_register_access(node, size, offset))
		return -EINVAL;
	v = offset < port->block ? 0 : read_block(port, offset - port->block);
	for (int i = 0; i < 4; i++)
		((unsigned char *)buf)[i] = (unsigned char)(v >> 8 * i);
	return 4;
}

static ssize_t bar_write(struct node *node, const void *buf, size_t size, uint64_t offset, struct op *op)
{
	const unsigned char *b = buf;
	struct port *port = node->model;

	(void)op;
	if (!is_register_access(node, size, offset))
		return -EINVAL;
	if (offset >= port->block)
		write_block(port, offset - port->block,
			    (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24);
	return 4;
}

static const struct attr_ops bar_ops = { .read = bar_read, .write = bar_write };

/*
 * With the link down speed and width are undefined by the specification; here
 * the register reads 0, for which the kernel prints "Unknown" (link code 0 is
 * PCI_SPEED_UNKNOWN) and "0".
 */
static uint16_t link_status(const struct port *port)
{
	return port->link_up ? port->link_status : 0;
}

static ssize_t config_read(struct node *node, void *buf, size_t size, uint64_t offset, struct op *op)
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
			((unsigned char *)buf)[sta + i - offset] = (unsigned char)(link_status(port) >> 8 * i);
	return (ssize_t)size;
}

static const struct attr_ops config_ops = { .read = config_read };

static ssize_t speed_show(struct node *node, char *buf, size_t size)
{
	/* pci_speed_string() by the link code of Link Status */
	static const char *const speeds[] = {
		"Unknown", "2.5 GT/s PCIe", "5.0 GT/s PCIe", "8.0 GT/s PCIe",
		"16.0 GT/s PCIe", "32.0 GT/s PCIe", "64.0 GT/s PCIe",
	};
	unsigned int code = link_status(node->model) & PCIE_LNKSTA_SPEED;

	if (code >= sizeof(speeds) / sizeof(*speeds))
		code = 0;
	return snprintf(buf, size, "%s\n", speeds[code]);
}

static ssize_t width_show(struct node *node, char *buf, size_t size)
{
	return snprintf(buf, size, "%u\n", (link_status(node->model) & PCIE_LNKSTA_WIDTH) >> 4);
}

static const struct attr_ops speed_ops = { .show = speed_show };
static const struct attr_ops width_ops = { .show = width_show };

static int out_of_memory(struct err *err)
{
	return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
}

/* The size of the BAR from the lines "start end flags" of the file resource. */
static uint64_t bar_size(const struct port *port)
{
	const struct node *n = tree_child(port->dir, "resource");
	const char *line = n && n->data ? n->data : "";
	uint64_t start, end, least = port->block + BLOCK_SIZE;

	for (unsigned int i = 0; i < port->bar && line; i++) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line || sscanf(line, "0x%" SCNx64 " 0x%" SCNx64, &start, &end) != 2 || end <= start ||
	    end - start + 1 < least)
		return least;
	return end - start + 1;
}

int port_attach(struct port *port, const struct port_caps *caps, struct err *err)
{
	static const struct {
		const char *name;
		const struct attr_ops *ops;
	} live[] = {
		{ "config", &config_ops },
		{ "current_link_speed", &speed_ops },
		{ "current_link_width", &width_ops },
	};
	char name[32];
	struct node *n;

	port->capable = caps->capability;
	port->cap = caps->capability ? encode_caps(caps) : 0;
	port->modelled = true;
	for (size_t i = 0; i < sizeof(live) / sizeof(*live); i++) {
		n = tree_child(port->dir, live[i].name);
		if (n && n->kind == NODE_FILE) {
			n->ops = live[i].ops;
			n->model = port;
		}
	}
	snprintf(name, sizeof(name), "resource%u", port->bar);
	n = tree_add_attr(&port->sim->tree, port->dir, name, 0600, &bar_ops, port);
	if (!n)
		return out_of_memory(err);
	n->size = bar_size(port);
	return 0;
}

void port_link_up(struct port *port)
{
	uint32_t lnkcap = port_config_dword(port, port->pcie + PCIE_LNKCAP);

	port->link_up = true;
	if (!(port->link_status & PCIE_LNKSTA_WIDTH))	/* captured without a link: the best it can */
		port->link_status = (uint16_t)(lnkcap & (PCIE_LNKSTA_SPEED | PCIE_LNKSTA_WIDTH));
	if (lnkcap & PCIE_LNKCAP_DLLLARC)
		port->link_status |= PCIE_LNKSTA_DLLLA;
}

const char *port_link_down(struct port *port)
{
	port->link_up = false;
	if (port->ctrl & ISO_CACHE_ISOLATION && !(port->status & ISO_STS_CACHE_ISOLATED))
		port->status |= ISO_STS_CACHE_ISOLATED | ISO_STS_CACHE_BY_LINK_DOWN;
	if (port->status & ISO_STS_MEM_ISOLATED)
		return "the link is down; the port was isolated before";
	if (!(port->ctrl & ISO_MEM_ISOLATION)) {
		sim_die(port->sim, "reset", port,
			"the link went down and CXL.mem isolation was not enabled");
		return NULL;
	}
	port->status |= ISO_STS_MEM_ISOLATED | ISO_STS_MEM_BY_LINK_DOWN;
	return "the link is down and the port isolated CXL.mem";
}

const char *port_timeout(struct port *port)
{
	if (!(port->ctrl & ISO_MEM_TIMEOUT)) {
		sim_die(port->sim, "reset", port,
			"a CXL.mem access never completed and the timeout was not enabled");
		return NULL;
	}
	port->status |= ISO_STS_MEM_TIMEOUT;
	if (!(port->ctrl & ISO_MEM_ISOLATION)) {
		sim_die(port->sim, "reset", port,
			"CXL.mem timed out and isolation was not enabled");
		return NULL;
	}
	port->status |= ISO_STS_MEM_ISOLATED;
	if (!(port->ctrl & ISO_MEM_LINK_DOWN))
		return "CXL.mem timed out and the port isolated it";
	port->link_up = false;
	return "CXL.mem timed out, the port isolated it and took the link down";
}

void port_force_isolated(struct port *port)
{
	port->status |= ISO_STS_MEM_TIMEOUT | ISO_STS_MEM_ISOLATED;
}
