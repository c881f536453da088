// SPDX-License-Identifier: GPL-2.0-only
/* Memory blocks that do not go offline, or only after a while: see memory.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/models/memory.h"
#include "sim/models/models.h"
#include "sim/state/klog.h"
#include "sim/state/sim.h"

enum { PAGE_BYTES = 4096 };

static struct busy_block *busy_block(const struct sim *sim, unsigned int number)
{
	struct busy_block *b = sim->models->busy_blocks;

	while (b && b->number != number)
		b = b->next;
	return b;
}

unsigned int memory_busy_ms(const struct sim *sim, unsigned int number)
{
	const struct busy_block *b = busy_block(sim, number);

	return b ? b->ms : 0;
}

int memory_set_busy(struct sim *sim, unsigned int number, unsigned int ms)
{
	struct busy_block *b = busy_block(sim, number);

	if (!b) {
		b = calloc(1, sizeof(*b));
		if (!b)
			return -ENOMEM;
		b->number = number;
		b->next = sim->models->busy_blocks;
		sim->models->busy_blocks = b;
	}
	b->ms = ms;
	return 0;
}

/* As dump_page() of mm/debug.c writes it into the kernel's log. */
void memory_log_busy(const struct sim *sim, unsigned int number, uint64_t block_bytes,
		     unsigned int busy)
{
	uint64_t pfn = number * (block_bytes / PAGE_BYTES) + 3;

	if (busy == MEMORY_BUSY)
		return;
	if (busy == MEMORY_PINNED)
		klog(sim, 4, "migrating pfn %" PRIx64 " failed ret:4", pfn);
	klog(sim, 4, "page: refcount:%u mapcount:%u mapping:0000000000000000 index:0x7f pfn:0x%" PRIx64,
	     busy == MEMORY_PINNED ? 3 : 1, busy == MEMORY_PINNED, pfn);
	klog(sim, 4, "page dumped because: %s", busy == MEMORY_PINNED ? "migration failure" : "unmovable page");
}
