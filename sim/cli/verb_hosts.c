// SPDX-License-Identifier: GPL-2.0-only
/* cxl-sim hosts: the built-in simulated hosts. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "sim/cli/verb.h"
#include "sim/host/host.h"
#include "util/render.h"
#include "util/render_text.h"

struct hosts_options {
	struct common_options common;
	bool text;
};

static const struct opt hosts_opts[] = {
	TEXT_OPTIONS(struct hosts_options, common, text),
	{ 0 }
};

static const struct text_line lines[] = {
	{ NULL, "{name}: {description}" },
	{ "kernel", "{kernel}" },
	{ "base", "{base}" },
	{ 0 }
};

static const struct render_column columns[] = {
	{ "NAME", "name" }, { "DESCRIPTION", "description", .is_folded = true }, { "KERNEL", "kernel" },
	{ "BASE", "base", .rank = 1 }, { 0 }
};

static void rows(struct json_object *record, struct json_object *ret)
{
	struct json_object *list = json_object_object_get(record, "hosts");

	for (size_t i = 0; i < render_length(list); i++)
		render_append(ret, json_object_get(json_object_array_get_idx(list, i)));
}

static const struct render_colour colours[] = { { "name", NULL, COLOUR_BOLD }, { 0 } };
static const struct render_text text = { .rows = rows, .lines = lines };
static const struct render_table hosts_table = {
	.columns = columns, .rows = rows, .text = &text, .colours = colours
};
static const struct command_output hosts_output = { "cxl-sim-hosts/1", "hosts", &hosts_table, .format = "table" };

static struct json_object *record(const struct host_entry *entry, struct err *err)
{
	struct json_object *overlay = overlay_read(entry->file, err), *o;

	if (!overlay)
		return NULL;
	o = json_object_new_object();
	render_add_string(o, "name", entry->name);
	render_add_string(o, "description", overlay_text(overlay, "description", ""));
	render_add_string(o, "kernel", overlay_text(overlay, "kernel", "v1-fixed"));
	render_add_string(o, "base", overlay_text(overlay, "base", ""));
	json_object_put(overlay);
	return o;
}

static int run_hosts(int argc, char **argv)
{
	struct hosts_options o = { 0 };
	struct messages messages = { 0 };
	struct json_object *hosts;
	struct host_list list;
	struct err err;
	struct command_run run;
	int status;

	if (!command_begin(&cmd_hosts, argc, argv, &o, &o.common, &run, &status))
		return status;
	if (host_list_read(&list, &err))
		return verb_failed(&err);
	status = EXIT_DONE;
	hosts = json_object_new_array();
	for (size_t i = 0; i < list.n; i++) {
		struct json_object *host = record(&list.v[i], &err);

		if (host) {
			json_object_array_add(hosts, host);
			continue;
		}
		err_target(&err, list.v[i].name);
		message_add_err(&messages, "HOST", &err);
		status = (int)err.status;
	}
	host_list_free(&list);
	status = command_end(&run, status, &messages, hosts);
	messages_free(&messages);
	return status;
}

const struct command cmd_hosts = {
	"hosts", "", "list the simulated hosts", hosts_opts, run_hosts,
	.output = &hosts_output,
};
