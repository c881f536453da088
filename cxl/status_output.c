// SPDX-License-Identifier: GPL-2.0-only
/* How the records of isolation-status are printed: the columns of its tables, the metrics. */
#include <stdio.h>
#include <string.h>

#include "cxl/status.h"
#include "cxl/texts.h"
#include "util/array.h"

#define SCHEMA "cxl-isolation-status/1"
#define LIST "root_ports"

/* "1234 qemu (vm1)" for each of an array of processes; none where it is null. */
static void add_processes(struct json_object *names, struct json_object *list)
{
	char text[128];

	for (size_t i = 0; list && i < render_length(list); i++) {
		struct json_object *p = json_object_array_get_idx(list, i);

		const char *guest = json_object_get_string(json_object_object_get(p, "guest"));

		snprintf(text, sizeof(text), "%d %.60s%s%.50s%s", json_object_get_int(json_object_object_get(p, "pid")),
			 json_object_get_string(json_object_object_get(p, "command")), guest ? " (" : "", guest ? guest : "",
			 guest ? ")" : "");
		render_append(names, render_string(text));
	}
}

/* The names of an array of objects, which are in @key. */
static struct json_object *names_of(struct json_object *list, const char *key)
{
	struct json_object *names = render_array();

	for (size_t i = 0; i < render_length(list); i++)
		render_append(names, json_object_get(json_object_object_get(
					     json_object_array_get_idx(list, i), key)));
	return names;
}

/* A row per root port, who uses its memory put together. */
static void impact_rows(struct json_object *record, struct json_object *rows)
{
	static const char *const kept[] = { "root_port", "status", "containment", "impact" };
	static const struct { const char *list, *name; } lost[] = { { "memdevs", "memdev" }, { "accelerators", "device" }, { "regions", "region" }, { "dax", "dax" } };
	struct json_object *ports = json_object_object_get(record, LIST);

	for (size_t i = 0; i < render_length(ports); i++) {
		struct json_object *rp = json_object_array_get_idx(ports, i);
		struct json_object *row = render_object();
		struct json_object *impact = json_object_object_get(rp, "impact"), *users = render_array();
		struct json_object *dax = json_object_object_get(impact, "dax");

		for (size_t k = 0; k < ARRAY_SIZE(kept); k++)
			render_add(row, kept[k],
				   json_object_get(json_object_object_get(rp, kept[k])));
		for (size_t k = 0; k < ARRAY_SIZE(lost); k++)
			render_add(row, lost[k].list,
				   names_of(json_object_object_get(impact, lost[k].list),
					    lost[k].name));
		for (size_t k = 0; k < render_length(dax); k++)
			add_processes(users, json_object_object_get(json_object_array_get_idx(dax, k), "users"));
		add_processes(users, json_object_object_get(json_object_object_get(impact, "system_ram"), "processes"));
		render_add(row, "users", users);
		render_append(rows, row);
	}
}

/* A row per root port and check. */
static void status_check_rows(struct json_object *record, struct json_object *rows)
{
	struct json_object *ports = json_object_object_get(record, LIST);

	for (size_t i = 0; i < render_length(ports); i++) {
		struct json_object *rp = json_object_array_get_idx(ports, i), *list = json_object_object_get(rp, "checks");

		for (size_t k = 0; k < render_length(list); k++) {
			struct json_object *row = NULL;

			if (json_object_deep_copy(json_object_array_get_idx(list, k), &row, NULL))
				row = NULL;	/* out of memory, which the next line notices */
			render_add(row, "root_port", json_object_get(json_object_object_get(rp, "root_port")));
			render_append(rows, row);
		}
	}
}

/* --- tables -------------------------------------------------------------------- */

static const struct render_column status_columns[] = {
	{ "ROOT PORT", "root_port" }, { "BRIDGE", "host_bridge", .rank = 9 }, { "STATE", "status.state" },
	{ "CAUSE", "status.mem.cause", .rank = 5 }, { "LINK", "link.state", .rank = 4 }, { "ISOLATION", "control.mem.isolation" },
	{ "TIMEOUT", "control.mem.timeout.enabled", .rank = 3 }, { "RANGE", "control.mem.timeout.range", .rank = 7 },
	{ "CACHE CAUSE", "status.cache.cause", "capability.cache.isolation", .rank = 8 },
	{ "CACHE", "control.cache.isolation", "capability.cache.isolation", .rank = 2 },
	{ "CACHE TIMEOUT", "control.cache.timeout.enabled", "capability.cache.timeout", .rank = 8 },
	{ "CACHE RANGE", "control.cache.timeout.range", "capability.cache.timeout", .rank = 8 },
	{ "CONTAINMENT", "containment" }, { "IF ENABLED", "containment_if_enabled", .rank = 2 },
	{ "BLOCKERS", "blockers", .rank = 1 }, { "LIMITS", "limits", .rank = 6 }, { "PROBLEMS", "problems" },
	{ 0 }
};

static const struct render_column impact_columns[] = {
	{ "ROOT PORT", "root_port" }, { "STATE", "status.state" }, { "CONTAINMENT", "containment", .rank = 2 },
	{ "MEMDEVS", "memdevs", .rank = 3 }, { "ACCELERATORS", "accelerators", .rank = 5 }, { "REGIONS", "regions", .rank = 4 },
	{ "DAX", "dax", .rank = 4 }, { "BYTES", "impact.bytes" },
	{ "OTHER ROOT PORTS", "impact.other_root_ports", .rank = 1 }, { "SYSTEM RAM", "impact.system_ram.online_bytes", .rank = 3 },
	{ "USERS", "users" },
	{ 0 }
};

static const struct render_column check_columns[] = {
	{ "ROOT PORT", "root_port" }, { "CHECK", "check" }, { "SEVERITY", "severity", .rank = 3 }, { "CAPS AT", "caps_at", .rank = 2 },
	{ "RESULT", "result" }, { "WHAT", "text", .is_folded = true }, { "REMEDY", "remedy", .rank = 1, .is_folded = true },
	{ 0 }
};

/* --- metrics ------------------------------------------------------------------- */

#define ONE(field) (const struct render_sample[]){ { NULL, field }, { 0 } }
#define BY_PROTOCOL(mem, cache) (const struct render_sample[]){ { "mem", mem }, { "cache", cache }, { 0 } }
#define STATES(...) (const char *const[]){ __VA_ARGS__, NULL }

static const struct render_metric metrics[] = {
	{ "cxl_isolation_exit_status", "Exit status of the command that wrote this: 0 is a complete answer.", METRIC_RECORD, NULL,
	  ONE("exit_status"), NULL },
	{ "cxl_isolation_root_port_info", "A CXL root port: where it is and which kernel interface it has.", METRIC_INFO, NULL,
	  (const struct render_sample[]){ { "host_bridge", "host_bridge" }, { "bus", "bus" }, { "abi", "abi" }, { 0 } }, NULL },
	{ "cxl_isolation_state", "Whether the root port is isolated: 1 for the state that it is in.", METRIC_STATE, "state",
	  ONE("status.state"), STATES("normal", "isolated", "unknown") },
	{ "cxl_isolation_isolated", "Whether the root port has isolated the protocol.", METRIC_VALUE, "protocol",
	  BY_PROTOCOL("status.mem.isolated", "status.cache.isolated"), NULL },
	{ "cxl_isolation_timed_out", "Whether an access has timed out.", METRIC_VALUE, "protocol",
	  BY_PROTOCOL("status.mem.timed_out", "status.cache.timed_out"), NULL },
	{ "cxl_isolation_busy", "Whether an isolated root port still has transactions to finish.", METRIC_VALUE, NULL,
	  ONE("status.busy"), NULL },
	{ "cxl_isolation_capable", "Whether the root port can isolate the protocol.", METRIC_VALUE, "protocol",
	  BY_PROTOCOL("capability.mem.isolation", "capability.cache.isolation"), NULL },
	{ "cxl_isolation_enabled", "Whether isolation is enabled.", METRIC_VALUE, "protocol",
	  BY_PROTOCOL("control.mem.isolation", "control.cache.isolation"), NULL },
	{ "cxl_isolation_timeout_enabled", "Whether the transaction timeout is enabled.", METRIC_VALUE, "protocol",
	  BY_PROTOCOL("control.mem.timeout.enabled", "control.cache.timeout.enabled"), NULL },
	{ "cxl_isolation_timeout_min_seconds", "Lower end of the timeout's range.", METRIC_SECONDS, "protocol",
	  BY_PROTOCOL("control.mem.timeout.min_us", "control.cache.timeout.min_us"), NULL },
	{ "cxl_isolation_timeout_max_seconds", "Upper end of the timeout's range.", METRIC_SECONDS, "protocol",
	  BY_PROTOCOL("control.mem.timeout.max_us", "control.cache.timeout.max_us"), NULL },
	{ "cxl_isolation_link_state", "The link below the root port: 1 for the state that it is in.", METRIC_STATE, "state",
	  ONE("link.state"), STATES("up", "down", "unknown") },
	{ "cxl_isolation_link_width_lanes", "Width of the link while it is up.", METRIC_VALUE, NULL, ONE("link.width"), NULL },
	{ "cxl_isolation_containment", "What a failure ends in at worst, as things are: 1 for that level.", METRIC_STATE, "level",
	  ONE("containment"), containment_names },
	{ "cxl_isolation_containment_if_enabled", "What a failure would end in at worst after cxl enable-isolation: 1 for that level.",
	  METRIC_STATE, "level", ONE("containment_if_enabled"), containment_names },
	{ "cxl_isolation_problem", "What is wrong with the root port now, as isolation-status -x names it.", METRIC_EACH, "problem",
	  ONE("problems"), NULL },
	{ "cxl_isolation_blocker", "A failing check that forbids to enable isolation.", METRIC_EACH, "check", ONE("blockers"), NULL },
	{ "cxl_isolation_limit", "A failing check that caps containment.", METRIC_EACH, "check", ONE("limits"), NULL },
	{ "cxl_isolation_isolations_total", "How often the root port was isolated, as those who acted on it counted.", METRIC_VALUE, "cause",
	  (const struct render_sample[]){ { "link-down", "history.isolations.link-down" }, { "timeout", "history.isolations.timeout" },
					  { "unknown", "history.isolations.unknown" }, { 0 } }, NULL },
	{ "cxl_isolation_isolated_seconds_total", "How long it was isolated until it was recovered, in all.", METRIC_SECONDS, NULL,
	  ONE("history.isolated_us"), NULL },
	{ "cxl_isolation_recoveries_total", "How recoveries of the root port that were begun have ended.", METRIC_VALUE, "result",
	  (const struct render_sample[]){ { "done", "history.recoveries.done" }, { "failed", "history.recoveries.failed" },
					  { "stopped", "history.recoveries.stopped" }, { "abandoned", "history.recoveries.abandoned" }, { 0 } }, NULL },
	{ "cxl_isolation_recovery_seconds_total", "What recoveries that ended well took, in all.", METRIC_SECONDS, NULL,
	  ONE("history.recovery_us"), NULL },
	{ "cxl_isolation_memdevs", "Memory devices below the root port.", METRIC_COUNT, NULL, ONE("memdevs"), NULL },
	{ "cxl_isolation_regions", "Regions that touch the root port.", METRIC_COUNT, NULL, ONE("regions"), NULL },
	{ "cxl_isolation_dax_devices", "Dax devices of those regions.", METRIC_COUNT, NULL, ONE("dax"), NULL },
	{ "cxl_isolation_memory_bytes", "Size of the regions that touch the root port.", METRIC_VALUE, NULL, ONE("bytes"), NULL },
	{ "cxl_isolation_other_root_ports", "Root ports that lose memory when this one fails (with --impact).", METRIC_COUNT, NULL,
	  ONE("impact.other_root_ports"), NULL },
	{ "cxl_isolation_system_ram_bytes", "System RAM that is lost when this root port fails (with --impact).", METRIC_VALUE, NULL,
	  ONE("impact.system_ram.online_bytes"), NULL },
	{ 0 }
};

#define TABLE(table_columns, table_rows) { \
	.columns = table_columns, .rows = table_rows, .tree_columns = port_tree_columns, \
	.tree = port_tree_rows, .text = &status_text, .colours = report_colours, \
	.metrics = metrics, .metric_rows = root_port_rows, .row_label = { "root_port", "root_port" }, .own = status_formats }

static const struct render_table status_table = TABLE(status_columns, root_port_rows);
static const struct render_table impact_table = TABLE(impact_columns, impact_rows);
static const struct render_table check_table = TABLE(check_columns, status_check_rows);

const struct command_output status_impact_output = { SCHEMA, LIST, &impact_table, .with = "impact" };
const struct command_output status_check_output = { SCHEMA, LIST, &check_table, .with = "check" };
static const struct command_output *const others[] = {
	&status_check_output, &status_impact_output, &status_evidence_output, NULL,
};
const struct command_output status_output = { SCHEMA, LIST, &status_table, .others = others };
