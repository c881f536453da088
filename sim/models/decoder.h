/* SPDX-License-Identifier: GPL-2.0-only */
/* Endpoint decoders, and what a region makes of the decoders in its path. */
#ifndef SIM_DECODER_H
#define SIM_DECODER_H

#include <stdbool.h>

struct node;
struct sim;

int endpoint_decoder_attach(struct sim *sim, struct node *decoder);
int decoder_claim(struct sim *sim, struct node *decoder, struct node *region);
void decoder_release(struct sim *sim, struct node *decoder, struct node *region);
void decoders_set_up(struct sim *sim, struct node *region);
int decoders_commit(struct sim *sim, struct node *region, bool on);
void decoders_tear_down(struct sim *sim, struct node *region);
bool decoder_dport(const struct sim *sim, const struct node *port, const struct node *target,
		   unsigned int *ret);

#endif
