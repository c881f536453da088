// SPDX-License-Identifier: GPL-2.0-only
/* A recipe as JSON and back, for the journal: see recipe.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/consent.h"
#include "lib/plan/recipe.h"
#include "util/json_read.h"
#include "util/parse.h"
#include "util/render.h"

enum { MAX_WAYS = 16, MAX_DAX = 4096, MAX_PARTS = 64, MAX_FUNCTIONS = 65536 };

/* --- out ------------------------------------------------------------------------ */

static struct json_object *device_json(const struct recipe_device *d)
{
	struct json_object *obj = render_object();

	render_add_string(obj, "name", d->name);
	render_add_string(obj, "address", d->address);
	render_add_hex(obj, "serial", d->serial.known, d->serial.v);
	render_add(obj, "below", render_boolean(d->below));
	return obj;
}

static struct json_object *dax_json(const struct recipe_dax *d)
{
	struct json_object *obj = render_object(), *parts = render_array();

	render_add_string(obj, "name", d->name);
	render_add_string(obj, "policy_name", d->policy_name);
	render_add_string(obj, "driver", d->driver);
	render_add_u64(obj, "align", true, d->align);
	render_add(obj, "memmap_on_memory", d->memmap_on_memory < 0 ? NULL : render_boolean(d->memmap_on_memory));
	for (size_t i = 0; i < d->n_parts; i++) {
		struct json_object *part = render_object();

		render_add_hex(part, "offset", true, d->parts[i].offset);
		render_add_u64(part, "size", true, d->parts[i].bytes);
		render_append(parts, part);
	}
	render_add(obj, "parts", parts);
	return obj;
}

static struct json_object *region_json(const struct recipe_region *r)
{
	struct json_object *obj = render_object(), *targets = render_array(), *dax = render_array();

	render_add_string(obj, "name", r->name);
	render_add_string(obj, "decoder", r->decoder);
	render_add_string(obj, "uuid", r->uuid);
	render_add_string(obj, "mode", r->mode);
	render_add_u64(obj, "size", true, r->size_bytes);
	render_add_hex(obj, "address", true, r->address);
	render_add_hex(obj, "place", true, r->place);
	render_add_u64(obj, "granularity", true, r->granularity);
	for (size_t i = 0; i < r->ways; i++) {
		struct json_object *t = render_object();

		render_add_u64(t, "device", r->targets[i].device != SIZE_MAX, r->targets[i].device);
		render_add_string(t, "mode", r->targets[i].mode);
		render_add_u64(t, "size", true, r->targets[i].bytes);
		render_append(targets, t);
	}
	render_add(obj, "targets", targets);
	render_add(obj, "enabled", render_boolean(r->enabled));
	render_add(obj, "has_dax", render_boolean(r->has_dax));
	for (size_t i = 0; i < r->n_dax; i++)
		render_append(dax, dax_json(&r->dax[i]));
	render_add(obj, "dax", dax);
	render_add(obj, "neighbour", render_boolean(r->neighbour));
	render_add_string(obj, "lost", r->lost);
	return obj;
}

static struct json_object *function_json(const struct recipe_function *f)
{
	struct json_object *obj = render_object();

	render_add_string(obj, "address", f->address);
	render_add_string(obj, "driver", f->driver);
	render_add_string(obj, "physical", f->physical);
	render_add_string(obj, "override", f->override);
	render_add_u64(obj, "numvfs", true, f->numvfs);
	render_add(obj, "vf_autoprobe", render_boolean(f->vf_autoprobe));
	return obj;
}

static struct json_object *accelerator_json(const struct recipe_accelerator *acc)
{
	struct json_object *obj = render_object(), *functions = render_array();

	render_add_string(obj, "address", acc->address);
	render_add_string(obj, "driver", acc->driver);
	render_add_string(obj, "memdev", acc->memdev);
	for (size_t i = 0; i < acc->n_functions; i++)
		render_append(functions, function_json(&acc->functions[i]));
	render_add(obj, "functions", functions);
	return obj;
}

struct json_object *recipe_json(const struct recipe *recipe)
{
	struct json_object *obj = render_object(), *ports = render_array();
	struct json_object *settings = render_array(), *devices = render_array();
	struct json_object *regions = render_array();

	render_add_string(obj, "root_port", recipe->root_port);
	for (size_t i = 0; i < recipe->n_root_ports; i++)
		render_append(ports, render_string(recipe->root_ports[i]));
	render_add(obj, "root_ports", ports);
	for (int f = 0; f < N_ISO_FIELDS; f++)
		render_append(settings,
			      recipe->settings.v[f] < 0 ? NULL : render_int(recipe->settings.v[f]));
	render_add(obj, "settings", settings);
	for (size_t i = 0; i < recipe->n_devices; i++)
		render_append(devices, device_json(&recipe->devices[i]));
	render_add(obj, "devices", devices);
	for (size_t i = 0; i < recipe->n_regions; i++)
		render_append(regions, region_json(&recipe->regions[i]));
	render_add(obj, "regions", regions);
	render_add(obj, "accelerator", accelerator_json(&recipe->accelerator));
	return obj;
}

/* --- in ------------------------------------------------------------------------- */

static bool parse_device(struct json_read *r, struct json_object *obj, struct recipe_device *ret)
{
	return json_read_object(r, obj, 4) && json_read_name(r, obj, "name", &ret->name) &&
	       json_read_text(r, obj, "address", &ret->address) &&
	       json_read_hex(r, obj, "serial", &ret->serial.known, &ret->serial.v) && json_read_bool(r, obj, "below", &ret->below);
}

static bool parse_target(struct json_read *r, struct json_object *obj, size_t n_devices, bool lost,
			 struct recipe_target *ret)
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

static bool parse_part(struct json_read *r, struct json_object *obj, struct recipe_part *ret)
{
	bool known = false;

	return json_read_object(r, obj, 2) && json_read_hex(r, obj, "offset", &known, &ret->offset) && known &&
	       json_read_u64(r, obj, "size", &ret->bytes) && ret->bytes;
}

static bool parse_dax(struct json_read *r, struct json_object *obj, struct recipe_dax *ret)
{
	struct json_object *parts = NULL;

	if (!json_read_object(r, obj, 6) || !json_read_name(r, obj, "name", &ret->name) ||
	    !json_read_text(r, obj, "policy_name", &ret->policy_name) || !json_read_name(r, obj, "driver", &ret->driver) || !json_read_u64(r, obj, "align", &ret->align) ||
	    !json_read_tri(r, obj, "memmap_on_memory", &ret->memmap_on_memory) ||
	    !json_read_array(r, obj, "parts", MAX_PARTS, &parts))
		return false;
	ret->n_parts = json_object_array_length(parts);
	ret->parts = arena_alloc(r->arena, ret->n_parts, sizeof(*ret->parts));
	for (size_t i = 0; ret->parts && i < ret->n_parts; i++)
		if (!parse_part(r, json_object_array_get_idx(parts, i), &ret->parts[i]))
			return false;
	return ret->parts;
}

static bool parse_region(struct json_read *r, struct json_object *obj, size_t n_devices,
			 struct recipe_region *ret)
{
	struct json_object *targets = NULL, *dax = NULL;
	bool known = true, placed = true;

	if (!json_read_object(r, obj, 14) || !json_read_name(r, obj, "name", &ret->name) ||
	    !json_read_name(r, obj, "decoder", &ret->decoder) || !json_read_text(r, obj, "uuid", &ret->uuid) ||
	    !json_read_name(r, obj, "mode", &ret->mode) || !json_read_u64(r, obj, "size", &ret->size_bytes) ||
	    !json_read_hex(r, obj, "address", &known, &ret->address) || !json_read_hex(r, obj, "place", &placed, &ret->place) ||
	    !json_read_u64(r, obj, "granularity", &ret->granularity) ||
	    !json_read_array(r, obj, "targets", MAX_WAYS, &targets) || !json_read_bool(r, obj, "enabled", &ret->enabled) ||
	    !json_read_bool(r, obj, "has_dax", &ret->has_dax) || !json_read_array(r, obj, "dax", MAX_DAX, &dax) ||
	    !json_read_bool(r, obj, "neighbour", &ret->neighbour) || !json_read_text(r, obj, "lost", &ret->lost))
		return false;
	ret->ways = json_object_array_length(targets);
	ret->targets = arena_alloc(r->arena, ret->ways ? ret->ways : 1, sizeof(*ret->targets));
	if (!known || !placed || !ret->targets || (!ret->ways && !ret->lost))
		return false;
	for (size_t i = 0; i < ret->ways; i++)
		if (!parse_target(r, json_object_array_get_idx(targets, i), n_devices, ret->lost,
				  &ret->targets[i]))
			return false;
	ret->n_dax = json_object_array_length(dax);
	ret->dax = arena_alloc(r->arena, ret->n_dax, sizeof(*ret->dax));
	for (size_t i = 0; ret->dax && i < ret->n_dax; i++)
		if (!parse_dax(r, json_object_array_get_idx(dax, i), &ret->dax[i]))
			return false;
	return ret->dax;
}

static bool parse_lists(struct json_read *r, struct json_object *devices,
			struct json_object *regions, struct json_object *ports, struct recipe *ret)
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
		if (!parse_region(r, json_object_array_get_idx(regions, i), ret->n_devices,
				  &ret->regions[i]))
			return false;
	for (size_t i = 0; i < ret->n_root_ports; i++)
		if (!json_read_string(r, json_object_array_get_idx(ports, i), &ret->root_ports[i]))
			return false;
	return true;
}

/* Paths are made of them: nothing in them leads elsewhere. */
static bool is_address(const char *text)
{
	uint64_t key;

	return parse_pci_address(text, &key);
}

static bool parse_function(struct json_read *r, struct json_object *obj,
			   struct recipe_function *ret)
{
	return json_read_object(r, obj, 6) && json_read_name(r, obj, "address", &ret->address) && is_address(ret->address) &&
	       json_read_text(r, obj, "driver", &ret->driver) && (!ret->driver || consent_is_driver_name(ret->driver)) &&
	       json_read_text(r, obj, "physical", &ret->physical) && (ret->physical ? is_address(ret->physical) : ret->driver != NULL) &&
	       json_read_text(r, obj, "override", &ret->override) && (!ret->override || consent_is_driver_name(ret->override)) &&
	       json_read_u64(r, obj, "numvfs", &ret->numvfs) && ret->numvfs < 65536 &&
	       json_read_bool(r, obj, "vf_autoprobe", &ret->vf_autoprobe);
}

static bool parse_functions(struct json_read *r, struct json_object *obj,
			    struct recipe_accelerator *ret)
{
	struct json_object *functions = NULL;

	if (!json_read_array(r, obj, "functions", MAX_FUNCTIONS, &functions))
		return false;
	ret->n_functions = json_object_array_length(functions);
	ret->functions = arena_alloc(r->arena, ret->n_functions, sizeof(*ret->functions));
	for (size_t i = 0; ret->functions && i < ret->n_functions; i++)
		if (!parse_function(r, json_object_array_get_idx(functions, i), &ret->functions[i]))
			return false;
	return ret->functions;
}

static bool parse_accelerator(struct json_read *r, struct json_object *obj,
			      struct recipe_accelerator *ret)
{
	if (!json_read_object(r, obj, 4) || !json_read_text(r, obj, "address", &ret->address) ||
	    !json_read_text(r, obj, "driver", &ret->driver) ||
	    !json_read_text(r, obj, "memdev", &ret->memdev) || !parse_functions(r, obj, ret))
		return false;
	return ret->address ? is_address(ret->address) && ret->driver &&
				      consent_is_driver_name(ret->driver) && ret->n_functions
			    : !ret->driver && !ret->memdev && !ret->n_functions;
}

int recipe_parse(struct json_object *obj, struct arena *a, struct recipe *ret)
{
	struct json_object *devices = NULL, *regions = NULL, *ports = NULL, *settings = NULL, *acc;
	struct json_read r = { .arena = a };

	*ret = (struct recipe){ 0 };
	if (!json_read_object(&r, obj, 6) ||
	    !json_read_name(&r, obj, "root_port", &ret->root_port) ||
	    !json_read_array(&r, obj, "root_ports", 4096, &ports) ||
	    !json_read_array(&r, obj, "settings", N_ISO_FIELDS, &settings) ||
	    !json_read_array(&r, obj, "devices", 4096, &devices) ||
	    !json_read_array(&r, obj, "regions", 4096, &regions) ||
	    json_object_array_length(settings) != N_ISO_FIELDS ||
	    !parse_lists(&r, devices, regions, ports, ret) ||
	    !json_object_object_get_ex(obj, "accelerator", &acc) ||
	    !parse_accelerator(&r, acc, &ret->accelerator))
		return r.no_memory ? -ENOMEM : -EINVAL;
	for (size_t f = 0; f < N_ISO_FIELDS; f++) {
		struct json_object *v = json_object_array_get_idx(settings, f);

		if (v && (!json_object_is_type(v, json_type_int) || json_object_get_int(v) < 0 ||
			  json_object_get_int(v) > 15))
			return -EINVAL;
		ret->settings.v[f] = v ? json_object_get_int(v) : -1;
	}
	return 0;
}
