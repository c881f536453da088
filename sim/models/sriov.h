/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * SR-IOV of an accelerator's function, as drivers/pci/iov.c of Linux 6.12: its virtual functions
 * come and go with sriov_numvfs, and belong to ACCEL_DRIVER (accel.h) or to vfio-pci.
 */
#ifndef SIM_SRIOV_H
#define SIM_SRIOV_H

#include <stdbool.h>

struct node;
struct sim;

#define VFIO_DRIVER "vfio-pci"

enum {
	SRIOV_TOTAL = 4,	/* virtual functions that a function may have */
	SRIOV_OFFSET = 4,	/* the function number of the first */
};

/* The function @function was loaded, or (@is_back) found: then it has none of its own, and no override. */
void sriov_attach(struct sim *sim, struct node *function, bool is_back);

bool sriov_is_virtual(const struct node *function);

/* From none to @n virtual functions, or to none.  -errno. */
int sriov_set(struct sim *sim, struct node *function, unsigned int n);

/* May @driver have the device, by its table or by driver_override? */
bool sriov_matches(const struct sim *sim, const struct node *device, const char *driver);
/* A virtual function's driver is not probed where its physical function says so. */
bool sriov_is_probed(const struct sim *sim, const struct node *function);

/* vfio-pci comes and goes: somebody may open /dev/vfio/devices/vfioN from then on. */
int sriov_vfio_probe(struct sim *sim, struct node *function, const char *driver);
void sriov_vfio_unbind(struct sim *sim, struct node *function);

#endif
