// SPDX-License-Identifier: GPL-2.0-only
/* The frame of every command: see command.h. */
#include "util/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/output.h"
#include "util/parse.h"
#include "util/program.h"
#include "util/render_format.h"
#include "util/typed.h"

/* One sentence on stderr, as what it names is typed here. */
static void say(const struct command *cmd, const char *text)
{
	bool lost;
	_cleanup_free_ char *typed = typed_text(text, &lost);

	fprintf(stderr, "%s %s: %s\n", program_name, cmd->name, typed ? typed : text);
}

static void report_error(const struct command *cmd, const struct err *err, int *ret_status)
{
	say(cmd, err->text);
	*ret_status = (int)err->status;
}

/* The format that @argv asks for, whatever else is wrong with it, when that has a verdict of its own; else JSON. */
static const struct render_format *refusal_format(const struct command_run *run, char *const *argv)
{
	static const char option[] = "--format";
	const struct render_format *f = NULL;
	size_t n = strlen(option);

	for (; *argv && strcmp(*argv, "--") != 0; argv++)
		if (!strncmp(*argv, option, n) && (argv[0][n] == '=' || (!argv[0][n] && argv[1])))
			f = render_find(argv[0][n] ? *argv + n + 1 : argv[1], run->output->table);
	return f && f->verdict ? f : render_find("json", NULL);
}

/* The command line is wrong: said on stderr and, as ever, in the output. */
static bool refuse(struct command_run *run, char *const *argv, const struct err *err,
		   int *ret_status)
{
	struct messages messages = { 0 };

	run->format = refusal_format(run, argv);
	message_add_err(&messages, "USAGE", err);
	*ret_status = command_end(run, (int)err->status, &messages,
				  run->output->key ? render_array() : run->output->empty());
	messages_free(&messages);
	return false;
}

/* Where the output goes; NULL: to standard output. */
static const char *output_file(const struct command_run *run)
{
	if (run->format->verdict)	/* of a line that goes elsewhere nobody hears */
		return NULL;
	return run->common->output && *run->common->output ? run->common->output : NULL;
}

static int check_common(const struct common_options *common, struct err *err)
{
	char shown[48];

	if (common->output && !*common->output)
		return err_set(err, EXIT_USAGE, EINVAL, "--output needs the name of a file, nothing was done: it is empty");
	if (common->human && common->format && strcmp(common->format, "human"))
		return err_set(err, EXIT_USAGE, EINVAL, "--human and --format=%s contradict each other, nothing was done: leave one out",
			       printable(common->format, shown, sizeof(shown)));
	return 0;
}

const char *command_typed(struct arena *a, int argc, char **argv)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./:,+@%";
	const char *text = program_name;

	for (int i = 0; text && i < argc && argv[i]; i++) {
		const char *quote = *argv[i] && !argv[i][strspn(argv[i], plain)] ? "" : "'";
		char *shown = arena_strdup(a, argv[i]);

		if (!shown)
			return NULL;
		printable(argv[i], shown, strlen(shown) + 1);
		text = arena_printf(a, "%s %s%s%s", text, quote, shown, quote);
	}
	return text;
}

bool command_begin(const struct command *cmd, int argc, char **argv, void *opts,
		   const struct common_options *common, struct command_run *ret, int *ret_status)
{
	const struct command_output *output = cmd->output;
	const char *name;
	char shown[48], names[80], formats[96];
	struct err err;

	*ret = (struct command_run){ .cmd = cmd, .common = common, .output = output };
	if (options_parse(cmd, opts, argc, argv, false, &ret->first_operand, &err))
		return refuse(ret, argv, &err, ret_status);
	ret->operands = argv + ret->first_operand;
	if (check_common(common, &err))
		return refuse(ret, argv, &err, ret_status);
	if (common->help) {
		/* the first is the default */
		render_names(output->table, names, sizeof(names));
		snprintf(formats, sizeof(formats), "%.*s (default)%s", (int)strcspn(names, ","), names,
			 names + strcspn(names, ","));
		options_help(stdout, cmd, formats);
		*ret_status = program_flush(program_name);
		return false;
	}
	name = common->format ? common->format : common->human ? "human" : "json";
	if (cmd->changes && common->output && output_check(common->output, &err)) {
		snprintf(err.text + strlen(err.text), sizeof(err.text) - strlen(err.text), "; nothing was done");
		report_error(cmd, &err, ret_status);
		return false;
	}
	if (options_refuse_operand(cmd, ret->operands[0], &err))
		return refuse(ret, argv, &err, ret_status);
	ret->format = render_find(name, output->table);
	if (!ret->format) {
		err_set(&err, EXIT_USAGE, 0, "'%s' is not an output format; use one of: %s",
			printable(name, shown, sizeof(shown)),
			render_names(output->table, names, sizeof(names)));
		return refuse(ret, argv, &err, ret_status);
	}
	if (ret->format->verdict && common->output) {
		err_set(&err, EXIT_USAGE, EINVAL, "--format=%s prints its line on standard output and cannot be combined with --output", name);
		return refuse(ret, argv, &err, ret_status);
	}
	return true;
}

static void take_members(struct json_object *frame, struct json_object *members)
{
	if (!members)
		return;
	json_object_object_foreach(members, key, value)
		render_set(frame, key, json_object_get(value));
	json_object_put(members);
}

int command_refuse_sysroot(const char *sysroot, struct err *err)
{
	return !sysroot ? 0 :
	       err_set(err, EXIT_USAGE, EROFS, "a capture cannot be changed, nothing was done; drop --sysroot, or try it out with 'cxl-sim run --host %.200s --kernel v1-fixed -- %s ...'",
		       sysroot, program_name);
}

int command_end(const struct command_run *run, int status, const struct messages *messages,
		struct json_object *list)
{
	const struct render_verdict *verdict = run->format->verdict;
	struct json_object *frame;
	struct err err;
	int done = status;
	bool lost;

	for (size_t i = 0; i < messages->n; i++)
		if (messages->v[i].severity > SEV_INFO || run->common->verbose)
			say(run->cmd, messages->v[i].text);
	if (messages->lost)
		fprintf(stderr, "%s %s: %s\n", program_name, run->cmd->name, messages->lost_text);
	frame = render_frame(run->output->schema, status, messages);
	if (run->output->key)
		render_add(frame, run->output->key, list);
	else
		take_members(frame, list);
	lost = render_take_lost() || messages->lost;
	if (lost)	/* what went wrong before tells more than this */
		err_set(&err, status ? (enum exit_status)status : EXIT_REFUSED, ENOMEM, "out of memory: the output cannot be made");
	if (lost ||
	    ((!run->quiet || output_file(run)) &&
	     render_write(run->format, frame, run->output->table, output_file(run), &err))) {
		report_error(run->cmd, &err, &status);
		if (verdict) {
			status = verdict->failed;
			if (lost)
				puts(verdict->failed_line);
			fflush(stdout);
		}
		if (run->changed)
			fprintf(stderr, "%s %s: %s; see '%s'\n", program_name, run->cmd->name,
				done ? "something was changed before that" : "the change itself was made before that", run->changed);
	} else if (verdict) {
		status = verdict->exit_status(frame);
	}
	json_object_put(frame);
	return status;
}
