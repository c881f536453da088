// SPDX-License-Identifier: GPL-2.0-only
/* What the tree says of regions, decoders and dax devices: see topology.h. */
#include "sim/models/topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/state/device.h"
#include "sim/state/sim.h"
#include "util/parse.h"

bool is_function(const struct node *n)
{
	uint64_t key;

	return n->kind == NODE_DIR && parse_pci_address(n->name, &key);
}

unsigned int region_ways(const struct node *region)
{
	uint64_t ways = dev_number(region, "interleave_ways", 0);

	return ways < REGION_MAX_WAYS ? (unsigned int)ways : REGION_MAX_WAYS;
}

struct node *region_target(const struct sim *sim, const struct node *region, unsigned int position)
{
	char name[32], decoder[64];

	snprintf(name, sizeof(name), "target%u", position);
	if (!tree_text(region, name, decoder, sizeof(decoder)) || !*decoder)
		return NULL;
	return dev_find(sim, "cxl", decoder);
}

bool is_cxl_port(const struct node *n)
{
	return dev_is(n, "devtype", "cxl_port") && dev_is(n, "modalias", "cxl:t3");
}

/* Nothing is programmed there (devm_cxl_add_passthrough_decoder()). */
bool decoder_is_passthrough(const struct node *port)
{
	unsigned int decoders = 0, dports = 0, number;

	for (size_t i = 0; i < port->n_children; i++) {
		const char *name = port->children[i]->name;

		dports += parse_name(name, "dport", &number);
		decoders += !strncmp(name, "decoder", 7) && port->children[i]->kind == NODE_DIR;
	}
	return decoders == 1 && dports == 1;
}

bool is_dax(const struct node *n)
{
	unsigned int region, number;

	return n->kind == NODE_DIR && sscanf(n->name, "dax%u.%u", &region, &number) == 2;
}

static struct node *child_dir(const struct node *dir, const char *prefix)
{
	for (size_t i = 0; i < dir->n_children; i++) {
		struct node *n = dir->children[i];

		if (n->kind == NODE_DIR && !strncmp(n->name, prefix, strlen(prefix)))
			return n;
	}
	return NULL;
}

struct node *sysram_region_dir(const struct node *region)
{
	return child_dir(region, "sysram_region");
}

const char *sysram_online_type(const struct node *dax, char *buf, size_t size)
{
	const struct node *sysram = dax->parent ? dax->parent->parent : NULL;

	return sysram && dev_is(sysram, "devtype", SYSRAM_DEVTYPE) && tree_text(sysram, "online_type", buf, size) ? buf : NULL;
}

struct node *dax_region_dir(const struct node *region)
{
	const struct node *sysram = sysram_region_dir(region);

	return child_dir(sysram ? sysram : region, "dax_region");
}

struct node *dax_next_in(const struct node *dir, size_t *i)
{
	while (dir && *i < dir->n_children) {
		struct node *n = dir->children[(*i)++];

		if (is_dax(n))
			return n;
	}
	return NULL;
}

struct node *dax_next(const struct node *region, size_t *i)
{
	return dax_next_in(dax_region_dir(region), i);
}

/* CEDT windows have the nodes behind those of SRAT, in order. */
unsigned int window_node(const struct sim *sim, const struct node *root)
{
	const struct node *nodes = tree_dir(&sim->tree, "/sys/devices/system/node");
	unsigned int window = 0, windows = 0, last = 0;
	char possible[64] = "0", *dash;

	sscanf(root->name, "decoder%*u.%u", &window);
	for (size_t i = 0; i < root->parent->n_children; i++)
		windows += dev_is(root->parent->children[i], "devtype", "cxl_decoder_root");
	if (nodes)
		tree_text(nodes, "possible", possible, sizeof(possible));
	dash = strrchr(possible, '-');
	last = (unsigned int)strtoul(dash ? dash + 1 : possible, NULL, 10);
	return last + 1 >= windows ? last + 1 - windows + window : window;
}

struct node *memdev_endpoint(const struct sim *sim, const struct node *memdev)
{
	unsigned int number;
	struct node *port;

	for (size_t i = 0; memdev && (port = dev_next(sim, "cxl", &i)); )
		if (parse_name(port->name, "endpoint", &number) && tree_resolve(&sim->tree, port, "uport") == memdev)
			return port;
	return NULL;
}
