// SPDX-License-Identifier: GPL-2.0-only
/* The tree: bus, host bridge, root port, what is below it. */
#include <string.h>

#include "cxl/texts.h"
#include "util/array.h"

static struct json_object *new_node(const char *name)
{
	struct json_object *node = render_object();

	render_add_string(node, "name", name);
	render_add(node, "children", render_array());
	return node;
}

/* The node of @name among @rows, made when there is none. */
static struct json_object *node_of(struct json_object *rows, struct json_object *name)
{
	const char *text = name ? json_object_get_string(name) : "(unknown)";
	struct json_object *node;

	for (size_t i = 0; i < render_length(rows); i++) {
		node = json_object_array_get_idx(rows, i);
		if (!strcmp(json_object_get_string(json_object_object_get(node, "name")), text))
			return node;
	}
	node = new_node(text);
	render_append(rows, node);
	return node;
}

static struct json_object *children(struct json_object *node)
{
	return json_object_object_get(node, "children");
}

static void add_root_port(struct json_object *rp, struct json_object *bridge)
{
	static const char *const shown[] = { "status", "link", "control", "capability", "containment", "containment_if_enabled", "problems", "bytes" };
	static const char *const below[] = { "memdevs", "regions", "dax" };
	struct json_object *node = new_node(json_object_get_string(json_object_object_get(rp, "root_port")));

	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		render_add(node, shown[i], json_object_get(json_object_object_get(rp, shown[i])));
	for (size_t i = 0; i < ARRAY_SIZE(below); i++) {
		struct json_object *names = json_object_object_get(rp, below[i]);

		for (size_t k = 0; k < render_length(names); k++)
			render_append(children(node),
				      new_node(json_object_get_string(
					      json_object_array_get_idx(names, k))));
	}
	render_append(children(bridge), node);
}

void port_tree_rows(struct json_object *record, struct json_object *rows)
{
	struct json_object *ports = render_array();

	if (json_object_object_get(record, "buses"))
		listed_port_rows(record, ports);
	else
		root_port_rows(record, ports);
	for (size_t i = 0; i < render_length(ports); i++) {
		struct json_object *rp = json_object_array_get_idx(ports, i);
		struct json_object *bus = node_of(rows, json_object_object_get(rp, "bus"));

		add_root_port(rp, node_of(children(bus), json_object_object_get(rp, "host_bridge")));
	}
	json_object_put(ports);
}

const struct render_column port_tree_columns[] = {
	{ "NAME", "name" }, { "STATE", "status.state" }, { "LINK", "link.state", .rank = 4 },
	{ "ISOLATION", "control.mem.isolation" }, { "CACHE", "control.cache.isolation", "capability.cache.isolation", .rank = 3 },
	{ "CONTAINMENT", "containment" },
	{ "IF ENABLED", "containment_if_enabled", .rank = 1 }, { "PROBLEMS", "problems", "problems" }, { "BYTES", "bytes", .rank = 2 },
	{ 0 }
};
