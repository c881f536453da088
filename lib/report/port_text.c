// SPDX-License-Identifier: GPL-2.0-only
/* Parts of texts and tables: see port_text.h. */
#include "lib/report/port_text.h"

#include <strings.h>

#include "lib/check/check.h"

const struct render_colour report_colours[] = {
	{ "root_port", NULL, COLOUR_BOLD }, { "id", NULL, COLOUR_BOLD },
	{ "state", "isolated", COLOUR_RED }, { "state", "unknown", COLOUR_YELLOW }, { "state", "down", COLOUR_YELLOW },
	{ "containment", "recover", COLOUR_GREEN }, { "containment", "contain", COLOUR_GREEN },
	{ "containment", "debug", COLOUR_YELLOW }, { "containment", "none", COLOUR_RED },
	{ "containment_if_enabled", "recover", COLOUR_GREEN }, { "containment_if_enabled", "contain", COLOUR_GREEN },
	{ "containment_if_enabled", "debug", COLOUR_YELLOW }, { "containment_if_enabled", "none", COLOUR_RED },
	{ "problems", "isolated", COLOUR_RED }, { "problems", NULL, COLOUR_YELLOW },
	{ "blockers", NULL, COLOUR_RED }, { "blocker", NULL, COLOUR_RED }, { "limits", NULL, COLOUR_YELLOW },
	{ "checks", NULL, COLOUR_YELLOW }, { "check", NULL, COLOUR_BOLD },
	{ "result", "done", COLOUR_GREEN }, { "result", "already", COLOUR_GREEN }, { "result", "passed", COLOUR_GREEN },
	{ "result", "failed", COLOUR_RED }, { "result", "refused", COLOUR_RED }, { "result", "rolled-back", COLOUR_RED },
	{ "result", "stopped", COLOUR_YELLOW }, { "result", "partial", COLOUR_YELLOW }, { "result", "unknown", COLOUR_YELLOW },
	{ "severity", "error", COLOUR_RED }, { "severity", "warning", COLOUR_YELLOW },
	{ "severity", "cannot", COLOUR_RED }, { "severity", "unsafe", COLOUR_RED }, { "severity", "limit", COLOUR_YELLOW },
	{ "caps_at", "none", COLOUR_RED }, { "caps_at", "debug", COLOUR_YELLOW },
	{ "verdict", "ok", COLOUR_GREEN }, { "verdict", "stranded", COLOUR_RED }, { "verdict", "conflict", COLOUR_RED },
	{ "verdict", "fallback", COLOUR_YELLOW }, { "verdict", "inconclusive", COLOUR_YELLOW },
	{ "stranded_bytes", NULL, COLOUR_RED },
	{ 0 }
};

struct json_object *report_check(const char *id)
{
	const struct check *c = id ? check_by_id(id) : NULL;
	struct json_object *obj = render_object();

	for (size_t i = 0; id && !c && i < n_outcomes; i++)
		if (!strcasecmp(outcomes[i].id, id))
			c = &outcomes[i];
	render_add_string(obj, "check", id);
	render_add_string(obj, "title", c ? c->title : NULL);
	render_add_string(obj, "why", c ? c->why : NULL);
	render_add_string(obj, "remedy", c ? c->remedy : NULL);
	return obj;
}
