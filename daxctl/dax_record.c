// SPDX-License-Identifier: GPL-2.0-only
/* Records of dax devices: see dax_record.h. */
#include "daxctl/dax_record.h"

#include "lib/check/check.h"
#include "lib/report/record.h"
#include "util/render.h"

static struct json_object *tri_json(enum tri t)
{
	return t == TRI_UNKNOWN ? NULL : render_boolean(t == TRI_YES);
}

static struct json_object *root_ports(const struct cxl_dax *d)
{
	struct json_object *list = render_array();

	for (size_t i = 0; d->region && i < d->region->n_root_ports; i++)
		render_append(list, render_string(d->region->root_ports[i]->name));
	return list;
}

static struct json_object *memmap(const struct dax_view *view, const struct dax_facts *f)
{
	struct json_object *obj = render_object();

	render_add(obj, "device", tri_json(f->memmap));
	render_add_string(obj, "parameter", view->memmap_param);
	render_add(obj, "in_force", tri_json(f->memmap_in_force));
	return obj;
}

static struct json_object *blocks(const struct dax_view *view, const struct dax_facts *f)
{
	struct json_object *obj = render_object(), *zones = render_array();

	for (size_t i = 0; i < f->n_zones; i++) {
		struct json_object *zone = render_object();

		render_add_string(zone, "zone", f->zones[i].zone);
		render_add_u64(zone, "blocks", true, f->zones[i].blocks);
		render_append(zones, zone);
	}
	render_add_u64(obj, "total", !f->blocks_unknown || f->blocks_total, f->blocks_total);
	render_add_u64(obj, "online", !f->blocks_unknown, f->blocks_online);
	render_add_u64(obj, "online_bytes", !f->blocks_unknown, f->blocks_online * view->host->block_bytes);
	render_add(obj, "zones", zones);
	return obj;
}

static struct json_object *users(const struct cxl_dax *d)
{
	struct json_object *list = render_array();

	for (size_t i = 0; i < d->n_users; i++) {
		struct json_object *obj = render_object();

		render_add_u64(obj, "pid", true, (uint64_t)d->users[i].pid);
		render_add_string(obj, "command", d->users[i].command);
		render_add(obj, "maps", render_boolean(d->users[i].maps));
		render_add_u64(obj, "mapped_bytes", true, d->users[i].mapped_bytes);
		record_owner(obj, &d->users[i].owner);
		render_append(list, obj);
	}
	return list;
}

static struct json_object *file_systems(const struct cxl_dax *d)
{
	struct json_object *list = render_array(), *obj;

	if (d->mounted_at) {
		obj = render_object();
		render_add_string(obj, "type", d->fs);
		render_add_string(obj, "mount", d->mounted_at);
		render_append(list, obj);
	}
	return list;
}

static struct json_object *onlined_by(const struct dax_view *view)
{
	struct json_object *list = render_array();

	for (size_t i = 0; i < view->n_causes; i++) {
		struct json_object *obj = render_object();

		render_add_string(obj, "cause", online_kind_names[view->causes[i].kind]);
		render_add_string(obj, "where", view->causes[i].where);
		render_add_string(obj, "value", view->causes[i].value);
		render_append(list, obj);
	}
	return list;
}

static struct json_object *ids(const struct dax_facts *f)
{
	struct json_object *list = render_array();

	for (size_t i = 0; i < f->n_unfit; i++)
		render_append(list, render_string(checks[f->unfit[i]].id));
	return list;
}

struct json_object *record_dax(const struct dax_view *view, const struct dax_facts *f)
{
	struct json_object *obj = render_object();
	const struct cxl_dax *d = f->dax;

	render_add_string(obj, "dax", d->name);
	render_add_string(obj, "region", d->region ? d->region->name : NULL);
	render_add(obj, "root_ports", root_ports(d));
	render_add_string(obj, "mode", dax_mode_names[f->mode]);
	render_add_string(obj, "driver", d->driver);
	render_add_u64(obj, "node", f->node.known, f->node.v);
	render_add_u64(obj, "bytes", d->size_bytes.known, d->size_bytes.v);
	render_add(obj, "memmap_on_memory", memmap(view, f));
	render_add(obj, "blocks", blocks(view, f));
	render_add(obj, "users", users(d));
	render_add(obj, "users_complete", render_boolean(!d->users_unknown));
	render_add(obj, "file_systems", file_systems(d));
	render_add(obj, "fit", tri_json(f->fit));
	render_add(obj, "checks", ids(f));
	render_add(obj, "onlined_by", onlined_by(view));
	render_add_string(obj, "state", f->state);
	render_add(obj, "private", tri_json(f->is_private));
	render_add(obj, "device", NULL);
	return obj;
}

struct json_object *record_sysram(const struct sysram_region *s)
{
	struct json_object *obj = s->name ? render_object() : NULL;

	if (!obj)
		return NULL;
	render_add_string(obj, "device", s->name);
	render_add_string(obj, "online_type", s->online_type);
	render_add_string(obj, "driver", s->driver);
	return obj;
}

void record_dax_rows(struct json_object *record, struct json_object *rows)
{
	struct json_object *list = json_object_object_get(record, "dax");

	for (size_t i = 0; i < render_length(list); i++)
		render_append(rows, json_object_get(json_object_array_get_idx(list, i)));
}
