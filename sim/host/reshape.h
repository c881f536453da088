/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Hosts that nobody captured, from captures: accelerators, and memory that
 * firmware assembled.  Called on the loaded tree, before the models.
 */
#ifndef SIM_RESHAPE_H
#define SIM_RESHAPE_H

#include <stdint.h>

#include "util/err.h"

struct node;
struct sim;

/* Make the type-3 device at PCI address @address an accelerator of @type 1 (CXL.cache)
 * or 2 (both), or a device without CXL (0), whose driver is @driver. */
int reshape_device(struct sim *sim, const char *address, int type, const char *driver,
		   struct err *err);

/* Its function @number, of the same driver: without memory, and with none of CXL's capabilities. */
int reshape_add_function(struct sim *sim, const struct node *function, int number,
			 const char *driver);

/* A driver of the PCI bus, of nothing yet; NULL: out of memory. */
struct node *reshape_add_driver(struct sim *sim, const char *driver);

/* The memory device of a function; NULL: it has none. */
struct node *reshape_memdev(const struct node *function);

/* That device is not there: its root port is empty. */
int reshape_absent(struct sim *sim, const char *address, struct err *err);

/* Firmware reserved [start, end], of a region or of what a window has left, for its purpose:
 * in its memory map and, before Linux 7.0, in /proc/iomem. */
int reshape_soft_reserved(struct sim *sim, uint64_t start, uint64_t end, struct err *err);

#endif
