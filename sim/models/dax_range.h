/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which memory of a region each of its dax devices has: one range after the other, in the
 * order of page offsets, as the directories mappingN show them.
 */
#ifndef SIM_DAX_RANGE_H
#define SIM_DAX_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct node;
struct sim;

struct dax_range {
	uint64_t start, size;
};

/* Range @i of a device, from 0; false: it has no such. */
bool dax_range(const struct node *dax, unsigned int i, struct dax_range *ret);

/* Bytes of all of them. */
uint64_t dax_ranges_size(const struct node *dax);

/* The range behind a device's last.  -ENOMEM: not all of it is in the region and free. */
int dax_range_add(struct sim *sim, struct node *dax, uint64_t start, uint64_t size);

/* A subsection, the least that page maps are made of (memremap_compat_align()). */
#define DAX_SUBSECTION (2ull << 20)

/* What a device's sizes are multiples of: its align, but at least a subsection. */
uint64_t dax_alignment(const struct node *dax);

/* Grow into what is free in the region, lowest address first, or give back the last ranges.
 * 0 or the kernel's errno. */
int dax_resize(struct sim *sim, struct node *dax, uint64_t size);

/* Attributes of the device and its region that follow from the ranges. */
int dax_ranges_show(struct sim *sim, struct node *dax);

/* Bytes of the region that no device has. */
uint64_t dax_available(const struct node *dir);

/* Where the memory begins that devices of @dir (dax_regionN) are cut from. */
uint64_t dax_region_start(const struct node *dir);

#endif
