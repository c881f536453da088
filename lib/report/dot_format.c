// SPDX-License-Identifier: GPL-2.0-only
/*
 * See dot_format.h.  A node an object: buses, host bridges, root ports, memdevs, regions, dax devices.
 * What a failure of a root port ends in is its colour, and is written in it as well.
 *
 * Source: https://graphviz.org/doc/info/lang.html for what is quoted, and how.
 */
#include "lib/report/dot_format.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/cleanup.h"
#include "util/output.h"
#include "util/size.h"

/* Light enough for black text on them, and apart from each other without red and green. */
static const struct {
	const char *level, *colour;
} colours[] = {
	{ "none", "#f4a582" }, { "debug", "#fddbc7" }, { "contain", "#d1e5f0" }, { "recover", "#92c5de" },
};

struct graph {
	FILE *f;
	struct json_object *seen;	/* nodes and edges that are written, as keys */
	bool lost;			/* one of those, or what it is called: no memory */
};

static struct json_object *member(struct json_object *obj, const char *key)
{
	return json_object_is_type(obj, json_type_object) ? json_object_object_get(obj, key) : NULL;
}

static const char *text_of(struct json_object *obj, const char *key)
{
	struct json_object *v = member(obj, key);

	return v ? json_object_get_string(v) : NULL;
}

static struct json_object *item(struct json_object *list, size_t i)
{
	return json_object_array_get_idx(list, i);
}

/* Is that new?  It is not any more. */
static bool is_new(struct graph *g, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool is_new(struct graph *g, const char *format, ...)
{
	_cleanup_free_ char *key = NULL;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&key, format, ap);
	va_end(ap);
	if (n < 0) {
		key = NULL;
		g->lost = true;
		return false;
	}
	if (json_object_object_get_ex(g->seen, key, NULL))
		return false;
	render_set(g->seen, key, NULL);
	return true;
}

/* Within quotes; what is no printable ASCII is shown as "?". */
static void put_quoted(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putc('\\', f);
		putc(*s >= ' ' && *s <= '~' ? *s : '?', f);
	}
}

static void put_id(FILE *f, const char *kind, const char *name)
{
	fprintf(f, "\"%s ", kind);
	put_quoted(f, name);
	putc('"', f);
}

/* The node of @name up to its label's first line; false where it is written already. */
static bool begin_node(struct graph *g, const char *kind, const char *name)
{
	if (!name || !is_new(g, "node %s %s", kind, name))
		return false;
	putc('\t', g->f);
	put_id(g->f, kind, name);
	fputs(" [label=\"", g->f);
	put_quoted(g->f, name);
	return true;
}

static void put_line(struct graph *g, const char *before, const char *text)
{
	if (!text)
		return;
	fprintf(g->f, "\\n%s", before);
	put_quoted(g->f, text);
}

static void put_size(struct graph *g, struct json_object *bytes)
{
	char text[64];

	if (bytes)
		put_line(g, "", size_iec(json_object_get_uint64(bytes), text, sizeof(text)));
}

static void put_edge(struct graph *g, const char *from_kind, const char *from, const char *kind,
		     const char *to)
{
	if (!from || !to || !is_new(g, "edge %s %s %s %s", from_kind, from, kind, to))
		return;
	putc('\t', g->f);
	put_id(g->f, from_kind, from);
	fputs(" -> ", g->f);
	put_id(g->f, kind, to);
	fputs(";\n", g->f);
}

/* --- nodes ------------------------------------------------------------------------- */

static const char *colour_of(const char *level)
{
	for (size_t i = 0; level && i < ARRAY_SIZE(colours); i++)
		if (!strcmp(colours[i].level, level))
			return colours[i].colour;
	return "white";
}

static void put_root_port(struct graph *g, struct json_object *rp)
{
	const char *level = text_of(rp, "containment"),
		   *state = text_of(member(rp, "status"), "state");

	if (!begin_node(g, "port", text_of(rp, "root_port")))
		return;
	put_line(g, "containment: ", level ? level : "unknown");
	put_line(g, "if enabled: ", text_of(rp, "containment_if_enabled"));
	put_line(g, "state: ", state);
	put_line(g, "link: ", text_of(member(rp, "link"), "state"));
	fprintf(g->f, "\", fillcolor=\"%s\"%s];\n", colour_of(level), state && !strcmp(state, "isolated") ? ", penwidth=3" : "");
}

/* A region, of which @details may say more: an object, or NULL. */
static void put_region(struct graph *g, const char *name, struct json_object *details)
{
	if (!begin_node(g, "region", name))
		return;
	put_size(g, member(details, "size"));
	put_line(g, "", text_of(details, "state"));
	fputs("\", shape=ellipse];\n", g->f);
}

static void put_memdev(struct graph *g, const char *name, struct json_object *details)
{
	if (!begin_node(g, "memdev", name))
		return;
	put_line(g, "serial ", text_of(details, "serial"));
	put_line(g, "", text_of(details, "host"));
	fputs("\"];\n", g->f);
}

static void put_dax(struct graph *g, const char *name, struct json_object *details)
{
	struct json_object *fit = member(details, "fit");

	if (!begin_node(g, "dax", name))
		return;
	put_line(g, "", text_of(details, "mode"));
	if (fit)
		put_line(g, "", json_object_get_boolean(fit) ? "fit for isolation" : "not fit for isolation");
	fputs("\", shape=component];\n", g->f);
}

/* --- from a root port on --------------------------------------------------------------- */

/* The object of @list whose @key is @name; NULL: none. */
static struct json_object *find(struct json_object *list, const char *key, const char *name)
{
	for (size_t i = 0; i < render_length(list); i++) {
		const char *other = text_of(item(list, i), key);

		if (other && !strcmp(other, name))
			return item(list, i);
	}
	return NULL;
}

/* region0 of dax0.1: the kernel numbers dax devices by their region (drivers/dax/cxl.c). */
static const char *region_of(struct json_object *regions, const char *dax)
{
	for (size_t i = 0; i < render_length(regions); i++) {
		const char *name = json_object_get_string(item(regions, i));

		if (!strncmp(name, "region", 6) && !strncmp(dax, "dax", 3) &&
		    strtoul(name + 6, NULL, 10) == strtoul(dax + 3, NULL, 10))
			return name;
	}
	return NULL;
}

/* @about: has arrays "memdevs", "regions" and "dax" of objects; NULL: nothing more is known of them. */
static void put_below(struct graph *g, struct json_object *rp, struct json_object *about)
{
	struct json_object *memdevs = member(rp, "memdevs"), *regions = member(rp, "regions"),
			   *dax = member(rp, "dax");
	const char *port = text_of(rp, "root_port");

	for (size_t i = 0; i < render_length(memdevs); i++) {
		const char *name = json_object_get_string(item(memdevs, i));

		put_memdev(g, name, find(member(about, "memdevs"), "memdev", name));
		put_edge(g, "port", port, "memdev", name);
	}
	for (size_t i = 0; i < render_length(regions); i++) {
		const char *name = json_object_get_string(item(regions, i));

		put_region(g, name, find(member(about, "regions"), "region", name));
		put_edge(g, "port", port, "region", name);
	}
	for (size_t i = 0; i < render_length(dax); i++) {
		const char *name = json_object_get_string(item(dax, i)),
			   *region = region_of(regions, name);

		put_dax(g, name, find(member(about, "dax"), "dax", name));
		put_edge(g, region ? "region" : "port", region ? region : port, "dax", name);
	}
}

static void put_port(struct graph *g, struct json_object *rp, struct json_object *about)
{
	const char *bus = text_of(rp, "bus"), *bridge = text_of(rp, "host_bridge");

	if (begin_node(g, "bus", bus))
		fputs("\", shape=hexagon];\n", g->f);
	if (begin_node(g, "bridge", bridge))
		fputs("\"];\n", g->f);
	put_edge(g, "bus", bus, "bridge", bridge);
	put_root_port(g, rp);
	put_edge(g, bridge ? "bridge" : "bus", bridge ? bridge : bus, "port", text_of(rp, "root_port"));
	put_below(g, rp, about);
}

static void put_bus(struct graph *g, struct json_object *bus)
{
	struct json_object *bridges = member(bus, "host_bridges"), *loose = member(bus, "unattached");
	const char *name = text_of(bus, "bus");

	if (begin_node(g, "bus", name))
		fputs("\", shape=hexagon];\n", g->f);
	for (size_t h = 0; h < render_length(bridges); h++) {
		struct json_object *ports = member(item(bridges, h), "root_ports");
		const char *bridge = text_of(item(bridges, h), "port");

		if (begin_node(g, "bridge", bridge)) {
			put_line(g, "", text_of(item(bridges, h), "host"));
			fputs("\"];\n", g->f);
		}
		put_edge(g, "bus", name, "bridge", bridge);
		for (size_t i = 0; i < render_length(ports); i++)
			put_port(g, item(ports, i), bus);
	}
	for (size_t i = 0; i < render_length(member(loose, "memdevs")); i++) {
		const char *memdev = json_object_get_string(item(member(loose, "memdevs"), i));

		put_memdev(g, memdev, find(member(bus, "memdevs"), "memdev", memdev));
	}
	for (size_t i = 0; i < render_length(member(loose, "regions")); i++) {
		const char *region = json_object_get_string(item(member(loose, "regions"), i));

		put_region(g, region, find(member(bus, "regions"), "region", region));
		put_edge(g, "bus", name, "region", region);
	}
}

/* Of daxctl: the ports that fail with a device, without what is known of them. */
static void put_dax_record(struct graph *g, struct json_object *dax, struct json_object *regions)
{
	struct json_object *ports = member(dax, "root_ports");
	const char *region = text_of(dax, "region"), *name = text_of(dax, "dax");

	put_dax(g, name, dax);
	if (region)
		put_region(g, region, find(regions, "region", region));
	put_edge(g, "region", region, "dax", name);
	for (size_t i = 0; i < render_length(ports); i++) {
		const char *port = json_object_get_string(item(ports, i));

		if (begin_node(g, "port", port))
			fputs("\"];\n", g->f);
		put_edge(g, "port", port, region ? "region" : "dax", region ? region : name);
	}
}

/* Whole or not at all: half of a graph is none. */
int dot_write(struct json_object *record, const struct render_table *table,
	      const struct render_look *look, FILE *f)
{
	struct json_object *buses = member(record, "buses"), *ports = member(record, "root_ports"),
			   *dax = member(record, "dax");
	_cleanup_free_ char *text = NULL;
	size_t size;
	struct graph g = { .f = open_memstream(&text, &size), .seen = render_object() };

	(void)table, (void)look;
	if (!g.f) {
		json_object_put(g.seen);
		return -ENOMEM;
	}
	fputs("digraph cxl {\n\trankdir=LR;\n\tnode [shape=box, style=filled, fillcolor=white, fontname=\"sans-serif\", fontsize=10];\n", g.f);
	for (size_t i = 0; i < render_length(buses); i++)
		put_bus(&g, item(buses, i));
	for (size_t i = 0; i < render_length(ports); i++)
		put_port(&g, item(ports, i), member(item(ports, i), "impact"));
	for (size_t i = 0; i < render_length(dax); i++)
		put_dax_record(&g, item(dax, i), member(record, "regions"));
	fputs("}\n", g.f);
	json_object_put(g.seen);
	g.lost |= render_take_lost();
	if (!output_is_whole(g.f, &text) || g.lost)
		return -ENOMEM;
	fputs(text, f);
	return 0;
}
