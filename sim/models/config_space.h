/* SPDX-License-Identifier: GPL-2.0-only */
/* Config space: reading that of any function, and what is behind a root port's and an endpoint's. */
#ifndef SIM_CONFIG_SPACE_H
#define SIM_CONFIG_SPACE_H

#include <stdint.h>

struct node;
struct port;
struct port_caps;

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

/* Offset of the PCI Express capability of a root port, 0 when the function is none. */
unsigned int config_root_port(const struct node *config);

/* Put the model behind the root port's config space. */
void config_attach(struct port *port, const struct port_caps *caps);

/* And behind an endpoint's. */
void config_attach_endpoint(struct node *function);

#endif
