// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tables of `cxl check-soft-reserved`, made of its records: a row per range,
 * and the map: a row per stretch of addresses with a column for each source, so
 * that a gap in one of them is seen beside the others.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/soft/soft_record.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/parse.h"

static const struct render_column range_columns[] = {
	{ "START", "start" }, { "END", "end", .rank = 3 }, { "SIZE", "size" }, { "CLASS", "class", .rank = 1 },
	{ "VERDICT", "verdict" }, { "WINDOWS", "windows", .rank = 4 }, { "REGIONS", "regions", .rank = 2 }, { "DAX", "dax", .rank = 2 },
	{ "OWNED", "owned_bytes", .rank = 4 }, { "USABLE", "usable_bytes", .rank = 5 }, { "STRANDED", "stranded_bytes" },
	{ 0 }
};

static void range_rows(struct json_object *record, struct json_object *rows)
{
	struct json_object *ranges = json_object_object_get(record, "ranges");

	for (size_t i = 0; i < render_length(ranges); i++)
		render_append(rows, json_object_get(json_object_array_get_idx(ranges, i)));
	if (!render_length(ranges)) {	/* said, rather than an empty table */
		struct json_object *row = render_object();

		render_add_string(row, "class", "no Soft Reserved range");
		render_add(row, "verdict", json_object_get(json_object_object_get(record, "verdict")));
		render_append(rows, row);
	}
}

/* --- the map -------------------------------------------------------------- */

enum column { FIRMWARE, WINDOWS, REGIONS, DAX, RAM, N_COLUMNS };

static const struct render_column map_columns[] = {
	{ "START", "start" }, { "END", "end" }, { "SIZE", "size" }, { "FIRMWARE", "firmware" },
	{ "WINDOWS", "windows" }, { "REGIONS", "regions" }, { "DAX", "dax" }, { "RAM", "ram" },
	{ 0 }
};

/* Whose silence is a gap only where it was read: elsewhere the cell says "?". */
static const struct {
	const char *source;
	bool must_exist;	/* a host without it is not a host without such memory */
} column_sources[N_COLUMNS] = {
	[FIRMWARE] = { "firmware_map", true }, [WINDOWS] = { "windows", false }, [REGIONS] = { "regions", false },
	[DAX] = { "dax", false }, [RAM] = { "iomem", true },
};

static const char *const column_keys[N_COLUMNS] = {
	[FIRMWARE] = "firmware", [WINDOWS] = "windows", [REGIONS] = "regions", [DAX] = "dax", [RAM] = "ram",
};

/* Which spans of which source make a column. */
static const struct {
	enum column column;
	const char *source, *name;	/* spans of that name's beginning; NULL: all */
} parts[] = {
	{ FIRMWARE, "firmware_map", NULL }, { FIRMWARE, "cmdline", NULL }, { FIRMWARE, "iomem", "Soft Reserved" },
	{ WINDOWS, "windows", NULL }, { REGIONS, "regions", NULL }, { DAX, "dax", NULL },
	{ RAM, "iomem", "System RAM" },
};

struct piece {
	uint64_t start, end;
	const char *name;
	enum column column;
};

struct map {
	struct piece *pieces;	/* by start */
	size_t n;
	uint64_t *edges;	/* where a stretch begins or ends, sorted, each once */
	size_t n_edges;
	bool is_unknown[N_COLUMNS];
};

static uint64_t hex_member(struct json_object *span, const char *key)
{
	uint64_t v = 0;

	parse_u64(json_object_get_string(json_object_object_get(span, key)), &v);
	return v;
}

static struct json_object *spans_of(struct json_object *record, const char *source)
{
	struct json_object *sources = json_object_object_get(record, "sources");

	return json_object_object_get(json_object_object_get(sources, source), "spans");
}

static void collect(struct json_object *spans, const char *name, enum column column,
		    struct map *map)
{
	for (size_t i = 0; i < render_length(spans); i++) {
		struct json_object *span = json_object_array_get_idx(spans, i);
		struct piece *p = &map->pieces[map->n];

		p->name = json_object_get_string(json_object_object_get(span, "name"));
		if (name && strncmp(p->name, name, strlen(name)))
			continue;
		p->start = hex_member(span, "start");
		p->end = hex_member(span, "end");
		p->column = column;
		map->edges[map->n_edges++] = p->start;
		map->edges[map->n_edges++] = p->end + 1;
		map->n++;
	}
}

static int edge_cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int piece_cmp(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static void sort(struct map *map)
{
	size_t n = 0;

	qsort(map->pieces, map->n, sizeof(*map->pieces), piece_cmp);
	qsort(map->edges, map->n_edges, sizeof(*map->edges), edge_cmp);
	for (size_t i = 0; i < map->n_edges; i++)
		if (!i || map->edges[i] != map->edges[n - 1])
			map->edges[n++] = map->edges[i];
	map->n_edges = n;
}

/* Each name once in a cell. */
static void add_name(struct json_object *cell, const char *name)
{
	for (size_t i = 0; i < render_length(cell); i++)
		if (!strcmp(json_object_get_string(json_object_array_get_idx(cell, i)), name))
			return;
	render_append(cell, render_string(name));
}

/*
 * One row, NULL when nothing is there.  @active holds the pieces that have begun
 * and not ended.
 */
static struct json_object *new_row(const struct map *map, struct piece *const *active, size_t n,
				   uint64_t start, uint64_t end)
{
	struct json_object *cells[N_COLUMNS] = { 0 }, *row;

	if (!n)
		return NULL;
	row = render_object();
	render_add_hex(row, "start", true, start);
	render_add_hex(row, "end", true, end);
	render_add_u64(row, "size", true, end - start + 1);
	for (size_t i = 0; i < n; i++) {
		if (!cells[active[i]->column])
			cells[active[i]->column] = render_array();
		add_name(cells[active[i]->column], active[i]->name);
	}
	for (size_t c = 0; c < N_COLUMNS; c++)
		if (!cells[c] && map->is_unknown[c])
			render_add_string(row, column_keys[c], "?");
		else
			render_add(row, column_keys[c], cells[c]);
	return row;
}

/* A row of nothing but firmware's and the kernel's RAM tells nothing here. */
static bool is_plain_ram(struct piece *const *active, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strncmp(active[i]->name, "System RAM", strlen("System RAM")))
			return false;
	return n;
}

static bool same_cells(struct json_object *a, struct json_object *b)
{
	for (size_t c = 0; c < N_COLUMNS; c++)
		if (!json_object_equal(json_object_object_get(a, column_keys[c]),
				       json_object_object_get(b, column_keys[c])))
			return false;
	return true;
}

/* Plain RAM is shown only where it is beside something else: joined to one row. */
static void add_row(struct json_object *rows, struct json_object *row)
{
	size_t n = render_length(rows);
	struct json_object *last = n ? json_object_array_get_idx(rows, n - 1) : NULL;

	if (last && same_cells(last, row) && hex_member(last, "end") + 1 == hex_member(row, "start")) {
		render_set(last, "end", json_object_get(json_object_object_get(row, "end")));
		render_set(last, "size", render_uint64(hex_member(last, "end") -
									    hex_member(last, "start") + 1));
		json_object_put(row);
		return;
	}
	render_append(rows, row);
}

static void add_rows(struct map *map, struct piece **active, struct json_object *rows)
{
	struct json_object *waiting = NULL;	/* plain RAM, shown only if something touches it */
	size_t n_active = 0, next = 0;
	bool last_shown = false;

	for (size_t e = 0; e + 1 < map->n_edges; e++) {
		uint64_t start = map->edges[e], end = map->edges[e + 1] - 1;
		struct json_object *row;
		size_t keep = 0;

		for (size_t i = 0; i < n_active; i++)
			if (active[i]->end >= start)
				active[keep++] = active[i];
		n_active = keep;
		for (; next < map->n && map->pieces[next].start == start; next++)
			active[n_active++] = &map->pieces[next];
		row = new_row(map, active, n_active, start, end);
		if (row && is_plain_ram(active, n_active) && !last_shown) {
			json_object_put(waiting);
			waiting = row;
			continue;
		}
		if (row && !is_plain_ram(active, n_active) && waiting)
			add_row(rows, waiting);
		else
			json_object_put(waiting);
		waiting = NULL;
		last_shown = row && !is_plain_ram(active, n_active);
		if (row)
			add_row(rows, row);
	}
	json_object_put(waiting);
}

static bool is_unknown(struct json_object *record, size_t column)
{
	struct json_object *sources = json_object_object_get(record, "sources"), *source;
	const char *state;

	source = json_object_object_get(sources, column_sources[column].source);
	state = json_object_get_string(json_object_object_get(source, "state"));
	return state && (!strcmp(state, "hidden") || !strcmp(state, "damaged") ||
			 (column_sources[column].must_exist && !strcmp(state, "missing")));
}

static void map_rows(struct json_object *record, struct json_object *rows)
{
	_cleanup_free_ struct piece *pieces = NULL;
	_cleanup_free_ uint64_t *edges = NULL;
	_cleanup_free_ struct piece **active = NULL;
	struct map map = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		n += render_length(spans_of(record, parts[i].source));
	map.pieces = pieces = calloc(n + 1, sizeof(*pieces));
	map.edges = edges = calloc(2 * n + 1, sizeof(*edges));
	active = calloc(n + 1, sizeof(*active));
	if (!pieces || !edges || !active)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		collect(spans_of(record, parts[i].source), parts[i].name, parts[i].column, &map);
	for (size_t c = 0; c < N_COLUMNS; c++)
		map.is_unknown[c] = is_unknown(record, c);
	sort(&map);
	add_rows(&map, active, rows);
	if (!render_length(rows)) {
		struct json_object *row = render_object();

		render_add_string(row, "firmware", "no Soft Reserved range");
		render_append(rows, row);
	}
}

static const struct render_table soft_map = { .columns = map_columns, .rows = map_rows };
const struct render_table soft_table = { .columns = range_columns,
					 .rows = range_rows,
					 .text = &soft_text,
					 .colours = soft_colours,
					 .map = &soft_map };
