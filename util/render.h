/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a neutral record tree (json-c objects) to what is printed.  Back-ends
 * are one table; a command builds its records once and never prints itself.
 */
#ifndef UTIL_RENDER_H
#define UTIL_RENDER_H

#include <json-c/json.h>
#include <stdbool.h>

#include "util/err.h"
#include "util/message.h"

struct render_format;

/* How a command's records become the rows of a table; NULL: it has no table. */
struct render_column {
	const char *title;
	const char *path;	/* of the value in a row: "control.mem.isolation" */
};

struct render_table {
	const struct render_column *columns;	/* ends with a nameless one */
	/* Append the rows of @record to the array @rows: objects, borrowed or new. */
	void (*rows)(struct json_object *record, struct json_object *rows);
	const struct render_table *map;	/* what --format=map prints; NULL: the command has no map */
};

/* NULL when @name is no format, or a table where there is none. */
const struct render_format *render_find(const char *name, const struct render_table *table);

/* Names of the formats, for error sentences: "json, human". */
const char *render_names(const struct render_table *table);

/*
 * Write @record to @output (a file made beside it and renamed) or, when NULL,
 * to standard output.  Output that cannot be written is an error.
 */
int render_write(const struct render_format *format, struct json_object *record,
		 const struct render_table *table, const char *output, struct err *err);

/* Could @output be written?  Asked before something is changed whose result goes there. */
int render_check_output(const char *output, struct err *err);

/*
 * The frame every command's output has: {"schema", "exit_status", "messages"}
 * in this order; the command adds its own members after it.
 */
struct json_object *render_frame(const char *schema, int exit_status, const struct messages *messages);

/*
 * Turn @v into text once, for a value that many records share and that stands
 * at nesting @depth in each of them.  @v must not change any more.  Where there
 * is no memory for it @v stays as it is.
 */
void render_freeze(struct json_object *v, unsigned int depth);

/* Members of @obj, "unknown is null" kept short.  @key is a literal that @obj
 * does not have yet. */
void render_add(struct json_object *obj, const char *key, struct json_object *value);
void render_add_string(struct json_object *obj, const char *key, const char *value_or_null);
void render_add_hex(struct json_object *obj, const char *key, bool known, uint64_t value);
void render_add_u64(struct json_object *obj, const char *key, bool known, uint64_t value);

#endif
