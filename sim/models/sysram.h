/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Regions whose memory is to be System RAM, as posted on 2026-01-29 and not merged:
 * region0 bound to cxl_sysram_region has a device sysram_region0, which is told by its
 * online_type how the memory goes online, and bound to cxl_dax_kmem_region has the dax
 * region.
 */
#ifndef SIM_SYSRAM_H
#define SIM_SYSRAM_H

struct node;
struct sim;

#define SYSRAM_DRIVER "cxl_sysram_region"	/* of regions */
#define SYSRAM_DAX_DRIVER "cxl_dax_kmem_region"	/* of what the former makes */

/* The drivers, if the kernel has them.  -ENOMEM or 0. */
int sysram_load(struct sim *sim);

/* The region came to SYSRAM_DRIVER, or leaves it; one that has none loses nothing. */
int sysram_create(struct sim *sim, struct node *region);
void sysram_remove(struct sim *sim, struct node *region);

int sysram_probe(struct sim *sim, struct node *sysram, const char *driver);
void sysram_unbind(struct sim *sim, struct node *sysram);

#endif
