/* SPDX-License-Identifier: GPL-2.0-only */
/* Resets of PCI functions. */
#ifndef SIM_RESET_H
#define SIM_RESET_H

struct models;
struct node;
struct sim;

int reset_attach(struct sim *sim, struct node *function);
void reset_free(struct models *models);

#endif
