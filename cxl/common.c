// SPDX-License-Identifier: GPL-2.0-only
/* The frame of every command: see common.h. */
#include "cxl/common.h"

#include <stdio.h>
#include <string.h>

#include "util/parse.h"
#include "util/program.h"

static bool complain(const struct command *cmd, const struct err *err, int *ret_status)
{
	fprintf(stderr, "cxl %s: %s\n", cmd->name, err->text);
	*ret_status = (int)err->status;
	return false;
}

bool command_begin(const struct command *cmd, int argc, char **argv, void *opts,
		   const struct common_options *common, const struct render_table *table,
		   struct command_run *ret, int *ret_status)
{
	const char *name;
	char shown[48];
	struct err err;

	*ret = (struct command_run){ .cmd = cmd, .common = common, .table = table };
	if (options_parse(cmd->opts, opts, argc, argv, false, &ret->first_operand, &err))
		return complain(cmd, &err, ret_status);
	ret->operands = argv + ret->first_operand;
	if (common->help) {
		options_help(stdout, "cxl", cmd);
		*ret_status = program_flush("cxl");
		return false;
	}
	name = common->format ? common->format : common->human ? "human" : "json";
	ret->format = render_find(name, table);
	if (!ret->format) {
		err_set(&err, EXIT_USAGE, 0, "'%s' is no output format; use one of: %s",
			printable(name, shown, sizeof(shown)), render_names(table));
		return complain(cmd, &err, ret_status);
	}
	return true;
}

int command_end(const struct command_run *run, const char *schema, int status,
		const struct messages *messages, const char *key, struct json_object *list)
{
	struct json_object *frame;
	struct err err;

	for (size_t i = 0; i < messages->n; i++)
		if (messages->v[i].severity > SEV_INFO || run->common->verbose)
			fprintf(stderr, "cxl %s: %s\n", run->cmd->name, messages->v[i].text);
	if (messages->lost)
		fprintf(stderr, "cxl %s: out of memory: %zu messages were lost\n", run->cmd->name, messages->lost);
	frame = render_frame(schema, status, messages);
	render_add(frame, key, list);
	if (render_write(run->format, frame, run->table, run->common->output, &err))
		complain(run->cmd, &err, &status);
	json_object_put(frame);
	return status;
}
