// SPDX-License-Identifier: GPL-2.0-only
/* cxl-sim hosts: the built-in simulated hosts. */
#include <errno.h>
#include <json-c/json.h>
#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <string.h>

#include "sim/cli/verb.h"
#include "sim/host/host.h"
#include "util/array.h"
#include "util/render.h"

struct hosts_options {
	bool human, help;
};

static const struct opt hosts_opts[] = {
	{ "human", 'u', OPT_FLAG, offsetof(struct hosts_options, human), NULL, "a table instead of JSON" },
	HELP_OPTION(struct hosts_options),
	{ 0 }
};

static const char *const columns[] = { "name", "description", "kernel", "base" };

enum { N_COLUMNS = ARRAY_SIZE(columns) };

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

static int print_table(struct json_object *hosts)
{
	struct libscols_table *table = scols_new_table();
	int rc = table ? 0 : -ENOMEM;

	for (size_t c = 0; !rc && c < N_COLUMNS; c++) {
		struct libscols_column *column = scols_table_new_column(table, columns[c], 0,
			!strcmp(columns[c], "description") ? SCOLS_FL_WRAP : 0);

		rc = column ? 0 : -ENOMEM;
	}
	for (size_t i = 0; !rc && i < json_object_array_length(hosts); i++) {
		struct libscols_line *line = scols_table_new_line(table, NULL);

		rc = line ? 0 : -ENOMEM;
		for (size_t c = 0; !rc && c < N_COLUMNS; c++)
			rc = scols_line_set_data(
				line, c,
				json_object_get_string(json_object_object_get(
					json_object_array_get_idx(hosts, i), columns[c])));
	}
	if (!rc)
		rc = scols_print_table(table);
	scols_unref_table(table);
	return rc || fflush(stdout) ? -EIO : 0;
}

static int print(struct json_object *hosts, const struct messages *messages, int status, bool human)
{
	struct json_object *frame;
	struct err err;
	int rc;

	if (human) {
		rc = print_table(hosts);
		json_object_put(hosts);
		if (rc)
			err_set(&err, EXIT_REFUSED, -rc, "the table cannot be written");
	} else {
		frame = render_frame("cxl-sim-hosts/1", status, messages);
		render_add(frame, "hosts", hosts);
		rc = render_write(render_find("json", NULL), frame, NULL, NULL, &err);
		json_object_put(frame);
	}
	return rc ? verb_failed(&err) : status;
}

static int run(int argc, char **argv)
{
	struct hosts_options o = { 0 };
	struct messages messages = { 0 };
	struct json_object *hosts;
	struct host_list list;
	struct err err;
	int first, status;

	if (!verb_start(&cmd_hosts, &o, &o.help, argc, argv, false, &first, &status))
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
		status = verb_failed(&err);
	}
	host_list_free(&list);
	status = print(hosts, &messages, status, o.human);
	messages_free(&messages);
	return status;
}

const struct command cmd_hosts = {
	"hosts", "", "list the simulated hosts", hosts_opts, run,
};
