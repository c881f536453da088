// SPDX-License-Identifier: GPL-2.0-only
/* Output back-ends for a terminal: a table, and a tree with columns. */
#include <ctype.h>
#include <errno.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/cleanup.h"
#include "util/fold.h"
#include "util/output.h"
#include "util/parse.h"
#include "util/render_format.h"
#include "util/similar.h"
#include "util/size.h"

enum { MAX_COLUMNS = 32, CELL_BYTES = 2048, NARROWEST = 16 };

/* --- names of columns ------------------------------------------------------------- */

const char *render_column_name(const struct render_column *column, char *buf, size_t size)
{
	snprintf(buf, size, "%s", column->title);
	for (char *p = buf; *p; p++)
		*p = *p == ' ' ? '-' : *p;
	return buf;
}

const char *render_column_names(const struct render_format *format,
				const struct render_table *table, char *buf, size_t size)
{
	const struct render_column *c = format->columns ? format->columns(table) : NULL;
	char name[40];
	size_t n = 0;

	buf[0] = '\0';
	for (; c && c->title && n < size; c++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? ", " : "", render_column_name(c, name, sizeof(name)));
	return buf;
}

/* The column of that name, of @len bytes; NULL: there is none. */
static const struct render_column *find_column(const struct render_column *columns,
					       const char *text, size_t len, struct similar *meant)
{
	char name[40];

	for (const struct render_column *c = columns; c->title; c++) {
		render_column_name(c, name, sizeof(name));
		if (strlen(name) == len && !strncasecmp(name, text, len))
			return c;
		if (meant)
			similar_offer(meant, c->title);
	}
	return NULL;
}

int render_check_columns(const struct render_format *format, const struct render_table *table,
			 const char *names, struct err *err)
{
	const struct render_column *columns = format->columns ? format->columns(table) : NULL;
	char shown[48], name[40], list[512];

	if (!columns)
		return err_set(err, EXIT_USAGE, EINVAL, "--columns is of a table, and --format=%s is none; leave it out, or use --format=table", format->name);
	for (const char *p = names, *end; p; p = *end ? end + 1 : NULL) {
		size_t len = strcspn(p, ",");
		struct similar meant = SIMILAR_TO(p, len);

		end = p + len;
		if (find_column(columns, p, len, &meant))
			continue;
		snprintf(shown, sizeof(shown), "%.*s", (int)(len < 47 ? len : 47), p);
		printable(shown, shown, sizeof(shown));
		if (meant.best)
			return err_set(
				err, EXIT_USAGE, EINVAL,
				"there is no column '%s': did you mean %s?", shown,
				render_column_name(&(struct render_column){ .title = meant.best },
						   name, sizeof(name)));
		return err_set(err, EXIT_USAGE, EINVAL, "there is no column '%s'; the columns are: %s", shown,
			       render_column_names(format, table, list, sizeof(list)));
	}
	return 0;
}

/* --- cells -------------------------------------------------------------------------- */

/* One value for a cell: lists joined, unknown as a dash. */
static void cell_text(const char *key, struct json_object *v, char *buf, size_t size)
{
	char number[24];
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
				render_scalar(json_object_array_get_idx(v, i), number,
					      sizeof(number)));
		break;
	case json_type_int:
		render_number(key, v, buf, size);
		break;
	default:
		snprintf(buf, size, "%s", render_scalar(v, number, sizeof(number)));
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

/* --- which columns, and how wide ------------------------------------------------------ */

struct layout {
	const struct render_table *table;
	const struct render_look *look;
	const struct render_column *v[MAX_COLUMNS];	/* those that are shown */
	int width[MAX_COLUMNS];
	size_t n;
	bool is_tree;
	char left_out[512];	/* names of those that the terminal has no room for */
};

/* As asked, else all that something is in. */
static void choose(struct layout *l, const struct render_column *columns, struct json_object *rows)
{
	const char *p = l->look->columns;

	if (l->is_tree && p && (!find_column(columns, p, strcspn(p, ","), NULL) ||
				find_column(columns, p, strcspn(p, ","), NULL) != columns))
		l->v[l->n++] = columns;	/* what makes it a tree */
	for (; p && l->n < MAX_COLUMNS; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
		const struct render_column *c = find_column(columns, p, strcspn(p, ","), NULL);

		if (c)
			l->v[l->n++] = c;
	}
	for (const struct render_column *c = columns;
	     !l->look->columns && c->title && l->n < MAX_COLUMNS; c++)
		if (!c->if_any || is_true_in_any(rows, c->if_any))
			l->v[l->n++] = c;
}

static void measure(struct layout *l, struct json_object *rows, int depth)
{
	char key[64], text[CELL_BYTES];
	struct json_object *v, *children;

	for (size_t i = 0; i < render_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		for (size_t c = 0; c < l->n; c++) {
			int wide;

			if (!render_value_at(row, l->v[c]->path, key, sizeof(key), &v))
				continue;
			cell_text(key, v, text, sizeof(text));
			wide = fold_width(text) + (c || !l->is_tree ? 0 : 2 * depth);
			l->width[c] = wide > l->width[c] ? wide : l->width[c];
		}
		if (l->is_tree && json_object_object_get_ex(row, "children", &children))
			measure(l, children, depth + 1);
	}
}

static int total(const struct layout *l)
{
	int sum = (int)l->n - 1;

	for (size_t c = 0; c < l->n; c++)
		sum += l->v[c]->is_folded && l->width[c] > 2 * NARROWEST ? 2 * NARROWEST
									 : l->width[c];
	return sum;
}

/* The column that is missed least; -1: each is needed. */
static int least_needed(const struct layout *l)
{
	int at = -1;

	for (size_t c = 0; c < l->n; c++)
		if (l->v[c]->rank && (at < 0 || l->v[c]->rank >= l->v[at]->rank))
			at = (int)c;
	return at;
}

static void leave_out(struct layout *l, size_t at)
{
	size_t n = strlen(l->left_out);
	char name[40];

	snprintf(l->left_out + n, sizeof(l->left_out) - n, "%s%s", n ? ", " : "",
		 render_column_name(l->v[at], name, sizeof(name)));
	for (l->n--; at < l->n; at++) {
		l->v[at] = l->v[at + 1];
		l->width[at] = l->width[at + 1];
	}
}

/* Sentences share what the others leave. */
static void share(struct layout *l)
{
	int rest = l->look->width - ((int)l->n - 1), n = 0;

	for (size_t c = 0; c < l->n; c++) {
		rest -= l->v[c]->is_folded ? 0 : l->width[c];
		n += l->v[c]->is_folded;
	}
	for (size_t c = 0; c < l->n; c++)
		if (l->v[c]->is_folded) {
			int part = rest / n < NARROWEST ? NARROWEST : rest / n;

			l->width[c] = l->width[c] < part ? l->width[c] : part;
			rest -= l->width[c];
			n--;
		}
}

/* What was asked for by name is all there, however narrow. */
static void fit(struct layout *l, struct json_object *rows)
{
	int at;

	for (size_t c = 0; c < l->n; c++)
		l->width[c] = fold_width(l->v[c]->title);
	measure(l, rows, 0);
	while (!l->look->columns && total(l) > l->look->width && (at = least_needed(l)) >= 0)
		leave_out(l, (size_t)at);
	share(l);
}

/* --- the table -------------------------------------------------------------------------- */

/* @text in lines of @width into @line's cell @c. */
static int set_folded(struct libscols_line *line, size_t c, const char *text, int width)
{
	_cleanup_free_ char *folded = NULL;
	size_t size;
	FILE *f = open_memstream(&folded, &size);

	if (!f)
		return -ENOMEM;
	fold_text(f, text, 0, 0, width);
	if (!output_is_whole(f, &folded))
		return -ENOMEM;
	folded[strlen(folded) - 1] = '\0';
	return scols_line_set_data(line, c, folded);
}

/* A row and, in a tree, the rows in its "children" below it.  What a row of a
 * tree does not have stays empty. */
static int add_row(struct libscols_table *tb, struct json_object *row, const struct layout *l,
		   struct libscols_line *parent)
{
	struct libscols_line *line = scols_table_new_line(tb, parent);
	struct json_object *v, *children;
	char key[64], text[CELL_BYTES];
	int rc = line ? 0 : -ENOMEM;

	for (size_t c = 0; !rc && c < l->n; c++) {
		const char *colour;

		if (!render_value_at(row, l->v[c]->path, key, sizeof(key), &v))
			continue;
		cell_text(key, v, text, sizeof(text));
		colour = l->look->colour ? render_colour_of(l->table, key, v) : NULL;
		rc = l->v[c]->is_folded && l->look->width ? set_folded(line, c, text, l->width[c])
							  : scols_line_set_data(line, c, text);
		if (!rc && colour)
			rc = scols_cell_set_color(scols_line_get_cell(line, c), colour);
	}
	if (rc || !l->is_tree || !json_object_object_get_ex(row, "children", &children))
		return rc ? -ENOMEM : 0;
	for (size_t i = 0; !rc && i < render_length(children); i++)
		rc = add_row(tb, json_object_array_get_idx(children, i), l, line);
	return rc;
}

static int add_column(struct libscols_table *tb, const struct layout *l, size_t c)
{
	bool is_folded = l->v[c]->is_folded && l->look->width;
	int flags = (l->is_tree && !c ? SCOLS_FL_TREE : 0) |
		(!l->look->width ? 0 : is_folded ? SCOLS_FL_WRAP : c ? SCOLS_FL_TRUNC : 0);
	struct libscols_column *column = scols_table_new_column(tb, l->v[c]->title, 0, flags);

	if (!column)
		return -ENOMEM;
	if (is_folded && (scols_column_set_safechars(column, "\n") ||
			  scols_column_set_wrapfunc(column, scols_wrapnl_chunksize,
						    scols_wrapnl_nextchunk, NULL)))
		return -ENOMEM;
	return 0;
}

static int set_look(struct libscols_table *tb, const struct render_look *look)
{
	int rc = scols_table_set_termforce(tb, look->width ? SCOLS_TERMFORCE_ALWAYS
							   : SCOLS_TERMFORCE_NEVER);

	rc = rc || !look->width ? rc : scols_table_set_termwidth(tb, (size_t)look->width);
	return rc ? rc : scols_table_enable_colors(tb, look->colour);
}

/* libsmartcols prints blanks where it had no memory for what is in a cell, and says nothing;
 * the first of all cells, a title, begins with no blank then. */
static int print_table(struct libscols_table *tb, FILE *f)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *made = open_memstream(&text, &size);
	int rc = made ? scols_table_set_stream(tb, made) : -ENOMEM;

	errno = 0;
	if (!rc && scols_print_table(tb))
		rc = errno ? -errno : -EIO;
	if (made && (!output_is_whole(made, &text) || *text == ' '))
		rc = -ENOMEM;
	if (!rc)
		fputs(text, f);
	return rc;
}

static void put_left_out(const struct layout *l, FILE *f)
{
	char text[700];

	if (!*l->left_out)
		return;
	snprintf(text, sizeof(text), "(no room for %s: see --columns)", l->left_out);
	fold_text(f, text, 0, 1, l->look->width);
}

static int write_rows(struct json_object *record, const struct render_column *columns,
		      void (*fill)(struct json_object *record, struct json_object *rows),
		      struct layout *l, FILE *f)
{
	struct json_object *rows = render_array();
	struct libscols_table *tb = scols_new_table();
	int rc = rows && tb ? 0 : -ENOMEM;

	if (!rc) {
		fill(record, rows);
		rc = render_take_lost() ? -ENOMEM : 0;
	}
	if (!rc) {
		choose(l, columns, rows);
		if (l->look->width)
			fit(l, rows);
		rc = set_look(tb, l->look);
	}
	for (size_t c = 0; !rc && c < l->n; c++)
		rc = add_column(tb, l, c);
	for (size_t i = 0; !rc && i < render_length(rows); i++)
		rc = add_row(tb, json_object_array_get_idx(rows, i), l, NULL);
	if (!rc)
		rc = print_table(tb, f);
	if (!rc)
		put_left_out(l, f);
	scols_unref_table(tb);
	json_object_put(rows);
	return rc;
}

int render_table_write(struct json_object *record, const struct render_table *table,
		       const struct render_look *look, FILE *f)
{
	struct layout l = { .table = table, .look = look };

	return write_rows(record, table->columns, table->rows, &l, f);
}

int render_tree_write(struct json_object *record, const struct render_table *table,
		      const struct render_look *look, FILE *f)
{
	struct layout l = { .table = table, .look = look, .is_tree = true };

	return write_rows(record, table->tree_columns, table->tree, &l, f);
}
