/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the driver of an accelerator with memory makes of it: one region, which goes with
 * the driver and which the driver makes anew.  Binding and unbinding is pci.c's.
 */
#ifndef SIM_ACCEL_H
#define SIM_ACCEL_H

#include <stdbool.h>
#include <stdint.h>

struct models;
struct node;
struct sim;

#define ACCEL_CLASS "0x120000"	/* PCI: processing accelerator */
#define ACCEL_DRIVER "sfc"

struct accel {
	char address[32];		/* of the PCI function */
	/* the region that it had; "": none */
	char root[32], decoder_number[16], mode[16];
	uint64_t bytes, granularity, dpa_bytes, dpa_start;
	bool is_locked;			/* the core locks it for its driver */
	struct accel *next;
};

/* A function that the host was loaded with, if it is ACCEL_DRIVER's. */
int accel_attach(struct sim *sim, struct node *function);
struct accel *accel_of(const struct sim *sim, const char *address);

/* The driver goes: so does the region of @memdev, and what it was is kept. */
void accel_take_down(struct sim *sim, struct accel *accel, const struct node *memdev);
/* The driver came: it sets capacity aside and makes a region, as far as the CXL core lets it.  -errno. */
int accel_make(struct sim *sim, const struct accel *accel, const struct node *memdev);

void accel_free(struct models *models);

#endif
