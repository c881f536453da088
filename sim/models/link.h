/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The link of a root port: what the hardware does when it fails, is taken down, or an
 * access is not answered.
 */
#ifndef SIM_LINK_H
#define SIM_LINK_H

#include <stdbool.h>
#include <stdint.h>

struct port;

/* What keeps a link down. */
enum link_hold {
	HOLD_CUT = 1 << 0,		/* a failure that training overcomes */
	HOLD_FAILED = 1 << 1,		/* one that only the event link-up ends */
	HOLD_ISOLATED = 1 << 2,		/* the port forced it down with isolation */
	HOLD_DISABLE = 1 << 3,		/* Link Disable */
	HOLD_RESET = 1 << 4,		/* Secondary Bus Reset */
	HOLD_POWER = 1 << 5,		/* the slot is off */
};

/*
 * The hardware's part of what happens.  They return a sentence's middle that
 * says what it did, or NULL when the host reset (see sim->shared->death).
 */
const char *port_link_down(struct port *port, bool stuck);
const char *port_timeout(struct port *port, bool cache);

/* The hardware isolated, if it did since the status was @before: let the kernel react, if it enabled the interrupt. */
void port_signal(struct port *port, uint32_t before);

/* The failure is over; the link is up at once if nothing else holds it down. */
bool port_link_up(struct port *port);

/* Software takes the link down, in link_down_ms or with @now at once; a violation
 * while somebody uses the memory below. */
void link_hold(struct port *port, enum link_hold why, bool now);

/* A violation while somebody uses the memory below. */
void link_check_quiet(struct port *port);

/* What held it down ends; with nothing left it trains. */
void link_release(struct port *port, unsigned int holds);

/* Link Disable, Secondary Bus Reset and their masks were perhaps written. */
void link_control_written(struct port *port, bool retrain);

/* Isolated by a timeout whatever is enabled: a fault for tests. */
void port_force_isolated(struct port *port);

#endif
