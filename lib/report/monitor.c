// SPDX-License-Identifier: GPL-2.0-only
/* Differences between records of root ports: see monitor.h. */
#include "lib/report/monitor.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "util/array.h"
#include "util/render.h"

/* What a change is called, by the first of these that is among what differs. */
static const struct {
	const char *path, *type;
} types[] = {
	{ "status", "status" }, { "link", "link" }, { "control", "control" },
	{ "below.memdevs", "memdev" }, { "below.accelerators", "accelerator" }, { "below.dax", "dax" }, { "below.regions", "region" },
	{ "containment", "containment" }, { "containment_if_enabled", "containment" },
	{ "blockers", "checks" }, { "limits", "checks" }, { "notes", "checks" }, { "problems", "checks" },
	{ "", "record" },
};

static bool leads_to(const char *path, const char *start)
{
	size_t n = strlen(start);

	return !n || (!strncmp(path, start, n) && (!path[n] || path[n] == '.'));
}

static void add_differences(struct json_object *before, struct json_object *after, const char *path,
			    struct json_object *changed)
{
	char member[128];

	if (json_object_equal(before, after))
		return;
	if (!json_object_is_type(before, json_type_object) ||
	    !json_object_is_type(after, json_type_object)) {
		render_append(changed, render_string(path));
		return;
	}
	json_object_object_foreach(after, key, v) {
		snprintf(member, sizeof(member), "%s%s%s", path, *path ? "." : "", key);
		add_differences(json_object_object_get(before, key), v, member, changed);
	}
}

static const char *state_of(struct json_object *record)
{
	struct json_object *status = json_object_object_get(record, "status");

	return json_object_get_string(json_object_object_get(status, "state"));
}

static const char *type_of(struct json_object *before, struct json_object *after,
			   struct json_object *changed)
{
	if (!before)
		return "appeared";
	if (!after)
		return "gone";
	if (strcmp(state_of(before), state_of(after)) && !strcmp(state_of(after), "isolated"))
		return "isolated";
	if (!strcmp(state_of(before), "isolated") && !strcmp(state_of(after), "normal"))
		return "cleared";
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		for (size_t k = 0; k < render_length(changed); k++)
			if (leads_to(json_object_get_string(json_object_array_get_idx(changed, k)),
				     types[i].path))
				return types[i].type;
	return "record";
}

struct json_object *monitor_change(const char *root_port, struct json_object *before,
				   struct json_object *after)
{
	struct json_object *obj, *changed;

	if (json_object_equal(before, after))
		return NULL;
	obj = render_object();
	changed = render_array();
	if (before && after)
		add_differences(before, after, "", changed);
	render_add_string(obj, "type", type_of(before, after, changed));
	render_add_string(obj, "root_port", root_port);
	render_add(obj, "changed", changed);
	render_add(obj, "before", json_object_get(before));
	render_add(obj, "after", json_object_get(after));
	return obj;
}

static const char *name_of(struct json_object *record)
{
	return json_object_get_string(json_object_object_get(record, "root_port"));
}

static struct json_object *find(struct json_object *list, const char *name)
{
	for (size_t i = 0; i < render_length(list); i++)
		if (!strcmp(name_of(json_object_array_get_idx(list, i)), name))
			return json_object_array_get_idx(list, i);
	return NULL;
}

static void add_change(struct json_object *changes, const char *name, struct json_object *before,
		       struct json_object *after)
{
	struct json_object *change = monitor_change(name, before, after);

	if (change)
		render_append(changes, change);
}

/* Those in @now against @last, and into it. */
static void compare(struct json_object *last, struct json_object *now, struct json_object *changes)
{
	for (size_t i = 0; i < render_length(now); i++) {
		struct json_object *after = json_object_array_get_idx(now, i);

		add_change(changes, name_of(after), json_object_object_get(last, name_of(after)),
			   after);
		render_set(last, name_of(after), json_object_get(after));
	}
}

struct json_object *monitor_compare_some(struct json_object *last, struct json_object *some)
{
	struct json_object *changes = render_array();

	compare(last, some, changes);
	return changes;
}

struct json_object *monitor_compare(struct json_object *last, struct json_object *now)
{
	struct json_object *changes = render_array();

	json_object_object_foreach(last, name, before) {
		if (before && !find(now, name))
			add_change(changes, name, before, NULL);
	}
	compare(last, now, changes);
	json_object_object_foreach(last, kept, old) {
		if (old && !find(now, kept))
			render_set(last, kept, NULL);
	}
	return changes;
}
