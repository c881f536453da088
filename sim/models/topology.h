/* SPDX-License-Identifier: GPL-2.0-only */
/* What is a part of what, as the tree tells. */
#ifndef SIM_TOPOLOGY_H
#define SIM_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>

struct node;
struct sim;

/* A function of PCI, a bridge too. */
bool is_function(const struct node *n);

/* The endpoint port of a memory device; NULL: it has none. */
struct node *memdev_endpoint(const struct sim *sim, const struct node *memdev);

enum { REGION_MAX_WAYS = 16 };

/* How many targets it has; at most REGION_MAX_WAYS, whatever the attribute says. */
unsigned int region_ways(const struct node *region);

/* The region's target at @position, NULL when it is empty. */
struct node *region_target(const struct sim *sim, const struct node *region, unsigned int position);

/* A port that decodes, not the root of all. */
bool is_cxl_port(const struct node *n);

/* A host bridge with one root port and no decoder registers: all goes through. */
bool decoder_is_passthrough(const struct node *port);

bool is_dax(const struct node *n);

/* What dax_cxl made of a region, in which its dax devices are; NULL: nothing. */
struct node *dax_region_dir(const struct node *region);
/* sysram.h's, in which the former is then; NULL: it has none. */
#define SYSRAM_DEVTYPE "cxl_sysram_region"
struct node *sysram_region_dir(const struct node *region);
/* How the memory of @dax goes online, in @buf; NULL: as the kernel's policy is. */
const char *sysram_online_type(const struct node *dax, char *buf, size_t size);

/* Each dax device in such a directory, and of a region, in turn; *@i is where to go on, 0 at first. */
struct node *dax_next_in(const struct node *dir, size_t *i);
struct node *dax_next(const struct node *region, size_t *i);

/* Node of a window's memory. */
unsigned int window_node(const struct sim *sim, const struct node *root_decoder);

#endif
