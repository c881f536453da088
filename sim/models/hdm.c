// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the decoders' registers hold behind sysfs.  No attribute shows that a decoder
 * was lost; it is seen when its port is probed the next time.
 */
#include "sim/models/hdm.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/models/models.h"
#include "sim/models/topology.h"
#include "sim/state/device.h"
#include "sim/state/sim.h"
#include "util/cleanup.h"

/* __devm_cxl_add_decoder(): of a port without registers */
enum { PASSTHROUGH_GRANULARITY = 4096 };

/* A decoder's registers, by the device that has them and the decoder's number there. */
struct hdm {
	char *device;
	unsigned int number;
	uint64_t ways, granularity;
	struct hdm *next;
};

/* Path of the PCI device whose decoder it is, malloced; NULL: none. */
static char *device_of(const struct sim *sim, const struct node *decoder)
{
	const struct node *uport = tree_resolve(&sim->tree, decoder->parent, "uport");

	if (uport && !strncmp(decoder->parent->name, "endpoint", 8))
		uport = uport->parent;		/* of the memory device */
	return uport ? node_path(uport) : NULL;
}

static struct hdm *find(const struct sim *sim, const struct node *decoder)
{
	_cleanup_free_ char *device = device_of(sim, decoder);
	struct hdm *h = sim->models->hdms;
	unsigned int number = 0;

	sscanf(decoder->name, "decoder%*u.%u", &number);
	while (device && h && (h->number != number || strcmp(h->device, device)))
		h = h->next;
	return device ? h : NULL;
}

int hdm_write(struct sim *sim, struct node *decoder)
{
	struct hdm *h = find(sim, decoder);

	if (!h) {
		_cleanup_free_ char *device = device_of(sim, decoder);

		h = device ? calloc(1, sizeof(*h)) : NULL;
		if (!h)
			return device ? -ENOMEM : 0;
		sscanf(decoder->name, "decoder%*u.%u", &h->number);
		h->device = steal_ptr(&device);
		h->next = sim->models->hdms;
		sim->models->hdms = h;
	}
	h->ways = dev_number(decoder, "interleave_ways", 1);
	h->granularity = dev_number(decoder, "interleave_granularity", 256);
	return 0;
}

void hdm_read(struct sim *sim, struct node *decoder)
{
	const struct hdm *h = find(sim, decoder);
	uint64_t granularity = decoder_is_passthrough(decoder->parent) ? PASSTHROUGH_GRANULARITY
			       : h				       ? h->granularity
								       : 256;

	dev_set(sim, decoder, "interleave_ways", "%" PRIu64, h ? h->ways : 1);
	dev_set(sim, decoder, "interleave_granularity", "%" PRIu64, granularity);
}

bool hdm_is_lost(const struct sim *sim, const struct node *decoder)
{
	return !find(sim, decoder);
}

static bool is_path_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return !strncmp(path, top, n) && (!path[n] || path[n] == '/');
}

void hdm_lose(struct sim *sim, const struct node *top)
{
	_cleanup_free_ char *path = node_path(top);

	for (struct hdm **p = &sim->models->hdms; path && *p; ) {
		struct hdm *h = *p;

		if (!is_path_below(h->device, path)) {
			p = &h->next;
			continue;
		}
		*p = h->next;
		free(h->device);
		free(h);
	}
}

void hdm_free(struct models *models)
{
	while (models->hdms) {
		struct hdm *h = models->hdms;

		models->hdms = h->next;
		free(h->device);
		free(h);
	}
}
