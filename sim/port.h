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

/* PCI Express, from its capability, as in linux/pci_regs.h. */
enum {
	PCIE_LNKCTL = 0x10,
	PCIE_LNKSTA = 0x12,
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
	bool link_up;
	uint16_t link_status;		/* speed and width when it is up */
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

/* As captured; 0 beyond its end. */
uint32_t port_config_dword(const struct port *port, unsigned int at);

uint32_t port_read_register(const struct port *port, unsigned int reg);
void port_write_register(struct port *port, unsigned int reg, uint32_t value);

/*
 * The hardware's part of what happens.  They return a sentence's middle that
 * says what it did, or NULL when the host reset (see sim->shared->death).
 */
const char *port_link_down(struct port *port);
const char *port_timeout(struct port *port);
void port_link_up(struct port *port);

/* Isolated by a timeout whatever is enabled: a fault for tests. */
void port_force_isolated(struct port *port);

#endif
