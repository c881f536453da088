// SPDX-License-Identifier: GPL-2.0-only
/* The frame of every command: see command.h. */
#include "util/command.h"

#include <stdio.h>
#include <string.h>

#include "util/parse.h"
#include "util/program.h"

static void complain(const struct command *cmd, const struct err *err, int *ret_status)
{
	fprintf(stderr, "%s %s: %s\n", command_program, cmd->name, err->text);
	*ret_status = (int)err->status;
}

/* The command line is wrong: said on stderr and, as ever, in the output. */
static bool refuse(struct command_run *run, const struct err *err, int *ret_status)
{
	struct messages messages = { 0 };

	run->format = render_find("json", NULL);
	message_add_err(&messages, "USAGE", err);
	*ret_status = command_end(run, (int)err->status, &messages,
				  run->output->key ? json_object_new_array() : run->output->empty());
	messages_free(&messages);
	return false;
}

bool command_begin(const struct command *cmd, int argc, char **argv, void *opts,
		   const struct common_options *common, const struct command_output *output,
		   struct command_run *ret, int *ret_status)
{
	const char *name;
	char shown[48], names[80];
	struct err err;

	*ret = (struct command_run){ .cmd = cmd, .common = common, .output = output };
	if (options_parse(cmd->opts, opts, argc, argv, false, &ret->first_operand, &err))
		return refuse(ret, &err, ret_status);
	ret->operands = argv + ret->first_operand;
	if (common->help) {
		options_help(stdout, command_program, cmd);
		*ret_status = program_flush(command_program);
		return false;
	}
	name = common->format ? common->format : common->human ? "human" : "json";
	ret->format = render_find(name, output->table);
	if (!ret->format) {
		err_set(&err, EXIT_USAGE, 0, "'%s' is no output format; use one of: %s",
			printable(name, shown, sizeof(shown)), render_names(output->table, names, sizeof(names)));
		return refuse(ret, &err, ret_status);
	}
	return true;
}

static void take_members(struct json_object *frame, struct json_object *members)
{
	json_object_object_foreach(members, key, value)
		json_object_object_add(frame, key, json_object_get(value));
	json_object_put(members);
}

int command_end(const struct command_run *run, int status, const struct messages *messages,
		struct json_object *list)
{
	struct json_object *frame;
	struct err err;

	for (size_t i = 0; i < messages->n; i++)
		if (messages->v[i].severity > SEV_INFO || run->common->verbose)
			fprintf(stderr, "%s %s: %s\n", command_program, run->cmd->name, messages->v[i].text);
	if (messages->lost)
		fprintf(stderr, "%s %s: out of memory: %zu messages were lost\n", command_program, run->cmd->name,
			messages->lost);
	frame = render_frame(run->output->schema, status, messages);
	if (run->output->key)
		render_add(frame, run->output->key, list);
	else
		take_members(frame, list);
	if ((!run->quiet || run->common->output) &&
	    render_write(run->format, frame, run->output->table, run->common->output, &err))
		complain(run->cmd, &err, &status);
	json_object_put(frame);
	return status;
}
