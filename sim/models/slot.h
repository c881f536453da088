/* SPDX-License-Identifier: GPL-2.0-only */
/* The hot-plug slots of bridges. */
#ifndef SIM_SLOT_H
#define SIM_SLOT_H

struct node;
struct sim;

/* slot_power.c: the file power of each. */
void slots_attach(struct sim *sim);

/* The bridge below which a slot is. */
struct node *slot_bridge(const struct sim *sim, const struct node *slot);

/* The slot of a bridge that goes or comes back. */
void slot_remove(struct sim *sim, const struct node *bridge);
void slot_revive(struct sim *sim, const struct node *bridge);

#endif
