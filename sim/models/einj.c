// SPDX-License-Identifier: GPL-2.0-only
/*
 * Protocol errors that firmware injects: see protocol_error.h.  The files are as
 * drivers/acpi/apei/einj-cxl.c and cxl_debugfs_create_dport_dir() of
 * drivers/cxl/core/port.c make them; what they answer to who asks for what the firmware
 * cannot do there is a guess.  Downstream ports of switches have them, too, and not here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim/models/below.h"
#include "sim/models/config_space.h"
#include "sim/models/link.h"
#include "sim/models/port.h"
#include "sim/models/protocol_error.h"
#include "sim/state/device.h"
#include "sim/state/kstr.h"
#include "sim/state/sim.h"
#include "util/array.h"

#define DEBUGFS "/sys/kernel/debug/cxl"

static const struct {
	unsigned int type;
	const char *name;
	unsigned int protocol;
	enum protocol_error severity;
} types[] = {
	{ 0x1000, "CXL.cache Protocol Correctable", DVSEC_CAP_CACHE, ERROR_CORRECTABLE },
	{ 0x2000, "CXL.cache Protocol Uncorrectable non-fatal", DVSEC_CAP_CACHE, ERROR_NONFATAL },
	{ 0x4000, "CXL.cache Protocol Uncorrectable fatal", DVSEC_CAP_CACHE, ERROR_FATAL },
	{ 0x8000, "CXL.mem Protocol Correctable", DVSEC_CAP_MEM, ERROR_CORRECTABLE },
	{ 0x10000, "CXL.mem Protocol Uncorrectable non-fatal", DVSEC_CAP_MEM, ERROR_NONFATAL },
	{ 0x20000, "CXL.mem Protocol Uncorrectable fatal", DVSEC_CAP_MEM, ERROR_FATAL },
};

static ssize_t inject_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct port *port = node->model;
	uint32_t before = port->status;
	size_t i = 0;
	uint64_t v;
	int rc = kstr_number(buf, UINT64_MAX, &v);

	(void)op;
	if (rc)
		return rc;
	while (i < ARRAY_SIZE(types) && types[i].type != v)
		i++;
	if (i == ARRAY_SIZE(types) || !(below_protocols(port) & types[i].protocol))
		return -EINVAL;
	if (!port->link_up)
		return -EBUSY;
	if (port_protocol_error(port, types[i].severity, port->address))
		port_signal(port, before);
	return (ssize_t)len;
}

static const struct attr_ops inject_ops = { .store = inject_store };

int einj_add(struct sim *sim)
{
	struct node *node = tree_add_path(&sim->tree, DEBUGFS "/einj_types", NODE_FILE, 0400), *debug;
	char path[128], text[400] = "";

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "0x%08x\t%s\n", types[i].type, types[i].name);
	if (!node || node_set_data(node, text, strlen(text)))
		return -ENOMEM;
	debug = tree_dir(&sim->tree, "/sys/kernel/debug");
	if (debug)
		debug->mode = (debug->mode & ~(mode_t)0777) | 0700;
	for (size_t i = 0; i < sim->n_ports; i++) {
		struct port *port = sim->ports[i];

		snprintf(path, sizeof(path), DEBUGFS "/%.40s", port->address);
		node = port->modelled ? tree_add_path(&sim->tree, path, NODE_DIR, 0755) : NULL;
		if (port->modelled && (!node || !tree_add_attr(&sim->tree, node, "einj_inject", 0200, &inject_ops, port)))
			return -ENOMEM;
	}
	return 0;
}
