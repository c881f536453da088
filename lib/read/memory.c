// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the memory of the regions is used for: dax devices and their drivers,
 * and the System RAM blocks that lie inside a region.
 * Source: Documentation/ABI/testing/sysfs-bus-dax, sysfs-devices-memory.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/host.h"
#include "lib/read/host_own.h"
#include "lib/read/reader.h"
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
	dir = arena_strndup(host->arena, path, (size_t)(region - path) + 1 + strcspn(region + 1, "/"));
	start = dir ? attr_u64_optional(host, dir, dir, "resource") : (struct opt_u64){ 0 };
	for (size_t i = 0; start.known && i < host->n_regions; i++)
		if (host->regions[i].resource.known && host->regions[i].resource.v == start.v)
			return &host->own->regions[i];
	return NULL;
}

static struct cxl_region *region_by_name(struct cxl_host *host, const char *name)
{
	for (size_t lo = 0, hi = host->n_regions; lo < hi;) {	/* in natural order */
		size_t mid = (lo + hi) / 2;
		int c = natural_cmp(name, host->regions[mid].name);

		if (!c)
			return &host->own->regions[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

/* The region whose directory is above @path; one of nvdimm's may have the same name. */
static struct cxl_region *region_above(struct cxl_host *host, const char *path)
{
	char name[32];

	for (const char *at = path; (at = strstr(at, "/region")); at++) {
		struct cxl_region *r = NULL;

		if ((size_t)snprintf(name, sizeof(name), "%.*s", (int)strcspn(at + 1, "/"), at + 1) < sizeof(name))
			r = region_by_name(host, name);
		if (r && path_is_below(path, r->path))
			return r;
	}
	return nd_region_of(host, path);
}

bool is_dax_name(const char *name)
{
	return !strncmp(name, "dax", 3) && !name[3 + strspn(name + 3, "0123456789.")];
}

/* New in 6.8; kmem put no struct pages on the memory before. */
static enum tri read_memmap(struct cxl_host *host, const struct cxl_dax *d)
{
	struct opt_u64 v = attr_u64_optional(host, d->name, d->path, "memmap_on_memory");
	char path[PATH_MAX];

	if (v.known)
		return tri_of(v.v);
	return !sysfs_join(path, sizeof(path), d->path, "memmap_on_memory") && sysfs_exists(host->fs, path) ? TRI_UNKNOWN : TRI_NO;
}

static int read_dax(struct cxl_host *host)
{
	struct sysfs_names names;
	char link[PATH_MAX];
	int rc = sysfs_list(host->fs, host->arena, DAX_DEVICES, is_dax_name, &names);

	if (rc == -ENOMEM)
		return rc;
	host->dax_unknown = rc && rc != -ENOENT;
	if (host->dax_unknown)
		message_add(host->messages, SEV_WARNING, "ATTRIBUTE", NULL,
			    "/%s cannot be listed (%s), so no dax device is shown", DAX_DEVICES, err_text(-rc));
	sysfs_sort(&names);
	OWN_ALLOC(host, dax, names.n);
	if (!host->dax)
		return -ENOMEM;
	for (size_t i = 0; i < names.n; i++) {
		struct cxl_dax *d = &host->own->dax[host->n_dax];
		char *path;

		snprintf(link, sizeof(link), DAX_DEVICES "/%s", names.v[i]);
		rc = sysfs_resolve(host->fs, host->arena, link, &path);
		host->dax_unknown |= rc && rc != -ENOENT;
		if (rc)
			continue;	/* gone since it was listed */
		*d = (struct cxl_dax){ .name = names.v[i], .path = path };
		d->region = region_above(host, path);
		d->driver = attr_link_name(host, d->name, path, "driver");
		d->size_bytes = attr_u64(host, d->name, path, "size");
		if (d->region)
			d->align = attr_u64_optional(host, d->name, path, "align");
		if (dax_is_kmem(d)) {
			d->memmap_on_memory = read_memmap(host, d);
			d->target_node = attr_u64_optional(host, d->name, path, "target_node");
		}
		host->n_dax++;
	}
	return 0;
}

/* Both the region and its root ports list the dax device. */
static int attach_dax(struct cxl_host *host)
{
	for (size_t i = 0; i < host->n_dax; i++)
		if (host->dax[i].region)
			OWN(host, regions, host->dax[i].region)->n_dax++;
	for (size_t i = 0; i < host->n_regions; i++) {
		struct cxl_region *r = &host->own->regions[i];

		r->dax = arena_alloc(host->arena, r->n_dax, sizeof(struct cxl_dax *));
		if (!r->dax)
			return -ENOMEM;
		r->n_dax = 0;
	}
	for (size_t i = 0; i < host->n_dax; i++) {
		struct cxl_region *r;

		if (!host->dax[i].region)
			continue;
		r = OWN(host, regions, host->dax[i].region);
		r->dax[r->n_dax++] = &host->dax[i];
		for (size_t k = 0; k < r->n_root_ports; k++)
			OWN(host, root_ports, r->root_ports[k])->n_dax++;
	}
	for (size_t i = 0; i < host->n_root_ports; i++) {
		struct cxl_root_port *rp = &host->own->root_ports[i];

		rp->dax = arena_alloc(host->arena, rp->n_dax, sizeof(*rp->dax));
		if (!rp->dax)
			return -ENOMEM;
		rp->n_dax = 0;
		for (size_t k = 0; k < rp->n_regions; k++)
			for (size_t d = 0; d < rp->regions[k]->n_dax; d++)
				rp->dax[rp->n_dax++] = rp->regions[k]->dax[d];
	}
	return 0;
}

/* --- where the dax devices lie ------------------------------------------ */

/* "mapping0/start": of a device that is put together from several ranges.  The
 * attributes are root's. */
static ssize_t read_address(struct cxl_host *host, const struct cxl_dax *d, const char *attr,
			    uint64_t *ret)
{
	char path[PATH_MAX], text[32];
	ssize_t n = sysfs_join(path, sizeof(path), d->path, attr);

	if (!n)
		n = sysfs_read(host->fs, path, text, sizeof(text));
	return n < 0 ? n : parse_u64(text, ret);
}

static int add_range(struct cxl_host *host, struct cxl_dax *d, uint64_t first, uint64_t last)
{
	struct addr_range *more = arena_alloc(host->arena, d->n_ranges + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	if (d->n_ranges)
		memcpy(more, d->ranges, d->n_ranges * sizeof(*more));
	more[d->n_ranges++] = (struct addr_range){ first, last };
	d->ranges = more;
	return 0;
}

static int read_mappings(struct cxl_host *host, struct cxl_dax *d)
{
	ssize_t rc = 0;

	for (unsigned int i = 0; !rc; i++) {
		uint64_t first, last;
		char attr[32];

		snprintf(attr, sizeof(attr), "mapping%u/start", i);
		rc = read_address(host, d, attr, &first);
		snprintf(attr, sizeof(attr), "mapping%u/end", i);
		if (!rc)
			rc = read_address(host, d, attr, &last);
		if (!rc)
			rc = last < first ? -EINVAL : add_range(host, d, first, last);
	}
	if (rc == -ENOMEM)
		return -ENOMEM;
	if (rc == -ENOENT && d->n_ranges)
		return 0;
	d->n_ranges = 0;
	if (host->wants_dax)	/* else the check that asks for it says so */
		message_add(host->messages, SEV_WARNING, "ATTRIBUTE", d->name,
			    "%s: where it lies cannot be read (mapping0/start: %s), so its memory blocks are not known%s", d->name,
			    err_text((int)-rc), rc == -EACCES ? "; run the command as root" : "");
	return 0;
}

static int read_ranges(struct cxl_host *host)
{
	for (size_t i = 0; i < host->n_dax; i++) {
		struct cxl_dax *d = &host->own->dax[i];
		const struct cxl_region *r = d->region;
		int rc;

		if (dax_is_empty(d))
			continue;
		/* the only device of a region is all of it, unless it was made smaller, and that anybody may read */
		if (r && r->n_dax == 1 && r->resource.known && r->size_bytes.known &&
		    r->size_bytes.v && (!d->size_bytes.known || d->size_bytes.v == r->size_bytes.v))
			rc = add_range(host, d, r->resource.v,
				       r->resource.v + (r->size_bytes.v - 1));
		else
			rc = host->wants_dax || r || (host->n_loose && dax_is_hmem(d))
				     ? read_mappings(host, d)
				     : 0;
		if (rc)
			return rc;
	}
	return 0;
}

/* --- memory blocks -------------------------------------------------------- */

static enum block_state read_state(struct cxl_host *host, const char *name, int *ret_errnum)
{
	char path[PATH_MAX], state[32];
	ssize_t n;

	snprintf(path, sizeof(path), MEMORY "/%s/state", name);
	n = sysfs_read(host->fs, path, state, sizeof(state));
	*ret_errnum = n < 0 ? (int)-n : 0;
	if (n >= 0 && !strcmp(state, "offline"))
		return BLOCK_OFFLINE;
	return n >= 0 && (!strcmp(state, "online") || !strcmp(state, "going-offline")) ? BLOCK_ONLINE : BLOCK_UNKNOWN;
}

/* "Normal" or "Movable" of an online block. */
static const char *read_zone(struct cxl_host *host, const char *block)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), MEMORY "/%s", block);
	return attr_text(host, path, "valid_zones");
}

static void count_block(struct cxl_host *host, struct cxl_region *r, const char *name,
			const struct mem_block *b, int errnum)
{
	r->blocks_total++;
	r->blocks_online += b->state == BLOCK_ONLINE;
	/* of a few, spread over the region: it costs the kernel a walk of their pages */
	if (b->state == BLOCK_ONLINE && !(r->blocks_online & (r->blocks_online - 1)) && (!r->zone || !strcmp(r->zone, "Movable")))
		r->zone = b->zone ? b->zone : read_zone(host, name);
	if (b->state == BLOCK_UNKNOWN && !r->blocks_unknown)
		message_add(host->messages, SEV_WARNING, "ATTRIBUTE", name,
			    "%s: attribute state cannot be read (%s), so whether %s is online as System RAM is unknown",
			    name, errnum ? err_text(errnum) : "not a known state", r->name);
	r->blocks_unknown |= b->state == BLOCK_UNKNOWN;
}

static bool lies_in(const struct cxl_region *r, uint64_t first, uint64_t last)
{
	return r->resource.known && r->size_bytes.known &&
	       first < r->resource.v + r->size_bytes.v && last >= r->resource.v;
}

static bool lies_loose(const struct loose_memory *l, uint64_t first, uint64_t last)
{
	return l->start.known && first <= l->start.v + (l->size_bytes - 1) && last >= l->start.v;
}

/* Memory from @first to @last is block @name; look at it when it is somebody's here. */
static void take_block(struct cxl_host *host, const char *name, unsigned int number, uint64_t first,
		       uint64_t last)
{
	struct mem_block *b = &host->own->blocks[host->n_blocks];
	bool is_ours = false;
	int errnum;

	for (size_t k = 0; !is_ours && k < host->n_regions; k++)
		is_ours = lies_in(&host->regions[k], first, last);
	for (size_t k = 0; !is_ours && k < host->n_loose; k++)
		is_ours = lies_loose(&host->loose[k], first, last);
	for (size_t k = 0; !is_ours && host->wants_dax && k < host->n_dax; k++)
		is_ours = !host->dax[k].region && dax_touches(&host->dax[k], first, last);
	if (!is_ours)
		return;
	b->number = number;
	b->state = read_state(host, name, &errnum);
	if (host->wants_dax && b->state == BLOCK_ONLINE)
		b->zone = zone_of_block(host, number, first, last);
	host->n_blocks++;
	for (size_t k = 0; k < host->n_regions; k++)
		if (lies_in(&host->regions[k], first, last))
			count_block(host, &host->own->regions[k], name, b, errnum);
	for (size_t k = 0; k < host->n_loose; k++) {
		struct loose_memory *l = &host->own->loose[k];

		if (!lies_loose(l, first, last))
			continue;
		l->blocks_total++;
		l->blocks_online += b->state == BLOCK_ONLINE;
		l->blocks_unknown |= b->state == BLOCK_UNKNOWN;
	}
}

/* The device of hmem's whose memory it is. */
static void find_owners(struct cxl_host *host)
{
	for (size_t i = 0; i < host->n_loose; i++) {
		struct loose_memory *l = &host->own->loose[i];

		for (size_t k = 0; l->start.known && k < host->n_dax; k++)
			if (dax_is_hmem(&host->dax[k]) &&
			    dax_touches(&host->dax[k], l->start.v,
					l->start.v + (l->size_bytes - 1)))
				l->dax = &host->dax[k];
	}
}

static int block_cmp(const void *a, const void *b)
{
	const struct mem_block *p = a, *q = b;

	return p->number < q->number ? -1 : p->number > q->number;
}

static int read_blocks(struct cxl_host *host)
{
	struct sysfs_names names;
	char text[32];
	ssize_t n;
	int rc;

	/* a layout is judged by their size before anything is there that has some */
	if (!host->n_regions && !host->n_loose && !host->wants_dax)
		return 0;
	rc = sysfs_list(host->fs, host->arena, MEMORY, NULL, &names);
	if (rc == -ENOENT)	/* no memory hotplug in this kernel: nothing can be onlined */
		return 0;
	if (rc == -ENOMEM)
		return rc;
	n = sysfs_read(host->fs, MEMORY "/block_size_bytes", text, sizeof(text));
	if (rc || n < 0 || parse_hex64(text, &host->block_bytes) || !host->block_bytes) {
		message_add(host->messages, SEV_WARNING, "ATTRIBUTE", NULL,
			    "the memory blocks in /%s cannot be read, so whether a region is online as System RAM is unknown",
			    MEMORY);
		for (size_t i = 0; i < host->n_regions; i++)
			host->own->regions[i].blocks_unknown = true;
		for (size_t i = 0; i < host->n_loose; i++)
			host->own->loose[i].blocks_unknown = true;
		host->block_bytes = 0;
		return 0;
	}
	OWN_ALLOC(host, blocks, names.n);
	if (!host->blocks || (host->wants_dax && zones_read(host)))
		return -ENOMEM;
	for (size_t i = 0; i < names.n; i++) {
		unsigned int block;
		uint64_t start, end;

		if (!parse_name(names.v[i], "memory", &block) ||
		    __builtin_mul_overflow((uint64_t)block, host->block_bytes, &start) ||
		    __builtin_add_overflow(start, host->block_bytes, &end))
			continue;
		take_block(host, names.v[i], block, start, end - 1);
	}
	if (host->n_blocks)
		qsort(host->own->blocks, host->n_blocks, sizeof(*host->blocks), block_cmp);
	for (size_t i = 0; i < host->n_regions; i++)
		if (!host->regions[i].resource.known || !host->regions[i].size_bytes.known)
			host->own->regions[i].blocks_unknown = true;
	for (size_t i = 0; i < host->n_loose; i++)
		host->own->loose[i].blocks_unknown |= !host->own->loose[i].start.known;
	return 0;
}

int memory_read(struct cxl_host *host, struct err *err)
{
	int rc = read_dax(host);

	if (!rc)
		rc = attach_dax(host);
	if (!rc)
		rc = loose_read(host);
	if (!rc)
		rc = read_ranges(host);
	if (!rc)
		find_owners(host);
	if (!rc)
		rc = read_blocks(host);
	return rc ? err_no_memory(err, " while reading memory blocks") : 0;
}
