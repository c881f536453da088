// SPDX-License-Identifier: GPL-2.0-only
/*
 * Endpoint decoders (drivers/cxl/core/hdm.c of Linux 6.12), and what a region
 * does to the decoders between its endpoints and the root.
 */
#include "sim/models/decoder.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/models/hdm.h"
#include "sim/models/topology.h"
#include "sim/state/device.h"
#include "sim/state/kstr.h"
#include "sim/state/sim.h"
#include "util/array.h"
#include "util/parse.h"

#define DPA_ALIGN (256ull << 20)	/* SZ_256M of dpa_size_store() */

static bool is_switch_decoder(const struct node *n)
{
	return n->kind == NODE_DIR && dev_is(n, "devtype", "cxl_decoder_switch");
}

/* The decoder of @port that belongs to @region; NULL: none yet. */
static struct node *decoder_of(const struct node *port, const char *region)
{
	for (size_t i = 0; i < port->n_children; i++)
		if (is_switch_decoder(port->children[i]) && dev_is(port->children[i], "region", region))
			return port->children[i];
	return NULL;
}

static unsigned int number_of(const struct node *decoder)
{
	unsigned int number = 0;

	sscanf(decoder->name, "decoder%*u.%u", &number);
	return number;
}

/* match_free_decoder(): only the next one to be committed, since they are committed in order */
static struct node *free_decoder(const struct node *port)
{
	for (size_t i = 0; i < port->n_children; i++) {
		struct node *n = port->children[i];

		if (is_switch_decoder(n) && dev_is(n, "region", "") && number_of(n) == dev_number(port, "decoders_committed", 0))
			return n;
	}
	return NULL;
}

static void set_range(struct sim *sim, struct node *decoder, const struct node *region)
{
	dev_set(sim, decoder, "start", "0x%" PRIx64, region ? dev_number(region, "resource", 0) : 0);
	dev_set(sim, decoder, "size", "0x%" PRIx64, region ? dev_number(region, "size", 0) : 0);
}

/* Decoders are in the order of addresses: a region above is there already (alloc_region_ref()). */
static bool is_behind(const struct sim *sim, const struct node *port, const struct node *region)
{
	uint64_t start = dev_number(region, "resource", 0);
	char name[64];

	for (size_t i = 0; i < port->n_children; i++) {
		const struct node *d = port->children[i], *other;

		if (d->kind != NODE_DIR || strncmp(d->name, "decoder", 7) || !tree_text(d, "region", name, sizeof(name)) || !*name)
			continue;
		other = dev_find(sim, "cxl", name);
		if (other && dev_number(other, "resource", 0) > start)
			return true;
	}
	return false;
}

int decoder_claim(struct sim *sim, struct node *decoder, struct node *region)
{
	if (!dev_is(decoder, "region", ""))
		return -EBUSY;
	for (struct node *port = decoder->parent; port && is_cxl_port(port); port = port->parent)
		if (is_behind(sim, port, region))
			return -EBUSY;
	for (struct node *port = decoder->parent->parent; port && is_cxl_port(port);
	     port = port->parent)
		if (!decoder_of(port, region->name) && !free_decoder(port))
			return -EBUSY;
	for (struct node *port = decoder->parent->parent; port && is_cxl_port(port);
	     port = port->parent)
		if (!decoder_of(port, region->name))
			dev_set(sim, free_decoder(port), "region", "%s", region->name);
	dev_set(sim, decoder, "region", "%s", region->name);
	dev_set(sim, decoder, "interleave_ways", "%" PRIu64, dev_number(region, "interleave_ways", 1));
	dev_set(sim, decoder, "interleave_granularity", "%" PRIu64, dev_number(region, "interleave_granularity", 256));
	set_range(sim, decoder, region);
	return 0;
}

static bool has_other_target(const struct sim *sim, const struct node *region,
			     const struct node *port)
{
	for (unsigned int i = 0; i < region_ways(region); i++) {
		const struct node *other = region_target(sim, region, i);

		if (other && node_is_below(other, port))
			return true;
	}
	return false;
}

/* Called when the region no longer lists the decoder. */
void decoder_release(struct sim *sim, struct node *decoder, struct node *region)
{
	for (struct node *port = decoder->parent->parent; port && is_cxl_port(port);
	     port = port->parent) {
		struct node *d = decoder_of(port, region->name);

		if (d && !has_other_target(sim, region, port))
			dev_set(sim, d, "region", "%s", "");	/* its range stays: nobody clears hpa_range */
	}
	dev_set(sim, decoder, "region", "%s", "");
	set_range(sim, decoder, NULL);
}

/* --- interleave through the ports ---------------------------------------- */

/* Number of the dport through which @target is reached from @port. */
bool decoder_dport(const struct sim *sim, const struct node *port, const struct node *target,
		   unsigned int *ret)
{
	const struct node *memdev = tree_resolve(&sim->tree, target->parent, "uport");

	for (size_t i = 0; memdev && i < port->n_children; i++) {
		struct node *link = port->children[i];
		const struct node *pci;

		if (link->kind != NODE_LINK || !parse_name(link->name, "dport", ret))
			continue;
		pci = tree_resolve(&sim->tree, link->parent, link->data);
		if (pci && node_is_below(memdev, pci))
			return true;
	}
	return false;
}

/* cxl_port_setup_targets(): ways = distinct dports, in the order of positions */
static void set_up_port(struct sim *sim, struct node *port, struct node *region)
{
	struct node *d = decoder_of(port, region->name);
	unsigned int ways = region_ways(region), mine = 0, seen[REGION_MAX_WAYS];
	uint64_t granularity = dev_number(region, "interleave_granularity", 256), parent_ways = 1;
	char list[128] = "";

	if (!d)
		return;
	for (unsigned int i = 0; i < ways; i++) {
		const struct node *target = region_target(sim, region, i);
		unsigned int dport, k;

		if (!target || !node_is_below(target, port) ||
		    !decoder_dport(sim, port, target, &dport))
			continue;
		for (k = 0; k < mine && seen[k] != dport; k++)
			;
		if (k < mine || mine == ARRAY_SIZE(seen))
			continue;
		seen[mine++] = dport;
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%u", mine > 1 ? "," : "", dport);
	}
	/* the granularity grows with the ways of the levels above */
	if (is_cxl_port(port->parent)) {
		const struct node *above = decoder_of(port->parent, region->name);

		parent_ways = above ? dev_number(above, "interleave_ways", 1) : 1;
		granularity = above ? dev_number(above, "interleave_granularity", granularity) : granularity;
	} else {
		parent_ways = dev_number(region->parent, "interleave_ways", 1);
		granularity = dev_number(region->parent, "interleave_granularity", granularity);
		granularity = parent_ways > 1 ? granularity : dev_number(region, "interleave_granularity", 256);
	}
	dev_set(sim, d, "interleave_ways", "%u", mine ? mine : 1);
	dev_set(sim, d, "interleave_granularity", "%" PRIu64, granularity * parent_ways);
	if (mine)
		dev_set(sim, d, "target_list", "%s", list);
	set_range(sim, d, region);
}

/* Call @fn once for every port on the way from the region's targets up, from the root down. */
static void each_port(struct sim *sim, struct node *region,
		      void (*fn)(struct sim *sim, struct node *port, struct node *region))
{
	const struct node *done[64];
	size_t n = 0;

	for (int depth = 1; depth < 8; depth++) {
		for (unsigned int i = 0; i < region_ways(region); i++) {
			struct node *target = region_target(sim, region, i), *path[8], *port;
			int levels = 0;
			size_t k;

			for (port = target ? target->parent->parent : NULL;
			     port && is_cxl_port(port) && levels < 8; port = port->parent)
				path[levels++] = port;
			if (depth > levels)
				continue;
			port = path[levels - depth];
			for (k = 0; k < n && done[k] != port; k++)
				;
			if (k < n || n == ARRAY_SIZE(done))
				continue;
			done[n++] = port;
			fn(sim, port, region);
		}
	}
}

void decoders_set_up(struct sim *sim, struct node *region)
{
	each_port(sim, region, set_up_port);
}

static bool is_enabled(const struct sim *sim, const struct node *decoder)
{
	char name[64];
	const struct node *region;

	if (!tree_text(decoder, "region", name, sizeof(name)) || !*name)
		return false;
	region = dev_find(sim, "cxl", name);
	return region && dev_is(region, "commit", "1");
}

/* cxl_decoder_commit(): the one behind those that are */
static bool is_next_to_commit(const struct node *decoder)
{
	return number_of(decoder) == dev_number(decoder->parent, "decoders_committed", 0);
}

static struct node *decoder_numbered(const struct node *port, uint64_t number)
{
	for (size_t i = 0; i < port->n_children; i++)
		if (port->children[i]->kind == NODE_DIR && !strncmp(port->children[i]->name, "decoder", 7) &&
		    number_of(port->children[i]) == number)
			return port->children[i];
	return NULL;
}

static void commit_decoder(struct sim *sim, struct node *decoder)
{
	dev_set(sim, decoder->parent, "decoders_committed", "%u", number_of(decoder) + 1);
	hdm_write(sim, decoder);
}

/* cxl_port_commit_reap(): reset out of order, it counts until those above it go */
static void reset_decoder(struct sim *sim, struct node *decoder, const char *region)
{
	uint64_t n = dev_number(decoder->parent, "decoders_committed", 0);
	const struct node *d;

	if (!n || number_of(decoder) != n - 1 ||
	    (hdm_is_lost(sim, decoder) && is_newer_kernel(sim)))
		return;		/* newer kernels do not see a decoder go that the device lost */
	do {
		d = --n ? decoder_numbered(decoder->parent, n - 1) : NULL;
	} while (d && (!is_enabled(sim, d) || dev_is(d, "region", region)));
	dev_set(sim, decoder->parent, "decoders_committed", "%" PRIu64, n);
}

/* Each decoder of the region that has registers, endpoints' first. */
static size_t programmed(const struct sim *sim, const struct node *region, struct node **v,
			 size_t max)
{
	size_t n = 0;

	for (unsigned int i = 0; i < region_ways(region) && n < max; i++)
		if (region_target(sim, region, i))
			v[n++] = region_target(sim, region, i);
	for (size_t i = 0, targets = n; i < targets; i++) {
		for (const struct node *port = v[i]->parent->parent;
		     port && is_cxl_port(port) && n < max; port = port->parent) {
			struct node *d = decoder_is_passthrough(port)
						 ? NULL
						 : decoder_of(port, region->name);
			size_t k = 0;

			while (k < n && v[k] != d)
				k++;
			if (d && k == n)
				v[n++] = d;
		}
	}
	return n;
}

int decoders_commit(struct sim *sim, struct node *region, bool on)
{
	struct node *v[8 * REGION_MAX_WAYS];
	size_t n = programmed(sim, region, v, ARRAY_SIZE(v));

	for (size_t i = 0; on && i < n; i++)
		if (!is_next_to_commit(v[i]))
			return -EBUSY;
	for (size_t i = 0; i < n; i++) {
		if (on)
			commit_decoder(sim, v[i]);
		else
			reset_decoder(sim, v[i], region->name);
	}
	return 0;
}

static void clear_port(struct sim *sim, struct node *port, struct node *region)
{
	struct node *d = decoder_of(port, region->name);

	if (d)
		set_range(sim, d, NULL);
}

/* cxl_region_teardown_targets() */
void decoders_tear_down(struct sim *sim, struct node *region)
{
	each_port(sim, region, clear_port);
}

/* --- endpoint decoders ---------------------------------------------------- */

static uint64_t partition(const struct sim *sim, const struct node *decoder, const char *mode)
{
	const struct node *memdev = tree_resolve(&sim->tree, decoder->parent, "uport");
	const struct node *dir = memdev ? tree_child(memdev, mode) : NULL;

	return dir ? dev_number(dir, "size", 0) : 0;
}

static ssize_t mode_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct node *decoder = node->parent;
	char word[32];

	dev_word(buf, word, sizeof(word));
	if (strcmp(word, "ram") && strcmp(word, "pmem"))
		return -EINVAL;
	if (is_enabled(op->sim, decoder))
		return -EBUSY;
	if (!partition(op->sim, decoder, word))
		return is_newer_kernel(op->sim) ? -EINVAL : -ENXIO;
	return dev_set(op->sim, decoder, "mode", "%s", word) ? -ENOMEM : (ssize_t)len;
}

/* Capacity of the same partition taken by the endpoint's other decoders;
 * @above: a later one has some. */
static uint64_t taken(const struct node *decoder, const char *mode, bool *above)
{
	uint64_t sum = 0;

	*above = false;
	for (size_t i = 0; i < decoder->parent->n_children; i++) {
		const struct node *n = decoder->parent->children[i];
		uint64_t size;

		if (n == decoder || n->kind != NODE_DIR || !dev_is(n, "devtype", "cxl_decoder_endpoint"))
			continue;
		size = dev_number(n, "dpa_size", 0);
		if (size && natural_cmp(n->name, decoder->name) > 0)
			*above = true;
		if (dev_is(n, "mode", mode))
			sum += size;
	}
	return sum;
}

/* Decoders are allocated in order (cxl_dpa_reserve()). */
static bool is_next(const struct node *decoder)
{
	for (size_t i = 0; i < decoder->parent->n_children; i++) {
		const struct node *n = decoder->parent->children[i];

		if (n->kind == NODE_DIR && dev_is(n, "devtype", "cxl_decoder_endpoint") &&
		    natural_cmp(n->name, decoder->name) < 0 && !dev_number(n, "dpa_size", 0))
			return false;
	}
	return true;
}

static ssize_t dpa_size_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct node *decoder = node->parent;
	uint64_t size, used, base;
	char mode[32];
	bool above;
	int rc = kstr_number(buf, UINT64_MAX, &size);

	if (rc)
		return rc;
	if (size % DPA_ALIGN)
		return -EINVAL;
	if (!tree_text(decoder, "mode", mode, sizeof(mode)))
		return -EINVAL;
	used = taken(decoder, mode, &above);
	if (dev_number(decoder, "dpa_size", 0) && (!dev_is(decoder, "region", "") || above))
		return -EBUSY;
	dev_set(op->sim, decoder, "dpa_size", "0x%016x", 0);
	dev_set(op->sim, decoder, "dpa_resource", "0xffffffffffffffff");
	if (!size)
		return (ssize_t)len;
	if (strcmp(mode, "ram") && strcmp(mode, "pmem"))
		return is_newer_kernel(op->sim) ? -EBUSY : -EINVAL;
	if (used + size > partition(op->sim, decoder, mode))
		return -ENOSPC;
	if (!is_next(decoder))
		return -EBUSY;
	base = strcmp(mode, "pmem") ? 0 : partition(op->sim, decoder, "ram");
	if (dev_set(op->sim, decoder, "dpa_size", "0x%016" PRIx64, size) ||
	    dev_set(op->sim, decoder, "dpa_resource", "0x%" PRIx64, base + used))
		return -ENOMEM;
	return (ssize_t)len;
}

static const struct attr_ops mode_ops = { .store = mode_store };
static const struct attr_ops dpa_size_ops = { .store = dpa_size_store };

int endpoint_decoder_attach(struct sim *sim, struct node *decoder)
{
	dev_model(sim, decoder, "mode", &mode_ops);
	dev_model(sim, decoder, "dpa_size", &dpa_size_ops);
	return 0;
}
