// SPDX-License-Identifier: GPL-2.0-only
/*
 * See protocol_error.h.  AER freezes the hierarchy.  cxl_error_detected() takes cxl_mem off
 * every memory device there (drivers/cxl/core/ras.c), and what gets it back is a reset of
 * the link (drivers/pci/pcie/err.c): that the port's masks may hold it off would be kinder,
 * and is not counted on.  The drivers of accelerators answer for themselves.
 */
#include "sim/models/protocol_error.h"

#include <stdio.h>
#include <string.h>

#include "sim/models/below.h"
#include "sim/models/kernel.h"
#include "sim/models/link.h"
#include "sim/models/memdev.h"
#include "sim/models/port.h"
#include "sim/models/tracefs.h"
#include "sim/state/device.h"
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

/* The memory device of that function, if cxl_pci answers for its errors; NULL. */
static struct node *memdev_of(struct sim *sim, const char *function)
{
	struct node *n;

	for (size_t i = 0; (n = dev_next(sim, "cxl", &i)); )
		if (!strncmp(n->name, "mem", 3) && !strcmp(n->parent->name, function) &&
		    dev_driver(n->parent) && !strcmp(dev_driver(n->parent), "cxl_pci"))
			return n;
	return NULL;
}

/*
 * As aer_print_error() and cxl_pci's error handlers tell it.  Of a fatal error of what is below a port the status is
 * not read, since the link may be gone (aer_get_device_error_info()).  Of a root port's own errors, and with a driver
 * that is not cxl_pci, CXL has no event before the handling that panics.
 */
static void trace_error(const struct port *port, enum protocol_error severity, const char *source)
{
	static const char *const names[] = { "Corrected", "Uncorrected, non-fatal", "Fatal" };
	static const char task[] = "irq/26-aerdrv-105", ue[] = "Memory Data Parity Error";
	bool is_port = !strcmp(source, port->address);
	const char *status = severity == ERROR_CORRECTABLE ? "Corrected Internal Error" :
			     severity == ERROR_FATAL && !is_port ? "" : "Uncorrectable Internal Error";
	struct node *memdev = memdev_of(port->sim, source);
	unsigned long long serial = memdev ? (unsigned long long)dev_number(memdev, "serial", 0) : 0;

	/* its format ends with a newline of its own; 6.12 knows one kind of bus */
	trace_emit(port->sim, "ras/aer_event", task, "%s %s Bus Error: severity=%s, %s, TLP Header=Not available\n", source,
		   is_newer_kernel(port->sim) ? "CXL" : "PCIe", names[severity], status);
	if (memdev && severity == ERROR_CORRECTABLE)
		trace_emit(port->sim, "cxl/cxl_aer_correctable_error", task, "memdev=%s host=%s serial=%lld: status: 'Memory Data ECC Error'", memdev->name, source, serial);
	else if (memdev)
		trace_emit(port->sim, "cxl/cxl_aer_uncorrectable_error", task, "memdev=%s host=%s serial=%lld: status: '%s' first_error: '%s'", memdev->name, source, serial, ue, ue);
}

const char *port_media_event(struct port *port, const char *log)
{
	struct node *memdev = type3_below(port);

	if (!memdev)
		return NULL;
	trace_emit(port->sim, "cxl/cxl_general_media", "irq/31-cxl_pci-117",
		   "memdev=%s host=%s serial=%lld log=%s : time=%llu uuid=fbcd0a77-c260-417f-85a9-088b1621eba6 len=128 flags='' handle=1 related_handle=0 maint_op_class=0 : "
		   "dpa=10000 dpa_flags='' descriptor='UNCORRECTABLE_EVENT' type='ECC Error' transaction_type='Host Read' channel=0 rank=0 device=0 comp_id=00 validity_flags='' region= region_uuid=00000000-0000-0000-0000-000000000000",
		   memdev->name, memdev->parent->name, (unsigned long long)dev_number(memdev, "serial", 0), log, 1700000000000000000ULL);
	return memdev->name;
}

const char *port_protocol_error(struct port *port, enum protocol_error severity,
				const char *source)
{
	const struct kernel *kernel = port->sim->kernel;
	struct node *memdev;

	log_error(port, severity, source);
	trace_error(port, severity, source);
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
