/* SPDX-License-Identifier: GPL-2.0-only */
/* The dax devices of regions, and their drivers for bind and unbind. */
#ifndef SIM_DAX_H
#define SIM_DAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct node;
struct sim;

/* dax_driver.c */

/*
 * A driver of the bus.  Memory of CXL is kmem's by its type; the others take what they
 * are told to.  Only device_dax answers who opens /dev/daxX.Y: with fsdev_dax it belongs
 * to a file system, and cannot be mapped.
 */
struct dax_driver {
	const char *name;
	int (*probe)(struct sim *sim, struct node *dax, const struct dax_driver *driver);
	void (*remove)(struct sim *sim, struct node *dax);
	bool by_type, answers;
};

/* In the order that a new device is offered to them; the last has no name. */
extern const struct dax_driver dax_drivers[];

/* NULL: there is none of this name, which may be NULL. */
const struct dax_driver *dax_driver(const char *name);
bool dax_driver_answers(const char *name);

int dax_probe(struct sim *sim, struct node *dax, const char *driver);
void dax_unbind(struct sim *sim, struct node *dax);

/* kmem.c */
int kmem_probe(struct sim *sim, struct node *dax, const struct dax_driver *driver);
void kmem_remove(struct sim *sim, struct node *dax);
int kmem_attach(struct sim *sim, struct node *dax);

/* A device_dax that failed leaves a page map behind, which fails all that follow. */
struct stale_dax {
	const struct node *dax;
	struct stale_dax *next;
};

/* dax.c */
int dax_bus_attach(struct sim *sim);
bool dax_matches(const struct sim *sim, const struct node *dax, const char *driver);

/* The driver is there from now on, as its module makes it; 0 or -errno. */
int dax_load_driver(struct sim *sim, const char *driver);

/* As with new_id: it takes the device, and again whenever it is bound. */
int dax_bind(struct sim *sim, struct node *dax, const char *driver);

/* A device's attributes, and the driver that is to have it. */
int dax_attach(struct sim *sim, struct node *dax);
void dax_autoprobe(struct sim *sim, struct node *dax);

/* Nothing was written to new_id. */
void dax_forget_ids(struct sim *sim);

/* dax_device.c: what a device says of itself, and what can be changed while nobody has it */
void dax_device_attach(struct sim *sim, struct node *dax);

/* dax_region.c */
int dax_region_attach(struct sim *sim, struct node *dir);
/* @parent: the region, or what it has in between. */
int dax_region_create(struct sim *sim, struct node *region, struct node *parent);
void dax_region_remove(struct sim *sim, struct node *region);

/* A part of a region: a device of @size bytes, 0: an empty one.  @driver NULL: none. */
struct dax_part {
	uint64_t size;
	const char *driver;
};

/* The region has these devices, one behind the other, instead of what it had.  -ENODEV:
 * it can have none; -EINVAL: too small for kmem. */
int dax_lay_out(struct sim *sim, struct node *region, const struct dax_part *parts, size_t n);

#endif
