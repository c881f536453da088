/* SPDX-License-Identifier: GPL-2.0-only */
/* CXL protocol errors that a port or device reports. */
#ifndef SIM_PROTOCOL_ERROR_H
#define SIM_PROTOCOL_ERROR_H

struct port;
struct sim;

enum protocol_error { ERROR_CORRECTABLE, ERROR_NONFATAL, ERROR_FATAL };

/*
 * One below the root port, the kernel's part as well: as port_link_down() of link.h.  @source: the
 * PCI address of who reports it.  What was corrected is said in the kernel's log and its trace, and no more.
 */
const char *port_protocol_error(struct port *port, enum protocol_error severity,
				const char *source);

/*
 * The memory device below has an entry in its event log @log ("Informational", "Warning", "Failure" or "Fatal"), which
 * the kernel reads and traces.  Its name; NULL: there is none that cxl_mem drives.
 */
const char *port_media_event(struct port *port, const char *log);

/*
 * What debugfs has where firmware can inject such errors (EINJ, ACPI 6.5 sec 18.6) and the kernel
 * has CONFIG_ACPI_APEI_EINJ_CXL: einj_types, and einj_inject of each root port.  -ENOMEM or 0.
 */
int einj_add(struct sim *sim);

#endif
