// SPDX-License-Identifier: GPL-2.0-only
/* Taking the recipe of a root port from a snapshot: see recipe.h.  Its JSON is recipe_json.c. */
#include "cxl/lib/recover/recipe.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cxl/lib/change/step.h"
#include "util/parse.h"

/* Attribute @attr of the object at @path as text in @a; NULL when it cannot be read. */
static const char *text_of(struct cxl_host *host, struct arena *a, const char *path, const char *attr)
{
	char full[PATH_MAX], text[128];

	if (sysfs_join(full, sizeof(full), path, attr) || sysfs_read(&host->fs, full, text, sizeof(text)) < 0)
		return NULL;
	return arena_strdup(a, text);
}

static uint64_t number_of(struct cxl_host *host, struct arena *a, const char *path, const char *attr)
{
	const char *text = text_of(host, a, path, attr);
	uint64_t v;

	return text && !parse_u64(text, &v) ? v : 0;
}

/* Memory devices of @bus that no region has: any of them may be what a husk lost. */
static size_t idle_memdevs(const struct cxl_host *host, const struct cxl_bus *bus, const struct cxl_root_port *rp)
{
	size_t n = 0;

	for (size_t i = 0; i < host->n_memdevs; i++)
		n += host->memdevs[i].bus == bus && (!rp || host->memdevs[i].root_port == rp) &&
		     !host_region_of_memdev(host, &host->memdevs[i]);
	return n;
}

/* Root ports of @bus below which a device can be missing altogether. */
static bool may_lack_a_device(const struct cxl_root_port *rp)
{
	return !rp->n_memdevs;
}

/* Can a device below @rp have been one that the husk lost?  Each position belongs to one host bridge. */
static bool may_have_lost(const struct cxl_region *r, const struct cxl_root_port *rp)
{
	bool is_known = r->n_bridges && rp->bridge->host;

	for (size_t i = 0; i < r->n_targets; i++)
		if (!r->targets[i] && (!is_known || !strcmp(r->bridges[i % r->n_bridges], rp->bridge->host)))
			return true;
	return false;
}

bool recipe_has(const struct recipe *recipe, const char *name)
{
	for (size_t i = 0; i < recipe->n_regions; i++)
		if (!strcmp(recipe->regions[i].name, name))
			return true;
	return false;
}

bool recipe_touches(const struct cxl_host *host, const struct cxl_root_port *rp, const struct cxl_region *r)
{
	if (region_is_below(r, rp))
		return true;
	if (r->state != REGION_HUSK || !rp->bridge || rp->bridge->bus != r->bus || !may_have_lost(r, rp))
		return false;
	return idle_memdevs(host, r->bus, rp) || may_lack_a_device(rp);
}

/* --- devices ------------------------------------------------------------------ */

/* Unknown where it tells nothing: 0 is a function without serial number (pci_get_dsn() of drivers/pci/pci.c). */
static struct opt_u64 serial_of(const struct cxl_host *host, const struct cxl_memdev *m)
{
	if (!m->serial.v)
		return (struct opt_u64){ 0 };
	for (size_t i = 0; i < host->n_memdevs; i++)
		if (&host->memdevs[i] != m && host->memdevs[i].serial.known && host->memdevs[i].serial.v == m->serial.v)
			return (struct opt_u64){ 0 };
	return m->serial;
}

static size_t add_device(struct recipe *recipe, const struct cxl_host *host, const struct cxl_memdev *m, bool below)
{
	for (size_t i = 0; i < recipe->n_devices; i++)
		if (!strcmp(recipe->devices[i].name, m->name))
			return i;
	recipe->devices[recipe->n_devices] = (struct recipe_device){
		.name = m->name, .address = m->host, .serial = serial_of(host, m), .below = below,
	};
	return recipe->n_devices++;
}

/* A device that left before: nothing is known of it but where it was. */
static size_t add_lost_device(struct recipe *recipe, struct arena *a)
{
	const char *name = arena_printf(a, "device%zu", recipe->n_devices);

	recipe->devices[recipe->n_devices] = (struct recipe_device){ .name = name ? name : "device", .below = true };
	return recipe->n_devices++;
}

/* --- regions ------------------------------------------------------------------ */

/* "…/decoder0.0/region0" -> "decoder0.0" */
static const char *root_decoder(const struct cxl_region *r, struct arena *a)
{
	const char *end = strrchr(r->path, '/'), *start = end;

	while (start && start > r->path && start[-1] != '/')
		start--;
	return end && !strncmp(start, "decoder", 7) ? arena_strndup(a, start, (size_t)(end - start)) : NULL;
}

/* Another root port without devices that the husk may have spanned: one that failed as well, or,
 * where there are several husks, any. */
static bool may_be_anothers(const struct cxl_host *host, const struct cxl_root_port *rp, const struct cxl_region *r)
{
	size_t n_husks = 0;

	for (size_t i = 0; i < host->n_regions; i++)
		n_husks += host->regions[i].state == REGION_HUSK && recipe_touches(host, rp, &host->regions[i]);
	for (size_t i = 0; i < host->n_root_ports; i++) {
		const struct cxl_root_port *other = &host->root_ports[i];

		if (other != rp && may_lack_a_device(other) && (n_husks > 1 || iso_isolated(&other->iso) == TRI_YES) &&
		    recipe_touches(host, other, r))
			return true;
	}
	return false;
}

/* The memory device that a lost position of a husk must have been; SIZE_MAX: cannot be told. */
static size_t guess_target(const struct cxl_host *host, const struct cxl_root_port *rp, const struct cxl_region *r,
			   size_t n_lost, struct recipe *recipe, struct arena *a)
{
	if (n_lost != 1)
		return SIZE_MAX;
	/* nothing is left below the port that failed: what was there, and no other */
	if (may_lack_a_device(rp) && may_be_anothers(host, rp, r))
		return SIZE_MAX;
	if (may_lack_a_device(rp))
		return add_lost_device(recipe, a);
	/* one position lost, one device that is in no region: it, wherever it is on the bus */
	if (idle_memdevs(host, r->bus, NULL) == 1 && idle_memdevs(host, r->bus, rp) == 1)
		for (size_t i = 0; i < rp->n_memdevs; i++)
			if (!host_region_of_memdev(host, rp->memdevs[i]))
				return add_device(recipe, host, rp->memdevs[i], true);
	return SIZE_MAX;
}

static int read_targets(struct cxl_host *host, const struct cxl_root_port *rp, const struct cxl_region *r, struct recipe *recipe,
			struct recipe_region *ret, struct arena *a)
{
	size_t n_lost = 0;

	ret->targets = arena_alloc(a, ret->ways ? ret->ways : 1, sizeof(*ret->targets));
	if (!ret->targets)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_targets; i++)
		n_lost += !r->targets[i];
	for (size_t i = 0; i < ret->ways && !ret->lost; i++) {
		const struct cxl_memdev *m = i < r->n_targets ? r->targets[i] : NULL;
		struct recipe_target *t = &ret->targets[i];
		const char *decoder = NULL;
		char attr[32], path[PATH_MAX];

		t->device = m ? add_device(recipe, host, m, m->root_port == rp) : guess_target(host, rp, r, n_lost, recipe, a);
		t->mode = ret->mode;
		t->bytes = ret->size_bytes / ret->ways;
		if (t->device == SIZE_MAX)
			ret->lost = arena_printf(a, "which device was its target %zu cannot be told any more", i);
		snprintf(attr, sizeof(attr), "target%zu", i);
		if (m)
			decoder = text_of(host, a, r->path, attr);
		if (!decoder)
			continue;
		snprintf(path, sizeof(path), "sys/bus/cxl/devices/%.64s", decoder);
		t->mode = text_of(host, a, path, "mode");
		if (!t->mode)
			t->mode = ret->mode;
	}
	return 0;
}

/* What can be made again: one dax device over the whole region. */
static void read_dax(struct cxl_host *host, const struct cxl_region *r, struct recipe_region *ret, struct arena *a)
{
	const struct cxl_dax *d = r->n_dax ? r->dax[0] : NULL;
	const char *memmap = d ? text_of(host, a, d->path, "memmap_on_memory") : NULL;
	uint64_t v;

	ret->memmap_on_memory = memmap && !parse_u64(memmap, &v) && v < 2 ? (int)v : -1;
	if (!strcmp(ret->mode, "ram") && ret->enabled)
		ret->dax_driver = d && !d->driver ? STEP_NO_DRIVER : "device_dax";
	if (r->n_dax > 1)
		ret->lost = arena_printf(a, "it is cut into %zu dax devices that do not cover it as one", r->n_dax);
	else if (d && d->size_bytes.known && d->size_bytes.v != ret->size_bytes)
		ret->lost = "its only dax device does not cover it";
}

static int read_region(struct cxl_host *host, const struct cxl_root_port *rp, const struct cxl_region *r,
		       struct recipe *recipe, struct arena *a)
{
	struct recipe_region *ret = &recipe->regions[recipe->n_regions++];
	const char *uuid = text_of(host, a, r->path, "uuid");

	*ret = (struct recipe_region){
		.name = r->name, .decoder = root_decoder(r, a), .mode = text_of(host, a, r->path, "mode"),
		.size_bytes = r->size_bytes.v, .address = r->resource.v, .ways = r->ways.known ? (size_t)r->ways.v : 0,
		.granularity = number_of(host, a, r->path, "interleave_granularity"),
		.uuid = uuid && *uuid ? uuid : NULL, .enabled = r->state != REGION_DISABLED, .memmap_on_memory = -1,
	};
	if (!ret->decoder || !ret->mode || !ret->ways || !ret->size_bytes || !ret->granularity) {
		ret->lost = "some of its attributes cannot be read or were never set";
		ret->mode = ret->mode ? ret->mode : "ram";
		ret->decoder = ret->decoder ? ret->decoder : "decoder0.0";
		ret->ways = 0;
	} else if (r->targets_unknown && r->state != REGION_HUSK) {
		ret->lost = "some of its targets cannot be read";
	}
	read_dax(host, r, ret, a);
	return read_targets(host, rp, r, recipe, ret, a);
}

/* --- addresses ------------------------------------------------------------------ */

/* What alloc_hpa() of drivers/cxl/core/region.c asks for. */
#define REGION_ALIGN (256ull << 20)

/* The first place from *@at that [@start, @start + @size) leaves; true: *@at was moved. */
static bool skip_range(uint64_t *at, uint64_t bytes, uint64_t start, uint64_t size)
{
	if (!size || start >= *at + bytes || *at >= start + size || start + size > UINT64_MAX - REGION_ALIGN)
		return false;
	*at = (start + size + REGION_ALIGN - 1) / REGION_ALIGN * REGION_ALIGN;
	return true;
}

/* Where the kernel will make regions[@i]: the lowest free range of its window (alloc_free_mem_region() of kernel/resource.c). */
static uint64_t place(struct cxl_host *host, const struct recipe *recipe, size_t i, const uint64_t *placed, struct arena *a)
{
	const struct recipe_region *made = &recipe->regions[i];
	const char *window = arena_printf(a, "sys/bus/cxl/devices/%.40s", made->decoder);
	uint64_t at = window ? number_of(host, a, window, "start") : 0;
	bool is_moved = true;

	if (!at)
		return made->address;
	for (at = (at + REGION_ALIGN - 1) / REGION_ALIGN * REGION_ALIGN; is_moved;) {
		is_moved = false;
		for (size_t k = 0; k < host->n_regions; k++)
			if (!recipe_has(recipe, host->regions[k].name))
				is_moved |= skip_range(&at, made->size_bytes, host->regions[k].resource.v, host->regions[k].size_bytes.v);
		for (size_t k = 0; k < i; k++)
			is_moved |= skip_range(&at, made->size_bytes, placed[k], recipe->regions[k].size_bytes);
	}
	return at;
}

/* Do regions of these root ports go through a decoder of the same host bridge? */
static bool shares_bridge(const struct cxl_region *r, const struct cxl_root_port *rp, const struct cxl_region *other)
{
	for (size_t i = 0; i < other->n_root_ports; i++) {
		const struct cxl_port *bridge = other->root_ports[i]->bridge;

		if (bridge == rp->bridge)
			return true;
		for (size_t k = 0; k < r->n_root_ports; k++)
			if (bridge == r->root_ports[k]->bridge)
				return true;
	}
	return false;
}

/*
 * Decoders are programmed in the order of addresses (CXL r3.2 sec 8.2.4.20.12): the
 * kernel makes no region where one at a higher address goes through the same
 * host bridge already (alloc_region_ref() of drivers/cxl/core/region.c).
 */
static int find_higher(struct cxl_host *host, const struct cxl_root_port *rp, const struct cxl_region *const *regions,
		       struct recipe *recipe, struct arena *a)
{
	uint64_t *placed = arena_alloc(a, recipe->n_regions + 1, sizeof(*placed));

	for (size_t i = 0; placed && i < recipe->n_regions; i++) {
		if (recipe->regions[i].lost)
			continue;
		placed[i] = place(host, recipe, i, placed, a);
		for (size_t k = 0; k < host->n_regions; k++) {
			const struct cxl_region *other = &host->regions[k];

			if (other->resource.v > placed[i] && !recipe_has(recipe, other->name) && shares_bridge(regions[i], rp, other))
				recipe->regions[i].lost = arena_printf(a, "%s is at a higher address behind the same host bridge, whose decoders the kernel programs only in the order of addresses (with %s destroyed first it could)",
								       other->name, other->name);
		}
	}
	return placed ? 0 : -ENOMEM;
}

static int by_address(const void *a, const void *b)
{
	const struct cxl_region *p = *(const struct cxl_region *const *)a, *q = *(const struct cxl_region *const *)b;

	return p->resource.v < q->resource.v ? -1 : p->resource.v > q->resource.v;
}

static void add_root_port(struct recipe *recipe, const char *name)
{
	for (size_t i = 0; i < recipe->n_root_ports; i++)
		if (!strcmp(recipe->root_ports[i], name))
			return;
	recipe->root_ports[recipe->n_root_ports++] = name;
}

int recipe_read(struct cxl_host *host, const struct cxl_root_port *rp, struct arena *a, struct recipe *ret, struct err *err)
{
	const struct cxl_region **touching = arena_alloc(a, host->n_regions, sizeof(*touching));
	size_t n = 0;

	*ret = (struct recipe){
		.root_port = rp->name, .settings = iso_settings(&rp->iso, false),
		.devices = arena_alloc(a, host->n_memdevs + host->n_regions + 1, sizeof(*ret->devices)),
		.regions = arena_alloc(a, host->n_regions, sizeof(*ret->regions)),
		.root_ports = arena_alloc(a, host->n_root_ports, sizeof(*ret->root_ports)),
	};
	if (!touching || !ret->devices || !ret->regions || !ret->root_ports)
		goto no_memory;
	add_root_port(ret, rp->name);
	for (size_t i = 0; i < rp->n_memdevs; i++)
		add_device(ret, host, rp->memdevs[i], true);
	for (size_t i = 0; i < host->n_regions; i++)
		if (recipe_touches(host, rp, &host->regions[i]))
			touching[n++] = &host->regions[i];
	if (n)
		qsort(touching, n, sizeof(*touching), by_address);
	for (size_t i = 0; i < n; i++) {
		if (read_region(host, rp, touching[i], ret, a))
			goto no_memory;
		for (size_t k = 0; k < touching[i]->n_root_ports; k++)
			add_root_port(ret, touching[i]->root_ports[k]->name);
	}
	if (find_higher(host, rp, touching, ret, a))
		goto no_memory;
	return 0;
no_memory:
	return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory, nothing was written");
}
