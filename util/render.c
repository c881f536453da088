// SPDX-License-Identifier: GPL-2.0-only
/* Output back-ends: see render.h. */
#include "util/render.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/array.h"
#include "util/cleanup.h"
#include "util/output.h"
#include "util/parse.h"
#include "util/render_format.h"
#include "util/size.h"

static int write_json(struct json_object *record, const struct render_table *table,
		      const struct render_look *look, FILE *f)
{
	int rc = render_json(record, true, f);

	(void)table;
	(void)look;
	putc('\n', f);
	return rc;
}

/* A copy in which sizes and durations read as a person says them. */
static struct json_object *humanize(const char *key, struct json_object *v)
{
	struct json_object *copy;
	char text[64];

	if (json_object_is_type(v, json_type_array)) {
		copy = render_array();
		for (size_t i = 0; i < render_length(v); i++)
			render_append(copy, humanize(key, json_object_array_get_idx(v, i)));
		return copy;
	}
	if (json_object_is_type(v, json_type_object)) {
		copy = render_object();
		json_object_object_foreach(v, k, member) {
			char name[64];

			snprintf(name, sizeof(name), "%s", k);
			if (has_suffix(k, "_us") && strlen(k) < sizeof(name))
				name[strlen(k) - strlen("_us")] = '\0';
			render_set(copy, name, humanize(k, member));
		}
		return copy;
	}
	if (json_object_is_type(v, json_type_int) && render_is_size(key))
		return render_string(size_human(json_object_get_uint64(v), text, sizeof(text)));
	if (json_object_is_type(v, json_type_int) && has_suffix(key, "_us"))
		return render_string(duration_human(json_object_get_uint64(v), text, sizeof(text)));
	return json_object_get(v);
}

static int write_json_human(struct json_object *record, const struct render_table *table,
			    const struct render_look *look, FILE *f)
{
	struct json_object *copy = humanize("", record);
	int rc = render_take_lost() ? -ENOMEM : write_json(copy, table, look, f);

	json_object_put(copy);
	return rc;
}

static bool has_text(const struct render_table *table)
{
	return table && table->text;
}

static bool has_columns(const struct render_table *table)
{
	return table && table->columns;
}

static bool has_tree(const struct render_table *table)
{
	return has_columns(table) && table->tree;
}

static bool has_metrics(const struct render_table *table)
{
	return table && table->metrics;
}

static bool has_map(const struct render_table *table)
{
	return table && table->map;
}

static const struct render_column *table_columns(const struct render_table *table)
{
	return table->columns;
}

static const struct render_column *tree_columns(const struct render_table *table)
{
	return table->tree_columns;
}

static const struct render_column *map_columns(const struct render_table *table)
{
	return table->map->columns;
}

static int write_map(struct json_object *record, const struct render_table *table,
		     const struct render_look *look, FILE *f)
{
	return render_table_write(record, table->map, look, f);
}

static const struct render_format formats[] = {
	{ "json", NULL, write_json },
	{ "json-human", NULL, write_json_human },
	{ "human", has_text, render_text_write },
	{ "table", has_columns, render_table_write, .columns = table_columns },
	{ "map", has_map, write_map, .columns = map_columns },
	{ "tree", has_tree, render_tree_write, .columns = tree_columns },
	{ "prometheus", has_metrics, render_prometheus_write },
};

/* The @i-th format that @table can be printed in or not, its own behind the others; NULL: there are no more. */
static const struct render_format *format_at(const struct render_table *table, size_t i)
{
	if (i < ARRAY_SIZE(formats))
		return &formats[i];
	i -= ARRAY_SIZE(formats);
	return table && table->own && table->own[i].name ? &table->own[i] : NULL;
}

const struct render_format *render_find(const char *name, const struct render_table *table)
{
	const struct render_format *f;

	for (size_t i = 0; (f = format_at(table, i)); i++)
		if (!strcmp(f->name, name) && (!f->fits || f->fits(table)))
			return f;
	return NULL;
}

const char *render_names(const struct render_table *table, char *buf, size_t size)
{
	const struct render_format *f;
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; (f = format_at(table, i)) && n < size; i++)
		if (!f->fits || f->fits(table))
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "", f->name);
	return buf;
}

static int stdout_failed(int rc, struct err *err)
{
	return err_set(err, EXIT_REFUSED, -rc, "the output cannot be written to standard output: %s", strerror(-rc));
}

int render_line(struct json_object *record, FILE *f, struct err *err)
{
	int rc = 0;

	if (render_take_lost())
		return err_no_memory(err, "");
	errno = 0;
	if (render_json(record, false, f) || putc('\n', f) == EOF || fflush(f) || ferror(f))
		rc = errno ? -errno : -EIO;
	return rc ? stdout_failed(rc, err) : 0;
}

static int write_stream(const struct render_format *format, struct json_object *record,
			const struct render_table *table, const struct render_look *look, FILE *f)
{
	int rc = format->write(record, table, look, f);

	return rc ? rc : output_flush(f);
}

/* The reader of a file sees the old content or the new, never a part. */
static int write_file(const struct render_format *format, struct json_object *record,
		      const struct render_table *table, const struct render_look *look,
		      const char *path, struct err *err)
{
	struct output o;
	int rc = output_open(path, 0644, &o, err),
	    written = rc ? 0 : write_stream(format, record, table, look, o.f);

	if (written)
		rc = err_set(err, EXIT_REFUSED, -written, "the output cannot be written to %.200s: %s", path, strerror(-written));
	rc = rc ? rc : output_commit(&o, path, err);
	output_close(&o);
	return rc;
}

int render_write(const struct render_format *format, struct json_object *record,
		 const struct render_table *table, const struct render_look *look,
		 const char *output, struct err *err)
{
	int rc;

	if (output)
		return write_file(format, record, table, look, output, err);
	rc = write_stream(format, record, table, look, stdout);
	return rc ? stdout_failed(rc, err) : 0;
}

struct json_object *render_frame(const char *schema, int exit_status,
				 const struct messages *messages)
{
	struct json_object *frame = render_object();
	struct json_object *list = render_array();

	render_add_string(frame, "schema", schema);
	render_add(frame, "exit_status", render_int(exit_status));
	for (size_t i = 0; i < messages->n; i++) {
		const struct message *m = &messages->v[i];
		struct json_object *o = render_object();

		render_add_string(o, "severity", severity_names[m->severity]);
		render_add_string(o, "code", m->code);
		render_add_string(o, "target", m->target);
		render_add_string(o, "text", m->text);
		render_append(list, o);
	}
	render_add(frame, "messages", list);
	return frame;
}
