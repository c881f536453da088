// SPDX-License-Identifier: GPL-2.0-only
/*
 * The root port's registers: see port.h.  The file they are behind is resourceN;
 * config space is config_space.c, what happens to the link is link.c.
 */
#include "sim/models/port.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/models/below.h"
#include "sim/models/config_space.h"
#include "sim/models/link.h"
#include "sim/state/sim.h"
#include "util/array.h"

/*
 * The component register block (CXL r3.2 8.2.4): CXL.cachemem at 0x1000, an
 * array of headers there, then the capabilities.  Only Timeout & Isolation is
 * modelled; the others are named, as QEMU's root port does, and read 0.
 */
enum {
	BLOCK_SIZE = 0x10000,
	CACHEMEM = 0x1000,
	SIM_ISO_AT = 0x200,		/* from CACHEMEM */
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
	{ 9, 1, SIM_ISO_AT },		/* Timeout & Isolation; last, so that it can be left out */
};

enum { N_HEADERS = ARRAY_SIZE(headers) };

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
	.interrupt = 3, .unmask_writable = true,
	.link_up_ms = 50, .link_down_ms = 5,
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
	uint32_t v = c->mem_ranges | (uint32_t)c->cache_ranges << SIM_ISO_CACHE_RANGE_SHIFT;

	v |= c->mem_timeout ? SIM_ISO_MEM_TIMEOUT : 0;
	v |= c->mem_isolation ? SIM_ISO_MEM_ISOLATION : 0;
	v |= c->mem_link_down ? SIM_ISO_MEM_LINK_DOWN : 0;
	v |= c->cache_timeout ? SIM_ISO_CACHE_TIMEOUT : 0;
	v |= c->cache_isolation ? SIM_ISO_CACHE_ISOLATION : 0;
	v |= c->cache_link_down ? SIM_ISO_CACHE_LINK_DOWN : 0;
	v |= c->err_cor ? SIM_ISO_ERR_COR : 0;
	if (c->interrupt >= 0)
		v |= SIM_ISO_INTERRUPT | (uint32_t)c->interrupt << SIM_ISO_INTERRUPT_SHIFT;
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
	uint32_t enables = port->cap &
			   (SIM_ISO_MEM_TIMEOUT | SIM_ISO_CACHE_TIMEOUT | SIM_ISO_MEM_ISOLATION |
			    SIM_ISO_MEM_LINK_DOWN | SIM_ISO_CACHE_ISOLATION |
			    SIM_ISO_CACHE_LINK_DOWN | SIM_ISO_ERR_COR | SIM_ISO_INTERRUPT);
	uint32_t mem = merge_range(port->ctrl & SIM_ISO_MEM_RANGE, value & SIM_ISO_MEM_RANGE,
				   port->cap & SIM_ISO_MEM_RANGE);
	uint32_t cache = merge_range(port->ctrl >> SIM_ISO_CACHE_RANGE_SHIFT & 0xf,
				     value >> SIM_ISO_CACHE_RANGE_SHIFT & 0xf,
				     port->cap >> SIM_ISO_CACHE_RANGE_SHIFT & 0xf);

	return (value & enables) | mem | cache << SIM_ISO_CACHE_RANGE_SHIFT;
}

static void clear_status(struct port *port, uint32_t value)
{
	const uint32_t isolated = SIM_ISO_STS_MEM_ISOLATED | SIM_ISO_STS_CACHE_ISOLATED;
	const uint32_t rw1c = isolated | SIM_ISO_STS_MEM_TIMEOUT | SIM_ISO_STS_CACHE_TIMEOUT |
			      SIM_ISO_STS_MEM_BY_LINK_DOWN | SIM_ISO_STS_CACHE_BY_LINK_DOWN;

	if (value & port->status & isolated && port->status & SIM_ISO_STS_BUSY)
		sim_violation(port->sim, port->address,
			      "the isolation status of %s was cleared while RP Busy was set: undefined",
			      port->address);
	port->status &= ~(value & rw1c);
	if (!(port->status & isolated))
		link_release(port, HOLD_ISOLATED | HOLD_CUT);
}

uint32_t port_read_register(const struct port *port, unsigned int reg)
{
	switch (reg) {
	case SIM_ISO_CAP:
		return port->cap;
	case SIM_ISO_CTRL:
		return port->ctrl | port->reserved;
	case SIM_ISO_STATUS:
		return port->status;
	default:
		return 0;
	}
}

void port_write_register(struct port *port, unsigned int reg, uint32_t value)
{
	if (reg == SIM_ISO_CTRL)
		port->ctrl = merge_ctrl(port, value);
	else if (reg == SIM_ISO_STATUS)
		clear_status(port, value);
}

void port_preset(struct port *port, const struct port_preset *preset)
{
	if (port->capable)
		port->ctrl = merge_ctrl(port, (port->ctrl & ~preset->mask) | preset->bits);
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
	if (port->capable && offset >= SIM_ISO_AT && offset < SIM_ISO_AT + SIM_ISO_SIZE)
		return port_read_register(port, (unsigned int)(offset - SIM_ISO_AT));
	return 0;
}

static void write_block(struct port *port, uint64_t offset, uint32_t value)
{
	uint64_t at = CACHEMEM + SIM_ISO_AT;
	uint32_t changed = (value ^ port->reserved) & SIM_ISO_CTRL_RESERVED;

	if (!port->capable || offset < at || offset >= at + SIM_ISO_SIZE)
		return;
	if (offset - at == SIM_ISO_CTRL && changed)
		sim_violation(port->sim, port->address, "reserved bits 0x%08" PRIx32 " of the control register of %s "
			      "were changed: they are to be preserved (RsvdP)", changed, port->address);
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

static ssize_t bar_write(struct node *node, const void *buf, size_t size, uint64_t offset,
			 struct op *op)
{
	const unsigned char *b = buf;
	struct port *port = node->model;

	(void)op;
	if (!is_register_access(node, size, offset))
		return -EINVAL;
	if (offset >= port->block)
		write_block(port, offset - port->block,
			    (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
				    (uint32_t)b[3] << 24);
	return 4;
}

static const struct attr_ops bar_ops = { .read = bar_read, .write = bar_write };

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
	char name[32];
	struct node *n;

	port->capable = caps->capability;
	port->cap = caps->capability ? encode_caps(caps) : 0;
	port->reserved = caps->reserved & SIM_ISO_CTRL_RESERVED;
	port->link_up_ms = caps->link_up_ms;
	port->link_down_ms = caps->link_down_ms;
	port->modelled = true;
	port->empty = !port->link_status && !below_endpoint(port);
	config_attach(port, caps);
	snprintf(name, sizeof(name), "resource%u", port->bar);
	n = tree_add_attr(&port->sim->tree, port->dir, name, 0600, &bar_ops, port);
	if (!n)
		return out_of_memory(err);
	n->size = bar_size(port);
	return 0;
}
