// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the memory of the regions is used for: dax devices and their drivers,
 * and the System RAM blocks that lie inside a region.
 * Source: Documentation/ABI/testing/sysfs-bus-dax, sysfs-devices-memory.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cxl/lib/host.h"
#include "util/parse.h"

#define DAX_DEVICES "sys/bus/dax/devices"
#define MEMORY "sys/devices/system/memory"

/* An nvdimm region has a number of its own, but the address range of its CXL region. */
struct cxl_region *nd_region_of(struct cxl_host *host, const char *path)
{
	const char *nd = strstr(path, "/ndbus"), *region = nd ? strstr(nd, "/region") : NULL;
	struct opt_u64 start;
	char *dir;

	if (!region)
		return NULL;
	dir = arena_strndup(&host->arena, path, (size_t)(region - path) + 1 + strcspn(region + 1, "/"));
	start = dir ? attr_u64_optional(host, dir, dir, "resource") : (struct opt_u64){ 0 };
	for (size_t i = 0; start.known && i < host->n_regions; i++)
		if (host->regions[i].resource.known && host->regions[i].resource.v == start.v)
			return &host->regions[i];
	return NULL;
}

/* The region whose directory is above @path. */
static struct cxl_region *region_above(struct cxl_host *host, const char *path)
{
	for (size_t i = 0; i < host->n_regions; i++)
		if (path_is_below(path, host->regions[i].path))
			return &host->regions[i];
	return nd_region_of(host, path);
}

static bool is_dax(const char *name)
{
	return !strncmp(name, "dax", 3) && !name[3 + strspn(name + 3, "0123456789.")];
}

static int read_dax(struct cxl_host *host)
{
	struct sysfs_names names;
	char link[PATH_MAX];
	int rc = sysfs_list(&host->fs, &host->arena, DAX_DEVICES, is_dax, &names);

	if (rc == -ENOMEM)
		return rc;
	if (rc && rc != -ENOENT)
		message_add(&host->messages, SEV_WARNING, "ATTRIBUTE", NULL,
			    "/%s cannot be listed (%s), so no dax device is shown", DAX_DEVICES, strerror(-rc));
	sysfs_sort(&names);
	host->dax = arena_alloc(&host->arena, names.n, sizeof(*host->dax));
	if (!host->dax)
		return -ENOMEM;
	for (size_t i = 0; i < names.n; i++) {
		struct cxl_dax *d = &host->dax[host->n_dax];
		char *path;

		snprintf(link, sizeof(link), DAX_DEVICES "/%s", names.v[i]);
		if (sysfs_resolve(&host->fs, &host->arena, link, &path))
			continue;	/* gone since it was listed */
		*d = (struct cxl_dax){ .name = names.v[i], .path = path };
		d->region = region_above(host, path);
		d->driver = attr_link_name(host, d->name, path, "driver");
		d->size_bytes = attr_u64(host, d->name, path, "size");
		if (d->driver && !strcmp(d->driver, "kmem")) {
			/* new in 6.8; kmem put no struct pages on the memory before */
			d->memmap_on_memory = attr_u64_optional(host, d->name, path, "memmap_on_memory").v;
			d->target_node = attr_u64_optional(host, d->name, path, "target_node");
		}
		host->n_dax++;
	}
	return 0;
}

/* Both the region and its root ports list the dax device. */
static int attach_dax(struct cxl_host *host)
{
	for (size_t i = 0; i < host->n_regions; i++) {
		host->regions[i].dax = arena_alloc(&host->arena, host->n_dax, sizeof(struct cxl_dax *));
		if (!host->regions[i].dax)
			return -ENOMEM;
	}
	for (size_t i = 0; i < host->n_dax; i++) {
		struct cxl_region *r = host->dax[i].region;

		if (!r)
			continue;
		r->dax[r->n_dax++] = &host->dax[i];
		for (size_t k = 0; k < r->n_root_ports; k++)
			r->root_ports[k]->n_dax++;
	}
	for (size_t i = 0; i < host->n_root_ports; i++) {
		struct cxl_root_port *rp = &host->root_ports[i];

		rp->dax = arena_alloc(&host->arena, rp->n_dax, sizeof(*rp->dax));
		if (!rp->dax)
			return -ENOMEM;
		rp->n_dax = 0;
		for (size_t k = 0; k < rp->n_regions; k++)
			for (size_t d = 0; d < rp->regions[k]->n_dax; d++)
				rp->dax[rp->n_dax++] = rp->regions[k]->dax[d];
	}
	return 0;
}

/* "Normal" or "Movable" of an online block. */
static const char *read_zone(struct cxl_host *host, const char *block)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), MEMORY "/%s", block);
	return attr_text(host, path, "valid_zones");
}

/* One memory block that lies, at least in part, inside @r. */
static void count_block(struct cxl_host *host, struct cxl_region *r, const char *block)
{
	char path[PATH_MAX], state[32];
	ssize_t n;

	r->blocks_total++;
	snprintf(path, sizeof(path), MEMORY "/%s/state", block);
	n = sysfs_read(&host->fs, path, state, sizeof(state));
	if (n >= 0 && !strcmp(state, "offline"))
		return;
	if (n >= 0 && (!strcmp(state, "online") || !strcmp(state, "going-offline"))) {
		r->blocks_online++;
		/* of a few, spread over the region: it costs the kernel a walk of their pages */
		if (!(r->blocks_online & (r->blocks_online - 1)) && (!r->zone || !strcmp(r->zone, "Movable")))
			r->zone = read_zone(host, block);
		return;
	}
	if (!r->blocks_unknown)
		message_add(&host->messages, SEV_WARNING, "ATTRIBUTE", block,
			    "%s: attribute state cannot be read (%s), so whether %s is online as System RAM is unknown",
			    block, n < 0 ? strerror((int)-n) : "not a known state", r->name);
	r->blocks_unknown = true;
}

static int read_blocks(struct cxl_host *host)
{
	struct sysfs_names names;
	char text[32];
	ssize_t n;
	int rc;

	if (!host->n_regions)
		return 0;
	rc = sysfs_list(&host->fs, &host->arena, MEMORY, NULL, &names);
	if (rc == -ENOENT)	/* no memory hotplug in this kernel: nothing can be onlined */
		return 0;
	if (rc == -ENOMEM)
		return rc;
	n = sysfs_read(&host->fs, MEMORY "/block_size_bytes", text, sizeof(text));
	if (rc || n < 0 || parse_hex64(text, &host->block_bytes) || !host->block_bytes) {
		message_add(&host->messages, SEV_WARNING, "ATTRIBUTE", NULL,
			    "the memory blocks in /%s cannot be read, so whether a region is online as System RAM is unknown",
			    MEMORY);
		for (size_t i = 0; i < host->n_regions; i++)
			host->regions[i].blocks_unknown = true;
		return 0;
	}
	for (size_t i = 0; i < names.n; i++) {
		unsigned int block;
		uint64_t start, end;

		if (!parse_name(names.v[i], "memory", &block) ||
		    __builtin_mul_overflow((uint64_t)block, host->block_bytes, &start) ||
		    __builtin_add_overflow(start, host->block_bytes, &end))
			continue;
		for (size_t k = 0; k < host->n_regions; k++) {
			struct cxl_region *r = &host->regions[k];

			if (r->resource.known && r->size_bytes.known && start < r->resource.v + r->size_bytes.v &&
			    end > r->resource.v)
				count_block(host, r, names.v[i]);
		}
	}
	for (size_t i = 0; i < host->n_regions; i++)
		if (!host->regions[i].resource.known || !host->regions[i].size_bytes.known)
			host->regions[i].blocks_unknown = true;
	return 0;
}

int memory_read(struct cxl_host *host, struct err *err)
{
	int rc = read_dax(host);

	if (!rc)
		rc = attach_dax(host);
	if (!rc)
		rc = read_blocks(host);
	return rc ? err_set(err, EXIT_REFUSED, ENOMEM, "out of memory while reading memory blocks") : 0;
}
