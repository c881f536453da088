/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Model of a CXL root port: the Timeout & Isolation capability in its
 * component registers, its link, and what the hardware does when a timeout or
 * a link down strikes.  What the kernel makes of it is kernel.h.
 */
#ifndef SIM_PORT_H
#define SIM_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/tree.h"
#include "util/err.h"

/* CXL r3.2 8.2.4.24, capability id 9.  Bits of the three registers. */
enum {
	ISO_CAP = 0x0, ISO_CTRL = 0x8, ISO_STATUS = 0xc, ISO_SIZE = 0x10,

	ISO_MEM_RANGE = 0xf,			/* CAP: ranges supported; CTRL: value */
	ISO_MEM_TIMEOUT = 1 << 4,		/* CAP, CTRL */
	ISO_CACHE_RANGE_SHIFT = 8,
	ISO_CACHE_TIMEOUT = 1 << 12,
	ISO_MEM_ISOLATION = 1 << 16,
	ISO_MEM_LINK_DOWN = 1 << 17,
	ISO_CACHE_ISOLATION = 1 << 18,
	ISO_CACHE_LINK_DOWN = 1 << 19,
	ISO_ERR_COR = 1 << 25,
	ISO_INTERRUPT = 1 << 26,
	ISO_INTERRUPT_SHIFT = 27,		/* CAP: message number */

	ISO_STS_MEM_TIMEOUT = 1 << 0,
	ISO_STS_CACHE_TIMEOUT = 1 << 4,
	ISO_STS_MEM_ISOLATED = 1 << 8,
	ISO_STS_MEM_BY_LINK_DOWN = 1 << 9,
	ISO_STS_CACHE_ISOLATED = 1 << 12,
	ISO_STS_CACHE_BY_LINK_DOWN = 1 << 13,
	ISO_STS_BUSY = 1 << 14,			/* RO */
};

/* What CTRL has no meaning for: software writes back what it read (RsvdP). */
#define ISO_CTRL_RESERVED (~(uint32_t)(0xf | 1 << 4 | 0xf << 8 | 1 << 12 | 0xf << 16 | 1 << 25 | 1 << 26))

/* PCI, and PCI Express from its capability, as in linux/pci_regs.h. */
enum {
	PCI_COMMAND = 0x4,
	PCI_BRIDGE_CTL = 0x3e,
	PCI_BRIDGE_CTL_SBR = 1 << 6,		/* Secondary Bus Reset */
	PCIE_LNKCAP = 0xc,
	PCIE_LNKCAP_DLLLARC = 1 << 20,		/* reports Data Link Layer Link Active */
	PCIE_LNKCTL = 0x10,
	PCIE_LNKCTL_LD = 1 << 4,		/* Link Disable */
	PCIE_LNKCTL_RL = 1 << 5,		/* Retrain Link; reads 0 */
	PCIE_LNKSTA = 0x12,
	PCIE_LNKSTA_SPEED = 0xf,
	PCIE_LNKSTA_WIDTH = 0x3f0,
	PCIE_LNKSTA_DLLLA = 1 << 13,
};

/* A timeout value of CTRL. */
struct iso_range {
	uint8_t value;
	uint8_t needs;		/* bit of CAP's supported ranges */
	const char *name;	/* as in the specification */
};

extern const struct iso_range iso_ranges[];	/* ends with a nameless entry */

const struct iso_range *iso_range_by_value(unsigned int value);

/* What the root port is to offer. */
struct port_caps {
	bool capability;
	bool mem_timeout, mem_isolation, mem_link_down;
	bool cache_timeout, cache_isolation, cache_link_down;
	bool err_cor;
	uint8_t mem_ranges, cache_ranges;	/* bit 0 = A ... bit 3 = D */
	int interrupt;				/* message number, -1: none */
	uint32_t reserved;			/* what the reserved bits of CTRL read as */
	bool unmask_sbr, unmask_link_disable;	/* as firmware left DVSEC 3 */
	bool unmask_writable;			/* software can change them */
	unsigned int link_up_ms, link_down_ms;	/* how long the link takes */
};

extern const struct port_caps port_caps_default;

struct sim;

struct port {
	struct sim *sim;
	struct node *dir;		/* its directory below /sys/devices */
	const char *address;		/* "0000:0c:00.0", the directory's name */
	uint64_t key;			/* for the order of ports */
	struct node *config;
	unsigned int pcie;		/* offset of the PCI Express capability */
	unsigned int bar;		/* which BAR holds the component registers */
	uint64_t block;			/* where they begin there */
	bool modelled;			/* the members below mean something */
	bool capable;			/* it has Timeout & Isolation */
	uint32_t cap, ctrl, status;
	uint32_t reserved;		/* bits of ctrl that never change */
	bool unmask_writable;
	bool link_up;			/* Data Link Layer Active */
	uint16_t link_status;		/* speed and width when it is up */
	unsigned int held;		/* what keeps the link down: enum link_hold */
	unsigned int link_up_ms, link_down_ms;
	unsigned int late_ms;		/* more, the next time */
	unsigned int trainings;		/* started so far: an older one that ends is void */
	bool must_pass_down;		/* isolated, and the link was not down since */
};

enum link_hold {
	HOLD_CUT = 1 << 0,		/* a failure that training overcomes */
	HOLD_FAILED = 1 << 1,		/* one that only the event link-up ends */
	HOLD_ISOLATED = 1 << 2,		/* the port forced it down with isolation */
	HOLD_DISABLE = 1 << 3,		/* Link Disable */
	HOLD_RESET = 1 << 4,		/* Secondary Bus Reset */
	HOLD_POWER = 1 << 5,		/* the slot is off */
};

/* Find the CXL root ports of the loaded tree: PCI Express root ports with a CXL
 * Register Locator.  They are sorted by address. */
int ports_discover(struct sim *sim, struct err *err);
void port_free(struct port *port);

/* Put the model behind the port's registers, config space and link attributes. */
int port_attach(struct port *port, const struct port_caps *caps, struct err *err);

/* "0000:0c:00.0" or "0c:00.0"; NULL when there is no such port. */
struct port *port_find(const struct sim *sim, const char *address);

/* "0000:0c:00.0, 0000:0c:01.0" into @buf, which is returned. */
const char *ports_list(const struct sim *sim, char *buf, size_t size);

/* The root port whose directory holds @node, or NULL. */
struct port *port_of_node(const struct sim *sim, const struct node *node);

/* --- config space, of any function --------------------------------------- */

/* CXL's DVSECs (vendor 0x1e98), CXL r3.2 8.1. */
enum {
	DVSEC_DEVICE = 0,			/* +0xa: what the device speaks */
	DVSEC_DEVICE_CAP = 0xa,
	DVSEC_CAP_CACHE = 1 << 0, DVSEC_CAP_IO = 1 << 1, DVSEC_CAP_MEM = 1 << 2,
	DVSEC_PORT = 3,				/* Extensions for Ports, +0xc: control */
	DVSEC_PORT_CTRL = 0xc,
	DVSEC_UNMASK_SBR = 1 << 0, DVSEC_UNMASK_LINK_DISABLE = 1 << 1,
	DVSEC_REGISTER_LOCATOR = 8,
};

/* 0 beyond its end. */
uint32_t config_dword(const struct node *config, unsigned int at);

/* Offset of the DVSEC, 0 when the function has none. */
unsigned int config_dvsec(const struct node *config, unsigned int id);

/* Put the model behind the root port's config space (config.c). */
void config_attach(struct port *port, const struct port_caps *caps);

/* And behind an endpoint's. */
void config_attach_endpoint(struct node *function);

/* --- registers ------------------------------------------------------------ */

uint32_t port_read_register(const struct port *port, unsigned int reg);
void port_write_register(struct port *port, unsigned int reg, uint32_t value);

/* --- link.c --------------------------------------------------------------- */

/*
 * The hardware's part of what happens.  They return a sentence's middle that
 * says what it did, or NULL when the host reset (see sim->shared->death).
 */
const char *port_link_down(struct port *port, bool stuck);
const char *port_timeout(struct port *port, bool cache);

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
