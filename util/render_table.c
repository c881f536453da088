// SPDX-License-Identifier: GPL-2.0-only
/* Output back-ends for a terminal: a table, and a tree with columns. */
#include <errno.h>
#include <libsmartcols.h>
#include <string.h>

#include "util/render_format.h"
#include "util/size.h"

/* One value for a cell: lists joined, unknown as a dash. */
static void cell_text(const char *key, struct json_object *v, char *buf, size_t size)
{
	size_t n = 0;

	switch (json_object_get_type(v)) {
	case json_type_null:
		snprintf(buf, size, "-");
		break;
	case json_type_boolean:
		snprintf(buf, size, "%s", json_object_get_boolean(v) ? "on" : "off");
		break;
	case json_type_array:
		buf[0] = '\0';
		for (size_t i = 0; i < render_length(v) && n < size; i++)
			n += (size_t)snprintf(
				buf + n, size - n, "%s%s", i ? "," : "",
				json_object_get_string(json_object_array_get_idx(v, i)));
		break;
	case json_type_int:
		if (render_is_size(key)) {
			size_human(json_object_get_uint64(v), buf, size);
			break;
		}
		/* fall through */
	default:
		snprintf(buf, size, "%s", json_object_get_string(v));
	}
}

static bool is_true_in_any(struct json_object *rows, const char *path)
{
	struct json_object *v, *children;
	bool found = false;
	char key[64];

	for (size_t i = 0; !found && i < render_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		found = render_value_at(row, path, key, sizeof(key), &v) &&
			json_object_get_boolean(v);
		if (!found && json_object_object_get_ex(row, "children", &children))
			found = is_true_in_any(children, path);
	}
	return found;
}

/* A row and, in a tree, the rows in its "children" below it.  What a row of a
 * tree does not have stays empty. */
static int add_row(struct libscols_table *tb, struct json_object *row,
		   const struct render_column *columns, bool is_tree, struct libscols_line *parent)
{
	struct libscols_line *line = scols_table_new_line(tb, parent);
	struct json_object *v, *children;
	char key[64], text[2048];
	int rc = line ? 0 : -ENOMEM;

	for (size_t c = 0; !rc && columns[c].title; c++) {
		if (!render_value_at(row, columns[c].path, key, sizeof(key), &v))
			continue;
		cell_text(key, v, text, sizeof(text));
		if (scols_line_set_data(line, c, text))
			rc = -ENOMEM;
	}
	if (rc || !is_tree || !json_object_object_get_ex(row, "children", &children))
		return rc;
	for (size_t i = 0; !rc && i < render_length(children); i++)
		rc = add_row(tb, json_object_array_get_idx(children, i), columns, true, line);
	return rc;
}

static int write_rows(struct json_object *record, const struct render_column *columns,
		      void (*fill)(struct json_object *record, struct json_object *rows),
		      bool is_tree, FILE *f)
{
	struct json_object *rows = render_array();
	struct libscols_table *tb = scols_new_table();
	int rc = rows && tb ? 0 : -ENOMEM;

	if (!rc) {
		fill(record, rows);
		rc = render_take_lost() ? -ENOMEM : 0;
	}
	for (size_t c = 0; !rc && columns[c].title; c++) {
		bool is_hidden = columns[c].if_any && !is_true_in_any(rows, columns[c].if_any);

		if (!scols_table_new_column(tb, columns[c].title, 0,
					    (is_tree && !c ? SCOLS_FL_TREE : 0) |
						    (is_hidden ? SCOLS_FL_HIDDEN : 0)))
			rc = -ENOMEM;
	}
	if (!rc)
		scols_table_set_stream(tb, f);
	for (size_t i = 0; !rc && i < render_length(rows); i++)
		rc = add_row(tb, json_object_array_get_idx(rows, i), columns, is_tree, NULL);
	if (!rc && scols_print_table(tb))
		rc = errno ? -errno : -EIO;
	scols_unref_table(tb);
	json_object_put(rows);
	return rc;
}

int render_table_write(struct json_object *record, const struct render_table *table, FILE *f)
{
	return write_rows(record, table->columns, table->rows, false, f);
}

int render_tree_write(struct json_object *record, const struct render_table *table, FILE *f)
{
	return write_rows(record, table->tree_columns, table->tree, true, f);
}
