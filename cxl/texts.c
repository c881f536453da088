// SPDX-License-Identifier: GPL-2.0-only
/* Tables of text for people (--format=human): see texts.h, and render_text.h for how they are read. */
#include "cxl/texts.h"

/* --- rows ------------------------------------------------------------------------ */

static void add_all(struct json_object *rows, struct json_object *list)
{
	for (size_t i = 0; i < render_length(list); i++)
		render_append(rows, json_object_get(json_object_array_get_idx(list, i)));
}

void root_port_rows(struct json_object *record, struct json_object *rows)
{
	add_all(rows, json_object_object_get(record, "root_ports"));
}

void listed_port_rows(struct json_object *record, struct json_object *rows)
{
	struct json_object *buses = json_object_object_get(record, "buses");

	for (size_t b = 0; b < render_length(buses); b++) {
		struct json_object *bridges = json_object_object_get(json_object_array_get_idx(buses, b), "host_bridges");

		for (size_t h = 0; h < render_length(bridges); h++)
			add_all(rows, json_object_object_get(json_object_array_get_idx(bridges, h), "root_ports"));
	}
}

void check_rows(struct json_object *record, struct json_object *rows)
{
	add_all(rows, json_object_object_get(record, "checks"));
}

void evidence_rows(struct json_object *record, struct json_object *rows)
{
	add_all(rows, json_object_object_get(record, "evidence"));
}

/* --- root ports ------------------------------------------------------------------- */

#define PORT_HEAD \
	{ NULL, "{#rows:root port:root ports}[, {#rows status.state=isolated} isolated][, {#rows problems} with a problem][, {#rows control.mem.isolation=true} with isolation on]", "rows" }

/* What a port is, in one line: the worst first. */
#define PORT_STATE \
	{ NULL, "{root_port}: {status.state}[, CXL.mem by {status.mem.cause}][, CXL.cache by {status.cache.cause}]", "status.state=isolated" }, \
	{ NULL, "{root_port}: {status.state} whether it is isolated[, isolation {control.mem.isolation}]", "status.state=unknown" }, \
	{ NULL, "{root_port}: {status.state}, isolation {control.mem.isolation}", "status.state=normal" }

/* What is set, and what is there. */
#define PORT_SETTINGS \
	{ "isolation", "{control.mem.isolation}", "status.state=isolated" }, \
	TEXT_TIMEOUT("control.mem"), \
	{ "CXL.cache", "isolation {control.cache.isolation}", "capability.cache.isolation" }, \
	{ "below", "[{memdevs}][, {regions}][, {dax}][ ({bytes})]", "memdevs" }, \
	{ "below", "[{regions}][, {dax}][ ({bytes})]", "!memdevs,regions" }, \
	{ "below", "nothing that is known", "!memdevs,!regions" }, \
	{ "link", "{link.state}[, x{link.width}][, {link.speed}]" }

/* Of one that is isolated the failure is here. */
#define PORT_CONTAINMENT \
	TEXT_CONTAINMENT(",status.state!=isolated"), \
	{ "if enabled", "{containment_if_enabled}", "control.mem.isolation=false,!blockers" }

/* What keeps it from being set, and what from being worth more; of an isolated one it says what is seen anyway. */
#define PORT_FINDINGS(when) \
	{ "blocked by", "{check}: {title}", "untold!=$check,status.state!=isolated,control.mem.isolation!=true," when, "blockers", report_check }, \
	{ "limited by", "{check}: {title}", "untold!=$check,status.state!=isolated," when, "limits", report_check }, \
	{ "cannot tell", "{check}: whether {title}", "status.state!=isolated," when, "untold", report_check }

static const struct text_line list_head[] = {
	PORT_HEAD, { NULL, "no CXL root port was found", "!rows,exit_status=0" }, { 0 }
};

static const struct text_line list_lines[] = {
	PORT_STATE,
	{ "next", "cxl recover-port {root_port}", "status.state=isolated" },
	{ "next", "cxl enable-isolation {root_port}", "status.state=normal,control.mem.isolation=false,!blockers,memdevs" },
	{ "next", "cxl isolation-status --check {root_port}", "status.state=normal,blockers,memdevs" },
	PORT_SETTINGS, PORT_CONTAINMENT, PORT_FINDINGS("memdevs"),
	{ 0 }
};

const struct render_text list_text = {
	.head = list_head, .rows = listed_port_rows, .first = "status.state=isolated", .lines = list_lines,
};

static const struct text_line status_head[] = {
	PORT_HEAD, { NULL, "no root port to tell of", "!rows,exit_status=0" }, { 0 }
};

static const struct text_line status_lines[] = {
	PORT_STATE,
	{ "problem", "{text}", NULL, "advice" },
	{ "next", "{next}", "next,problem!=isolation-off,problem!=link-down", "advice" },
	{ "next", "{next}", "next,problem=link-down,status.state!=isolated", "advice" },
	{ "next", "{next}", "next,problem=isolation-off,!blockers", "advice" },
	{ "next", "cxl isolation-status --check {root_port}", "problem=isolation-off,blockers,!checks", "advice" },
	{ "next", "the remedy of what failed, below", "problem=isolation-off,blockers,checks", "advice" },
	{ "next", "cxl enable-isolation {root_port}", "!problems,control.mem.isolation=false,!blockers,memdevs" },
	PORT_SETTINGS, PORT_CONTAINMENT,
	{ "lost with it", "{impact.bytes}[, with it memory of {impact.other_root_ports}]", "impact.bytes" },
	{ "System RAM", "{impact.system_ram.online_bytes} of it is online", "impact.system_ram.online_bytes" },
	{ "used by", "{command} (process {pid})[, virtual machine {guest}][, {unit}]", NULL, "impact.dax.users" },
	{ "used by", "{command} (process {pid})[, virtual machine {guest}][, {unit}][: {bytes}]", NULL, "impact.system_ram.processes" },
	{ "so far", "isolated:[ {history.isolations.link-down} by link-down][ {history.isolations.timeout} by timeout][ {history.isolations.unknown} by an unknown cause]; recoveries:[ {history.recoveries.done} done][ {history.recoveries.failed} failed][ {history.recoveries.stopped} stopped][ {history.recoveries.abandoned} abandoned]", "history.isolated_us" },
	{ "checks", "{#checks result=passed} of {#checks} passed", "checks" },
	{ "failed", "{check}: {text}[; remedy: {remedy}]", "result=failed", "checks" },
	{ "cannot tell", "{check}: {text}[; remedy: {remedy}]", "result=unknown", "checks" },
	PORT_FINDINGS("!checks"),
	{ 0 }
};

const struct render_text status_text = {
	.head = status_head, .rows = root_port_rows, .first = "problems", .lines = status_lines,
};

static const struct text_line evidence_head[] = {
	{ NULL, "{#rows:failure:failures} of root ports kept on this host", "rows" },
	{ NULL, "no evidence is kept on this host", "!rows,exit_status=0" },
	{ 0 }
};

static const struct text_line evidence_lines[] = {
	{ NULL, "{number}: {root_port}[, {time}][, {bytes}]" },
	{ "is", "complete", "complete" },
	{ "is", "not complete: what answers below the port is missing", "!complete" },
	{ "next", "cxl isolation-status --evidence={number} --format=json", "!bundle" },
	{ 0 }
};

const struct render_text evidence_text = { .head = evidence_head,
					   .rows = evidence_rows,
					   .lines = evidence_lines };

/* --- changes ----------------------------------------------------------------------- */

static const struct text_line change_lines[] = {
	{ NULL, "{root_port}: {result}", "result=done" },
	{ NULL, "{root_port}: {result}, nothing had to be changed", "result=already" },
	{ NULL, "{root_port}: {result}, nothing was written", "result=planned" },
	{ NULL, "{root_port}: {result}, nothing was changed", "result=refused" },
	{ NULL, "{root_port}: {result}, all but {left_out}", "result=partial" },
	{ NULL, "{root_port}: {result}, and put back as it was", "result=rolled-back" },
	{ NULL, "{root_port}: {result}, it is as it was", "result=failed,!changed" },
	{ NULL, "{root_port}: {result}, and not as it was either", "result=failed,changed" },
	{ NULL, "{root_port}: {result}, it is as it was", "result=not-tried" },
	{ NULL, "{root_port}: {result}", "result=skipped" },
	{ NULL, "{root_port}: {result} before the end", "result=stopped" },
	{ "next", "the same without --dry-run", "result=planned" },
	{ "next", "cxl isolation-status --check {root_port}", "result=refused" },
	{ "next", "cxl isolation-status {root_port}", "result=failed" },
	{ "next", "cxl isolation-status {root_port}", "result=rolled-back" },
	{ "next", "cxl isolation-status {root_port}", "result=partial" },
	{ "isolation", "{after.mem.isolation}, as before", "!changed" },
	{ "isolation", "{after.mem.isolation} (was {before.mem.isolation})", "changed" },
	TEXT_TIMEOUT("after.mem"),
	TEXT_CONTAINMENT(""),
	{ "blocked by", "{check}: {title}", "untold!=$check,after.mem.isolation!=true", "blockers", report_check },
	{ "limited by", "{check}: {title}", "untold!=$check", "limits", report_check },
	{ "cannot tell", "{check}: whether {title}", NULL, "untold", report_check },
	{ "would", "{op}: {value} into {path}", "result=planned", "plan" },
	{ 0 }
};

static const struct text_line change_head[] = {
	{ NULL, "{#rows:root port:root ports}[, {#rows changed} changed][, {#rows result=refused} refused][, {#rows result=failed} failed]", "rows" },
	{ NULL, "nothing was changed", "!rows" },
	{ 0 }
};

const struct render_text change_text = {
	.head = change_head, .rows = root_port_rows, .first = "result=failed", .lines = change_lines,
};

static const struct text_line recover_head[] = {
	{ NULL, "nothing was changed", "!root_ports" }, { 0 }
};

static const struct text_line recover_lines[] = {
	{ NULL, "{root_port}: {result}: recovered in {took_us}", "result=done" },
	{ NULL, "{root_port}: {result}: it can be recovered; nothing was written", "result=planned" },
	{ NULL, "{root_port}: {result}: not recovered, nothing was changed", "result=refused" },
	{ NULL, "{root_port}: {result}: recovered, but for a part", "result=partial" },
	{ NULL, "{root_port}: {result}: the recovery was stopped before it was done", "result=stopped" },
	{ NULL, "{root_port}: {result}: the recovery is given up", "result=abandoned" },
	{ NULL, "{root_port}: {result}: not recovered, and put back as it was", "result=rolled-back" },
	{ NULL, "{root_port}: {result}: not recovered, it is as it was", "result=failed,!changed" },
	{ NULL, "{root_port}: {result}: not recovered, and not as it was either", "result=failed,changed" },
	{ NULL, "{root_port}: {result}: nothing was changed", "result=already" },
	{ NULL, "{root_port}: {result}: it is as it was", "result=not-tried" },
	{ "next", "cxl isolation-status {root_port}", "result=done" },
	{ "next", "cxl recover-port {root_port}", "result=planned" },
	{ "next", "cxl recover-port --resume {root_port}", "result=stopped" },
	{ "next", "cxl isolation-status --check {root_port}", "result=refused" },
	{ "next", "cxl recover-port --resume {root_port}", "result=failed,changed" },
	{ "next", "cxl isolation-status {root_port}", "result=failed,!changed" },
	{ "next", "cxl isolation-status {root_port}", "result=partial" },
	{ "blocked by", "{check}[: {title}]", NULL, "blocker", report_check },
	{ "devices", "{was}[ (serial {serial})][, back as {now}]", NULL, "devices" },
	{ "regions", "{was} ({size})[, back as {now}][ at {new_resource}][; dax devices {dax.was}][, back as {dax.now}]", NULL, "regions" },
	{ "accelerator", "{accelerator.address}[, driver {accelerator.driver}]", "accelerator" },
	{ "link", "down and up by {link_method}", "link_method,result=done" },
	{ "link", "to be taken down and up by {link_method}", "link_method,result!=done" },
	{ "isolation", "{after.mem.isolation}", "changed" },
	TEXT_TIMEOUT("after.mem"),
	{ "would", "{title}", "result=planned", "times" },
	{ "steps", "{#plan}: {#plan state=done} done[, {#plan state=skipped} had nothing to do][, {#plan state=failed} failed][, {#plan state=undone} taken back][, {#plan state=planned} not tried]", "result!=planned,plan" },
	{ 0 }
};

const struct render_text recover_text = { .head = recover_head,
					  .rows = root_port_rows,
					  .lines = recover_lines };

/* --- explain ----------------------------------------------------------------------- */

static const struct text_line explain_lines[] = {
	{ NULL, "{id}: {title}" },
	{ "does", "makes isolation impossible", "severity=cannot" },
	{ "does", "forbids to enable isolation", "severity=unsafe" },
	{ "does", "only lowers what a failure ends in", "severity=limit" },
	{ "does", "is a note", "severity=note" },
	{ "does", "is what a change can end in", "severity=outcome" },
	{ "caps at", "{caps_at}, whatever the cause", "caps_at,causes=mem_link_down,causes=mem_timeout,causes=cache_link_down,causes=cache_timeout" },
	{ "caps at", "{caps_at}, for {causes}", "caps_at,causes!=cache_link_down" },
	{ "caps at", "{caps_at}, for {causes}", "caps_at,causes=cache_link_down,causes!=mem_link_down" },
	{ "why", "{why}" },
	{ "remedy", "{remedy}", "remedy" },
	{ "unknown", "counts as failed[, caps at {unknown_caps_at}]", "if_unknown=blocks" },
	{ "unknown", "caps at {unknown_caps_at}, forbids nothing", "if_unknown=caps" },
	{ "unknown", "passes: {unknown_why}", "if_unknown=passes" },
	{ 0 }
};

const struct render_text explain_text = { .rows = check_rows, .lines = explain_lines };

static const struct text_line explain_all[] = {
	{ NULL, "Checks that make isolation impossible:" },
	{ "", "{id}: {title}", "severity=cannot", "checks" },
	{ NULL, "Checks that forbid to enable isolation:" },
	{ "", "{id}: {title}", "severity=unsafe", "checks" },
	{ NULL, "Checks that only lower what a failure ends in:" },
	{ "", "{id}: {title}", "severity=limit", "checks" },
	{ NULL, "Notes:" },
	{ "", "{id}: {title}", "severity=note", "checks" },
	{ NULL, "What a change can end in:" },
	{ "", "{id}: {title}", "severity=outcome", "checks" },
	{ NULL, "'cxl explain ID' says why, and what to do." },
	{ 0 }
};

const struct render_text explain_all_text = { .head = explain_all };
