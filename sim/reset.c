// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the decoders' registers hold behind sysfs, and the resets that they lose
 * it by: reset and reset_method of a function, reset_subordinate of a bridge
 * (drivers/pci/pci.c and pci-sysfs.c of Linux 6.12).  No attribute shows that a
 * decoder was lost; it is seen when its port is probed the next time.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/capture.h"
#include "sim/device.h"
#include "sim/kstr.h"
#include "sim/sim.h"
#include "util/cleanup.h"
#include "util/parse.h"

enum {
	DVSEC_PORT_EXTENSIONS = 3,	/* CXL r3.2 8.1.5 */
	PORT_CONTROL = 0xc,
	UNMASK_SBR = 1 << 0,		/* 8.1.5.2 */
	/* __devm_cxl_add_decoder(): of a port without registers */
	PASSTHROUGH_GRANULARITY = 4096,
};

/* A decoder's registers, by the device that has them and the decoder's number there. */
struct hdm {
	char *device;
	unsigned int number;
	uint64_t ways, granularity;
	struct hdm *next;
};

/* The reset methods that a function has by itself. */
struct methods {
	char *device, *names;
	struct methods *next;
};

/* --- registers of decoders ------------------------------------------------- */

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

int hdm_write(struct sim *sim, const struct node *decoder)
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
	uint64_t granularity = decoder_is_passthrough(decoder->parent) ? PASSTHROUGH_GRANULARITY : h ? h->granularity : 256;

	dev_set(sim, decoder, "interleave_ways", "%" PRIu64, h ? h->ways : 1);
	dev_set(sim, decoder, "interleave_granularity", "%" PRIu64, granularity);
}

static bool is_path_below(const char *path, const char *top)
{
	size_t n = strlen(top);

	return !strncmp(path, top, n) && (!path[n] || path[n] == '/');
}

/* Contents of a dax device that reads no memory any more. */
static void forget_contents(struct sim *sim, const struct node *top)
{
	const struct node *devices = tree_dir(&sim->tree, "/sys/bus/cxl/devices");

	for (size_t i = 0; devices && i < devices->n_children; i++) {
		struct node *region = dev_find(sim, "cxl", devices->children[i]->name);
		bool lost = false;

		if (!region || !dev_is(region, "devtype", "cxl_region"))
			continue;
		for (unsigned int k = 0; k < region_ways(region); k++) {
			const struct node *target = region_target(sim, region, k);
			const struct node *memdev = target ? tree_resolve(&sim->tree, target->parent, "uport") : NULL;

			lost = lost || (memdev && node_is_below(memdev, top));
		}
		if (lost)
			dax_region_zero(sim, region);
	}
}

/* Everything at and below a PCI device is as after a conventional reset. */
static void lose_decoders(struct sim *sim, const struct node *top)
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
	forget_contents(sim, top);
}

/* --- resets ------------------------------------------------------------------ */

/* On a CXL port a secondary bus reset does nothing until it is unmasked (QEMU's resets all the same). */
static bool is_masked(const struct node *bridge)
{
	const struct node *config = tree_child(bridge, "config");
	size_t at = config ? capture_dvsec(config, DVSEC_PORT_EXTENSIONS) : 0;

	return at && at + PORT_CONTROL < config->len && !(config->data[at + PORT_CONTROL] & UNMASK_SBR);
}

static struct methods *methods_of(const struct sim *sim, const struct node *function)
{
	_cleanup_free_ char *path = node_path(function);
	struct methods *m = sim->models->methods;

	while (path && m && strcmp(m->device, path))
		m = m->next;
	return path ? m : NULL;
}

static bool has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list; n && (at = strstr(at, word)); at++)
		if ((at == list || at[-1] == ' ') && (!at[n] || at[n] == ' '))
			return true;
	return false;
}

static ssize_t method_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	const struct methods *own = methods_of(op->sim, node->parent);
	char text[256], chosen[256] = "", *save = NULL;

	if (!own)
		return -EOPNOTSUPP;
	dev_word(buf, text, sizeof(text));
	if (!strcmp(text, "default"))
		return dev_set(op->sim, node->parent, node->name, "%s", own->names) ? -ENOMEM : (ssize_t)len;
	for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (!has_word(own->names, word))
			return -EINVAL;
		snprintf(chosen + strlen(chosen), sizeof(chosen) - strlen(chosen), "%s%s", *chosen ? " " : "", word);
	}
	return dev_set(op->sim, node->parent, node->name, "%s", chosen) ? -ENOMEM : (ssize_t)len;
}

static ssize_t reset_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct node *function = node->parent;
	char methods[256], *save = NULL;
	uint64_t v;

	if (kstr_number(buf, ULONG_MAX, &v) || v != 1)
		return -EINVAL;
	if (!tree_text(function, "reset_method", methods, sizeof(methods)))
		return -ENOTTY;
	for (char *word = strtok_r(methods, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (!strcmp(word, "bus") && is_masked(function->parent))
			continue;		/* the next one is tried */
		if (!strcmp(word, "bus") || !strcmp(word, "cxl_bus"))
			lose_decoders(op->sim, function);
		return (ssize_t)len;		/* others leave the decoders alone */
	}
	return -ENOTTY;
}

static ssize_t subordinate_store(struct node *node, const char *buf, size_t len, struct op *op)
{
	struct node *bridge = node->parent;
	uint64_t v, key;

	if (kstr_number(buf, ULONG_MAX, &v))
		return -EINVAL;
	for (size_t i = 0; v && !is_masked(bridge) && i < bridge->n_children; i++)
		if (bridge->children[i]->kind == NODE_DIR && parse_pci_address(bridge->children[i]->name, &key))
			lose_decoders(op->sim, bridge->children[i]);
	return (ssize_t)len;
}

static const struct attr_ops method_ops = { .store = method_store };
static const struct attr_ops reset_ops = { .store = reset_store };
static const struct attr_ops subordinate_ops = { .store = subordinate_store };

int reset_attach(struct sim *sim, struct node *function)
{
	struct methods *m = methods_of(sim, function);
	char text[256];

	dev_model(sim, function, "reset", &reset_ops);
	dev_model(sim, function, "reset_method", &method_ops);
	dev_model(sim, function, "reset_subordinate", &subordinate_ops);
	if (m)		/* it came back: as found */
		return dev_set(sim, function, "reset_method", "%s", m->names);
	if (!tree_text(function, "reset_method", text, sizeof(text)))
		return 0;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->next = sim->models->methods;
	sim->models->methods = m;
	m->device = node_path(function);
	m->names = strdup(text);
	return m->device && m->names ? 0 : -ENOMEM;
}

void reset_free(struct models *models)
{
	while (models->hdms) {
		struct hdm *h = models->hdms;

		models->hdms = h->next;
		free(h->device);
		free(h);
	}
	while (models->methods) {
		struct methods *m = models->methods;

		models->methods = m->next;
		free(m->device);
		free(m->names);
		free(m);
	}
}
