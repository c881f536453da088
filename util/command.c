// SPDX-License-Identifier: GPL-2.0-only
/* The frame of every command: see command.h. */
#include "util/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/fold.h"
#include "util/output.h"
#include "util/parse.h"
#include "util/program.h"
#include "util/render_format.h"
#include "util/typed.h"

/* One sentence on stderr, as what it names is typed here; in lines of @width columns, if there is a width. */
static void say_in(const struct command *cmd, const char *text, int width)
{
	bool lost;
	_cleanup_free_ char *typed = typed_text(text, &lost);
	int n = fprintf(stderr, "%s %s:", program_name, cmd->name);

	fputc(' ', stderr);
	fold_text(stderr, typed ? typed : text, n + 1, 2, width);
}

static void say(const struct command *cmd, const char *text)
{
	say_in(cmd, text, 0);
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
	/* a person who reads text is given no JSON; a script that reads a table looks for it there */
	if (f && (f->verdict || f->write == render_text_write))
		return f;
	return render_find(f || !run->output->format ? "json" : "human", run->output->table);
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
	static const char *const when[] = { "auto", "always", "never", NULL };
	char shown[48];

	if (common->output && !*common->output)
		return err_set(err, EXIT_USAGE, EINVAL, "--output needs the name of a file, nothing was done: it is empty");
	if (common->colour.value && name_index(when, common->colour.value) < 0)
		return err_set(err, EXIT_USAGE, EINVAL, "'%s' is not when to use colours, nothing was done: use --color=auto, always or never",
			       printable(common->colour.value, shown, sizeof(shown)));
	if (common->human && common->format && strcmp(common->format, "json-human"))
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

static const char *default_format(const struct command_output *output)
{
	return output->format ? output->format : "json";
}

static int show_help(const struct command *cmd)
{
	const struct command_output *output = cmd->output;
	const struct render_format *table = render_find("table", output->table);
	char names[128], formats[160], columns[512] = "";
	const char *at = strstr(render_names(output->table, names, sizeof(names)),
				default_format(output));
	int n = (int)(at - names) + (int)strlen(default_format(output));

	snprintf(formats, sizeof(formats), "%.*s (default)%s", n, names, names + n);
	if (table)
		render_column_names(table, output->table, columns, sizeof(columns));
	options_help(stdout, cmd, formats, columns);
	return program_flush(program_name);
}

/* The columns of each format that has some. */
static void list_columns(const struct command_output *output)
{
	const char *p, *end;
	char names[128], columns[512], name[32];

	render_names(output->table, names, sizeof(names));
	for (p = names; *p; p = *end ? end + strlen(", ") : end) {
		const struct render_format *f;

		end = p + strcspn(p, ",");
		snprintf(name, sizeof(name), "%.*s", (int)(end - p), p);
		f = render_find(name, output->table);
		if (!f || !f->columns)
			continue;
		printf("--format=%s%s%s:\n    ", name, output->with ? " --" : "", output->with ? output->with : "");
		fold_text(stdout, render_column_names(f, output->table, columns, sizeof(columns)),
			  4, 4, 80);
	}
}

static int show_columns(const struct command_output *output)
{
	list_columns(output);
	for (const struct command_output *const *o = output->others; o && *o; o++)
		list_columns(*o);
	return program_flush(program_name);
}

static int pick_format(struct command_run *run, struct err *err)
{
	const struct common_options *common = run->common;
	const struct command_output *output = run->output;
	const char *name = common->format ? common->format : common->human ? "json-human" :
		common->columns ? "table" : default_format(output);
	char shown[48], names[128];

	run->format = render_find(name, output->table);
	if (!run->format)
		return err_set(err, EXIT_USAGE, 0, "'%s' is not an output format; use one of: %s",
			       printable(name, shown, sizeof(shown)),
			       render_names(output->table, names, sizeof(names)));
	if (run->format->verdict && common->output)
		return err_set(err, EXIT_USAGE, EINVAL, "--format=%s prints its line on standard output and cannot be combined with --output", name);
	if (!common->columns || output->others)
		return 0;
	return render_check_columns(run->format, output->table, common->columns, err);
}

int command_pick(struct command_run *run, const struct command_output *output, struct err *err)
{
	const struct render_format *format = render_find(run->format->name, output->table);
	char names[128];

	if (format != run->format)
		return err_set(err, EXIT_USAGE, EINVAL, "--%s has no format '%s'; use one of: %s",
			       output->with, run->format->name,
			       render_names(output->table, names, sizeof(names)));
	run->output = output;
	if (!run->common->columns ||
	    !render_check_columns(format, output->table, run->common->columns, err))
		return 0;
	run->format = render_find("json", NULL);
	return -EINVAL;
}

bool command_begin(const struct command *cmd, int argc, char **argv, void *opts,
		   const struct common_options *common, struct command_run *ret, int *ret_status)
{
	struct err err;

	*ret = (struct command_run){ .cmd = cmd, .common = common, .output = cmd->output };
	if (options_parse(cmd, opts, argc, argv, false, &ret->first_operand, &err))
		return refuse(ret, argv, &err, ret_status);
	ret->operands = argv + ret->first_operand;
	if (check_common(common, &err))
		return refuse(ret, argv, &err, ret_status);
	if (common->help || (common->columns && !strcmp(common->columns, "help") && render_find("table", cmd->output->table))) {
		*ret_status = common->help ? show_help(cmd) : show_columns(cmd->output);
		return false;
	}
	if (cmd->changes && common->output && output_check(common->output, &err)) {
		snprintf(err.text + strlen(err.text), sizeof(err.text) - strlen(err.text), "; nothing was done");
		report_error(cmd, &err, ret_status);
		return false;
	}
	if (options_refuse_operand(cmd, ret->operands[0], &err) || pick_format(ret, &err))
		return refuse(ret, argv, &err, ret_status);
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

static struct render_look look_of(const struct command_run *run)
{
	bool is_file = output_file(run);
	struct render_look look = render_look_of(is_file ? -1 : STDOUT_FILENO,
						 run->common->colour.value);

	look.columns = run->format->columns ? run->common->columns : NULL;
	/* each once: on standard error, or in the text; a file has them all */
	look.said_from = is_file ? SEV_ERROR + 1 : run->common->verbose ? SEV_INFO : SEV_WARNING;
	return look;
}

int command_end(const struct command_run *run, int status, const struct messages *messages,
		struct json_object *list)
{
	const struct render_verdict *verdict = run->format->verdict;
	const struct render_look look = look_of(run),
				 aside = render_look_of(STDERR_FILENO, NULL);
	struct json_object *frame;
	struct err err;
	int done = status;
	bool lost;

	for (size_t i = 0; i < messages->n; i++)
		if (messages->v[i].severity > SEV_INFO || run->common->verbose)
			say_in(run->cmd, messages->v[i].text,
			       run->format->write == render_text_write ? aside.width : 0);
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
	     render_write(run->format, frame, run->output->table, &look, output_file(run), &err))) {
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
