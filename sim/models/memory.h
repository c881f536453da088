/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory blocks and the nodes they are on. */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

struct node;
struct sim;

/* memory.c */
void memory_models_attach(struct sim *sim);

/* @policy as in auto_online_blocks; NULL: that one. */
int memory_add(struct sim *sim, uint64_t start, uint64_t size, unsigned int node,
	       const char *policy);

/* Would all of its blocks go offline?  What is not movable has something of the kernel's. */
bool memory_may_go(const struct sim *sim, uint64_t start, uint64_t size);

/* What of a range is whole memory blocks, all of it where nothing says how large they
 * are; false: nothing. */
bool memory_whole_blocks(const struct sim *sim, uint64_t *start, uint64_t *size);

/* -EBUSY when a block is online */
int memory_remove(struct sim *sim, uint64_t start, uint64_t size);

/* Its blocks are offline, whatever holds them: the machine is off. */
void memory_force_offline(struct sim *sim, uint64_t start, uint64_t size);

/* busy.c */

/* A memory block that does not go offline at once. */
struct busy_block {
	unsigned int number, ms;
	struct busy_block *next;
};

/* How long it takes a block to go offline; from MEMORY_KERNEL on it never does. */
#define MEMORY_BUSY (~0u)
#define MEMORY_PINNED (~1u)	/* the kernel's log names a page that somebody holds, */
#define MEMORY_KERNEL (~2u)	/* or one of its own */
int memory_set_busy(struct sim *sim, unsigned int block, unsigned int ms);
unsigned int memory_busy_ms(const struct sim *sim, unsigned int block);

/* Block @number did not go offline since it is @busy: what the kernel logs then. */
void memory_log_busy(const struct sim *sim, unsigned int number, uint64_t block_bytes,
		     unsigned int busy);

/* zone.c: valid_zones of the blocks of a node that are offline, and the zone of one that
 * is to be online, no matter where */
void zones_show(struct sim *sim, const struct node *node);
const char *zone_default(const struct node *block);

#endif
