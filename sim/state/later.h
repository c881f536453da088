/* SPDX-License-Identifier: GPL-2.0-only */
/* What happens by itself after some time: links that train, work queues. */
#ifndef SIM_LATER_H
#define SIM_LATER_H

#include <stdbool.h>

struct sim;
struct later;

typedef void (*later_fn)(struct sim *sim, void *arg);

/* Call @fn once, in @ms.  0 or -ENOMEM. */
int later_add(struct sim *sim, unsigned int ms, later_fn fn, void *arg);

/* All that is due, in order. */
void later_run(struct sim *sim);

/* All calls of @fn, now. */
void later_flush(struct sim *sim, later_fn fn);

/* No call of @fn. */
void later_cancel(struct sim *sim, later_fn fn);

/* Milliseconds until something is due, -1: nothing is. */
int later_next(const struct sim *sim);

void later_free(struct sim *sim);

#endif
