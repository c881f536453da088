// SPDX-License-Identifier: GPL-2.0-only
/* What was changed last, as a file: see last_change.h. */
#include "lib/kept/last_change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/kept/boot_file.h"
#include "util/render.h"

#define SCHEMA "cxl-changes/1"
#define FILE_NAME "last-changes"
enum { MAX_CHANGES = 65536, MOST_VALUE = 15 };

static const char *const by_names[N_CHANGED_BY] = {
	[BY_ENABLE] = "enable-isolation", [BY_DISABLE] = "disable-isolation",
	[BY_TIMEOUT] = "set-timeout",	  [BY_PREPARE] = "prepare-isolation",
};

const char *last_change_undo_text(const struct last_change *change, char *buf, size_t size)
{
	snprintf(buf, size, "%s %s --undo-last %s", change->by == BY_PREPARE ? "daxctl" : "cxl", by_names[change->by],
		 change->root_port);
	return buf;
}

/* --- out ---------------------------------------------------------------------- */

static struct json_object *settings_json(const struct iso_control *c)
{
	struct json_object *obj = render_object();

	for (int f = 0; f < N_ISO_FIELDS; f++)
		render_add_u64(obj, iso_fields[f].path, c->v[f] >= 0, (uint64_t)c->v[f]);
	return obj;
}

static struct json_object *change_json(const struct last_change *c)
{
	struct json_object *obj = render_object();

	render_add_string(obj, "root_port", c->root_port);
	render_add_string(obj, "by", by_names[c->by]);
	render_add_string(obj, "typed", c->typed);
	render_add(obj, "is_finished", render_boolean(c->is_finished));
	render_add(obj, "registers", render_boolean(c->registers));
	render_add(obj, "cache", render_boolean(c->cache));
	render_add(obj, "was", settings_json(&c->was));
	render_add(obj, "set", settings_json(&c->set));
	render_add(obj, "asked", settings_json(&c->asked));
	render_add_u64(obj, "group", true, c->group);
	return obj;
}

int last_changes_write(const struct cxl_host *host, const struct last_changes *all)
{
	struct json_object *obj = boot_file_begin(host, SCHEMA), *list = render_array();

	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].root_port)
			render_append(list, change_json(&all->v[i]));
	render_add(obj, "changes", list);
	return boot_file_write(obj, FILE_NAME);
}

/* --- in ----------------------------------------------------------------------- */

static bool read_settings(struct json_read *r, struct json_object *obj, const char *key,
			  struct iso_control *ret)
{
	struct json_object *settings;

	*ret = iso_control_unknown;
	if (!json_object_object_get_ex(obj, key, &settings) ||
	    !json_read_object(r, settings, N_ISO_FIELDS))
		return false;
	for (int f = 0; f < N_ISO_FIELDS; f++) {
		uint64_t v = 0;
		bool known;

		if (!json_read_optional_u64(r, settings, iso_fields[f].path, &known, &v) ||
		    v > (iso_fields[f].is_range ? MOST_VALUE : 1))
			return false;
		ret->v[f] = known ? (int)v : -1;
	}
	return true;
}

static bool read_change(struct json_read *r, struct json_object *obj, struct last_change *ret)
{
	int by;

	if (!json_read_object(r, obj, 10) || !json_read_name(r, obj, "root_port", &ret->root_port) ||
	    !json_read_enum(r, obj, "by", by_names, N_CHANGED_BY, &by) ||
	    !json_read_name(r, obj, "typed", &ret->typed) ||
	    !json_read_bool(r, obj, "is_finished", &ret->is_finished) ||
	    !json_read_bool(r, obj, "registers", &ret->registers) ||
	    !json_read_bool(r, obj, "cache", &ret->cache) ||
	    !read_settings(r, obj, "was", &ret->was) || !read_settings(r, obj, "set", &ret->set) ||
	    !read_settings(r, obj, "asked", &ret->asked) ||
	    !json_read_u64(r, obj, "group", &ret->group))
		return false;
	ret->by = (enum changed_by)by;
	return true;
}

struct reading {
	const struct cxl_host *host;
	struct last_changes *ret;
};

/* Those of root ports that are there, when the file is of this boot. */
static bool take(struct json_read *r, struct json_object *obj, bool is_of_boot, void *data)
{
	const struct reading *reading = data;
	struct json_object *list;

	if (!json_read_array(r, obj, "changes", MAX_CHANGES, &list))
		return false;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const struct cxl_root_port *rp;
		struct last_change c;

		if (!read_change(r, json_object_array_get_idx(list, i), &c))
			return false;
		rp = is_of_boot ? host_root_port(reading->host, c.root_port) : NULL;
		if (rp)
			last_change_put(reading->ret, reading->host, rp, &c);
	}
	return true;
}

int last_changes_read(const struct cxl_host *host, struct arena *a, struct last_changes *ret,
		      const char **ret_why)
{
	static const struct boot_file file = { FILE_NAME, SCHEMA, 3, take };
	struct reading reading = { host, ret };
	int rc;

	*ret_why = NULL;
	*ret = (struct last_changes){ .n = 2 * host->n_root_ports };
	ret->v = arena_alloc(a, ret->n, sizeof(*ret->v));
	rc = ret->v ? boot_file_read(host, &file, &reading, a, ret_why) : -ENOMEM;
	for (size_t i = 0; rc == -ENOENT && i < ret->n; i++)
		ret->v[i].root_port = NULL;
	return rc == -ENOENT ? 0 : rc;
}

/* --- the list ----------------------------------------------------------------- */

static struct last_change *place_of(const struct last_changes *all, const struct cxl_host *host,
				    const struct cxl_root_port *rp, bool by_prepare)
{
	return &all->v[2 * (size_t)(rp - host->root_ports) + by_prepare];
}

struct last_change *last_change_of(const struct last_changes *all, const struct cxl_host *host,
				   const struct cxl_root_port *rp, bool by_prepare)
{
	struct last_change *there = all->n ? place_of(all, host, rp, by_prepare) : NULL;

	return there && there->root_port ? there : NULL;
}

void last_change_put(struct last_changes *all, const struct cxl_host *host,
		     const struct cxl_root_port *rp, const struct last_change *change)
{
	*place_of(all, host, rp, change->by == BY_PREPARE) = *change;
}

void last_change_drop(struct last_changes *all, const struct cxl_host *host,
		      const struct cxl_root_port *rp, bool by_prepare)
{
	place_of(all, host, rp, by_prepare)->root_port = NULL;
}

int last_changes_copy(const struct last_changes *all, struct arena *a, struct last_changes *ret)
{
	*ret = *all;
	ret->v = arena_alloc(a, all->n, sizeof(*ret->v));
	for (size_t i = 0; ret->v && i < all->n; i++)
		ret->v[i] = all->v[i];
	return ret->v ? 0 : -ENOMEM;
}
