/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Dax devices of which pages are pinned: by VFIO, RDMA or buffers of io_uring.  Their driver
 * cannot go: memunmap_pages() of mm/memremap.c waits until they are given back, which no signal
 * ends, and the device is locked meanwhile (device_driver_detach() of drivers/base/dd.c).
 */
#ifndef SIM_PINNED_H
#define SIM_PINNED_H

#include <stdbool.h>

struct node;
struct op;
struct sim;

#define PINNED_FOR_EVER (~0u)

/* Given back @ms after its driver is told to go; PINNED_FOR_EVER: only by 0, which is at once.  -ENOMEM or 0. */
int pinned_set(struct sim *sim, struct node *dax, unsigned int ms);

/*
 * Does whoever wants to lock @device, a dax device or a region, have to wait for such a one?
 * Then op->wait_ms is set, for SIM_AGAIN.  @leaves: he takes its driver away.
 */
bool pinned_waits(struct op *op, struct node *device, bool leaves);

/* It goes all the same, as when its region is lost; it is pinned no more. */
void pinned_forget(struct sim *sim, const struct node *dax);

void pinned_free(struct sim *sim);

#endif
