// SPDX-License-Identifier: GPL-2.0-only
/* Drivers that cannot go: see pinned.h. */
#include "sim/models/pinned.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "sim/models/dax.h"
#include "sim/models/models.h"
#include "sim/models/topology.h"
#include "sim/state/device.h"
#include "sim/state/iomem.h"
#include "sim/state/sim.h"
#include "util/clock.h"

enum { POLL_MS = 20 };

struct pinned_dax {
	struct node *dax;
	unsigned int ms;
	uint64_t end_us;			/* of clock_now_us(); 0: never, or not asked for yet */
	const struct dax_driver *leaving;	/* whose link is gone already; NULL: it is bound, or to none */
	struct pinned_dax *next;
};

static struct pinned_dax **find(const struct sim *sim, const struct node *dax)
{
	struct pinned_dax **p = &sim->models->pinned;

	while (*p && (*p)->dax != dax)
		p = &(*p)->next;
	return p;
}

/* What the driver had until now. */
static void let_go(struct sim *sim, struct pinned_dax **p)
{
	struct pinned_dax *one = *p;

	if (one->leaving)
		one->leaving->remove(sim, one->dax);
	*p = one->next;
	free(one);
}

int pinned_set(struct sim *sim, struct node *dax, unsigned int ms)
{
	struct pinned_dax **p = find(sim, dax);

	if (!ms) {
		if (*p)
			let_go(sim, p);
		return 0;
	}
	if (!*p)
		*p = calloc(1, sizeof(**p));
	if (!*p)
		return -ENOMEM;
	(*p)->dax = dax;
	(*p)->ms = ms;
	return 0;
}

void pinned_forget(struct sim *sim, const struct node *dax)
{
	struct pinned_dax **p = find(sim, dax);

	if (*p)
		let_go(sim, p);
}

/* The link of its driver goes first, and nobody can open it: __device_release_driver(), kill_dev_dax(). */
static void leave(struct sim *sim, struct pinned_dax *p)
{
	p->leaving = dax_driver(dev_driver(p->dax));
	p->end_us = p->ms == PINNED_FOR_EVER ? 0 : clock_now_us() + p->ms * 1000ull;
	devnode_answer(sim, p->dax->name, 0);
	dev_unbind(sim, p->dax);
}

static bool one_waits(struct op *op, struct node *dax, bool leaves)
{
	struct pinned_dax **p = find(op->sim, dax);

	/* kmem keeps what is pinned in its memory, and goes: dev_dax_kmem_remove() */
	if (*p && !(*p)->leaving && leaves && dev_driver(dax) &&
	    !dax_driver(dev_driver(dax))->by_type)
		leave(op->sim, *p);
	if (!*p || !(*p)->leaving)
		return false;
	if ((*p)->end_us && clock_now_us() >= (*p)->end_us) {
		let_go(op->sim, p);
		return false;
	}
	op->wait_ms = POLL_MS;
	return true;
}

bool pinned_waits(struct op *op, struct node *device, bool leaves)
{
	struct node *dax;
	bool waits = false;

	if (!op->sim->models->pinned)
		return false;
	if (is_dax(device))
		return one_waits(op, device, leaves);
	for (size_t i = 0; dev_is(device, "devtype", "cxl_region") && !waits && (dax = dax_next(device, &i)); )
		waits = one_waits(op, dax, leaves);
	return waits;
}

void pinned_free(struct sim *sim)
{
	struct models *m = sim->models;

	while (m->pinned) {
		struct pinned_dax *p = m->pinned;

		m->pinned = p->next;
		free(p);
	}
}
