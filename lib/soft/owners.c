// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may own memory: regions, dax devices, and the memory blocks that are made
 * of it: see sources.h.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/read/reader.h"
#include "lib/soft/sources.h"
#include "util/parse.h"

#define DAX_DEVICES "sys/bus/dax/devices"
#define CXL_DEVICES "sys/bus/cxl/devices"
#define MEMORY "sys/devices/system/memory"

/* --- regions -------------------------------------------------------------- */

/* One endpoint decoder of a region: whether its addresses are the region's. */
struct region_decoder {
	bool known;
	uint64_t start, size;
	uint64_t dpa, dpa_size;	/* dpa_size 0: unknown, so all of the device */
};

static void read_region_decoder(const struct cxl_host *host, const char *name,
				struct region_decoder *ret)
{
	char path[PATH_MAX];

	*ret = (struct region_decoder){ 0 };
	if (sysfs_join(path, sizeof(path), CXL_DEVICES, name))
		return;
	ret->known = !soft_attr(host, path, "start", &ret->start) && !soft_attr(host, path, "size", &ret->size) &&
		ret->size;
	if (soft_attr(host, path, "dpa_resource", &ret->dpa) || soft_attr(host, path, "dpa_size", &ret->dpa_size))
		ret->dpa_size = 0;
}

/* Does the device say that this part of it is not to be Soft Reserved? */
static bool forbids_soft(const struct soft_device *d, const struct region_decoder *dec)
{
	for (size_t i = 0; i < d->cdat.n_types; i++) {
		const struct cdat_memory_type *t = &d->cdat.types[i];

		if (t->efi_type != CDAT_RESERVED && t->efi_type != CDAT_CONVENTIONAL)
			continue;
		if (!dec->dpa_size ||
		    (t->dpa_start <= dec->dpa + (dec->dpa_size - 1) && t->dpa_end >= dec->dpa))
			return true;
	}
	return false;
}

/*
 * A decoder that does not say what the region says: an expected quirk, or worth
 * a message.  Extended linear cache: the region has the cache on top of what the
 * decoders have.  Address translation (Zen5): decoders hold other addresses.
 * Low memory hole: the decoder reaches further than the window.
 */
static void judge_decoder(const struct cxl_host *host, struct soft_region *r, const char *name,
			  const struct region_decoder *dec)
{
	uint64_t size = r->span.end - r->span.start + 1;

	if (!dec->known || !r->has_span || r->elc_bytes)
		return;
	if (dec->start < r->span.start || dec->start > r->span.end)
		r->is_atl = true;
	else if (dec->start == r->span.start && dec->size > size)
		r->is_lmh = true;
	else if (dec->start != r->span.start || dec->size != size)
		message_add(host->messages, SEV_WARNING, "DECODER-SIZE", name,
			    "%s: the decoder maps %llu bytes at 0x%llx, which is not what %s has",
			    name, (unsigned long long)dec->size, (unsigned long long)dec->start,
			    r->span.name);
}

static size_t device_of(const struct soft_picture *p, const struct cxl_memdev *memdev)
{
	size_t i;

	for (i = 0; i < p->n_devices && p->devices[i].memdev != memdev; i++)
		;
	return i;
}

static int read_targets(const struct cxl_host *host, const struct cxl_region *r,
			struct soft_picture *p, struct soft_region *ret)
{
	char path[PATH_MAX], attr[32], name[64];

	ret->devices = arena_alloc(host->arena, r->n_targets, sizeof(*ret->devices));
	if (!ret->devices)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_targets; i++) {
		size_t device = r->targets[i] ? device_of(p, r->targets[i]) : p->n_devices;
		struct region_decoder dec = { 0 };

		snprintf(attr, sizeof(attr), "target%zu", i);
		if (!sysfs_join(path, sizeof(path), r->path, attr) &&
		    sysfs_read(host->fs, path, name, sizeof(name)) > 0 && !strchr(name, '/')) {
			read_region_decoder(host, name, &dec);
			judge_decoder(host, ret, name, &dec);
		}
		if (device == p->n_devices)
			continue;
		ret->devices[ret->n_devices++] = device;
		ret->cdat_mismatch |= forbids_soft(&p->devices[device], &dec);
	}
	return 0;
}

/* A "regionN" or "CXL Window N" of iomem for which sysfs has nothing. */
static int find_orphans(const struct cxl_host *host, struct soft_picture *p)
{
	struct interval_set windows = { 0 };

	p->orphans = arena_alloc(host->arena, p->iomem.n, sizeof(*p->orphans));
	if (!p->orphans)
		return -ENOMEM;
	for (size_t i = 0; !p->windows_from_cedt && i < p->n_windows; i++)
		if (interval_add(host->arena, &windows, p->windows[i].span.start,
				 p->windows[i].span.end))
			return -ENOMEM;
	interval_normalize(&windows);
	for (size_t i = 0; i < p->iomem.n; i++) {
		const struct iomem_line *l = &p->iomem.lines[i];
		const char *name;
		bool found = l->kind != IOMEM_WINDOW && l->kind != IOMEM_REGION;
		char text[32];

		/* a window is numbered apart, and may be widened or trimmed */
		if (l->kind == IOMEM_WINDOW)
			found = p->decoders_hidden || interval_overlap(&windows, l->start, l->end);
		snprintf(text, sizeof(text), l->kind == IOMEM_WINDOW ? "CXL Window %u" : "region%u", l->id);
		for (size_t k = 0; !found && l->kind == IOMEM_REGION && k < host->n_regions; k++)
			found = !strcmp(host->regions[k].name, text);
		if (found)
			continue;
		name = arena_strdup(host->arena, text);
		if (!name)
			return -ENOMEM;
		p->orphans[p->n_orphans++] = (struct soft_span){ name, l->start, l->end };
		message_add(host->messages, SEV_WARNING, "CONTRADICTION", name,
			    "/proc/iomem has \"%s\" at 0x%llx-0x%llx, but sysfs has no such object", name,
			    (unsigned long long)l->start, (unsigned long long)l->end);
	}
	return 0;
}

int soft_read_regions(const struct cxl_host *host, struct soft_picture *p)
{
	size_t hidden = 0;

	p->regions = arena_alloc(host->arena, host->n_regions, sizeof(*p->regions));
	if (!p->regions)
		return -ENOMEM;
	for (size_t i = 0; i < host->n_regions; i++) {
		const struct cxl_region *r = &host->regions[i];
		struct soft_region *s = &p->regions[p->n_regions++];

		*s = (struct soft_region){
			.span.name = r->name,
			.is_committed = r->state == REGION_ENABLED || r->state == REGION_DISABLED ||
				r->state == REGION_UNKNOWN,
		};
		if (r->resource.known && r->size_bytes.known && r->size_bytes.v &&
		    r->resource.v + (r->size_bytes.v - 1) >= r->resource.v) {
			s->has_span = true;
			s->span.start = r->resource.v;
			s->span.end = r->resource.v + (r->size_bytes.v - 1);
		}
		s->is_hidden = s->is_committed && !s->has_span &&
			       !(r->size_bytes.known && !r->size_bytes.v);
		hidden += s->is_hidden;
		if (soft_attr(host, r->path, "extended_linear_cache_size", &s->elc_bytes))
			s->elc_bytes = 0;
		if (read_targets(host, r, p, s))
			return -ENOMEM;
	}
	p->sources[SOURCE_REGIONS].entries = p->n_regions;
	if (hidden)
		soft_source_set(host, p, SOURCE_REGIONS, SOURCE_DAMAGED, SEV_WARNING,
				"where %zu of %zu regions lie cannot be read, so what they own is unknown", hidden,
				p->n_regions);
	if (!host->n_buses)
		p->sources[SOURCE_REGIONS] = (struct soft_source){ SOURCE_MISSING, 0, "there is no CXL bus" };
	return find_orphans(host, p);
}

/* --- dax devices ---------------------------------------------------------- */

static bool is_dax(const char *name)
{
	return !strncmp(name, "dax", 3) && !name[3 + strspn(name + 3, "0123456789.")];
}

static bool is_mapping(const char *name)
{
	unsigned int id;

	return parse_name(name, "mapping", &id);
}

/* The ranges of a device that is made of several; -EACCES for anybody but root. */
static int read_mappings(const struct cxl_host *host, const char *path, struct soft_dax *d)
{
	struct sysfs_names names;
	char full[PATH_MAX];
	uint64_t start, end;
	int rc = sysfs_list(host->fs, host->arena, path, is_mapping, &names);

	if (!rc && !names.n)
		return -ENOENT;
	for (size_t i = 0; !rc && i < names.n; i++) {
		rc = sysfs_join(full, sizeof(full), path, names.v[i]);
		if (!rc)
			rc = soft_attr(host, full, "start", &start);
		if (!rc)
			rc = soft_attr(host, full, "end", &end);
		if (!rc && end < start)
			rc = -ERANGE;
		if (!rc)
			rc = interval_add(host->arena, &d->ranges, start, end);
	}
	return rc;
}

static int read_ranges(const struct cxl_host *host, const char *path, struct soft_dax *d)
{
	uint64_t start;
	int rc;

	rc = soft_attr(host, path, "size", &d->size_bytes);
	if (rc)
		message_add(host->messages, SEV_WARNING, "ATTRIBUTE", d->name, "%s: its size cannot be read: %s", d->name,
			    err_text(-rc));
	d->is_hidden = rc;
	if (!d->size_bytes)
		return 0;
	rc = read_mappings(host, path, d);
	if (rc == -ENOENT) {
		d->ranges.n = 0;
		rc = soft_attr(host, path, "resource", &start);
		if (!rc && start + (d->size_bytes - 1) < start)
			rc = -ERANGE;
		if (!rc)
			rc = interval_add(host->arena, &d->ranges, start,
					  start + (d->size_bytes - 1));
	}
	if (rc == -ENOMEM)
		return rc;
	d->is_hidden = rc;
	if (rc)
		d->ranges.n = 0;
	interval_normalize(&d->ranges);
	return 0;
}

static int read_one_dax(const struct cxl_host *host, struct soft_picture *p, const char *name,
			const char *path)
{
	struct soft_dax *d = &p->dax[p->n_dax++];
	const char *driver = attr_link_name(host, name, path, "driver");

	*d = (struct soft_dax){ .name = name, .owner = DAX_OF_OTHER, .is_kmem = dax_mode_of(driver) == DAX_SYSTEM_RAM };
	/* since 7.3 below hmem_platform.0 */
	if (strstr(path, "/hmem.") || strstr(path, "/hmem_platform"))
		d->owner = DAX_OF_HMEM;
	for (size_t i = 0; i < host->n_regions; i++)
		if (path_is_below(path, host->regions[i].path)) {
			d->owner = DAX_OF_REGION;
			d->region = i;
		}
	if (read_ranges(host, path, d))
		return -ENOMEM;
	if (d->owner == DAX_OF_REGION && d->size_bytes)
		p->regions[d->region].has_dax = true;
	return 0;
}

/* A region's device has memory of the region, whatever its addresses are. */
static bool hides_owner(const struct soft_dax *d)
{
	return d->is_hidden &&
	       (d->owner == DAX_OF_HMEM || (d->owner == DAX_OF_REGION && !d->size_bytes));
}

int soft_read_dax(const struct cxl_host *host, struct soft_picture *p)
{
	struct sysfs_names names;
	char link[PATH_MAX], *path;
	size_t hidden = 0;
	int rc = sysfs_list(host->fs, host->arena, DAX_DEVICES, is_dax, &names);

	if (rc == -ENOMEM)
		return rc;
	if (rc) {
		soft_source_set(host, p, SOURCE_DAX, rc == -ENOENT ? SOURCE_MISSING : SOURCE_HIDDEN,
				rc == -ENOENT ? SEV_INFO : SEV_WARNING,
				rc == -ENOENT ? "/%s %s, so no dax device is seen; load the dax driver with 'modprobe dax_hmem'" :
				"/%s cannot be read (%s), so what the dax devices own is unknown", DAX_DEVICES,
				rc == -ENOENT ? "does not exist" : err_text(-rc));
		return 0;
	}
	sysfs_sort(&names);
	p->dax = arena_alloc(host->arena, names.n, sizeof(*p->dax));
	if (!p->dax)
		return -ENOMEM;
	for (size_t i = 0; i < names.n; i++) {
		snprintf(link, sizeof(link), DAX_DEVICES "/%s", names.v[i]);
		if (sysfs_resolve(host->fs, host->arena, link, &path))
			continue;	/* gone since it was listed */
		if (read_one_dax(host, p, names.v[i], path))
			return -ENOMEM;
		if (!p->dax[p->n_dax - 1].size_bytes &&
		    sysfs_resolve(host->fs, host->arena, link, &path)) {
			p->n_dax--;	/* gone while it was read */
			continue;
		}
		hidden += hides_owner(&p->dax[p->n_dax - 1]);
	}
	p->sources[SOURCE_DAX].entries = p->n_dax;
	if (hidden)
		soft_source_set(host, p, SOURCE_DAX, SOURCE_HIDDEN, SEV_WARNING,
				"the addresses or sizes of %zu dax devices cannot be read (addresses are for root only), so what they own is unknown",
				hidden);
	return 0;
}

/* --- memory blocks -------------------------------------------------------- */

/* Ranges that are System RAM by way of kmem. */
static int kmem_ranges(const struct cxl_host *host, const struct soft_picture *p,
		       struct interval_set *ret)
{
	for (size_t i = 0; i < p->n_dax; i++) {
		const struct soft_dax *d = &p->dax[i];
		int rc = 0;

		if (!d->is_kmem)
			continue;
		if (d->ranges.n)
			rc = interval_add_set(host->arena, ret, &d->ranges);
		else if (d->owner == DAX_OF_REGION && p->regions[d->region].has_span)
			rc = interval_add(host->arena, ret, p->regions[d->region].span.start,
					  p->regions[d->region].span.end);
		if (rc)
			return rc;
	}
	interval_normalize(ret);
	return 0;
}

static int read_block(const struct cxl_host *host, struct soft_picture *p,
		      const struct interval_set *kmem, const char *name)
{
	uint64_t start, end;
	unsigned int block;
	char path[PATH_MAX], state[32];
	ssize_t n;

	if (!parse_name(name, "memory", &block) ||
	    __builtin_mul_overflow((uint64_t)block, p->block_bytes, &start) ||
	    __builtin_add_overflow(start, p->block_bytes - 1, &end) ||
	    !interval_overlap(kmem, start, end))
		return 0;
	snprintf(path, sizeof(path), MEMORY "/%s/state", name);
	n = sysfs_read(host->fs, path, state, sizeof(state));
	if (n < 0)
		message_add(host->messages, SEV_WARNING, "ATTRIBUTE", name,
			    "%s: whether the block is online cannot be read: %s", name, err_text((int)-n));
	return n >= 0 && !strcmp(state, "offline") ? interval_add(host->arena, &p->offline, start, end) : 0;
}

int soft_read_blocks(const struct cxl_host *host, struct soft_picture *p)
{
	struct interval_set kmem = { 0 };
	struct sysfs_names names;
	char text[32];
	ssize_t n = sysfs_read(host->fs, MEMORY "/block_size_bytes", text, sizeof(text));
	int rc;

	if (n < 0 || parse_hex64(text, &p->block_bytes) || !p->block_bytes ||
	    (p->block_bytes & (p->block_bytes - 1))) {
		p->block_bytes = 0;
		soft_source_set(
			host, p, SOURCE_MEMORY_BLOCKS,
			n == -ENOENT ? SOURCE_MISSING : SOURCE_DAMAGED, SEV_INFO,
			"/%s/block_size_bytes %s, so what is lost to the alignment of memory blocks is unknown",
			MEMORY,
			n == -ENOENT ? "does not exist"
			: n < 0	     ? err_text((int)-n)
				     : "holds no usable size");
		return 0;
	}
	if (kmem_ranges(host, p, &kmem))
		return -ENOMEM;
	rc = sysfs_list(host->fs, host->arena, MEMORY, NULL, &names);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	for (size_t i = 0; i < names.n; i++) {
		p->sources[SOURCE_MEMORY_BLOCKS].entries += !strncmp(names.v[i], "memory", strlen("memory"));
		if (kmem.n && read_block(host, p, &kmem, names.v[i]))
			return -ENOMEM;
	}
	interval_normalize(&p->offline);
	return 0;
}
