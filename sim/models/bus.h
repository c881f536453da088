/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is behind the devices of a bus, and the drivers that can be bound to them.  The
 * table is in models.c, above the files that it names; those below reach it by
 * struct models.
 */
#ifndef SIM_BUS_H
#define SIM_BUS_H

#include <stdbool.h>

struct node;
struct sim;

struct model {
	const char *bus;
	const char *attribute, *value;	/* which devices: "devtype", "cxl_region"; NULL: @is says, or all */
	int (*attach)(struct sim *sim, struct node *device);	/* when the host is loaded; NULL: nothing */
	const char *driver;		/* NULL: none */
	int (*probe)(struct sim *sim, struct node *device, const char *driver);
	void (*unbind)(struct sim *sim, struct node *device);
	bool (*is)(const struct sim *sim, const struct node *device, const char *driver);
};

bool model_is(const struct sim *sim, const struct model *model, const struct node *device);

/* Its driver lets it go, as the kernel has it do; nothing where it has none. */
void driver_release(struct sim *sim, struct node *device);

/* Put bind and unbind into the drivers that are there; again when one is loaded. */
int drivers_attach(struct sim *sim);

#endif
