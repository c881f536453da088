/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Devices of the simulated kernel as directories of the tree: attributes,
 * buses, drivers.  What a device is, is said by the tree alone, so that any
 * capture is a starting state; the models keep beside it only what sysfs does
 * not show.  Which writes do what is in the model files named below.
 */
#ifndef SIM_DEVICE_H
#define SIM_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/tree.h"

struct sim;

/* Something that was removed and can be found again. */
struct parked {
	struct node *gone;		/* its directory */
	struct node *parent;		/* was in this one, which may be gone, too */
	char *parent_path;
	struct parked *next;
};

/* A downstream port that a CXL port found when its driver bound: the very PCI
 * device, not one that came back at the same place. */
struct dport {
	const struct node *port, *pci;
	struct dport *next;
};

struct lost;

/* A memory block that does not go offline at once. */
struct busy_block {
	unsigned int number, ms;
	struct busy_block *next;
};

/* How a device that was removed returns. */
struct fate {
	char address[32];		/* of the PCI function */
	bool never;
	unsigned int late_ms;		/* its memory device, after the function */
	uint64_t serial;		/* another serial number, 0: the same */
	struct fate *next;
};

struct models {
	bool running;			/* the command runs: /dev follows */
	struct parked *pci;		/* removed functions */
	struct parked *endpoints;	/* endpoint ports that went, newest first */
	struct parked *ports;		/* switch ports that went, newest first */
	struct parked *slots;		/* of root ports that went */
	struct parked *nmems;		/* nvdimm devices of memory devices */
	struct parked *debug;		/* debugfs directories of memory devices */
	struct dport *dports;
	struct hdm *hdms;		/* reset.c */
	struct methods *methods;	/* reset.c */
	struct lost *lost;		/* lost.h */
	struct fate *fates;
	struct busy_block *busy_blocks;
	char **dax_ids;			/* device_dax's, written to new_id */
	size_t n_dax_ids;
};

/* Put the models behind every device of the loaded tree.  0 or -errno. */
int models_attach(struct sim *sim);
void models_free(struct sim *sim);

/* Whether a kernel was captured that is as the newer one of the two that the
 * models were measured against: 6.12 and 7.2. */
bool is_newer_kernel(const struct sim *sim);

/* --- attributes ---------------------------------------------------------- */

/* Text with a newline behind it; the attribute is made (0444) when it is not there. */
int dev_set(struct sim *sim, struct node *dir, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int dev_add_attr(struct sim *sim, struct node *dir, const char *name, mode_t mode, const char *text);

/* A number; @otherwise when it is missing or none. */
uint64_t dev_number(const struct node *dir, const char *name, uint64_t otherwise);
bool dev_is(const struct node *dir, const char *name, const char *text);

/* Stores of @ops behind the attribute, if the device has it. */
void dev_model(struct sim *sim, struct node *dir, const char *name, const struct attr_ops *ops);

/* What was written, without one newline at its end (sysfs_streq()): into @word, which is returned. */
const char *dev_word(const char *buf, char *word, size_t size);

/* --- buses and drivers --------------------------------------------------- */

/* The device of this name, NULL when there is none. */
struct node *dev_find(const struct sim *sim, const char *bus, const char *name);

/* A link in @dir to @target as sysfs makes it. */
int dev_link(struct sim *sim, struct node *dir, const char *name, const struct node *target);

/* Put it on the bus: the link there and its own to the subsystem. */
int dev_register(struct sim *sim, struct node *dir, const char *bus);

/* Name of the driver, NULL when it has none. */
const char *dev_driver(const struct node *dir);
int dev_bind(struct sim *sim, struct node *dir, const char *bus, const char *driver);
void dev_unbind(struct sim *sim, struct node *dir);

/* Driver directory; NULL: not loaded. */
struct node *dev_driver_dir(const struct sim *sim, const char *bus, const char *driver);

/* --- removal and return -------------------------------------------------- */

void dev_remove(struct sim *sim, struct node *dir);
int dev_park(struct parked **list, struct node *dir);
void parked_free(struct parked **list);

/* A copy of @gone below @parent as @name; each "@from<not a digit>" in the names and
 * texts in it becomes @to (NULL: none).  NULL: out of memory. */
struct node *dev_revive(struct sim *sim, const struct node *gone, struct node *parent, const char *name,
			const char *from, const char *to);

/* Lowest number that no device of the bus with one of these prefixes has. */
unsigned int dev_free_number(const struct sim *sim, const char *bus, const char *const *prefixes);

/* --- /dev and /proc/iomem ------------------------------------------------ */

void devnode_add(struct sim *sim, const char *name, uint64_t size);
void devnode_remove(struct sim *sim, const char *name);
/* A driver serves it: a file of this size; 0: none does.  Then opening it says ENXIO, as
 * a socket's file does, and whoever maps it gets SIGBUS. */
void devnode_answer(struct sim *sim, const char *name, uint64_t size);
/* What it holds is lost: whoever maps it gets SIGBUS. */
void devnode_fail(struct sim *sim, const char *name);
/* Whoever maps it from now on reads 0, and what is written is lost with the mapping. */
void devnode_lose(struct sim *sim, const char *name);
int iomem_add(struct sim *sim, uint64_t start, uint64_t size, const char *name);
bool iomem_has(const struct sim *sim, uint64_t start, uint64_t size, const char *name);
/* Some of the range is System RAM, whoever added it. */
bool iomem_has_ram(const struct sim *sim, uint64_t start, uint64_t size);
/* __release_region() leaves one that still has something below, */
void iomem_remove(struct sim *sim, uint64_t start, uint64_t size, const char *name);
/* remove_resource() moves that up. */
void iomem_remove_above(struct sim *sim, uint64_t start, uint64_t size, const char *name);
/* Something in a CXL window has part of the range; where that ends. */
bool iomem_is_taken(const struct sim *sim, uint64_t start, uint64_t size, uint64_t *ret_end);

/* --- the models: each attaches itself to a device's directory ------------ */

/* root_decoder.c */
void root_decoder_attach(struct sim *sim, struct node *decoder);

/* region.c */
#define REGION_NO_ADDRESS "0xffffffffffffffff"
void region_attach(struct sim *sim, struct node *region);
int region_probe(struct sim *sim, struct node *region);
void region_unbind(struct sim *sim, struct node *region);
/* An endpoint decoder goes: what is left of its region is a husk. */
void region_lose_decoder(struct sim *sim, struct node *decoder);

/* decoder.c: endpoint decoders, and what a region makes of the decoders in its path */
void endpoint_decoder_attach(struct sim *sim, struct node *decoder);
int decoder_claim(struct sim *sim, struct node *decoder, struct node *region);
void decoder_release(struct sim *sim, struct node *decoder, struct node *region);
void decoders_set_up(struct sim *sim, struct node *region);
int decoders_commit(struct sim *sim, struct node *region, bool on);
void decoders_tear_down(struct sim *sim, struct node *region);
bool decoder_dport(const struct sim *sim, const struct node *port, const struct node *target, unsigned int *ret);
/* A host bridge with one root port and no decoder registers: all goes through. */
bool decoder_is_passthrough(const struct node *port);
enum { REGION_MAX_WAYS = 16 };

/* How many targets it has; at most REGION_MAX_WAYS, whatever the attribute says. */
unsigned int region_ways(const struct node *region);

/* The region's target at @position, NULL when it is empty. */
struct node *region_target(const struct sim *sim, const struct node *region, unsigned int position);

/* reset.c: a decoder's interleave into its registers and from them */
int hdm_write(struct sim *sim, const struct node *decoder);
void hdm_read(struct sim *sim, struct node *decoder);
/* Everything at and below a PCI device is as after a conventional reset. */
void hdm_lose(struct sim *sim, const struct node *top);
bool hdm_is_lost(const struct sim *sim, const struct node *decoder);
/* Resets of a PCI function. */
int reset_attach(struct sim *sim, struct node *function);
void reset_free(struct models *models);

/* memdev.c: memory devices, endpoints, ports */
void memdev_attach(struct sim *sim, struct node *memdev);
int memdev_probe(struct sim *sim, struct node *memdev);
void memdev_unbind(struct sim *sim, struct node *memdev);
int port_probe(struct sim *sim, struct node *port);
void port_unbind(struct sim *sim, struct node *port);
int ports_note_dports(struct sim *sim, const struct node *port);
void dports_forget(struct sim *sim, const struct node *port);
/* The downstream port of the lowest CXL port above @device that knows it, NULL when there is none. */
struct dport *dport_above(const struct sim *sim, const struct node *device);

/* pci.c */
int pci_models_attach(struct sim *sim);

/* The device at this address is there, or was; from now on it returns like this. */
bool pci_knows(const struct sim *sim, const char *address);
int pci_set_fate(struct sim *sim, const struct fate *fate);

/* Its function goes, as with its remove file. */
int pci_remove(struct sim *sim, struct node *function);

/* Everything that is missing below @from comes back if it can; NULL: anywhere. */
int pci_rescan(struct sim *sim, const struct node *from);

/* slot.c: the slot of a bridge that goes or comes back */
void slots_attach(struct sim *sim);
void slot_remove(struct sim *sim, const struct node *bridge);
void slot_revive(struct sim *sim, const struct node *bridge);
void pci_function_attach(struct sim *sim, struct node *function);

/* dax.c */
int dax_models_attach(struct sim *sim);
int dax_region_create(struct sim *sim, struct node *region);
void dax_region_remove(struct sim *sim, struct node *region);
/* Nothing was written to new_id. */
void dax_forget_ids(struct sim *sim);

/* Node of a window's memory. */
unsigned int window_node(const struct sim *sim, const struct node *root_decoder);

/* nd.c: what the nvdimm bus makes of a pmem region */
int pmem_region_create(struct sim *sim, struct node *region);
void pmem_region_remove(struct sim *sim, struct node *region);

/* A memory device's nvdimm comes and goes with its driver. */
void nvdimm_add(struct sim *sim, struct node *memdev);
void nvdimm_remove(struct sim *sim, struct node *memdev);
/* The nvdimm bus's device of a memory device, NULL when it has none. */
struct node *memdev_nmem(const struct sim *sim, const struct node *memdev);

/* memory.c: memory blocks and nodes */
void memory_models_attach(struct sim *sim);
int memory_add(struct sim *sim, uint64_t start, uint64_t size, unsigned int node);
/* -EBUSY when a block is online */
int memory_remove(struct sim *sim, uint64_t start, uint64_t size);

/* Its blocks are offline, whatever holds them: the machine is off. */
void memory_force_offline(struct sim *sim, uint64_t start, uint64_t size);

/* How long it takes a block to go offline; MEMORY_BUSY: it never does. */
#define MEMORY_BUSY (~0u)
int memory_set_busy(struct sim *sim, unsigned int block, unsigned int ms);
unsigned int memory_busy_ms(const struct sim *sim, unsigned int block);

/* zone.c: valid_zones of the blocks of a node that are offline, and the zone of one that
 * is to be online, no matter where */
void zones_show(struct sim *sim, const struct node *node);
const char *zone_default(const struct node *block);

/* memdev.c: what was left to the CXL work queue */
void memdevs_flush(struct sim *sim);

/* bus.c: bind and unbind files, flush */
int bus_models_attach(struct sim *sim);

#endif
