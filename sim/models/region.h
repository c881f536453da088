/* SPDX-License-Identifier: GPL-2.0-only */
/* Regions, and the root decoders that they are made in. */
#ifndef SIM_REGION_H
#define SIM_REGION_H

struct node;
struct sim;

#define REGION_NO_ADDRESS "0xffffffffffffffff"

/* root_decoder.c */
int root_decoder_attach(struct sim *sim, struct node *decoder);

/* region.c */
int region_attach(struct sim *sim, struct node *region);
int region_probe(struct sim *sim, struct node *region, const char *driver);
void region_unbind(struct sim *sim, struct node *region);

/* An endpoint decoder goes: what is left of its region is a husk. */
void region_lose_decoder(struct sim *sim, struct node *decoder);

#endif
