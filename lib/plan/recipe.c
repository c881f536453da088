// SPDX-License-Identifier: GPL-2.0-only
/* Taking the recipe of a root port from a snapshot: see recipe.h.  Its JSON is recipe_json.c. */
#include "lib/plan/recipe.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/txn/step_port.h"
#include "util/parse.h"

/* Attribute @attr of the object at @path as text in @a; NULL when it cannot be read. */
static const char *text_of(const struct cxl_host *host, struct arena *a, const char *path,
			   const char *attr)
{
	char full[PATH_MAX], text[128];

	if (sysfs_join(full, sizeof(full), path, attr) ||
	    sysfs_read(host->fs, full, text, sizeof(text)) < 0)
		return NULL;
	return arena_strdup(a, text);
}

void recipe_name_dax(struct recipe *recipe, const char *dax, const char *policy_name)
{
	for (size_t i = 0; i < recipe->n_regions; i++)
		for (size_t k = 0; k < recipe->regions[i].n_dax; k++)
			if (!strcmp(recipe->regions[i].dax[k].name, dax))
				recipe->regions[i].dax[k].policy_name = policy_name;
}

size_t recipe_most_names(const struct recipe *recipe)
{
	size_t n = 4 * recipe->n_regions + 1;	/* what earlier tries left is kept until it is gone */

	for (size_t i = 0; i < recipe->n_regions; i++)
		n += recipe->regions[i].n_dax;
	return n;
}

bool recipe_is_whole(const struct recipe_region *r)
{
	const struct recipe_dax *d = r->dax;

	return r->n_dax == 1 && d->n_parts == 1 && !d->parts[0].offset &&
	       d->parts[0].bytes == r->size_bytes;
}

const struct recipe_region *recipe_region_of(const struct recipe *recipe, const char *name)
{
	for (size_t i = 0; i < recipe->n_regions; i++)
		if (!strcmp(recipe->regions[i].name, name))
			return &recipe->regions[i];
	return NULL;
}

bool recipe_has(const struct recipe *recipe, const char *name)
{
	return recipe_region_of(recipe, name);
}

bool recipe_has_neighbour(const struct recipe *recipe, const struct cxl_region *r)
{
	for (size_t i = 0; i < recipe->n_regions; i++)
		if (recipe->regions[i].neighbour && !strcmp(recipe->regions[i].name, r->name) &&
		    r->resource.known && r->resource.v == recipe->regions[i].address)
			return true;
	return false;
}

bool recipe_is_drivers(const struct recipe *recipe, const struct recipe_region *r)
{
	return recipe->accelerator.address && !r->neighbour;
}

/* --- devices ------------------------------------------------------------------ */

/* Unknown where it tells nothing: 0 is a function without serial number (pci_get_dsn() of drivers/pci/pci.c). */
static struct opt_u64 serial_of(const struct cxl_host *host, const struct cxl_memdev *m)
{
	if (!m->serial.v)
		return (struct opt_u64){ 0 };
	for (size_t i = 0; i < host->n_memdevs; i++)
		if (&host->memdevs[i] != m && host->memdevs[i].serial.known &&
		    host->memdevs[i].serial.v == m->serial.v)
			return (struct opt_u64){ 0 };
	return m->serial;
}

static size_t add_device(struct recipe *recipe, const struct cxl_host *host,
			 const struct cxl_memdev *m, bool below)
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

/* Is a device among them that may be any? */
static bool has_lost_device(const struct recipe *recipe)
{
	for (size_t i = 0; i < recipe->n_devices; i++)
		if (recipe->devices[i].below && !recipe->devices[i].address)
			return true;
	return false;
}

/* Functions that no driver took: known by their place alone. */
static int add_unbound_devices(struct recipe *recipe, const struct cxl_host *host,
			       const struct cxl_root_port *rp, struct arena *a)
{
	size_t most = recipe->n_devices;
	struct recipe_device *v;
	struct function_below *f;
	int rc = functions_below(host->fs, rp->path, a, &f);

	for (struct function_below *i = f; !rc && i; i = i->next)
		most++;
	if (rc || most == recipe->n_devices || has_lost_device(recipe))
		return rc == -ENOMEM ? rc : 0;
	v = arena_alloc(a, most, sizeof(*v));
	if (!v)
		return -ENOMEM;
	if (recipe->n_devices)
		memcpy(v, recipe->devices, recipe->n_devices * sizeof(*v));
	recipe->devices = v;
	for (; f; f = f->next)
		if (!f->driver)
			recipe->devices[add_lost_device(recipe, a)].address = f->name;
	return 0;
}

/* --- regions ------------------------------------------------------------------ */

/* The device of a target that the region lost; SIZE_MAX: cannot be told. */
static size_t lost_device(const struct cxl_host *host, const struct cxl_root_port *rp,
			  const struct cxl_region *r, struct recipe *recipe, struct arena *a)
{
	const struct cxl_memdev *m;

	if (husk_lost_device(host, rp, r, &m) != TRI_YES)
		return SIZE_MAX;
	return m ? add_device(recipe, host, m, true) : add_lost_device(recipe, a);
}

static int read_targets(const struct cxl_host *host, const struct cxl_root_port *rp,
			const struct cxl_region *r, struct recipe *recipe,
			struct recipe_region *ret, struct arena *a)
{
	ret->targets = arena_alloc(a, ret->ways ? ret->ways : 1, sizeof(*ret->targets));
	if (!ret->targets)
		return -ENOMEM;
	for (size_t i = 0; i < ret->ways; i++) {
		const struct cxl_memdev *m = i < r->n_targets ? r->targets[i] : NULL;
		struct recipe_target *t = &ret->targets[i];
		char path[PATH_MAX];

		t->device = m ? add_device(recipe, host, m, m->root_port == rp)
			      : lost_device(host, rp, r, recipe, a);
		t->bytes = ret->size_bytes / ret->ways;
		t->mode = NULL;
		if (m && r->decoders[i] && !sysfs_join(path, sizeof(path), "sys/bus/cxl/devices", r->decoders[i]))
			t->mode = text_of(host, a, path, "mode");
		if (!t->mode)
			t->mode = ret->mode;
	}
	return 0;
}

static int read_parts(const struct cxl_region *r, const struct cxl_dax *d, struct recipe_dax *ret,
		      struct arena *a)
{
	ret->parts = arena_alloc(a, d->n_ranges, sizeof(*ret->parts));
	if (!ret->parts)
		return -ENOMEM;
	for (; ret->n_parts < d->n_ranges; ret->n_parts++) {
		const struct addr_range *range = &d->ranges[ret->n_parts];

		ret->parts[ret->n_parts] = (struct recipe_part){ range->first - r->resource.v,
								 range->last - range->first + 1 };
	}
	return 0;
}

static int add_dax(const struct cxl_host *host, const struct cxl_region *r, const struct cxl_dax *d,
		   struct recipe_region *ret, struct arena *a)
{
	const char *memmap = text_of(host, a, d->path, "memmap_on_memory");
	struct recipe_dax *dax = &ret->dax[ret->n_dax++];
	uint64_t v;

	*dax = (struct recipe_dax){
		.name = d->name,
		.driver = d->driver ? d->driver : STEP_NO_DRIVER,
		.align = d->align.v,
		.memmap_on_memory = memmap && !parse_u64(memmap, &v) && v < 2 ? (int)v : -1,
	};
	return read_parts(r, d, dax, a);
}

/* A husk lost its own, and nothing tells any more what they were. */
static int add_unknown_dax(const struct cxl_region *r, struct recipe_region *ret, struct arena *a)
{
	const struct recipe_part all = { 0, ret->size_bytes };
	const char *name = arena_printf(a, "dax device of %s", r->name);

	*ret->dax = (struct recipe_dax){ .name = name, .driver = DAX_DEVICE_DAX_NAME, .memmap_on_memory = -1,
					 .parts = arena_alloc(a, 1, sizeof(all)), .n_parts = 1 };
	if (!name || !ret->dax->parts)
		return -ENOMEM;
	*ret->dax->parts = all;
	ret->n_dax = 1;
	return 0;
}

/* Those that are there are made again; a region without driver, or one of a host whose dax_cxl
 * is not loaded, has none.  One without memory is no device. */
static int read_dax(const struct cxl_host *host, const struct cxl_region *r,
		    struct recipe_region *ret, struct arena *a)
{
	int rc = 0;

	ret->has_dax = !strcmp(ret->mode, "ram") && ret->enabled && (r->n_dax || r->state != REGION_ENABLED);
	ret->dax = arena_alloc(a, r->n_dax + 1, sizeof(*ret->dax));
	if (!ret->dax)
		return -ENOMEM;
	if (!ret->has_dax)
		return 0;
	if (!r->n_dax)
		return add_unknown_dax(r, ret, a);
	for (size_t i = 0; !rc && i < r->n_dax; i++)
		rc = dax_is_empty(r->dax[i]) ? 0 : add_dax(host, r, r->dax[i], ret, a);
	return rc;
}

/* The first reason why regions[@i] cannot be made again. */
static const char *why_lost(const struct rebuild_set *set, size_t i, struct arena *a)
{
	struct rebuild_obstacle o;
	const char *text;

	for (int reason = 0; reason < N_REBUILD_REASONS; reason++)
		if (rebuild_ask_set(set, i, (enum rebuild_reason)reason, a, &o) != TRI_NO) {
			text = rebuild_text(&o, a);
			return text ? text : "there is no memory left to say why";
		}
	return NULL;
}

static int read_region(const struct cxl_host *host, const struct rebuild_set *set, size_t i,
		       struct recipe *recipe, struct arena *a)
{
	const struct cxl_region *r = set->v[i];
	struct recipe_region *ret = &recipe->regions[recipe->n_regions++];
	const char *uuid = text_of(host, a, r->path, "uuid");

	*ret = (struct recipe_region){
		.name = r->name,
		.decoder = r->window ? r->window->name : "decoder0.0",
		.mode = r->mode ? r->mode : "ram",
		.size_bytes = r->size_bytes.v,
		.address = r->resource.v,
		.granularity = r->granularity.v,
		.uuid = uuid && *uuid ? uuid : NULL,
		.enabled = r->state != REGION_DISABLED,
		.neighbour = rebuild_is_neighbour(set, r),
		.place = r->resource.v,
		.lost = why_lost(set, i, a),
	};
	if (set->places[i].kind == PLACE_ELSEWHERE)
		ret->place = set->places[i].at;
	if (!ret->lost && !ret->uuid && !strcmp(ret->mode, "pmem"))
		ret->lost = "its attribute uuid cannot be read";
	/* a recipe that lacks a part has no targets */
	ret->ways = r->mode && r->granularity.v && r->size_bytes.v && r->ways.known
			    ? (size_t)r->ways.v
			    : 0;
	if (read_dax(host, r, ret, a))
		return -ENOMEM;
	return read_targets(host, set->rp, r, recipe, ret, a);
}

static void add_root_port(struct recipe *recipe, const char *name)
{
	for (size_t i = 0; i < recipe->n_root_ports; i++)
		if (!strcmp(recipe->root_ports[i], name))
			return;
	recipe->root_ports[recipe->n_root_ports++] = name;
}

static int read_accelerator(const struct cxl_root_port *rp, struct recipe_accelerator *ret,
			    struct arena *a)
{
	const struct cxl_accelerator *acc = rp->accelerators;
	size_t n = rp->n_device_functions;

	*ret = (struct recipe_accelerator){
		.address = acc->name, .driver = acc->driver,
		.memdev = acc->memdev ? acc->memdev->name : NULL,
		.functions = arena_alloc(a, n, sizeof(*ret->functions)),
	};
	if (!ret->functions)
		return -ENOMEM;
	for (; ret->n_functions < n; ret->n_functions++) {
		const struct device_function *f = &rp->device_functions[ret->n_functions];

		ret->functions[ret->n_functions] = (struct recipe_function){
			.address = f->name, .driver = f->driver, .physical = f->physical,
			.override = f->override, .numvfs = f->numvfs.v,
			.vf_autoprobe = f->vf_autoprobe != 0,
		};
	}
	return 0;
}

int recipe_read(const struct cxl_host *host, const struct rebuild_set *set, struct arena *a,
		struct recipe *ret, struct err *err)
{
	const struct cxl_root_port *rp = set->rp;

	*ret = (struct recipe){
		.root_port = rp->name,
		.settings = iso_settings(&rp->iso, false),
		.devices = arena_alloc(a, host->n_memdevs + host->n_regions + 1,
				       sizeof(*ret->devices)),
		.regions = arena_alloc(a, host->n_regions, sizeof(*ret->regions)),
		.root_ports = arena_alloc(a, host->n_root_ports, sizeof(*ret->root_ports)),
	};
	if (!ret->devices || !ret->regions || !ret->root_ports)
		goto no_memory;
	add_root_port(ret, rp->name);
	for (size_t i = 0; i < rp->n_memdevs; i++)
		add_device(ret, host, rp->memdevs[i], true);
	for (size_t i = 0; i < set->n; i++) {
		if (read_region(host, set, i, ret, a))
			goto no_memory;
		for (size_t k = 0; k < set->v[i]->n_root_ports; k++)
			add_root_port(ret, set->v[i]->root_ports[k]->name);
	}
	/* without consent a port with one is refused */
	if (rp->n_accelerators && read_accelerator(rp, &ret->accelerator, a))
		goto no_memory;
	if (add_unbound_devices(ret, host, rp, a))
		goto no_memory;
	return 0;
no_memory:
	return err_no_memory(err, ", nothing was written");
}
