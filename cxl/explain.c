// SPDX-License-Identifier: GPL-2.0-only
/* cxl explain: the table of checks, or one of them. */
#include <stdio.h>
#include <string.h>

#include "cxl/common.h"
#include "cxl/lib/checks/check.h"
#include "util/parse.h"

struct explain_options {
	struct common_options common;
};

static const struct opt explain_opts[] = {
	COMMON_OPTIONS(struct explain_options, "json (default), human or table"),
	{ 0 }
};

static struct json_object *record_check(const struct check *c)
{
	struct json_object *obj = json_object_new_object();

	render_add_string(obj, "id", c->id);
	render_add_string(obj, "severity", check_kind_names[c->kind]);
	render_add_string(obj, "caps_at", c->caps_at == CONTAINMENT_RECOVER ? NULL : containment_names[c->caps_at]);
	render_add_string(obj, "title", c->title);
	render_add_string(obj, "why", c->why);
	render_add_string(obj, "remedy", c->remedy);
	return obj;
}

/* A check or an outcome; NULL when there is none of that id. */
static const struct check *find(const char *id)
{
	const struct check *c = check_by_id(id);

	for (size_t i = 0; !c && i < n_outcomes; i++)
		if (!strcmp(outcomes[i].id, id))
			c = &outcomes[i];
	return c;
}

static void unknown_check(const char *id, struct messages *messages)
{
	char ids[512] = "", shown[48];
	struct err err;

	for (size_t i = 0; i < n_checks + n_outcomes; i++)
		snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%s%s", i ? " " : "",
			 i < n_checks ? checks[i].id : outcomes[i - n_checks].id);
	err_set(&err, EXIT_USAGE, 0, "'%s' is no check; the checks are: %s",
		printable(id, shown, sizeof(shown)), ids);
	err_target(&err, shown);
	message_add_err(messages, "TARGET", &err);
}

static const struct render_column explain_columns[] = {
	{ "CHECK", "id" }, { "SEVERITY", "severity" }, { "CAPS AT", "caps_at" }, { "WHAT", "title" }, { 0 }
};

/* A row per check. */
static void explain_rows(struct json_object *record, struct json_object *rows)
{
	struct json_object *list = json_object_object_get(record, "checks");

	for (size_t i = 0; i < json_object_array_length(list); i++)
		json_object_array_add(rows, json_object_get(json_object_array_get_idx(list, i)));
}

static const struct render_table explain_table = { explain_columns, explain_rows };
static const struct command_output explain_output = { "cxl-explain/1", "checks", &explain_table };

static int run_explain(int argc, char **argv)
{
	struct json_object *list;
	struct explain_options o = { 0 };
	struct messages messages = { 0 };
	struct command_run run;
	int status = EXIT_DONE;

	if (!command_begin(&cmd_explain, argc, argv, &o, &o.common, &explain_output, &run, &status))
		return status;
	list = json_object_new_array();
	for (char **id = run.operands; *id; id++) {
		const struct check *c = find(*id);

		if (c)
			json_object_array_add(list, record_check(c));
		else
			unknown_check(*id, &messages);
	}
	for (size_t i = 0; !*run.operands && i < n_checks; i++)
		json_object_array_add(list, record_check(&checks[i]));
	for (size_t i = 0; !*run.operands && i < n_outcomes; i++)
		json_object_array_add(list, record_check(&outcomes[i]));
	if (messages.n)
		status = EXIT_USAGE;
	status = command_end(&run, status, &messages, list);
	messages_free(&messages);
	return status;
}

const struct command cmd_explain = {
	"explain", "[CHECK-ID...]", "Say what a check means, why it matters and what to do.",
	explain_opts, run_explain,
};
