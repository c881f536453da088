// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel "rfc": the series of 2024 (20240215194048.141411), a PCIe port
 * service that switches timeout and isolation on when it finds the port, and
 * whose device has two attributes about the timeout's range.
 *
 * It asks for the port's interrupt and never sets the enable bit of it, so it
 * does not learn of an isolation, and nothing happens then.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sim/models/kernel.h"
#include "sim/models/port.h"
#include "sim/state/device.h"
#include "sim/state/kstr.h"
#include "sim/state/sim.h"
#include "util/array.h"

static const struct {
	unsigned int value;
	const char *text;
} texts[] = {
	{ 0x0, "Default range (50us-10ms)" },
	{ 0x1, "Range A (50us-100us)" }, { 0x2, "Range A (1ms-10ms)" },
	{ 0x5, "Range B (16ms-55ms)" }, { 0x6, "Range B (65ms-210ms)" },
	{ 0x9, "Range C (260ms-900ms)" }, { 0xa, "Range C (1s-3.5s)" },
	{ 0xd, "Range D (4s-13s)" }, { 0xe, "Range D (17s-64s)" },
};

static bool is_supported(const struct port *port, unsigned int value)
{
	uint32_t ranges = port_read_register(port, SIM_ISO_CAP) & SIM_ISO_MEM_RANGE;
	const struct iso_range *r = iso_range_by_value(value);

	return value ? r && r->needs & ranges : ranges;
}

static ssize_t range_show(struct node *node, char *buf, size_t size)
{
	return snprintf(buf, size, "%u\n", port_read_register(node->model, SIM_ISO_CTRL) & SIM_ISO_MEM_RANGE);
}

/* kstrtou8(s, 16, ...): hexadecimal, with 0x or without. */
static int parse_hex(const char *s, uint64_t *ret)
{
	char text[32];

	s += *s == '+';
	return snprintf(text, sizeof(text), "%s%s", strncasecmp(s, "0x", 2) ? "0x" : "", s) >= (int)sizeof(text) ?
	       -EINVAL : kstr_number(text, UINT8_MAX, ret);
}

static ssize_t range_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct port *port = node->model;
	uint32_t ctrl = port_read_register(port, SIM_ISO_CTRL);
	uint64_t value;

	(void)op;
	if (parse_hex(buf, &value))
		return -EINVAL;
	if (!is_supported(port, (unsigned int)value))
		return -ENXIO;
	port_write_register(port, SIM_ISO_CTRL,
			    (ctrl & ~(uint32_t)SIM_ISO_MEM_RANGE) | (uint32_t)value);
	return (ssize_t)len;
}

static ssize_t available_show(struct node *node, char *buf, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(texts) && n < size; i++)
		if (is_supported(node->model, texts[i].value))
			n += (size_t)snprintf(buf + n, size - n, "0x%x\t%s\n", texts[i].value, texts[i].text);
	return (ssize_t)n;
}

static const struct attr_ops range_ops = { .show = range_show, .store = range_store };
static const struct attr_ops available_ops = { .show = available_show };

/* The service's device, which the port has for its interrupt; attributes as is_visible has them. */
static int add_service(struct port *port, uint32_t cap, struct err *err)
{
	struct tree *tree = &port->sim->tree;
	struct node *dir, *bus = tree_add_path(tree, "sys/bus/pci_express/devices", NODE_DIR, 0755);
	char name[64];
	bool ok;

	snprintf(name, sizeof(name), "%.32s:pcie020", port->address);
	dir = tree_add(tree, port->dir, name, NODE_DIR, 0755);
	ok = dir && bus && !dev_link(port->sim, bus, name, dir);
	if (ok && cap & SIM_ISO_MEM_TIMEOUT)
		ok = tree_add_attr(tree, dir, "timeout_range", 0644, &range_ops, port);
	if (ok && cap & SIM_ISO_MEM_RANGE)
		ok = tree_add_attr(tree, dir, "available_timeout_ranges", 0444, &available_ops, port);
	return ok ? 0 : err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
}

int rfc_discover(const struct kernel *kernel, struct port *port, struct err *err)
{
	uint32_t cap = port_read_register(port, SIM_ISO_CAP),
		 ctrl = port_read_register(port, SIM_ISO_CTRL);

	(void)kernel;
	if (!(cap & SIM_ISO_INTERRUPT) || !(cap & (SIM_ISO_MEM_TIMEOUT | SIM_ISO_MEM_ISOLATION)))
		return 0;
	port_write_register(port, SIM_ISO_CTRL,
			    ctrl | (cap & (SIM_ISO_MEM_TIMEOUT | SIM_ISO_MEM_ISOLATION)));
	return add_service(port, cap, err);
}
