// SPDX-License-Identifier: GPL-2.0-only
/*
 * See accel.h.  As the type-2 series has it: the region goes when the driver lets the
 * device go (it is the driver's own), and is made with the calls that sysfs leads to,
 * so that whatever stands in a region's way stands in this one's.
 */
#include "sim/models/accel.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/models/models.h"
#include "sim/models/region.h"
#include "sim/models/topology.h"
#include "sim/state/device.h"
#include "sim/state/sim.h"

int accel_attach(struct sim *sim, struct node *function)
{
	struct accel *accel;

	if (!dev_driver(function) || strcmp(dev_driver(function), ACCEL_DRIVER))
		return 0;
	accel = calloc(1, sizeof(*accel));
	if (!accel)
		return -ENOMEM;
	snprintf(accel->address, sizeof(accel->address), "%s", function->name);
	accel->next = sim->models->accels;
	sim->models->accels = accel;
	return 0;
}

struct accel *accel_of(const struct sim *sim, const char *address)
{
	struct accel *accel = sim->models->accels;

	while (accel && strcmp(accel->address, address))
		accel = accel->next;
	return accel;
}

/* What a write to @attr does, without anybody who writes. */
static int store(struct sim *sim, const struct node *dir, const char *attr, const char *text)
{
	struct node *node = tree_child(dir, attr);
	struct op op = { .sim = sim };
	ssize_t rc = node && node->ops && node->ops->store ?
		node->ops->store(node, text, strlen(text), &op) : -ENOENT;

	return rc == SIM_AGAIN ? -EBUSY : rc < 0 ? (int)rc : 0;
}

static int store_number(struct sim *sim, const struct node *dir, const char *attr, uint64_t v)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64 "\n", v);
	return store(sim, dir, attr, text);
}

/* The first decoder of @memdev that is in a region; NULL: none is. */
static struct node *decoder_in_region(const struct sim *sim, const struct node *memdev)
{
	const struct node *endpoint = memdev_endpoint(sim, memdev);

	for (size_t i = 0; endpoint && i < endpoint->n_children; i++) {
		struct node *d = endpoint->children[i];

		if (tree_child(d, "region") && !dev_is(d, "region", ""))
			return d;
	}
	return NULL;
}

void accel_take_down(struct sim *sim, struct accel *accel, const struct node *memdev)
{
	const struct node *d = decoder_in_region(sim, memdev), *region;
	char name[64] = "";

	if (d)
		tree_text(d, "region", name, sizeof(name));
	region = *name ? dev_find(sim, "cxl", name) : NULL;
	/* one that it could not make it tries to make the next time; one that others are a part of is not its own: it becomes a husk with the endpoint */
	if (!region || region_ways(region) != 1)
		return;
	snprintf(accel->root, sizeof(accel->root), "%s", region->parent->name);
	snprintf(accel->decoder_number, sizeof(accel->decoder_number), "%s", strrchr(d->name, '.'));
	tree_text(d, "mode", accel->mode, sizeof(accel->mode));
	accel->bytes = dev_number(region, "size", 0);
	accel->granularity = dev_number(region, "interleave_granularity", 256);
	accel->dpa_bytes = dev_number(d, "dpa_size", 0);
	accel->dpa_start = dev_number(d, "dpa_resource", 0);
	accel->is_locked = dev_is(region, "locked", "1");
	store(sim, region->parent, "delete_region", name);
}

/* The capacity is the driver's to give out: a memory device without mailbox shows no partitions. */
static struct node *set_aside(struct sim *sim, const struct accel *accel, const struct node *memdev)
{
	const struct node *endpoint = memdev_endpoint(sim, memdev);
	struct node *d = NULL;

	for (size_t i = 0; endpoint && !d && i < endpoint->n_children; i++) {
		const char *dot = strrchr(endpoint->children[i]->name, '.');

		if (dot && !strcmp(dot, accel->decoder_number))
			d = endpoint->children[i];
	}
	if (!d || dev_number(d, "dpa_size", 0) || dev_set(sim, d, "mode", "%s", accel->mode) ||
	    dev_set(sim, d, "dpa_size", "0x%016" PRIx64, accel->dpa_bytes) ||
	    dev_set(sim, d, "dpa_resource", "0x%" PRIx64, accel->dpa_start))
		return NULL;
	return d;
}

int accel_make(struct sim *sim, const struct accel *accel, const struct node *memdev)
{
	struct node *root = *accel->root ? dev_find(sim, "cxl", accel->root) : NULL, *region, *d;
	bool is_pmem = !strcmp(accel->mode, "pmem");
	const char *create = is_pmem ? "create_pmem_region" : "create_ram_region";
	char name[64], line[72];
	int rc;

	if (!*accel->root)
		return 0;
	d = root ? set_aside(sim, accel, memdev) : NULL;
	if (!d || !tree_text(root, create, name, sizeof(name)))
		return -ENXIO;
	snprintf(line, sizeof(line), "%s\n", name);
	rc = store(sim, root, create, line);
	region = rc ? NULL : tree_child(root, name);
	if (!region)
		return rc ? rc : -ENXIO;
	rc = store_number(sim, region, "interleave_granularity", accel->granularity);
	rc = rc ? rc : store_number(sim, region, "interleave_ways", 1);
	rc = rc ? rc : store_number(sim, region, "size", accel->bytes);
	rc = rc ? rc : store(sim, region, "target0", d->name);
	rc = rc ? rc : store(sim, region, "commit", "1\n");
	rc = rc ? rc : region_probe(sim, region, "cxl_region");
	if (!rc && accel->is_locked)
		return dev_set(sim, region, "locked", "1");
	if (rc)
		store(sim, root, "delete_region", name);
	return rc;
}

void accel_free(struct models *models)
{
	while (models->accels) {
		struct accel *accel = models->accels;

		models->accels = accel->next;
		free(accel);
	}
}
