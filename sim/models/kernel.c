// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernels that can be chosen: mainline, the posted series v1
 * (20250730214718.10679, patches 13 and 14) with its defects as they are,
 * v1-fixed, the same attributes without them, rfc (kernel_rfc.c), and ras-v18, the
 * attributes of v1-fixed with the handling of protocol errors as posted on 2026-07-17
 * (posted, not merged), which panics on an uncorrectable one, and kmem-state, v1-fixed
 * with what Linux 7.3 has merged: the file state of kmem's dax devices; private-nodes has
 * beside it their file private, of several series of 2026 (posted, not merged), and
 * sysram-regions, v1-fixed with the drivers of sysram.h (posted, not merged); type2-detach
 * is v1-fixed that takes the driver off an accelerator whose port isolates (possible, in
 * no posting).
 */
#include "sim/models/kernel.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sim/models/accel.h"
#include "sim/models/below.h"
#include "sim/models/bus.h"
#include "sim/models/port.h"
#include "sim/state/device.h"
#include "sim/state/kstr.h"
#include "sim/state/sim.h"
#include "util/array.h"

enum {
	BUSY_READS = 4, BUSY_WAIT_MS = 500,	/* how long a kernel waits for RP Busy */
	V1_GARBAGE = 0xf,			/* see v1_range_store() */
};

static bool same_trimmed(const char *s, const char *name)
{
	size_t n = strlen(name);

	s += strspn(s, " \t\n");
	return !strncasecmp(s, name, n) && !s[n + strspn(s + n, " \t\n")];
}

static const struct iso_range *range_by_name(const char *s)
{
	for (const struct iso_range *r = iso_ranges; r->name; r++)
		if (same_trimmed(s, r->name))
			return r;
	return NULL;
}

static uint32_t ctrl(const struct port *port)
{
	return port_read_register(port, SIM_ISO_CTRL);
}

static void set_ctrl(struct port *port, uint32_t value)
{
	port_write_register(port, SIM_ISO_CTRL, value);
}

static void change_ctrl(struct port *port, uint32_t bits, bool on)
{
	set_ctrl(port, on ? ctrl(port) | bits : ctrl(port) & ~bits);
}

/* 0 when the port is not busy; both kernels read the register a few times. */
static ssize_t wait_not_busy(const struct port *port, struct op *op)
{
	if (op->tries >= BUSY_READS)
		return -ETIMEDOUT;
	if (!(port_read_register(port, SIM_ISO_STATUS) & SIM_ISO_STS_BUSY))
		return 0;
	op->wait_ms = BUSY_WAIT_MS;
	return SIM_AGAIN;
}

static ssize_t isolation_show(struct node *node, char *buf, size_t size)
{
	return snprintf(buf, size, "%d\n", !!(ctrl(node->model) & SIM_ISO_MEM_ISOLATION));
}

static ssize_t timeout_show(struct node *node, char *buf, size_t size)
{
	return snprintf(buf, size, "%d\n", !!(ctrl(node->model) & SIM_ISO_MEM_TIMEOUT));
}

/* --- v1 ------------------------------------------------------------------ */

static ssize_t v1_isolation_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct port *port = node->model;
	ssize_t rc;
	bool on;

	if (kstr_bool(buf, &on))
		return -EINVAL;
	if (on) {
		change_ctrl(port, SIM_ISO_MEM_ISOLATION, true);
		return (ssize_t)len;
	}
	rc = wait_not_busy(port, op);
	if (rc)
		return rc;
	/* as posted: masked with the bit instead of its complement */
	set_ctrl(port, ctrl(port) & SIM_ISO_MEM_ISOLATION);
	return (ssize_t)len;
}

static ssize_t v1_timeout_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	bool on;

	(void)op;
	if (kstr_bool(buf, &on))
		return -EINVAL;
	change_ctrl(node->model, SIM_ISO_MEM_TIMEOUT, on);
	return (ssize_t)len;
}

static ssize_t v1_range_show(struct node *node, char *buf, size_t size)
{
	const struct iso_range *r = iso_range_by_value(ctrl(node->model) & SIM_ISO_MEM_RANGE);
	size_t n;

	if (!r)
		return -ENXIO;	/* the default, 0, included */
	n = (size_t)snprintf(buf, size, "%s\n", r->name);
	for (size_t i = 0; i < n; i++)
		buf[i] = (char)tolower((unsigned char)buf[i]);
	return (ssize_t)n;
}

static ssize_t v1_range_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct port *port = node->model;
	uint32_t cap = port_read_register(port, SIM_ISO_CAP);
	const struct iso_range *r;
	uint64_t value;

	(void)op;
	if (kstr_number(buf, UINT8_MAX, &value)) {
		if (!range_by_name(buf))
			return -EINVAL;
		/* as posted: the name's value is never assigned.  What is on the stack
		 * there is modelled as a reserved value, always the same one. */
		value = V1_GARBAGE;
	}
	if (!(cap & SIM_ISO_MEM_TIMEOUT))
		return -ENXIO;
	r = iso_range_by_value(value ? (unsigned int)value : 1);	/* 0 counts as range A */
	if (!r || !(r->needs & cap & SIM_ISO_MEM_RANGE))
		return -EINVAL;
	set_ctrl(port, 0);	/* as posted: every other control bit is lost */
	set_ctrl(port, (uint32_t)value);
	return (ssize_t)len;
}

static void v1_isolated(struct port *port)
{
	const char *memdev = below_type3(port), *sibling = below_sibling(port),
		   *function = below_unhandled(port);

	if (memdev)
		sim_die(port->sim, "panic", port->address, "the type-3 driver of %s panics on isolation", memdev);
	else if (function)
		sim_die(port->sim, "panic", port->address, "no driver of %s handles isolation", function);
	else if (sibling)
		sim_die(port->sim, "panic", port->address,
			"root port %s under the same host bridge has a device as well", sibling);
}

static const struct attr_ops v1_isolation = { .show = isolation_show, .store = v1_isolation_store };
static const struct attr_ops v1_timeout = { .show = timeout_show, .store = v1_timeout_store };
static const struct attr_ops v1_range = { .show = v1_range_show, .store = v1_range_store };

/* --- v1-fixed ------------------------------------------------------------ */

static ssize_t fixed_enable_store(struct node *node, const char *buf, size_t len, struct op *op,
				  uint32_t bit)
{
	struct port *port = node->model;
	ssize_t rc;
	bool on;

	if (kstr_bool(buf, &on))
		return -EINVAL;
	if (on && !(port_read_register(port, SIM_ISO_CAP) & bit))
		return -ENXIO;
	rc = !on && bit == SIM_ISO_MEM_ISOLATION ? wait_not_busy(port, op) : 0;
	if (rc)
		return rc;
	change_ctrl(port, bit, on);
	return (ssize_t)len;
}

static ssize_t fixed_isolation_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	return fixed_enable_store(node, buf, len, op, SIM_ISO_MEM_ISOLATION);
}

static ssize_t fixed_timeout_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	return fixed_enable_store(node, buf, len, op, SIM_ISO_MEM_TIMEOUT);
}

static ssize_t fixed_range_show(struct node *node, char *buf, size_t size)
{
	const struct port *port = node->model;
	unsigned int value = ctrl(port) & SIM_ISO_MEM_RANGE;
	const struct iso_range *r = iso_range_by_value(value);

	if (!(port_read_register(port, SIM_ISO_CAP) & SIM_ISO_MEM_TIMEOUT) || (value && !r))
		return -ENXIO;
	return snprintf(buf, size, "%s\n", r ? r->name : "default");
}

static ssize_t fixed_range_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct port *port = node->model;
	uint32_t cap = port_read_register(port, SIM_ISO_CAP);
	const struct iso_range *r = range_by_name(buf);
	uint64_t value = r ? r->value : 0;

	(void)op;
	if (!r && !same_trimmed(buf, "default") && kstr_number(buf, UINT8_MAX, &value))
		return -EINVAL;
	if (!(cap & SIM_ISO_MEM_TIMEOUT))
		return -ENXIO;
	r = iso_range_by_value((unsigned int)value);
	if (value ? !r || !(r->needs & cap & SIM_ISO_MEM_RANGE) : !(cap & SIM_ISO_MEM_RANGE))
		return -EINVAL;
	set_ctrl(port, (ctrl(port) & ~(uint32_t)SIM_ISO_MEM_RANGE) | (uint32_t)value);
	return (ssize_t)len;
}

static const struct attr_ops fixed_isolation = { .show = isolation_show,
						 .store = fixed_isolation_store };
static const struct attr_ops fixed_timeout = { .show = timeout_show, .store = fixed_timeout_store };
static const struct attr_ops fixed_range = { .show = fixed_range_show, .store = fixed_range_store };

/* --- type2-detach -------------------------------------------------------- */

/* device_release_driver(): what the driver made goes with it. */
static void detach_isolated(struct port *port)
{
	const char *name = below_endpoint(port);
	struct node *function = name ? dev_find(port->sim, "pci", name) : NULL;

	if (function && dev_driver(function) && !strcmp(dev_driver(function), ACCEL_DRIVER))
		driver_release(port->sim, function);
}

/* --- all ----------------------------------------------------------------- */

static int add_directory(const struct kernel *kernel, struct port *port, struct err *err)
{
	const struct {
		const char *name;
		const struct attr_ops *ops;
	} attrs[] = {
		{ "isolation_ctrl", kernel->isolation_ctrl },
		{ "timeout_ctrl", kernel->timeout_ctrl },
		{ "timeout_range", kernel->timeout_range },
	};
	struct tree *tree = &port->sim->tree;
	struct node *dir = tree_add(tree, port->dir, "cxl_isolation", NODE_DIR, 0755);

	for (size_t i = 0; dir && i < ARRAY_SIZE(attrs); i++)
		if (!tree_add_attr(tree, dir, attrs[i].name, 0644, attrs[i].ops, port))
			dir = NULL;
	return dir ? 0 : err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
}

/* Both need an interrupt and enable it; the attributes appear on every such port. */
static bool takes_port(const struct port *port)
{
	uint32_t cap = port_read_register(port, SIM_ISO_CAP);

	return cap & SIM_ISO_INTERRUPT && cap & (SIM_ISO_MEM_TIMEOUT | SIM_ISO_MEM_ISOLATION);
}

static int fixed_discover(const struct kernel *kernel, struct port *port, struct err *err)
{
	if (!takes_port(port))
		return 0;
	set_ctrl(port, SIM_ISO_INTERRUPT);
	return add_directory(kernel, port, err);
}

static int v1_discover(const struct kernel *kernel, struct port *port, struct err *err)
{
	if (!takes_port(port))
		return 0;
	/* as posted: isolation on; the timeout's test is inverted, so it is
	 * "enabled" only where it is unsupported and stays off elsewhere */
	set_ctrl(port, SIM_ISO_INTERRUPT | SIM_ISO_MEM_ISOLATION);
	return add_directory(kernel, port, err);
}

static const struct kernel kernels[] = {
	{ .name = "mainline", .summary = "no isolation support: registers as after reset" },
	{ .name = "v1",
	  .summary = "the posted series with its defects",
	  .discover = v1_discover,
	  .isolated = v1_isolated,
	  .isolation_ctrl = &v1_isolation,
	  .timeout_ctrl = &v1_timeout,
	  .timeout_range = &v1_range },
	{ .name = "v1-fixed",
	  .summary = "the posted attributes without the defects",
	  .discover = fixed_discover,
	  .isolation_ctrl = &fixed_isolation,
	  .timeout_ctrl = &fixed_timeout,
	  .timeout_range = &fixed_range },
	{ .name = "rfc",
	  .summary = "the series of 2024: the timeout's range alone",
	  .discover = rfc_discover },
	{ .name = "ras-v18",
	  .summary = "v1-fixed, and protocol errors handled as posted: not merged, panics on an uncorrectable one",
	  .discover = fixed_discover,
	  .panics_on_protocol_error = true,
	  .isolation_ctrl = &fixed_isolation,
	  .timeout_ctrl = &fixed_timeout,
	  .timeout_range = &fixed_range },
	{ .name = "kmem-state",
	  .summary = "v1-fixed, and kmem's dax devices have the file state: merged, Linux 7.3",
	  .discover = fixed_discover,
	  .has_kmem_state = true,
	  .isolation_ctrl = &fixed_isolation,
	  .timeout_ctrl = &fixed_timeout,
	  .timeout_range = &fixed_range },
	{ .name = "private-nodes",
	  .summary = "kmem-state, and memory of kmem's can be a private node's: posted, not merged",
	  .discover = fixed_discover,
	  .has_kmem_state = true,
	  .has_private_nodes = true,
	  .isolation_ctrl = &fixed_isolation,
	  .timeout_ctrl = &fixed_timeout,
	  .timeout_range = &fixed_range },
	{ .name = "sysram-regions",
	  .summary = "v1-fixed, and regions can be bound to cxl_sysram_region: posted, not merged",
	  .discover = fixed_discover,
	  .has_sysram_regions = true,
	  .isolation_ctrl = &fixed_isolation,
	  .timeout_ctrl = &fixed_timeout,
	  .timeout_range = &fixed_range },
	{ .name = "type2-detach",
	  .summary = "v1-fixed, and an accelerator loses its driver when its port isolates: possible, in no posting",
	  .discover = fixed_discover,
	  .isolated = detach_isolated,
	  .hears_cache = true,
	  .isolation_ctrl = &fixed_isolation,
	  .timeout_ctrl = &fixed_timeout,
	  .timeout_range = &fixed_range },
};

const struct kernel *kernel_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kernels); i++)
		if (!strcmp(kernels[i].name, name))
			return &kernels[i];
	return NULL;
}

void kernels_complete(struct complete *c)
{
	for (size_t i = 0; i < sizeof(kernels) / sizeof(*kernels); i++)
		complete_offer(c, kernels[i].name, kernels[i].summary);
}

const char *kernel_names(void)
{
	return "mainline, v1, v1-fixed, rfc, ras-v18, kmem-state, private-nodes, sysram-regions, type2-detach";
}
