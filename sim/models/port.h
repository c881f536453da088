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

#include "sim/state/tree.h"
#include "util/err.h"

/* CXL r3.2 8.2.4.24, capability id 9.  Bits of the three registers. */
enum {
	SIM_ISO_CAP = 0x0, SIM_ISO_CTRL = 0x8, SIM_ISO_STATUS = 0xc, SIM_ISO_SIZE = 0x10,

	SIM_ISO_MEM_RANGE = 0xf,		/* CAP: ranges supported; CTRL: value */
	SIM_ISO_MEM_TIMEOUT = 1 << 4,		/* CAP, CTRL */
	SIM_ISO_CACHE_RANGE_SHIFT = 8,
	SIM_ISO_CACHE_TIMEOUT = 1 << 12,
	SIM_ISO_MEM_ISOLATION = 1 << 16,
	SIM_ISO_MEM_LINK_DOWN = 1 << 17,
	SIM_ISO_CACHE_ISOLATION = 1 << 18,
	SIM_ISO_CACHE_LINK_DOWN = 1 << 19,
	SIM_ISO_ERR_COR = 1 << 25,
	SIM_ISO_INTERRUPT = 1 << 26,
	SIM_ISO_INTERRUPT_SHIFT = 27,		/* CAP: message number */

	SIM_ISO_STS_MEM_TIMEOUT = 1 << 0,
	SIM_ISO_STS_CACHE_TIMEOUT = 1 << 4,
	SIM_ISO_STS_MEM_ISOLATED = 1 << 8,
	SIM_ISO_STS_MEM_BY_LINK_DOWN = 1 << 9,
	SIM_ISO_STS_CACHE_ISOLATED = 1 << 12,
	SIM_ISO_STS_CACHE_BY_LINK_DOWN = 1 << 13,
	SIM_ISO_STS_BUSY = 1 << 14,		/* RO */
};

/* What CTRL has no meaning for: software writes back what it read (RsvdP). */
#define SIM_ISO_CTRL_RESERVED (~(uint32_t)(0xf | 1 << 4 | 0xf << 8 | 1 << 12 | 0xf << 16 | 1 << 25 | 1 << 26))

/* A timeout value of CTRL. */
struct iso_range {
	uint8_t value;
	uint8_t needs;		/* bit of CAP's supported ranges */
	const char *name;	/* as in the specification */
};

extern const struct iso_range iso_ranges[];	/* ends with a nameless entry */

const struct iso_range *iso_range_by_value(unsigned int value);

/* Bits of the control register that are set and cleared. */
struct port_preset {
	uint32_t mask, bits;
};

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
	struct port_preset preset;		/* what differs from what the kernel left at discovery */
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
	bool empty;			/* nothing is there that a link could be trained with */
	bool must_pass_down;		/* isolated, and the link was not down since */
};

/* Find the CXL root ports of the loaded tree: PCI Express root ports with a CXL
 * Register Locator.  They are sorted by address. */
int ports_discover(struct sim *sim, struct err *err);

/* Put the model behind the port's registers, config space and link attributes. */
int port_attach(struct port *port, const struct port_caps *caps, struct err *err);

/* After the kernel found the port; what it does not offer stays as it is. */
void port_preset(struct port *port, const struct port_preset *preset);

/* "0000:0c:00.0" or "0c:00.0"; NULL when there is no such port. */
struct port *port_find(const struct sim *sim, const char *address);

/* "0000:0c:00.0, 0000:0c:01.0" into @buf, which is returned. */
const char *ports_list(const struct sim *sim, char *buf, size_t size);

/* The root port whose directory holds @node, or NULL. */
struct port *port_of_node(const struct sim *sim, const struct node *node);

/* Its registers, SIM_ISO_CAP and such. */
uint32_t port_read_register(const struct port *port, unsigned int reg);
void port_write_register(struct port *port, unsigned int reg, uint32_t value);

#endif
