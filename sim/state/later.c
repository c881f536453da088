// SPDX-License-Identifier: GPL-2.0-only
/* A list of calls by the time they are due: see later.h. */
#include "sim/state/later.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "sim/state/sim.h"

struct later {
	uint64_t due;
	later_fn fn;
	void *arg;
	struct later *next;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int later_add(struct sim *sim, unsigned int ms, later_fn fn, void *arg)
{
	struct later *new = malloc(sizeof(*new)), **p = &sim->later;

	if (!new)
		return -ENOMEM;
	*new = (struct later){ .due = now_ms() + ms, .fn = fn, .arg = arg };
	while (*p && (*p)->due <= new->due)
		p = &(*p)->next;
	new->next = *p;
	*p = new;
	return 0;
}

/* Take @p's call out of the list and make it: it may add others. */
static void call(struct sim *sim, struct later **p)
{
	struct later one = **p;

	free(*p);
	*p = one.next;
	if (!sim_is_dead(sim))
		one.fn(sim, one.arg);
}

void later_run(struct sim *sim)
{
	while (sim->later && sim->later->due <= now_ms())
		call(sim, &sim->later);
}

void later_flush(struct sim *sim, later_fn fn)
{
	struct later **p = &sim->later;

	while (*p) {
		if ((*p)->fn == fn) {
			call(sim, p);
			p = &sim->later;
		} else {
			p = &(*p)->next;
		}
	}
}

void later_cancel(struct sim *sim, later_fn fn)
{
	for (struct later **p = &sim->later; *p; ) {
		struct later *one = *p;

		if (one->fn != fn) {
			p = &one->next;
			continue;
		}
		*p = one->next;
		free(one);
	}
}

int later_next(const struct sim *sim)
{
	uint64_t now = now_ms();

	if (!sim->later)
		return -1;
	return sim->later->due <= now ? 0 : (int)(sim->later->due - now);
}

void later_free(struct sim *sim)
{
	while (sim->later) {
		struct later *one = sim->later;

		sim->later = one->next;
		free(one);
	}
}
