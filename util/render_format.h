/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the output back-ends (render.c, render_table.c, render_prometheus.c)
 * share, and what a command's own formats are (render_table.own).  Else commands use
 * render.h.
 */
#ifndef UTIL_RENDER_FORMAT_H
#define UTIL_RENDER_FORMAT_H

#include <stdio.h>

#include "util/render.h"

/* Of a format whose readers know exit statuses of their own: it always says something, on standard output. */
struct render_verdict {
	int (*exit_status)(struct json_object *record);
	int failed;			/* where no record can be made or printed, */
	const char *failed_line;	/* and what is printed instead of one */
};

struct render_format {
	const char *name;
	bool (*fits)(const struct render_table *table);	/* can it print this?  NULL: anything */
	/* 0 or -errno; errors of @f are looked at by the caller */
	int (*write)(struct json_object *record, const struct render_table *table,
		     const struct render_look *look, FILE *f);
	const struct render_verdict *verdict;	/* NULL: the command's exit statuses */
	/* Of a table: those of @table; NULL: it has none. */
	const struct render_column *(*columns)(const struct render_table *table);
};

/* 0 or -EIO */
int render_json(struct json_object *v, bool pretty, FILE *f);
int render_table_write(struct json_object *record, const struct render_table *table,
		       const struct render_look *look, FILE *f);
int render_tree_write(struct json_object *record, const struct render_table *table,
		      const struct render_look *look, FILE *f);
int render_text_write(struct json_object *record, const struct render_table *table,
		      const struct render_look *look, FILE *f);
int render_prometheus_write(struct json_object *record, const struct render_table *table,
			    const struct render_look *look, FILE *f);

/* The sequence that begins the colour of @v, the value of @key, and the one that ends each; NULL: it has none. */
const char *render_colour_of(const struct render_table *table, const char *key,
			     struct json_object *v);
#define RENDER_COLOUR_END "\033[0m"

/*
 * Names of the columns that @table has in @format, "ROOT-PORT, STATE", into @buf, which is returned;
 * "" where the format has none.
 */
const char *render_column_names(const struct render_format *format,
				const struct render_table *table, char *buf, size_t size);
/* -EINVAL with @err unless all of @names, between commas and in either case, are columns there. */
int render_check_columns(const struct render_format *format, const struct render_table *table,
			 const char *names, struct err *err);

/* The name by which --columns knows @column, "ROOT-PORT", into @buf, which is returned. */
const char *render_column_name(const struct render_column *column, char *buf, size_t size);

/*
 * @v as text: a string's own, valid as long as @v, else "null", "true", "17", "" of an object or an
 * array.  Numbers are made in @buf, of 24 bytes or more: json-c's own way needs memory.
 */
const char *render_scalar(struct json_object *v, char *buf, size_t size);

/* Is @key that of a size in bytes? */
bool render_is_size(const char *key);

/* An integer for people, with the unit that the name @key tells, into @buf, which is returned: "256 MiB", "269.2 ms", "17". */
const char *render_number(const char *key, struct json_object *v, char *buf, size_t size);

/*
 * The value at dotted @path below @v, with the last part of the path in @key.
 * False where there is no such member; a member that is null is NULL and true.
 */
bool render_value_at(struct json_object *v, const char *path, char *key, size_t size,
		     struct json_object **ret);

#endif
