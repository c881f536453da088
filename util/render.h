/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a neutral record tree (json-c objects) to what is printed.  Back-ends
 * are one table; a command builds its records once and never prints itself.
 */
#ifndef UTIL_RENDER_H
#define UTIL_RENDER_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>

#include "util/err.h"
#include "util/message.h"

struct render_format;
struct render_text;	/* render_text.h */

/* How a command's records become the rows of a table; NULL: it has no table. */
struct render_column {
	const char *title;
	const char *path;	/* of the value in a row: "control.mem.isolation" */
	const char *if_any;	/* left out unless this is true, or some text, in a row; NULL: never left out */
	/* Where a terminal is too narrow the highest go first; 0: stays. */
	int rank;
	bool is_folded;		/* sentences: in as many lines as they need there */
};

/* What is shown in which colour, by the last part of its path; never all that tells it. */
enum colour { COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW, COLOUR_BOLD };
struct render_colour {
	const char *key, *value;	/* NULL: any that there is */
	enum colour colour;
};

/* How it shall look, beside its format. */
struct render_look {
	int width;			/* of the terminal; 0: nothing is cut */
	bool colour;
	enum severity said_from;	/* text leaves out messages from this one on: they are said already */
	const char *columns;		/* of a table, as render_check_columns() takes them; NULL: all it has room for */
};

/*
 * A metric of the format "prometheus" (text format of the Prometheus exposition
 * formats): its samples, for each row of a table.  What is null has no sample.
 */
struct render_sample {
	const char *label;	/* value of the metric's label for this one; NULL: no label */
	const char *path;	/* of the value in a row */
};

enum metric_kind {
	METRIC_VALUE,		/* a number, or a boolean as 0 and 1 */
	METRIC_SECONDS,		/* a number of microseconds */
	METRIC_COUNT,		/* how long an array is */
	METRIC_STATE,		/* a text: one sample for each of .states, 1 for the one that it is */
	METRIC_EACH,		/* an array of texts: one sample, 1, for each */
	METRIC_INFO,		/* always 1; the samples' labels and paths name further labels and their values */
	METRIC_RECORD,		/* a number of the whole record, not of a row */
};

struct render_metric {
	const char *name, *help;
	enum metric_kind kind;
	const char *label;		/* tells the samples of one row apart; NULL where there is one */
	const struct render_sample *samples;	/* ends with one without path */
	const char *const *states;	/* of METRIC_STATE, ends with NULL */
};

struct render_table {
	const struct render_column *columns;	/* ends with a nameless one */
	/* Append the rows of @record to the array @rows: objects, borrowed or new. */
	void (*rows)(struct json_object *record, struct json_object *rows);
	/* The same for a tree: objects with an array "children".  NULL: no tree. */
	const struct render_column *tree_columns;
	void (*tree)(struct json_object *record, struct json_object *rows);
	/* One label on every sample of a row, from .path; NULL: no metrics. */
	const struct render_metric *metrics;	/* ends with a nameless one */
	void (*metric_rows)(struct json_object *record, struct json_object *rows);
	struct render_sample row_label;
	const struct render_text *text;	/* NULL: none for people but a table */
	const struct render_colour *colours;	/* ends with a keyless one; NULL: none */
	const struct render_table *map;	/* what --format=map prints; NULL: the command has no map */
	const struct render_format *own;	/* formats of this command alone (render_format.h), ends with a nameless one; NULL: none */
};

/* NULL when @name is not a format, or none that @table can be printed in. */
const struct render_format *render_find(const char *name, const struct render_table *table);

/* Names of the formats, for error sentences: "json, human" in @buf, which is returned. */
const char *render_names(const struct render_table *table, char *buf, size_t size);

/* For a terminal at @fd (-1: for none); @colour is "auto" or NULL, "always" or "never". */
struct render_look render_look_of(int fd, const char *colour);

/*
 * Write @record to @output (see output.h) or, when NULL,
 * to standard output.  Output that cannot be written is an error.
 */
int render_write(const struct render_format *format, struct json_object *record,
		 const struct render_table *table, const struct render_look *look,
		 const char *output, struct err *err);

/* Write @record as one line of JSON to @f at once. */
int render_line(struct json_object *record, FILE *f, struct err *err);

/*
 * The frame every command's output has: {"schema", "exit_status", "messages"}
 * in this order; the command adds its own members after it.
 */
struct json_object *render_frame(const char *schema, int exit_status,
				 const struct messages *messages);

/*
 * What records are made of.  Where memory runs out a value is NULL, which all of
 * these take, and render_take_lost() tells it.
 */
struct json_object *render_object(void);
struct json_object *render_array(void);
struct json_object *render_array_of(size_t n);	/* with room for @n */
struct json_object *render_string(const char *s);
struct json_object *render_boolean(bool v);
struct json_object *render_int(int v);
struct json_object *render_uint64(uint64_t v);
void render_append(struct json_object *array, struct json_object *value);
size_t render_length(const struct json_object *array);
/* A member that @obj may have already; @key is copied. */
void render_set(struct json_object *obj, const char *key, struct json_object *value);

/* Is something missing in what was built since the last call? */
bool render_take_lost(void);

/* @v as JSON, by lines or (not @pretty) in one; NULL when memory ran out, now or while it was built. */
char *render_text(struct json_object *v, bool pretty);

/* Members of @obj, "unknown is null" kept short.  @key is a literal that @obj
 * does not have yet. */
void render_add(struct json_object *obj, const char *key, struct json_object *value);
void render_add_string(struct json_object *obj, const char *key, const char *value_or_null);
void render_add_hex(struct json_object *obj, const char *key, bool known, uint64_t value);
void render_add_u64(struct json_object *obj, const char *key, bool known, uint64_t value);

#endif
