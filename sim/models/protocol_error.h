/* SPDX-License-Identifier: GPL-2.0-only */
/* An uncorrectable CXL protocol error that a port or device reports. */
#ifndef SIM_PROTOCOL_ERROR_H
#define SIM_PROTOCOL_ERROR_H

struct port;

/* One below the root port, the kernel's part as well: as port_link_down() of link.h. */
const char *port_protocol_error(struct port *port);

#endif
