// SPDX-License-Identifier: GPL-2.0-only
/*
 * See protocol_error.h.  AER freezes the hierarchy.  cxl_error_detected() takes cxl_mem off
 * every memory device there (drivers/cxl/core/ras.c), and what gets it back is a reset of
 * the link (drivers/pci/pcie/err.c): that the port's masks may hold it off would be kinder,
 * and is not counted on.  The drivers of accelerators answer for themselves.
 */
#include "sim/models/protocol_error.h"

#include <stdio.h>

#include "sim/models/below.h"
#include "sim/models/kernel.h"
#include "sim/models/link.h"
#include "sim/models/memdev.h"
#include "sim/models/port.h"
#include "sim/state/klog.h"
#include "sim/state/sim.h"

static struct node *type3_below(const struct port *port)
{
	const char *name = below_type3(port);
	char path[80];

	snprintf(path, sizeof(path), "/sys/bus/cxl/devices/%.40s", name ? name : "");
	return name ? tree_dir(&port->sim->tree, path) : NULL;
}

/* As aer_print_port_info() of drivers/pci/pcie/aer.c says it. */
static void log_error(const struct port *port, enum protocol_error severity, const char *source)
{
	static const char *const texts[] = { "Correctable", "Uncorrectable (Non-Fatal)", "Uncorrectable (Fatal)" };

	klog(port->sim, severity == ERROR_CORRECTABLE ? 4 : 3, "pcieport %s: AER: %s error message received from %s",
	     port->address, texts[severity], source);
}

const char *port_protocol_error(struct port *port, enum protocol_error severity,
				const char *source)
{
	const struct kernel *kernel = port->sim->kernel;
	struct node *memdev;

	log_error(port, severity, source);
	if (severity == ERROR_CORRECTABLE)
		return "a protocol error was corrected";
	if (kernel && kernel->panics_on_protocol_error) {
		sim_die(port->sim, "panic", port->address, "an uncorrectable CXL protocol error was confirmed below %s", port->address);
		return NULL;
	}
	while ((memdev = type3_below(port))) {
		klog(port->sim, 4, "cxl_pci %s: %s: frozen state error detected, disable CXL.mem", memdev->parent->name, memdev->name);
		memdev_unbind(port->sim, memdev);
	}
	return port_link_down(port, false);
}
