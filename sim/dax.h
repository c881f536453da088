/* SPDX-License-Identifier: GPL-2.0-only */
/* The drivers of dax devices, for bind and unbind. */
#ifndef SIM_DAX_H
#define SIM_DAX_H

#include <stdbool.h>

struct node;
struct sim;

bool dax_matches(const struct sim *sim, const struct node *dax, const char *driver);
int dax_probe(struct sim *sim, struct node *dax, const char *driver);
void dax_unbind(struct sim *sim, struct node *dax);

#endif
