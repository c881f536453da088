// SPDX-License-Identifier: GPL-2.0-only
/* A recipe as JSON and back, for the journal: see recipe.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cxl/lib/recover/recipe.h"
#include "cxl/lib/report/json_read.h"
#include "util/render.h"

enum { MAX_WAYS = 16 };

/* --- out ------------------------------------------------------------------------ */

static struct json_object *device_json(const struct recipe_device *d)
{
	struct json_object *obj = json_object_new_object();

	render_add_string(obj, "name", d->name);
	render_add_string(obj, "address", d->address);
	render_add_hex(obj, "serial", d->serial.known, d->serial.v);
	render_add(obj, "below", json_object_new_boolean(d->below));
	return obj;
}

static struct json_object *region_json(const struct recipe_region *r)
{
	struct json_object *obj = json_object_new_object(), *targets = json_object_new_array();

	render_add_string(obj, "name", r->name);
	render_add_string(obj, "decoder", r->decoder);
	render_add_string(obj, "uuid", r->uuid);
	render_add_string(obj, "mode", r->mode);
	render_add_u64(obj, "size", true, r->size_bytes);
	render_add_hex(obj, "address", true, r->address);
	render_add_u64(obj, "granularity", true, r->granularity);
	for (size_t i = 0; i < r->ways; i++) {
		struct json_object *t = json_object_new_object();

		render_add_u64(t, "device", r->targets[i].device != SIZE_MAX, r->targets[i].device);
		render_add_string(t, "mode", r->targets[i].mode);
		render_add_u64(t, "size", true, r->targets[i].bytes);
		json_object_array_add(targets, t);
	}
	render_add(obj, "targets", targets);
	render_add(obj, "enabled", json_object_new_boolean(r->enabled));
	render_add_string(obj, "dax_driver", r->dax_driver);
	render_add(obj, "memmap_on_memory", r->memmap_on_memory < 0 ? NULL : json_object_new_boolean(r->memmap_on_memory));
	render_add_string(obj, "lost", r->lost);
	return obj;
}

struct json_object *recipe_json(const struct recipe *recipe)
{
	struct json_object *obj = json_object_new_object(), *ports = json_object_new_array();
	struct json_object *settings = json_object_new_array(), *devices = json_object_new_array();
	struct json_object *regions = json_object_new_array();

	render_add_string(obj, "root_port", recipe->root_port);
	for (size_t i = 0; i < recipe->n_root_ports; i++)
		json_object_array_add(ports, json_object_new_string(recipe->root_ports[i]));
	render_add(obj, "root_ports", ports);
	for (int f = 0; f < N_ISO_FIELDS; f++)
		json_object_array_add(settings, recipe->settings.v[f] < 0 ? NULL : json_object_new_int(recipe->settings.v[f]));
	render_add(obj, "settings", settings);
	for (size_t i = 0; i < recipe->n_devices; i++)
		json_object_array_add(devices, device_json(&recipe->devices[i]));
	render_add(obj, "devices", devices);
	for (size_t i = 0; i < recipe->n_regions; i++)
		json_object_array_add(regions, region_json(&recipe->regions[i]));
	render_add(obj, "regions", regions);
	return obj;
}

/* --- in ------------------------------------------------------------------------- */

static bool parse_device(struct json_read *r, struct json_object *obj, struct recipe_device *ret)
{
	return json_read_object(r, obj, 4) && json_read_name(r, obj, "name", &ret->name) &&
	       json_read_text(r, obj, "address", &ret->address) &&
	       json_read_hex(r, obj, "serial", &ret->serial.known, &ret->serial.v) && json_read_bool(r, obj, "below", &ret->below);
}

static bool parse_target(struct json_read *r, struct json_object *obj, size_t n_devices, bool lost, struct recipe_target *ret)
{
	uint64_t device = 0;
	bool known = true;

	if (!json_read_object(r, obj, 3) || !json_read_optional_u64(r, obj, "device", &known, &device) ||
	    !json_read_name(r, obj, "mode", &ret->mode) || !json_read_u64(r, obj, "size", &ret->bytes))
		return false;
	if (known ? device >= n_devices : !lost)
		return false;
	ret->device = known ? (size_t)device : SIZE_MAX;
	return true;
}

static bool parse_region(struct json_read *r, struct json_object *obj, size_t n_devices, struct recipe_region *ret)
{
	struct json_object *targets = NULL;
	bool known = true;

	if (!json_read_object(r, obj, 12) || !json_read_name(r, obj, "name", &ret->name) ||
	    !json_read_name(r, obj, "decoder", &ret->decoder) || !json_read_text(r, obj, "uuid", &ret->uuid) ||
	    !json_read_name(r, obj, "mode", &ret->mode) || !json_read_u64(r, obj, "size", &ret->size_bytes) ||
	    !json_read_hex(r, obj, "address", &known, &ret->address) || !json_read_u64(r, obj, "granularity", &ret->granularity) ||
	    !json_read_array(r, obj, "targets", MAX_WAYS, &targets) || !json_read_bool(r, obj, "enabled", &ret->enabled) ||
	    !json_read_text(r, obj, "dax_driver", &ret->dax_driver) ||
	    !json_read_tri(r, obj, "memmap_on_memory", &ret->memmap_on_memory) || !json_read_text(r, obj, "lost", &ret->lost))
		return false;
	ret->ways = json_object_array_length(targets);
	ret->targets = arena_alloc(r->arena, ret->ways ? ret->ways : 1, sizeof(*ret->targets));
	if (!known || !ret->targets || (!ret->ways && !ret->lost))
		return false;
	for (size_t i = 0; i < ret->ways; i++)
		if (!parse_target(r, json_object_array_get_idx(targets, i), n_devices, ret->lost, &ret->targets[i]))
			return false;
	return true;
}

static bool parse_lists(struct json_read *r, struct json_object *devices, struct json_object *regions,
			struct json_object *ports, struct recipe *ret)
{
	ret->n_devices = json_object_array_length(devices);
	ret->n_regions = json_object_array_length(regions);
	ret->n_root_ports = json_object_array_length(ports);
	ret->devices = arena_alloc(r->arena, ret->n_devices, sizeof(*ret->devices));
	ret->regions = arena_alloc(r->arena, ret->n_regions, sizeof(*ret->regions));
	ret->root_ports = arena_alloc(r->arena, ret->n_root_ports, sizeof(*ret->root_ports));
	if (!ret->devices || !ret->regions || !ret->root_ports || !ret->n_root_ports)
		return false;
	for (size_t i = 0; i < ret->n_devices; i++)
		if (!parse_device(r, json_object_array_get_idx(devices, i), &ret->devices[i]))
			return false;
	for (size_t i = 0; i < ret->n_regions; i++)
		if (!parse_region(r, json_object_array_get_idx(regions, i), ret->n_devices, &ret->regions[i]))
			return false;
	for (size_t i = 0; i < ret->n_root_ports; i++)
		if (!json_read_string(r, json_object_array_get_idx(ports, i), &ret->root_ports[i]))
			return false;
	return true;
}

int recipe_parse(struct json_object *obj, struct arena *a, struct recipe *ret)
{
	struct json_object *devices = NULL, *regions = NULL, *ports = NULL, *settings = NULL;
	struct json_read r = { .arena = a };

	*ret = (struct recipe){ 0 };
	if (!json_read_object(&r, obj, 5) || !json_read_name(&r, obj, "root_port", &ret->root_port) ||
	    !json_read_array(&r, obj, "root_ports", 4096, &ports) || !json_read_array(&r, obj, "settings", N_ISO_FIELDS, &settings) ||
	    !json_read_array(&r, obj, "devices", 4096, &devices) || !json_read_array(&r, obj, "regions", 4096, &regions) ||
	    json_object_array_length(settings) != N_ISO_FIELDS || !parse_lists(&r, devices, regions, ports, ret))
		return r.no_memory ? -ENOMEM : -EINVAL;
	for (size_t f = 0; f < N_ISO_FIELDS; f++) {
		struct json_object *v = json_object_array_get_idx(settings, f);

		if (v && (!json_object_is_type(v, json_type_int) || json_object_get_int(v) < 0 || json_object_get_int(v) > 15))
			return -EINVAL;
		ret->settings.v[f] = v ? json_object_get_int(v) : -1;
	}
	return 0;
}
