// SPDX-License-Identifier: GPL-2.0-only
/*
 * Format "nagios": one line and the exit status that Nagios, Icinga and their like take from
 * a check.  A port that is isolated is critical, any other problem a warning, and what
 * cannot be read is unknown unless something worse is known.
 */
#include <errno.h>
#include <string.h>

#include "cxl/status.h"
#include "lib/report/dot_format.h"
#include "util/array.h"
#include "util/parse.h"
#include "util/render_format.h"

/* Nagios' exit statuses. */
enum state { STATE_OK, STATE_WARNING, STATE_CRITICAL, STATE_UNKNOWN, N_STATES };

static const char *const state_names[] = { "OK", "WARNING", "CRITICAL", "UNKNOWN" };

/* From the gravest on. */
static const enum state by_gravity[] = { STATE_CRITICAL, STATE_WARNING, STATE_UNKNOWN, STATE_OK };

/* Agents cut a line at 1,024 bytes, and the figures stand at its end. */
enum { TEXT_BYTES = 640, ITEM_BYTES = 320 };

static const char *text_of(struct json_object *obj, const char *key)
{
	struct json_object *v = json_object_object_get(obj, key);

	return v ? json_object_get_string(v) : "";
}

static enum state state_of_port(struct json_object *rp)
{
	struct json_object *problems = json_object_object_get(rp, "problems");
	const char *state = text_of(json_object_object_get(rp, "status"), "state");
	size_t n = render_length(problems), untold = 0;

	for (size_t i = 0; i < n; i++)
		untold += !strcmp(json_object_get_string(json_object_array_get_idx(problems, i)),
				  "unknown");
	if (!strcmp(state, "isolated"))
		return STATE_CRITICAL;
	if (n > untold)
		return STATE_WARNING;
	return untold || strcmp(state, "normal") != 0 ? STATE_UNKNOWN : STATE_OK;
}

static struct json_object *ports_of(struct json_object *record)
{
	return json_object_object_get(record, "root_ports");
}

static size_t count(struct json_object *record, enum state state)
{
	size_t n = 0;

	for (size_t i = 0; i < render_length(ports_of(record)); i++)
		n += state_of_port(json_object_array_get_idx(ports_of(record), i)) == state;
	return n;
}

static size_t count_on(struct json_object *record)
{
	struct json_object *v;
	char key[64];
	size_t n = 0;

	for (size_t i = 0; i < render_length(ports_of(record)); i++)
		n += render_value_at(json_object_array_get_idx(ports_of(record), i), "control.mem.isolation",
				     key, sizeof(key), &v) && v && json_object_get_boolean(v);
	return n;
}

/* What was asserted, or is in the policy file, and does not hold is a warning; every other failure, and nothing to look at, is unknown. */
static enum state state_of(struct json_object *record)
{
	int status = json_object_get_int(json_object_object_get(record, "exit_status"));
	bool is_told = !status && !count(record, STATE_UNKNOWN) && render_length(ports_of(record));

	if (count(record, STATE_CRITICAL))
		return STATE_CRITICAL;
	if (status == EXIT_NEGATIVE || count(record, STATE_WARNING))
		return STATE_WARNING;
	return is_told ? STATE_OK : STATE_UNKNOWN;
}

static int exit_status(struct json_object *record)
{
	return (int)state_of(record);
}

/* --- the line ------------------------------------------------------------------ */

struct text {
	char v[TEXT_BYTES];
	size_t n, items, left_out;
};

/* "|" begins the figures, a line feed what nobody shows. */
static void add_item(struct text *t, const char *item)
{
	char shown[ITEM_BYTES];
	size_t n = strlen(printable(item, shown, sizeof(shown)));

	for (char *p = shown; (p = strchr(p, '|'));)
		*p = '/';
	if (t->n + n + strlen("; ") >= sizeof(t->v)) {
		t->left_out++;
		return;
	}
	t->n += (size_t)snprintf(t->v + t->n, sizeof(t->v) - t->n, "%s%s", t->items++ ? "; " : "", shown);
}

/* "0000:0c:00.0 isolated, link-down" */
static void add_port(struct text *t, struct json_object *rp)
{
	struct json_object *problems = json_object_object_get(rp, "problems");
	char item[ITEM_BYTES];
	size_t n = (size_t)snprintf(item, sizeof(item), "%s", text_of(rp, "root_port"));

	for (size_t i = 0; i < render_length(problems) && n < sizeof(item); i++) {
		struct json_object *id = json_object_array_get_idx(problems, i);

		n += (size_t)snprintf(item + n, sizeof(item) - n, "%s%s", i ? ", " : " ",
				      json_object_get_string(id));
	}
	add_item(t, item);
}

static void add_errors(struct text *t, struct json_object *messages)
{
	for (size_t i = 0; i < render_length(messages); i++) {
		struct json_object *m = json_object_array_get_idx(messages, i);

		if (!strcmp(text_of(m, "severity"), severity_names[SEV_ERROR]))
			add_item(t, text_of(m, "text"));
	}
}

static int write_nagios(struct json_object *record, const struct render_table *table,
			const struct render_look *look, FILE *f)
{
	struct json_object *ports = ports_of(record);
	size_t n = render_length(ports);
	struct text t = { .n = 0 };

	(void)table;
	(void)look;
	for (size_t g = 0; g < ARRAY_SIZE(by_gravity) && by_gravity[g] != STATE_OK; g++)
		for (size_t i = 0; i < n; i++)
			if (state_of_port(json_object_array_get_idx(ports, i)) == by_gravity[g])
				add_port(&t, json_object_array_get_idx(ports, i));
	add_errors(&t, json_object_object_get(record, "messages"));
	fprintf(f, "CXL %s: ", state_names[state_of(record)]);
	if (!t.items && !n)
		fputs("no root port that can isolate has something below it", f);
	else if (!t.items)
		fprintf(f, "%zu root port%s, none with a problem", n, n == 1 ? "" : "s");
	fputs(t.v, f);
	if (t.left_out)
		fprintf(f, " and %zu more", t.left_out);
	fprintf(f, " | root_ports=%zu;;;0 isolated=%zu;;0;0;%zu problems=%zu;0;;0;%zu unknown=%zu;;;0;%zu isolation_on=%zu;;;0;%zu\n",
		n, count(record, STATE_CRITICAL), n, count(record, STATE_WARNING), n,
		count(record, STATE_UNKNOWN), n, count_on(record), n);
	return 0;
}

static const struct render_verdict verdict = {
	exit_status, STATE_UNKNOWN, "CXL UNKNOWN: out of memory: the output cannot be made",
};

const struct render_format status_formats[] = { { "nagios", NULL, write_nagios, &verdict }, DOT_FORMAT, { 0 } };
