// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions as drivers/cxl/core/region.c of Linux 6.12 keeps them, with the errno
 * of each refusal.  The state of a region is what its attributes say: commit,
 * a size, and whether every target is there.
 */
#include "sim/models/region.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/models/dax.h"
#include "sim/models/decoder.h"
#include "sim/models/lost.h"
#include "sim/models/nd.h"
#include "sim/models/pinned.h"
#include "sim/models/sysram.h"
#include "sim/models/topology.h"
#include "sim/state/device.h"
#include "sim/state/iomem.h"
#include "sim/state/kstr.h"
#include "sim/state/sim.h"
#include "util/parse.h"

#define REGION_ALIGN (256ull << 20)	/* SZ_256M of alloc_hpa() */

enum state { IDLE, INTERLEAVE, ACTIVE, COMMIT };

static enum state state_of(const struct sim *sim, const struct node *region)
{
	unsigned int ways = region_ways(region);

	if (dev_is(region, "commit", "1"))
		return COMMIT;
	if (!dev_number(region, "size", 0))
		return IDLE;
	for (unsigned int i = 0; i < ways; i++)
		if (!region_target(sim, region, i))
			return INTERLEAVE;
	return ACTIVE;
}

static bool is_pmem(const struct node *region)
{
	return dev_is(region, "mode", "pmem");
}

/* --- attributes ---------------------------------------------------------- */

static ssize_t uuid_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct sim *sim = op->sim;
	struct node *region = node->parent, *other;
	char word[64];
	bool zero = true;

	if (len != 37)
		return -EINVAL;		/* UUID_STRING_LEN and a newline */
	dev_word(buf, word, sizeof(word));
	for (size_t i = 0; i < 36; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? word[i] != '-' : !isxdigit((unsigned char)word[i]))
			return -EINVAL;
		word[i] = (char)tolower((unsigned char)word[i]);
		zero = zero && (dash || word[i] == '0');
	}
	if (zero)
		return -EINVAL;
	if (dev_is(region, "uuid", word))
		return (ssize_t)len;
	if (state_of(sim, region) >= ACTIVE)
		return -EBUSY;
	for (size_t i = 0; (other = dev_next(sim, "cxl", &i)); )
		if (dev_is(other, "devtype", "cxl_region") && dev_is(other, "uuid", word))
			return -EBUSY;
	return dev_set(sim, region, "uuid", "%s", word) ? -ENOMEM : (ssize_t)len;
}

static ssize_t target_store(struct node *node, const char *buf, size_t len, struct op *op);

static const struct attr_ops target_ops = { .store = target_store };

/* Only the positions that the interleave has are visible. */
static int show_targets(struct sim *sim, struct node *region)
{
	unsigned int ways = region_ways(region);

	for (unsigned int i = 0; i < REGION_MAX_WAYS; i++) {
		char name[32];
		struct node *n;

		snprintf(name, sizeof(name), "target%u", i);
		n = tree_child(region, name);
		if (i >= ways && n)
			tree_remove(&sim->tree, n);
		if (i < ways && !n && dev_add_attr(sim, region, name, 0644, "\n"))
			return -ENOMEM;
		dev_model(sim, region, name, &target_ops);
	}
	return 0;
}

static ssize_t ways_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct node *region = node->parent;
	uint64_t root_ways = dev_number(region->parent, "interleave_ways", 1), v;
	int rc = kstr_number(buf, UINT32_MAX, &v);

	if (rc)
		return rc;
	if (v != 1 && v != 2 && v != 4 && v != 8 && v != 16 && v != 3 && v != 6 && v != 12)
		return -EINVAL;
	if (v % root_ways || v / root_ways & (v / root_ways - 1))
		return -EINVAL;
	if (state_of(op->sim, region) >= INTERLEAVE)
		return -EBUSY;
	if (dev_set(op->sim, region, "interleave_ways", "%" PRIu64, v) || show_targets(op->sim, region))
		return -ENOMEM;
	return (ssize_t)len;
}

static ssize_t granularity_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct node *region = node->parent;
	const struct node *root = region->parent;
	uint64_t v;
	int rc = kstr_number(buf, UINT32_MAX, &v);

	if (rc)
		return rc;
	if (v < 256 || v > 16384 || v & (v - 1))
		return -EINVAL;
	if (dev_number(root, "interleave_ways", 1) > 1 && v != dev_number(root, "interleave_granularity", 0))
		return -EINVAL;
	if (state_of(op->sim, region) >= INTERLEAVE)
		return -EBUSY;
	return dev_set(op->sim, region, "interleave_granularity", "%" PRIu64, v) ? -ENOMEM : (ssize_t)len;
}

/* The lowest free range of the window, as alloc_free_mem_region() finds it: regions
 * are in /proc/iomem, and memory that could not be removed. */
static int find_hpa(const struct sim *sim, const struct node *root, uint64_t size, uint64_t *ret)
{
	uint64_t start = dev_number(root, "start", 0), end = start + dev_number(root, "size", 0), taken;

	start = (start + REGION_ALIGN - 1) / REGION_ALIGN * REGION_ALIGN;
	while (size <= end && start <= end - size && iomem_is_taken(sim, start, size, &taken))
		start = (taken + REGION_ALIGN) / REGION_ALIGN * REGION_ALIGN;
	if (size > end || start > end - size)
		return -ERANGE;
	*ret = start;
	return 0;
}

static int free_hpa(struct sim *sim, struct node *region)
{
	uint64_t size = dev_number(region, "size", 0);

	if (!size)
		return 0;
	if (state_of(sim, region) >= ACTIVE)
		return -EBUSY;
	iomem_remove_above(sim, dev_number(region, "resource", 0), size, region->name);
	return dev_set(sim, region, "size", "0x0") || dev_set(sim, region, "resource", REGION_NO_ADDRESS) ? -ENOMEM : 0;
}

static int alloc_hpa(struct sim *sim, struct node *region, uint64_t size)
{
	uint64_t now = dev_number(region, "size", 0), start;
	unsigned int ways = region_ways(region);
	int rc;

	if (now)
		return now == size ? 0 : -EBUSY;
	if (!ways || !dev_number(region, "interleave_granularity", 0) ||
	    (is_pmem(region) && dev_is(region, "uuid", "00000000-0000-0000-0000-000000000000")))
		return -ENXIO;
	if (size % (REGION_ALIGN * ways))
		return -EINVAL;
	rc = find_hpa(sim, region->parent, size, &start);
	if (rc)
		return rc;
	if (dev_set(sim, region, "size", "0x%" PRIx64, size) || dev_set(sim, region, "resource", "0x%" PRIx64, start))
		return -ENOMEM;
	return iomem_add(sim, start, size, region->name);
}

static ssize_t size_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	uint64_t v;
	int rc = kstr_number(buf, UINT64_MAX, &v);

	if (!rc)
		rc = v ? alloc_hpa(op->sim, node->parent, v) : free_hpa(op->sim, node->parent);
	return rc ? rc : (ssize_t)len;
}

static int detach(struct sim *sim, struct node *region, unsigned int position)
{
	struct node *decoder = region_target(sim, region, position);

	if (decoder)
		region_lose_decoder(sim, decoder);
	return 0;
}

/* A position belongs to one host bridge: the root decoder's targets take turns. */
static bool is_in_place(const struct sim *sim, const struct node *root, const struct node *decoder,
			unsigned int position)
{
	unsigned int ways = (unsigned int)dev_number(root, "interleave_ways", 1), dport;
	char list[256], *save = NULL, *word;

	if (!decoder_dport(sim, root->parent, decoder, &dport) || !tree_text(root, "target_list", list, sizeof(list)))
		return false;
	word = strtok_r(list, ",", &save);
	for (unsigned int i = ways ? position % ways : 0; i && word; i--)
		word = strtok_r(NULL, ",", &save);
	return word && strtoul(word, NULL, 10) == dport;
}

/* Any decoder between the endpoints and the window that firmware locked. */
static bool is_locked(const struct sim *sim, const struct node *region)
{
	for (unsigned int i = 0; i < region_ways(region); i++) {
		const struct node *decoder = region_target(sim, region, i);

		if (decoder && dev_is(decoder, "locked", "1"))
			return true;
		for (const struct node *port = decoder ? decoder->parent->parent : NULL; port;
		     port = port->parent)
			for (size_t k = 0; k < port->n_children; k++)
				if (dev_is(port->children[k], "region", region->name) && dev_is(port->children[k], "locked", "1"))
					return true;
	}
	return dev_is(region->parent, "locked", "1");
}

/*
 * Linux 7.2 asks the decoders when the region is made and when a target is
 * attached, shows the answer and never takes it back: cxl_region_setup_flags() of
 * drivers/cxl/core/region.c.
 */
static int set_locked(struct sim *sim, struct node *region)
{
	bool locked = dev_is(region, "locked", "1") || is_locked(sim, region);

	return is_newer_kernel(sim) ? dev_set(sim, region, "locked", "%d", locked) : 0;
}

/* cxl_region_attach(), in its order */
static int attach_decoder(struct sim *sim, struct node *region, struct node *decoder,
			  unsigned int position)
{
	unsigned int ways = region_ways(region), taken = 0;
	enum state state = state_of(sim, region);
	char name[32], mode[32];

	if (is_newer_kernel(sim) && dev_is(decoder, "mode", "none"))
		return -ENODEV;
	if (!tree_text(region, "mode", mode, sizeof(mode)) || !dev_is(decoder, "mode", mode))
		return -EINVAL;
	if (state != INTERLEAVE)
		return state > INTERLEAVE ? -EBUSY : -ENXIO;
	for (unsigned int i = 0; i < ways; i++)
		taken += !!region_target(sim, region, i);
	if (taken >= ways)
		return -EINVAL;
	if (!dev_number(decoder, "dpa_size", 0))
		return -ENXIO;
	if (dev_number(decoder, "dpa_size", 0) * ways != dev_number(region, "size", 0))
		return -EINVAL;
	if (region_target(sim, region, position))
		return -EBUSY;
	for (unsigned int i = 0; i < ways; i++) {
		const struct node *other = region_target(sim, region, i);

		if (other && other->parent == decoder->parent)
			return -EBUSY;	/* one decoder of an endpoint only */
	}
	if (!is_in_place(sim, region->parent, decoder, position))
		return -ENXIO;
	if (decoder_claim(sim, decoder, region))
		return -EBUSY;
	snprintf(name, sizeof(name), "target%u", position);
	if (dev_set(sim, region, name, "%s", decoder->name) || set_locked(sim, region))
		return -ENOMEM;
	if (state_of(sim, region) == ACTIVE)
		decoders_set_up(sim, region);
	return 0;
}

static ssize_t target_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct node *region = node->parent, *device;
	unsigned int position;
	char word[64];
	int rc;

	if (!parse_name(node->name, "target", &position))
		return -ENXIO;
	dev_word(buf, word, sizeof(word));
	if (!*word) {
		rc = detach(op->sim, region, position);
	} else {
		device = dev_find(op->sim, "cxl", word);
		if (!device)
			return -ENODEV;
		if (!dev_is(device, "devtype", "cxl_decoder_endpoint"))
			return -EINVAL;
		rc = attach_decoder(op->sim, region, device, position);
	}
	return rc ? rc : (ssize_t)len;
}

static ssize_t commit_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct node *region = node->parent;
	enum state state = state_of(op->sim, region);
	bool on;
	int rc = 0;

	if (kstr_bool(buf, &on))
		return -EINVAL;
	if (on == (state == COMMIT))
		return (ssize_t)len;
	if (on && state < ACTIVE)
		return -ENXIO;
	if (!on && (is_newer_kernel(op->sim) ? dev_is(region, "locked", "1") : is_locked(op->sim, region)))
		return -EPERM;
	if (!on && pinned_waits(op, region, true))
		return SIM_AGAIN;
	if (on)
		rc = lost_commit(op->sim, region);
	else
		region_unbind(op->sim, region);
	rc = rc ? rc : decoders_commit(op->sim, region, on);
	if (rc)
		return rc;
	return dev_set(op->sim, region, "commit", "%d", on) ? -ENOMEM : (ssize_t)len;
}

static const struct attr_ops uuid_ops = { .store = uuid_store };
static const struct attr_ops ways_ops = { .store = ways_store };
static const struct attr_ops granularity_ops = { .store = granularity_store };
static const struct attr_ops size_ops = { .store = size_store };
static const struct attr_ops commit_ops = { .store = commit_store };

int region_attach(struct sim *sim, struct node *region)
{
	dev_model(sim, region, "uuid", &uuid_ops);
	dev_model(sim, region, "interleave_ways", &ways_ops);
	dev_model(sim, region, "interleave_granularity", &granularity_ops);
	dev_model(sim, region, "size", &size_ops);
	dev_model(sim, region, "commit", &commit_ops);
	return show_targets(sim, region) || set_locked(sim, region) ? -ENOMEM : 0;
}

/* --- driver -------------------------------------------------------------- */

int region_probe(struct sim *sim, struct node *region, const char *driver)
{
	int rc;

	if (state_of(sim, region) < COMMIT)
		return -ENXIO;
	rc = dev_bind(sim, region, "cxl", driver);
	if (rc)
		return rc;
	if (!strcmp(driver, SYSRAM_DRIVER))
		return sysram_create(sim, region);
	if (region_target(sim, region, 0) && dev_is(region_target(sim, region, 0), "target_type", "accelerator"))
		return 0;		/* the memory is the accelerator's driver's */
	if (!is_pmem(region) && iomem_has_ram(sim, dev_number(region, "resource", 0), dev_number(region, "size", 0)))
		return 0;		/* left by a kmem that went: cxl_region_probe() makes no dax device of it */
	rc = is_pmem(region) ? pmem_region_create(sim, region)
			     : dax_region_create(sim, region, region);
	if (!rc)
		lost_show(sim, region);
	return rc;
}

void region_unbind(struct sim *sim, struct node *region)
{
	if (!dev_driver(region))
		return;
	pmem_region_remove(sim, region);
	dax_region_remove(sim, region);
	sysram_remove(sim, region);
	dev_unbind(sim, region);
}

void region_lose_decoder(struct sim *sim, struct node *decoder)
{
	char region_name[64], name[64];
	struct node *region;
	enum state state;

	if (!tree_text(decoder, "region", region_name, sizeof(region_name)) || !*region_name)
		return;
	region = dev_find(sim, "cxl", region_name);
	if (!region)
		return;
	state = state_of(sim, region);
	if (state == COMMIT && !dev_is(region, "locked", "1"))	/* cxl_region_decode_reset() leaves those alone */
		decoders_commit(sim, region, false);
	dev_set(sim, region, "commit", "0");
	for (unsigned int i = 0; i < region_ways(region); i++) {
		if (region_target(sim, region, i) != decoder)
			continue;
		snprintf(name, sizeof(name), "target%u", i);
		dev_set(sim, region, name, "%s", "");
	}
	decoder_release(sim, decoder, region);
	if (state >= ACTIVE)
		decoders_tear_down(sim, region);
	region_unbind(sim, region);	/* the driver is told that a target has departed */
}
