/* SPDX-License-Identifier: GPL-2.0-only */
/* Registers of decoders. */
#ifndef SIM_HDM_H
#define SIM_HDM_H

#include <stdbool.h>

struct models;
struct node;
struct sim;

/* A decoder's interleave into its registers and from them. */
int hdm_write(struct sim *sim, struct node *decoder);
void hdm_read(struct sim *sim, struct node *decoder);

/* Everything at and below a PCI device is as after a conventional reset. */
void hdm_lose(struct sim *sim, const struct node *top);
bool hdm_is_lost(const struct sim *sim, const struct node *decoder);

void hdm_free(struct models *models);

#endif
