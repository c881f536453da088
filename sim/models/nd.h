/* SPDX-License-Identifier: GPL-2.0-only */
/* The nvdimm bus: what it makes of memory devices and pmem regions. */
#ifndef SIM_ND_H
#define SIM_ND_H

struct node;
struct sim;

int pmem_region_create(struct sim *sim, struct node *region);
void pmem_region_remove(struct sim *sim, struct node *region);

/* A memory device's nvdimm comes and goes with its driver. */
void nvdimm_add(struct sim *sim, struct node *memdev);
void nvdimm_remove(struct sim *sim, struct node *memdev);

#endif
