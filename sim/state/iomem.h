/* SPDX-License-Identifier: GPL-2.0-only */
/* /proc/iomem, and the plain files in /dev, as devices come and go. */
#ifndef SIM_IOMEM_H
#define SIM_IOMEM_H

#include <stdbool.h>
#include <stdint.h>

struct sim;

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

#endif
