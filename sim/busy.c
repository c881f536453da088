// SPDX-License-Identifier: GPL-2.0-only
/* Memory blocks that do not go offline, or only after a while: see device.h. */
#include <errno.h>
#include <stdlib.h>

#include "sim/device.h"
#include "sim/sim.h"

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
