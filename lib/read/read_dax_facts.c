// SPDX-License-Identifier: GPL-2.0-only
/* The dax devices and what stands against isolation of their memory: see dax_facts.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/read/host_read.h"
#include "lib/read/reader.h"
#include "util/array.h"

/* --- memmap_on_memory -------------------------------------------------------- */

static int read_memmap_param(const struct cxl_host *host, struct dax_view *view)
{
	char text[16];

	if (sysfs_read(host->fs, MEMMAP_PARAMETER, text, sizeof(text)) <= 0)
		return 0;
	view->memmap_param = arena_strdup(host->arena, text);
	return view->memmap_param ? 0 : -ENOMEM;
}

/* Linux before 6.8 has no attribute: then the parameter alone decides. */
static enum tri read_memmap(const struct cxl_host *host, const struct cxl_dax *d)
{
	char path[512], text[8];
	ssize_t n = sysfs_join(path, sizeof(path), d->path, "memmap_on_memory");

	if (!n)
		n = sysfs_read(host->fs, path, text, sizeof(text));
	if (n > 0 && (!strcmp(text, "0") || !strcmp(text, "1")))
		return text[0] == '1' ? TRI_YES : TRI_NO;
	if (n != -ENOENT)
		message_add(host->messages, SEV_WARNING, "ATTRIBUTE", d->name,
			    "%s: attribute memmap_on_memory cannot be read (%s), so it is shown as null", d->name,
			    n < 0 ? err_text((int)-n) : "it is neither 0 nor 1");
	return TRI_UNKNOWN;
}

/* mhp_supports_memmap_on_memory() and kmem's probe: both must want it. */
static enum tri in_force(const struct dax_view *view, const struct dax_facts *f)
{
	if (!dax_is_kmem(f->dax) || f->memmap == TRI_NO)
		return TRI_NO;
	if (!view->memmap_param || !strcmp(view->memmap_param, "N"))
		return view->memmap_param ? TRI_NO : TRI_UNKNOWN;
	return f->memmap;
}

/* --- state ------------------------------------------------------------------- */

/* Read to be shown, and to see that it is there: what a word that is new means is nobody's guess. */
static int read_state(const struct cxl_host *host, struct dax_view *view, struct dax_facts *f)
{
	char path[512], text[64];
	ssize_t n;

	if (!dax_is_kmem(f->dax) || sysfs_join(path, sizeof(path), f->dax->path, "state"))
		return 0;
	n = sysfs_read(host->fs, path, text, sizeof(text));
	if (n > 0) {
		f->state = arena_strdup(host->arena, text);
		view->kmem_has_state = true;
		return f->state ? 0 : -ENOMEM;
	}
	if (n != -ENOENT)
		message_add(host->messages, SEV_WARNING, "ATTRIBUTE", f->dax->name,
			    "%s: attribute state cannot be read (%s), so it is shown as null", f->dax->name,
			    n < 0 ? err_text((int)-n) : "it is empty");
	return 0;
}

/* --- what was posted, and is in no released kernel ------------------------------- */

/* A word that is new is neither: then nothing is known. */
static void read_private(const struct cxl_host *host, struct dax_facts *f)
{
	char path[512], text[16];
	ssize_t n;

	if (!dax_is_kmem(f->dax) || sysfs_join(path, sizeof(path), f->dax->path, "private"))
		return;
	n = sysfs_read(host->fs, path, text, sizeof(text));
	if (n > 0 && (!strcmp(text, "0") || !strcmp(text, "1")))
		f->is_private = text[0] == '1' ? TRI_YES : TRI_NO;
	else if (n != -ENOENT)
		message_add(host->messages, SEV_WARNING, "ATTRIBUTE", f->dax->name,
			    "%s: attribute private cannot be read (%s), so it is shown as null", f->dax->name,
			    n < 0 ? err_text((int)-n) : "it is neither 0 nor 1");
}

/* --- memory blocks ------------------------------------------------------------ */

static int count_zone(const struct cxl_host *host, struct dax_facts *f, const char *zone)
{
	enum { MAX_ZONES = 8 };	/* MAX_NR_ZONES is 6 at most */

	if (!f->zones)
		f->zones = arena_alloc(host->arena, MAX_ZONES, sizeof(*f->zones));
	if (!f->zones)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_zones; i++) {
		const char *other = f->zones[i].zone;

		if (other == zone || (other && zone && !strcmp(other, zone))) {
			f->zones[i].blocks++;
			return 0;
		}
	}
	if (f->n_zones < MAX_ZONES)
		f->zones[f->n_zones++] = (struct zone_count){ zone, 1 };
	return 0;
}

static int count_blocks(const struct cxl_host *host, struct dax_facts *f)
{
	const struct mem_block *b = NULL;
	int rc = 0;

	if (dax_is_empty(f->dax))
		return 0;
	f->blocks_unknown = !f->dax->n_ranges || (f->dax->region && f->dax->region->blocks_unknown);
	while (!rc && (b = dax_next_block(host, f->dax, b))) {
		f->blocks_total++;
		f->blocks_unknown |= b->state == BLOCK_UNKNOWN;
		if (b->state != BLOCK_ONLINE)
			continue;
		f->blocks_online++;
		rc = count_zone(host, f, b->zone);
	}
	return rc;
}

/* --- is it fit? ------------------------------------------------------------------- */

static enum tri is_online(const struct dax_facts *f)
{
	return f->blocks_online ? TRI_YES : f->blocks_unknown ? TRI_UNKNOWN : TRI_NO;
}

static enum tri has_memmap_on_it(const struct dax_facts *f)
{
	return f->memmap_in_force;
}

/*
 * The checks of a root port that the state of the memory itself decides, here
 * for one device.  Who uses it at the moment (ISO-BUSY) is not a state to prepare.
 */
static const struct {
	enum check_id id;
	enum tri (*fails)(const struct dax_facts *f);
} memory_checks[] = {
	{ ID_MEM_ONLINE, is_online },
	{ ID_MEMMAP, has_memmap_on_it },
};
enum { N_MEMORY_CHECKS = ARRAY_SIZE(memory_checks) };

static int judge(const struct cxl_host *host, struct dax_facts *f)
{
	f->unfit = arena_alloc(host->arena, N_MEMORY_CHECKS, sizeof(*f->unfit));
	if (!f->unfit)
		return -ENOMEM;
	f->fit = f->mode == DAX_HMEM ? TRI_UNKNOWN : TRI_YES;
	if (f->mode == DAX_HMEM)	/* no root port, no isolation */
		return 0;
	for (size_t i = 0; i < N_MEMORY_CHECKS; i++) {
		enum tri fails = memory_checks[i].fails(f);

		if (fails == TRI_YES)
			f->unfit[f->n_unfit++] = memory_checks[i].id;
		else if (fails == TRI_UNKNOWN)
			f->fit = TRI_UNKNOWN;
	}
	if (f->n_unfit)
		f->fit = TRI_NO;
	return 0;
}

int dax_view_read(const struct cxl_host *host, struct dax_view *ret, struct err *err)
{
	int rc;

	*ret = (struct dax_view){ .host = host, .v = arena_alloc(host->arena, host->n_dax, sizeof(*ret->v)) };
	rc = ret->v ? 0 : -ENOMEM;
	if (!rc)
		rc = read_memmap_param(host, ret);
	for (size_t i = 0; !rc && i < host->n_dax; i++) {
		struct dax_facts *f = &ret->v[i];

		f->dax = &host->dax[i];
		f->mode = dax_mode(f->dax);
		f->memmap = read_memmap(host, f->dax);
		f->memmap_in_force = in_force(ret, f);
		f->node = attr_u64(host, f->dax->name, f->dax->path, "target_node");
		f->is_private = TRI_UNKNOWN;
		read_private(host, f);
		rc = read_state(host, ret, f);
		rc = rc ? rc : count_blocks(host, f);
		if (!rc)
			rc = judge(host, f);
	}
	if (!rc)
		rc = online_causes_read(host, ret);
	return rc ? err_no_memory(err, " while reading the dax devices") : 0;
}
