// SPDX-License-Identifier: GPL-2.0-only
/* cxl explain: the table of checks, or one of them. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cxl/common.h"
#include "cxl/texts.h"
#include "lib/check/check.h"
#include "util/parse.h"
#include "util/similar.h"

struct explain_options {
	struct common_options common;
};

static const struct opt explain_opts[] = {
	COMMON_OPTIONS(struct explain_options),
	{ 0 }
};

/* Those of a failure that it caps. */
static struct json_object *record_causes(const struct check *c)
{
	struct json_object *list = render_array();
	unsigned int causes = c->caps_at == CONTAINMENT_RECOVER ? 0
			      : c->causes			? c->causes
								: CAUSES_ALL;

	for (int i = 0; i < N_CAUSES; i++)
		if (causes & CAUSE_BIT(i))
			render_append(list, render_string(cause_names[i]));
	return list;
}

static struct json_object *record_check(const struct check *c)
{
	struct json_object *obj = render_object();

	render_add_string(obj, "id", c->id);
	render_add_string(obj, "severity", check_kind_names[c->kind]);
	render_add_string(obj, "caps_at", c->caps_at == CONTAINMENT_RECOVER ? NULL : containment_names[c->caps_at]);
	render_add(obj, "causes", record_causes(c));
	render_add_string(obj, "if_unknown", c->kind == CHECK_OUTCOME ? NULL : untold_names[c->untold]);
	render_add_string(obj, "unknown_caps_at",
			  c->untold == UNTOLD_CAPS ? containment_names[c->untold_caps_at]
			  : c->untold == UNTOLD_BLOCKS && c->caps_at < CONTAINMENT_RECOVER
				  ? containment_names[c->caps_at]
				  : NULL);
	render_add_string(obj, "unknown_why", c->untold == UNTOLD_PASSES ? c->untold_why : NULL);
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
		if (!strcasecmp(outcomes[i].id, id))
			c = &outcomes[i];
	return c;
}

static void unknown_check(const char *id, struct messages *messages)
{
	struct similar meant = { .word = id, .len = strlen(id), .is_loose = true };
	char shown[48];

	for (size_t i = 0; i < N_CHECKS; i++)
		similar_offer(&meant, checks[i].id);
	for (size_t i = 0; i < n_outcomes; i++)
		similar_offer(&meant, outcomes[i].id);
	printable(id, shown, sizeof(shown));
	if (meant.best)
		message_add(messages, SEV_ERROR, "TARGET", shown, "'%s' is not a check: did you mean %s? 'cxl explain' lists them", shown, meant.best);
	else
		message_add(messages, SEV_ERROR, "TARGET", shown, "'%s' is not a check; 'cxl explain' lists them", shown);
}

static const struct render_column explain_columns[] = {
	{ "CHECK", "id" }, { "SEVERITY", "severity" }, { "CAPS AT", "caps_at", .rank = 1 }, { "WHAT", "title", .is_folded = true }, { 0 }
};

static const struct render_table explain_table = {
	.columns = explain_columns,
	.rows = check_rows,
	.text = &explain_text,
	.colours = report_colours,
};
static const struct render_table all_table = {
	.columns = explain_columns,
	.rows = check_rows,
	.text = &explain_all_text,
	.colours = report_colours,
};
static const struct command_output explain_output = { "cxl-explain/1", "checks", &explain_table, .format = "human" };
static const struct command_output all_output = { "cxl-explain/1", "checks", &all_table };

static int run_explain(int argc, char **argv)
{
	struct json_object *list;
	struct explain_options o = { 0 };
	struct messages messages = { 0 };
	struct command_run run;
	int status = EXIT_DONE;

	if (!command_begin(&cmd_explain, argc, argv, &o, &o.common, &run, &status))
		return status;
	if (!*run.operands)
		run.output = &all_output;
	list = render_array();
	for (char **id = run.operands; *id; id++) {
		const struct check *c = find(*id);

		if (c)
			render_append(list, record_check(c));
		else
			unknown_check(*id, &messages);
	}
	for (size_t i = 0; !*run.operands && i < N_CHECKS; i++)
		render_append(list, record_check(&checks[i]));
	for (size_t i = 0; !*run.operands && i < n_outcomes; i++)
		render_append(list, record_check(&outcomes[i]));
	if (messages.n)
		status = EXIT_USAGE;
	status = command_end(&run, status, &messages, list);
	messages_free(&messages);
	return status;
}

const struct command cmd_explain = {
	"explain", "[CHECK-ID...]", "Say what a check means, why it matters and what to do.",
	explain_opts, run_explain, .output = &explain_output,
};
