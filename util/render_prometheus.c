// SPDX-License-Identifier: GPL-2.0-only
/*
 * Output back-end "prometheus": the text exposition format, as the textfile
 * collector of node_exporter takes it: HELP and TYPE once a metric, its samples
 * in a row, no timestamps.  What is called _total is a counter, all else a gauge.
 * Source: prometheus.io/docs/instrumenting/exposition_formats.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "util/parse.h"
#include "util/render_format.h"

/* @text with what ends a label's value or a HELP line escaped. */
static void put_escaped(const char *text, const char *escaped, FILE *f)
{
	for (; *text; text++) {
		if (*text == '\n') {
			fputs("\\n", f);
			continue;
		}
		if (strchr(escaped, *text))
			fputc('\\', f);
		fputc(*text, f);
	}
}

static void put_label(const char *name, const char *value, unsigned int *n, FILE *f)
{
	fprintf(f, "%s%s=\"", (*n)++ ? "," : "{", name);
	put_escaped(value, "\\\"", f);
	fputc('"', f);
}

/* Writes the metric's head before its first sample. */
struct writer {
	const struct render_metric *metric;
	const struct render_sample *row_label;
	FILE *f;
	bool begun;
};

/* "name{row label,@label="@label_value"" up to where the value, or another label, comes. */
static unsigned int begin_sample(struct writer *w, struct json_object *row, const char *label,
				 const char *label_value)
{
	struct json_object *v;
	unsigned int n = 0;
	char key[64], number[24];

	if (!w->begun) {
		fprintf(w->f, "# HELP %s ", w->metric->name);
		put_escaped(w->metric->help, "\\", w->f);
		fprintf(w->f, "\n# TYPE %s %s\n", w->metric->name, has_suffix(w->metric->name, "_total") ? "counter" : "gauge");
		w->begun = true;
	}
	fputs(w->metric->name, w->f);
	if (row && w->row_label->label &&
	    render_value_at(row, w->row_label->path, key, sizeof(key), &v) && v)
		put_label(w->row_label->label, render_scalar(v, number, sizeof(number)), &n, w->f);
	if (label && label_value)
		put_label(label, label_value, &n, w->f);
	return n;
}

static void end_labels(struct writer *w, unsigned int n)
{
	fputs(n ? "} " : " ", w->f);
}

static void put_number(struct writer *w, struct json_object *row, const struct render_sample *s,
		       struct json_object *v)
{
	end_labels(w, begin_sample(w, row, w->metric->label, s->label));
	if (w->metric->kind == METRIC_COUNT)
		fprintf(w->f, "%zu\n", render_length(v));
	else if (w->metric->kind == METRIC_SECONDS)
		fprintf(w->f, "%.9g\n", (double)json_object_get_uint64(v) / 1e6);
	else if (json_object_is_type(v, json_type_boolean))
		fprintf(w->f, "%d\n", json_object_get_boolean(v));
	else
		fprintf(w->f, "%" PRIu64 "\n", json_object_get_uint64(v));
}

static void put_states(struct writer *w, struct json_object *row, const char *now)
{
	for (const char *const *state = w->metric->states; *state; state++) {
		end_labels(w, begin_sample(w, row, w->metric->label, *state));
		fprintf(w->f, "%d\n", !strcmp(*state, now));
	}
}

static void put_each(struct writer *w, struct json_object *row, struct json_object *array)
{
	for (size_t i = 0; i < render_length(array); i++) {
		end_labels(w, begin_sample(
				      w, row, w->metric->label,
				      json_object_get_string(json_object_array_get_idx(array, i))));
		fputs("1\n", w->f);
	}
}

static void put_info(struct writer *w, struct json_object *row)
{
	unsigned int n = begin_sample(w, row, NULL, NULL);
	struct json_object *v;
	char key[64], number[24];

	for (const struct render_sample *s = w->metric->samples; s->path; s++)
		if (render_value_at(row, s->path, key, sizeof(key), &v) && v)
			put_label(s->label, render_scalar(v, number, sizeof(number)), &n, w->f);
	end_labels(w, n);
	fputs("1\n", w->f);
}

static void put_samples(struct writer *w, struct json_object *row)
{
	struct json_object *v;
	char key[64];

	if (w->metric->kind == METRIC_INFO) {
		put_info(w, row);
		return;
	}
	for (const struct render_sample *s = w->metric->samples; s->path; s++) {
		if (!render_value_at(row, s->path, key, sizeof(key), &v) || !v)
			continue;	/* unknown: no sample, rather than a wrong one */
		if (w->metric->kind == METRIC_STATE)
			put_states(w, row, json_object_get_string(v));
		else if (w->metric->kind == METRIC_EACH)
			put_each(w, row, v);
		else
			put_number(w, row, s, v);
	}
}

int render_prometheus_write(struct json_object *record, const struct render_table *table,
			    const struct render_look *look, FILE *f)
{
	struct json_object *rows = render_array();

	(void)look;
	if (!rows)
		return -ENOMEM;
	table->metric_rows(record, rows);
	if (render_take_lost()) {
		json_object_put(rows);
		return -ENOMEM;
	}
	for (const struct render_metric *m = table->metrics; m->name; m++) {
		struct writer w = { m, &table->row_label, f, false };

		if (m->kind == METRIC_RECORD) {
			w.row_label = &(const struct render_sample){ 0 };
			put_samples(&w, record);
			continue;
		}
		for (size_t i = 0; i < render_length(rows); i++)
			put_samples(&w, json_object_array_get_idx(rows, i));
	}
	json_object_put(rows);
	return 0;
}
