// SPDX-License-Identifier: GPL-2.0-only
/* Memory blocks that do not go offline, or only after a while: see memory.h. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/models/memory.h"
#include "sim/models/models.h"
#include "sim/state/sim.h"
#include "util/cleanup.h"
#include "util/clock.h"

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

/* As dump_page() of mm/debug.c writes it into the kernel's log, which is a plain file here. */
void memory_log_busy(struct sim *sim, unsigned int number, uint64_t block_bytes, unsigned int busy)
{
	_cleanup_close_ int fd = busy == MEMORY_BUSY || !sim->running ? -1 : open("/dev/kmsg", O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	uint64_t pfn = number * (block_bytes / PAGE_BYTES) + 3, us = clock_now_us();

	if (fd < 0)
		return;
	if (busy == MEMORY_PINNED)
		dprintf(fd, "4,1,%" PRIu64 ",-;migrating pfn %" PRIx64 " failed ret:4\n", us, pfn);
	dprintf(fd, "4,1,%" PRIu64 ",-;page: refcount:%u mapcount:%u mapping:0000000000000000 index:0x7f pfn:0x%" PRIx64 "\n", us,
		busy == MEMORY_PINNED ? 3 : 1, busy == MEMORY_PINNED, pfn);
	dprintf(fd, "4,1,%" PRIu64 ",-;page dumped because: %s\n", us, busy == MEMORY_PINNED ? "migration failure" : "unmovable page");
}
