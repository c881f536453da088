/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The snapshot: one host's CXL hierarchy as it was when read, immutable
 * afterwards, every link resolved both ways.  Built by host_read(); checks,
 * plans and records only look at it.
 *
 * Source: Documentation/ABI/testing/sysfs-bus-cxl and sysfs-bus-dax of the
 * kernel.  An object with a missing or unreadable attribute keeps its place;
 * the attribute is not .known and one message says why.
 */
#ifndef CXL_HOST_H
#define CXL_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "cxl/lib/firmware/interval.h"
#include "cxl/lib/snapshot/isolation.h"
#include "util/arena.h"
#include "util/message.h"
#include "util/sysfs.h"

struct pci_access;

struct opt_u64 {
	bool known;
	uint64_t v;
};

struct cxl_bus {
	const char *name;	/* "root0" */
	const char *path;	/* below the root directory: "sys/devices/..." */
	const char *provider;	/* "ACPI.CXL", "cxl_test"; NULL when not recognised */
};

/* A CXL port that forwards: a host bridge's or a switch's. */
struct cxl_port {
	const char *name;	/* "port1" */
	const char *path;
	struct cxl_bus *bus;
	struct cxl_port *parent;	/* NULL for a host bridge's */
	const char *host;	/* "pci0000:0c", or the PCI address of a switch's upstream port; NULL when unknown */
	const char **dports;	/* a switch's: PCI addresses of the downstream ports */
	size_t n_dports;
	struct cxl_root_port *root_port;	/* a switch's: the one above it */
	size_t n_endpoints;	/* a host bridge's: of any type, below its root ports */
	bool locks_read;	/* decoder.c: its locked decoders are known */
	struct locked_decoder *locked;
	size_t n_locked;
};

/* A decoder that only a reboot can reset, and the region it carries. */
struct locked_decoder {
	const char *name, *region;
};

/* A CXL device that is none of cxl_pci's: type 1 or 2, its own driver's. */
struct cxl_accelerator {
	const char *name;	/* PCI address */
	const char *driver;	/* NULL when it has none */
	uint16_t caps;		/* DVSEC_CAP_*, 0 when unknown */
	const struct cxl_memdev *memdev;	/* NULL when it registers none */
	/* paths of attributes that it has, else NULL; the second is proposed, and on the memdev or the function */
	const char *reset_method, *cxl_reset;
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
	struct cxl_port *bridge;	/* the host bridge's port; NULL when it cannot be told */
	bool present;		/* the PCI device exists */
	bool may_have_more;	/* a region of its bus may also touch it: some position is unknown */
	bool is_dport;		/* a downstream port of its bridge on the CXL bus */
	bool has_loose;		/* memory without a region below it: see struct loose_memory */
	struct iso_state iso;
	struct link_state link;
	struct cxl_memdev **memdevs;
	size_t n_memdevs;
	struct cxl_region **regions;
	size_t n_regions;
	struct cxl_dax **dax;
	size_t n_dax;
	struct cxl_accelerator *accelerators;
	size_t n_accelerators;
	/* ways to take the link down */
	struct port_extensions ext;
	bool power_controller;	/* Slot Capabilities; also when they are unknown */
	bool cxl_bus_reset;	/* the device below offers it as a reset method */
	const char *slot;	/* its hotplug slot below /sys/bus/pci/slots; NULL when none is known */
};

struct cxl_memdev {
	const char *name;
	unsigned int id;
	const char *path;
	const char *host;	/* PCI address of the endpoint; NULL when it is no PCI device */
	const struct cxl_endpoint *endpoint;	/* NULL while it has left the topology */
	struct cxl_root_port *root_port;	/* NULL: unattached */
	struct cxl_bus *bus;
	const char **chain;	/* PCI addresses from the root port to the endpoint */
	size_t n_chain;
	bool bound;		/* cxl_mem driver */
	bool is_kept_devdax;	/* by a udev rule: see DAX_KEPT_RULE */
	bool is_accelerator;	/* a type-2 device's: no serial, and the PCI driver is not cxl_pci */
	struct opt_u64 serial, ram_bytes, pmem_bytes;
};

struct cxl_endpoint {
	const char *name;
	unsigned int id;	/* of endpointN, which names its decoders */
	const char *path;
	struct cxl_memdev *memdev;	/* NULL when the link is gone */
	struct cxl_port *port;	/* the one it hangs below; NULL when it is in none */
};

enum region_state {
	REGION_ENABLED,		/* committed, driver bound */
	REGION_DISABLED,	/* committed, no driver */
	REGION_RESET,		/* not committed, every target there */
	REGION_HUSK,		/* not committed and a target lost; it still holds its address range */
	REGION_UNKNOWN,		/* neither driver nor commit can tell; counts as committed */
};
extern const char *const region_state_names[];

struct cxl_region {
	const char *name;
	const char *path;
	struct cxl_bus *bus;
	enum region_state state;
	struct opt_u64 resource, size_bytes, ways;
	struct cxl_memdev **targets;	/* one per position; NULL where lost */
	const char **decoders;	/* the endpoint decoder of each position; NULL where none is known */
	size_t n_targets;
	bool targets_unknown;	/* some position could not be read: it may be anywhere on the bus */
	struct cxl_root_port **root_ports;
	size_t n_root_ports;
	const char **bridges;	/* of a husk: hosts of the bridges whose turn it is, by position; none: unknown */
	size_t n_bridges;
	struct cxl_dax **dax;
	size_t n_dax;
	/* System RAM blocks inside the region */
	size_t blocks_online, blocks_total;
	bool blocks_unknown;	/* some block could not be judged */
	const char *zone;	/* of online blocks: one that is not Movable where there is, NULL when unknown */
	bool is_pmem;		/* persistent memory */
	const char *mounted_at;	/* a file system on it; NULL when none is known */
	const char *mount_words;	/* all such places, for a shell's command line */
	const char *locked_by;	/* a decoder in its path, or itself; NULL when nothing is locked */
	uint64_t linear_cache_bytes;	/* extended linear cache: firmware made it */
	bool soft_reserved;	/* inside a Soft Reserved range of the firmware map */
};

/*
 * Addresses that a committed decoder of an endpoint sends to its memory, and that
 * no region has: firmware programmed it, and dax_hmem owns the memory, the page
 * allocator, or nobody.
 */
struct loose_memory {
	const char *decoder;
	const struct cxl_memdev *memdev;
	struct opt_u64 start;	/* root's alone may read it */
	uint64_t size_bytes;
	size_t blocks_online, blocks_total;
	bool blocks_unknown;
	const struct cxl_dax *dax;	/* hmem's device in it, NULL when none is known */
};

/* Two decoders of one interleaved range? */
static inline bool loose_is_same(const struct loose_memory *a, const struct loose_memory *b)
{
	return a->start.known && b->start.known && a->start.v == b->start.v;
}

/* A process that has a dax device open or mapped. */
struct dax_user {
	pid_t pid;
	const char *command;
	bool maps;		/* has it mapped, else only open */
	uint64_t mapped_bytes;
};

/* A range of host physical addresses, both ends in it. */
struct addr_range {
	uint64_t first, last;
};

enum block_state { BLOCK_OFFLINE, BLOCK_ONLINE, BLOCK_UNKNOWN };

/* A memory block that lies, at least in part, in a region or dax device. */
struct mem_block {
	unsigned int number;	/* of memoryN */
	enum block_state state;
	const char *zone;	/* of an online block; NULL: unknown, or nobody wanted it */
};

/* A zone of some node, and from where to where it spans. */
struct mem_zone {
	const char *name;	/* "Movable" */
	uint64_t first, last;	/* 0, 0: it has no memory */
	bool is_confirmed;	/* by a block's own word */
};

struct cxl_dax {
	const char *name;	/* "dax0.0" */
	const char *path;
	struct cxl_region *region;	/* NULL: not below a CXL region (hmem) */
	const char *driver;	/* "device_dax", "kmem", NULL when unbound */
	struct opt_u64 size_bytes;
	struct addr_range *ranges;
	size_t n_ranges;	/* 0: where it lies is unknown, or it is empty */
	struct dax_user *users;	/* by pid */
	size_t n_users;
	bool users_unknown;	/* there may be more users than those */
	bool memmap_on_memory;	/* asked for: in force only with the parameter of memory_hotplug */
	struct opt_u64 target_node;	/* while kmem is bound */
	const char *mounted_at, *fs;	/* a file system on it */
	const char *mount_words;	/* all such places, for a shell's command line */
};

/*
 * The file that `daxctl prepare-isolation --persist` writes below UDEV_RULES_DIR,
 * and the start of the line for each serial number in it, hexadecimal.
 */
#define DAX_KEPT_FILE "85-cxl-isolation.rules"
#define DAX_KEPT_RULE "ENV{CXL_ISOLATION_SERIALS}+=\"0x"

/* How this host treats memory that is added to it. */
struct memory_policy {
	/* read only where some object makes them matter; NULL, unknown otherwise */
	const char *auto_online;	/* auto_online_blocks: "offline", "online", ... */
	const char *memmap_parameter;	/* memory_hotplug.memmap_on_memory: "N", "Y", "force" */
	const char *private_nodes;	/* has_private_memory, "" when no node is */
	enum tri demotion;
	struct opt_u64 room_bytes;	/* that the nodes beside the CXL memory could still give */
};


struct cxl_host {
	struct arena arena;
	struct sysfs fs;
	struct messages messages;
	struct pci_access *pci;	/* libpci, while the registers are read */
	struct cxl_bus *buses;
	size_t n_buses;
	struct cxl_port *ports;
	size_t n_ports;
	struct cxl_root_port *root_ports;	/* in bus order */
	size_t n_root_ports;
	struct cxl_memdev *memdevs;
	size_t n_memdevs;
	struct cxl_endpoint *endpoints;
	size_t n_endpoints;
	struct cxl_region *regions;
	size_t n_regions;
	struct cxl_dax *dax;
	size_t n_dax;
	struct loose_memory *loose;
	size_t n_loose;
	uint64_t block_bytes;	/* memory block size, 0 when unknown */
	struct memory_policy policy;
	bool core_is_module;	/* the CXL core is not built into the kernel */
	bool wants_dax;		/* also what only the dax side needs: host_read_dax() */
	struct mem_block *blocks;	/* by number */
	size_t n_blocks;
	struct mem_zone *zones;	/* of the live host, when the dax side is wanted */
	size_t n_zones;
	struct interval_set soft_reserved;	/* of the firmware map; read when there is a region */
	bool users_read;	/* users.c looked for users of the dax devices */
	bool dax_in_use;	/* the kernel counts a user of some dax device, who need not be known */
	size_t n_hidden_processes;	/* could not be looked into */
};

/*
 * Read the host below @sysroot (NULL: the live one).  0, or -errno with @err:
 * EXIT_PREREQ when there is no CXL bus (says what is missing), EXIT_USAGE when
 * @sysroot cannot be opened.  Free with host_free() in either case.
 */
int host_read(struct cxl_host *host, const char *sysroot, struct err *err);
/* The same with what the dax side needs: where dax devices outside of regions lie, zones of memory blocks. */
int host_read_dax(struct cxl_host *host, const char *sysroot, struct err *err);
void host_free(struct cxl_host *host);

/* The parts of host_read(), in their order. */
int topology_read(struct cxl_host *host, struct err *err);
int root_ports_read(struct cxl_host *host);	/* -ENOMEM or 0; ports, endpoints and memdevs are known */
int root_ports_attach(struct cxl_host *host);	/* memdevs to their root ports */
void regions_report(struct cxl_host *host);	/* messages about husks; the blocks are known */
int regions_read(struct cxl_host *host);	/* -ENOMEM or 0; the memdevs are known */
int memory_read(struct cxl_host *host, struct err *err);
int loose_read(struct cxl_host *host);	/* -ENOMEM or 0; regions and dax devices are known */
/* Memory without a region below @rp, from behind @from (NULL: the first) on; NULL when there is no other. */
const struct loose_memory *loose_next_below(const struct cxl_host *host, const struct cxl_root_port *rp,
					    const struct loose_memory *from);
int zones_read(struct cxl_host *host);	/* -ENOMEM or 0 */
/* The zone of an online block; NULL: not known. */
const char *zone_of_block(struct cxl_host *host, unsigned int number, uint64_t first, uint64_t last);
int users_read(struct cxl_host *host, struct err *err);	/* the dax devices are known */
int locks_read(struct cxl_host *host);	/* -ENOMEM or 0; the regions are known */
int firmware_map_read(struct cxl_host *host);	/* the same */
int mounts_read(struct cxl_host *host);	/* -ENOMEM or 0; the dax devices are known */
int memory_policy_read(struct cxl_host *host);	/* the same */
int devices_read(struct cxl_host *host);	/* -ENOMEM or 0; the root ports' config space is read */
void registers_exit(struct cxl_host *host);

/* Of that memory, the part that its struct pages take: 64 bytes for 4 KiB. */
#define MEMMAP_SHARE 64
/* The endpoints below it, whatever their type: memdevs, and accelerators without one. */
size_t root_port_endpoints(const struct cxl_root_port *rp);
/* Memory below @rp whose struct pages the rest of the system does not hold yet. */
uint64_t memmap_missing_for(const struct cxl_host *host, const struct cxl_root_port *rp);
/* @path is below an nvdimm region ("…/ndbus0/region0/…"): the CXL region it is made of, NULL when none is. */
struct cxl_region *nd_region_of(struct cxl_host *host, const char *path);
/* A dax device of no region and no pmem namespace: dax_hmem's. */
bool dax_is_hmem(const struct cxl_dax *d);
/* It decodes addresses: traffic can be in it. */
bool region_is_committed(const struct cxl_region *r);
/* DVSEC_CAP_* of the PCI function at @path; 0 when it is no CXL device or cannot be read. */
uint16_t registers_device_caps(struct cxl_host *host, const char *path, const char *name);
/* A position of @r is below @rp. */
bool region_is_below(const struct cxl_region *r, const struct cxl_root_port *rp);
/* A position of @r could not be read: can it be below @rp? */
bool region_may_touch(const struct cxl_region *r, const struct cxl_root_port *rp);
/* It has no memory: made small by somebody, or not given any yet.  No driver takes it. */
bool dax_is_empty(const struct cxl_dax *d);
/* Blocks that lie in @d, from @from (NULL: the first) on; NULL when there is no other. */
const struct mem_block *dax_next_block(const struct cxl_host *host, const struct cxl_dax *d,
				       const struct mem_block *from);
/* endpointN by its number; NULL when there is none. */
struct cxl_endpoint *host_endpoint(struct cxl_host *host, unsigned int id);
/* The first region that @m's memory is in; NULL: none is known. */
const struct cxl_region *host_region_of_memdev(const struct cxl_host *host, const struct cxl_memdev *m);
/* The root port with that PCI address, NULL when there is none. */
struct cxl_root_port *host_root_port(struct cxl_host *host, const char *name);
/* A port's downstream ports, from the names of their links to PCI addresses. */
void port_follow_dports(struct cxl_host *host, struct cxl_port *port);

static inline bool path_is_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return !strncmp(path, dir, n) && path[n] == '/';
}

/* The bus whose directory is above @path; the first where none is. */
struct cxl_bus *host_bus_above(struct cxl_host *host, const char *path);

/*
 * Attribute OBJECT_PATH/ATTR, as a number or as text in the arena.  When it is
 * missing, unreadable or no number the value stays unknown and @host gets one
 * message about @object.
 */
struct opt_u64 attr_u64(struct cxl_host *host, const char *object, const char *path, const char *attr);
/* The same, where it may be missing: no message about that. */
struct opt_u64 attr_u64_optional(struct cxl_host *host, const char *object, const char *path, const char *attr);
/* OBJECT_PATH/ATTR (@attr NULL: the file @path itself) as text in the arena; NULL when it cannot be read. */
const char *attr_text(struct cxl_host *host, const char *path, const char *attr);
/* The last component of a link such as "driver"; NULL when there is none. */
const char *attr_link_name(struct cxl_host *host, const char *object, const char *path, const char *attr);

#endif
