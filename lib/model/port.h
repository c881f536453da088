/* SPDX-License-Identifier: GPL-2.0-only */
/* CXL buses, ports, and root ports with what is below them. */
#ifndef CXL_PORT_H
#define CXL_PORT_H

#include "lib/model/isolation.h"
#include "lib/model/kept.h"
#include "lib/model/memdev.h"

struct arena;
struct cxl_dax;
struct cxl_region;

struct cxl_bus {
	const char *name;	/* "root0" */
	const char *path;	/* below the root directory: "sys/devices/..." */
	const char *provider;	/* "ACPI.CXL", "cxl_test"; NULL when not recognised */
};

/* A CXL port that forwards: a host bridge's or a switch's. */
struct cxl_port {
	const char *name;	/* "port1" */
	const char *path;
	const struct cxl_bus *bus;
	const struct cxl_port *parent;	/* NULL for a host bridge's */
	const char *host;	/* "pci0000:0c", or the PCI address of a switch's upstream port; NULL when unknown */
	const char **dports;	/* a switch's: PCI addresses of the downstream ports */
	size_t n_dports;
	const struct cxl_root_port *root_port;	/* a switch's: the one above it */
	size_t n_endpoints;	/* a host bridge's: of any type, below its root ports */
	/* a host bridge's: those that go through it, or may (a lost or unread position); NULL: look at all */
	const struct cxl_region **regions;
	size_t n_regions;
	bool locks_read;	/* locks.c: its locked decoders are known, */
	bool locks_unknown;	/* or some of them are not */
	const struct locked_decoder *locked;
	size_t n_locked;
};

/* A decoder that only a reboot can reset, and the region it carries. */
struct locked_decoder {
	const char *name, *region;
};

/* A CXL device that is none of cxl_pci's: type 1 or 2, its own driver's. */
struct cxl_accelerator {
	const char *name;	/* PCI address */
	const char *path;
	const char *driver;	/* NULL when it has none */
	uint16_t caps;		/* DVSEC_CAP_*, 0 when unknown */
	const struct cxl_memdev *memdev;	/* NULL when it registers none */
	/* paths of attributes that it has, else NULL; the second is proposed, and on the memdev or the function */
	const char *reset_method, *cxl_reset;
	bool is_direct;		/* below the root port itself, behind no switch */
};

/* One of the PCI functions that the first accelerator's device has, itself and virtual ones included. */
struct device_function {
	const char *name;	/* PCI address */
	const char *driver;	/* NULL when it has none */
	const char *physical;	/* a virtual one's: whose it is; NULL */
	const char *override;	/* its driver_override; NULL: none */
	bool override_known;
	struct opt_u64 numvfs;	/* how many virtual ones it has */
	int vf_autoprobe;	/* sriov_drivers_autoprobe: 0, 1; -1: not there, -2: not known */
};

/* An ordinary PCI device. */
struct pci_function {
	const char *name;	/* PCI address */
	const char *driver;	/* NULL when it has none */
};

/* DVSEC "CXL Extensions for Ports" of a root port, CXL r3.2 sec 8.1.5 */
struct port_extensions {
	bool known;
	uint16_t control;
	unsigned int control_offset;	/* in config space */
};
#define PORT_UNMASK_SBR (1u << 0)
#define PORT_UNMASK_LINK_DISABLE (1u << 1)

/* DVSEC "PCIe DVSEC for CXL Devices" +0Ah, CXL r3.2 sec 8.1.3.1 */
#define DVSEC_CAP_CACHE (1u << 0)
#define DVSEC_CAP_IO (1u << 1)
#define DVSEC_CAP_MEM (1u << 2)

struct cxl_root_port {
	const char *name;	/* PCI address */
	uint64_t key;		/* sorts in bus order */
	const char *path;	/* "sys/devices/pci0000:0c/0000:0c:00.0" */
	const struct cxl_port *bridge;	/* the host bridge's port; NULL when it cannot be told */
	bool present;		/* the PCI device exists */
	bool may_have_more;	/* a region of its bus may also touch it: some position is unknown */
	bool is_dport;		/* a downstream port of its bridge on the CXL bus */
	bool has_loose;		/* memory without a region below it: see struct loose_memory */
	struct iso_state iso;
	struct link_state link;
	const struct cxl_memdev **memdevs;
	size_t n_memdevs;
	const struct cxl_region **regions;
	size_t n_regions;
	const struct cxl_dax **dax;
	size_t n_dax;
	const struct cxl_accelerator *accelerators;
	size_t n_accelerators;
	const struct device_function *device_functions;	/* of accelerators[0], by address; none: not known */
	size_t n_device_functions;
	uint16_t caps_below;	/* DVSEC_CAP_* of all devices below, together */
	bool below_unread;	/* there is one whose DVSEC cannot be read */
	const struct pci_function *pci_functions;	/* below it, no bridges and no CXL devices */
	size_t n_pci_functions;
	/* ways to take the link down, of which host_read() reads no more than one needs: link_ways.h */
	struct port_extensions ext;
	bool power_controller;	/* Slot Capabilities; also when they are unknown */
	bool subordinate_reset;	/* it has reset_subordinate, as on Linux 6.12 */
	const char *resettable;	/* the only function below it, a memdev's, when that offers cxl_bus; NULL */
	bool cxl_bus_reset;	/* there is one */
	const char *slot;	/* its hotplug slot below /sys/bus/pci/slots that has a power switch; NULL when none is known */
	const char **functions;	/* PCI functions directly below it; all that are there once link_ways_read() was called */
	size_t n_functions;
	struct port_kept kept;	/* what files of this host say of it */
};

/* Does a device below it have CXL.mem, or CXL.cache (DVSEC 0)?  TRI_NO also where nothing is below. */
enum tri root_port_speaks_mem(const struct cxl_root_port *rp);
enum tri root_port_speaks_cache(const struct cxl_root_port *rp);
/* Is nothing below it that could fail: no CXL device, or only ordinary PCI devices (pci_functions)? */
bool root_port_is_empty(const struct cxl_root_port *rp);
/* "0000:0f:00.0 (nvme), 0000:0f:00.1" of its ordinary PCI devices, from @a. */
const char *root_port_functions_text(const struct cxl_root_port *rp, struct arena *a);
/* The endpoints below it, whatever their type: memdevs, and accelerators without one. */
size_t root_port_endpoints(const struct cxl_root_port *rp);
/* The memdev of that PCI function below @rp, NULL when it has none. */
const struct cxl_memdev *root_port_memdev(const struct cxl_root_port *rp, const char *function);

#endif
