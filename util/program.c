// SPDX-License-Identifier: GPL-2.0-only
/* Dispatch between our commands and the distribution's: see program.h. */
#include "util/program.h"

#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "util/array.h"
#include "util/output.h"
#include "util/parse.h"
#include "util/similar.h"
#include "util/stop.h"
#include "util/typed.h"

enum { CAPTURE_BYTES = 16384 };

static const struct command *find(const struct program *p, const char *name)
{
	for (const struct command *const *c = p->commands; *c; c++)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}

/* The first word after the command that @matches; NULL: none does. */
static const char *find_option(int argc, char **argv, const void *data,
			       bool (*matches)(const char *word, const void *data))
{
	for (int i = 2; i < argc && strcmp(argv[i], "--"); i++)
		if (!strncmp(argv[i], "--", 2) && matches(argv[i] + 2, data))
			return argv[i];
	return NULL;
}

static bool is_option(const char *word, const void *option)
{
	return !strcmp(word, option);
}
int program_flush(const char *name)
{
	int rc = output_flush(stdout);

	if (!rc)
		return EXIT_DONE;
	fprintf(stderr, "%s: the output cannot be written to standard output: %s\n", name, strerror(-rc));
	return EXIT_REFUSED;
}

static void print_help(const struct program *p, FILE *f)
{
	fprintf(f, "usage: %s COMMAND [OPTIONS] [TARGET...]\n\n%s\n\n", program_name, p->summary);
	if (*p->commands)
		fputs("Commands of this program:\n", f);
	for (const struct command *const *c = p->commands; *c; c++) {
		fprintf(f, "  %-20s ", (*c)->name);
		options_put_text(f, 23, (*c)->summary);
	}
	fprintf(f, "%sEvery other command goes unchanged to %s (see %s --list-cmds).\n"
		"'%s COMMAND --help' shows a command's options.\n",
		*p->commands ? "\n" : "", delegate_path(&p->delegate), program_name, program_name);
}

static int show_help(const struct program *p)
{
	print_help(p, stdout);
	return program_flush(p->delegate.name);
}

static int show_version(const struct program *p)
{
	char theirs[256];

	delegate_capture(&p->delegate, "--version", NULL, theirs, sizeof(theirs));
	theirs[strcspn(theirs, "\n")] = '\0';
	/* scripts take the first line for the distribution's, and it is a number there */
	printf("%s\ncxl-isolation %s, in front of %s\n", *theirs ? theirs : "not installed",
	       PROJECT_VERSION, delegate_path(&p->delegate));
	return program_flush(p->delegate.name);
}

/* One name a line: theirs first, then those of ours that they do not have. */
static int list_commands(const struct program *p)
{
	static char theirs[CAPTURE_BYTES];

	delegate_capture(&p->delegate, "--list-cmds", NULL, theirs, sizeof(theirs));
	fputs(theirs, stdout);
	for (const struct command *const *c = p->commands; *c; c++)
		if (!has_word(theirs, strlen(theirs), (*c)->name))
			puts((*c)->name);
	return program_flush(p->delegate.name);
}

/* For shell completion, in one line as theirs is: with @both the distribution's options of the command, too. */
static int list_options(const struct program *p, const struct command *cmd, bool both)
{
	static char theirs[CAPTURE_BYTES];
	char name[64];

	if (both)
		delegate_capture(&p->delegate, cmd->name, "--list-opts", theirs, sizeof(theirs));
	fputs(theirs, stdout);
	for (const struct opt *o = cmd->opts; o->name; o++) {
		snprintf(name, sizeof(name), "--%s", o->name);
		if (!has_word(theirs, strlen(theirs), name))
			printf("%s ", name);
	}
	return program_flush(p->delegate.name);
}

/* Ours, or NULL: the distribution's. */
static const struct command *ours(const struct program *p, int argc, char **argv)
{
	const struct command *cmd = argc > 1 ? find(p, argv[1]) : NULL;

	return cmd && cmd->mark && !find_option(argc, argv, cmd->mark, is_option) ? NULL : cmd;
}

/* Does the distribution's program say @word when it is asked for @what of @name? */
static bool is_theirs(const struct program *p, const char *what, const char *name, const char *word)
{
	static char theirs[CAPTURE_BYTES];

	delegate_capture(&p->delegate, name ? name : what, name ? what : NULL, theirs,
			 sizeof(theirs));
	return has_word(theirs, strlen(theirs), word);
}

static bool is_like(const char *word, const void *option)
{
	struct similar meant = SIMILAR_TO(word, strcspn(word, "="));

	similar_offer(&meant, option);
	return meant.best != NULL;
}

/*
 * A word that is nobody's, and close to one of ours: the distribution's program would not
 * know what was meant.  True when that was said.
 */
static bool refuse_misspelt(const struct program *p, int argc, char **argv)
{
	const struct command *cmd = find(p, argv[1]);
	struct similar meant = SIMILAR_TO(argv[1], strlen(argv[1]));
	const char *option;
	char shown[48];

	if (cmd) {
		option = find_option(argc, argv, cmd->mark, is_like);
		if (!option || is_theirs(p, "--list-opts", cmd->name, option))
			return false;
		fprintf(stderr, "%s %s: unknown option '%s': did you mean --%s?\n", p->delegate.name,
			cmd->name, printable(option, shown, sizeof(shown)), cmd->mark);
		return true;
	}
	for (const struct command *const *c = p->commands; *c; c++)
		similar_offer(&meant, (*c)->name);
	if (!meant.best || is_theirs(p, "--list-cmds", NULL, argv[1]))
		return false;
	fprintf(stderr, "%s: '%s' is not a command: did you mean '%s %s'?\n", p->delegate.name,
		printable(argv[1], shown, sizeof(shown)), program_name, meant.best);
	return true;
}

/* The distribution's help of a command that is ours, too, cannot know that: one line before it. */
static void point_to_ours(const struct program *p, const char *name)
{
	const struct command *cmd = find(p, name);
	char help[80];

	if (!cmd)
		return;
	printf("'%s %s --%s' is described by '%s'.\n\n", p->delegate.name, name, cmd->mark,
	       options_ask_help(cmd, help, sizeof(help)));
	fflush(stdout);
}

static int hand_over(const struct program *p, int argc, char **argv)
{
	if (refuse_misspelt(p, argc, argv))
		return EXIT_USAGE;
	if (argc > 2 && !strcmp(argv[1], "help"))
		point_to_ours(p, argv[2]);
	else if (find_option(argc, argv, "help", is_option) || (argc == 3 && !strcmp(argv[2], "-h")))
		point_to_ours(p, argv[1]);
	return delegate_exec(&p->delegate, argv);
}

/* What may stand after the distribution's command @words[0], without the help of its own script. */
static void complete_theirs(const struct program *p, char **words, int n)
{
	const struct complete c = { .value = words[n - 1], .start = "" };
	const struct command *cmd = find(p, words[0]);
	static char theirs[CAPTURE_BYTES];

	if (*words[n - 1] != '-') {
		puts(":files");
		return;
	}
	delegate_capture(&p->delegate, words[0], "--list-opts", theirs, sizeof(theirs));
	for (char *option = strtok(theirs, " \n"); option; option = strtok(NULL, " \n"))
		complete_offer(&c, option, NULL);
	for (const struct opt *o = cmd ? cmd->opts : NULL; o && o->name; o++) {
		char mark[64];

		snprintf(mark, sizeof(mark), "--%s", o->name);
		if (!strcmp(o->name, cmd->mark))
			complete_offer(&c, mark, o->help);
	}
}

static void complete_first_word(const struct program *p, const char *word)
{
	static const struct {
		const char *word, *help;
	} options[] = {
		{ "--help", "the commands" }, { "--version", "the version" }, { "--list-cmds", "the commands' names" },
	};
	const struct complete c = { .value = word, .start = "" };
	static char theirs[CAPTURE_BYTES];

	if (*word == '-') {
		for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
			complete_offer(&c, options[i].word, options[i].help);
		return;
	}
	complete_command_name(p->commands, word);
	delegate_capture(&p->delegate, "--list-cmds", NULL, theirs, sizeof(theirs));
	for (char *name = strtok(theirs, " \n"); name; name = strtok(NULL, " \n"))
		if (!find(p, name))
			complete_offer(&c, name, NULL);
}

/* @words follow the program's name; with @only_ours what is the distribution's is left to its script. */
static int complete(const struct program *p, char **words, int n, bool only_ours)
{
	const struct command *cmd = ours(p, n, words - 1);	/* the last word is no option yet */

	if (n == 1 || (n == 2 && !strcmp(words[0], "help")))
		complete_first_word(p, words[n - 1]);
	else if (cmd)
		complete_command(cmd, p->kinds, words, n);
	else if (only_ours)
		puts(":theirs");
	else if (n > 1)
		complete_theirs(p, words, n);
	return program_flush(p->delegate.name);
}

int program_main(const struct program *p, int argc, char **argv)
{
	static const struct {
		const char *word;
		int (*show)(const struct program *p);
	} answers[] = {
		{ "--version", show_version }, { "--list-cmds", list_commands },
		{ "--help", show_help }, { "-h", show_help },
	};
	const struct command *cmd = ours(p, argc, argv);
	bool help = argc > 1 && !strcmp(argv[1], "help");
	struct stop_signals held;

	program_name = typed_name(p->delegate.name);
	if (cmd && cmd->changes)
		stop_begin(&held, true);
	if (argc < 2) {
		print_help(p, stderr);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		if (!strcmp(argv[1], answers[i].word) ||
		    (help && argc == 2 && answers[i].show == show_help)) {
			signal(SIGPIPE, SIG_IGN);
			return answers[i].show(p);
		}
	if (argc == 3 && !strcmp(argv[2], "--list-opts") && find(p, argv[1])) {
		signal(SIGPIPE, SIG_IGN);
		return list_options(p, find(p, argv[1]), !cmd);
	}
	if (argc > 2 && (!strcmp(argv[1], "--complete") || !strcmp(argv[1], "--complete-ours")))
		return complete(p, argv + 2, argc - 2, !strcmp(argv[1], "--complete-ours"));
	if (help)
		cmd = ours(p, argc - 1, argv + 1);
	if (!cmd)
		return hand_over(p, argc, argv);
	/* A closed pipe is an error we report, not a reason to vanish midway. */
	signal(SIGPIPE, SIG_IGN);
	if (help)
		return cmd->run(2, (char *[]){ argv[2], (char[]){ "--help" }, NULL });
	/* A short life: grow on the heap and never give back.  mremap() and a
	 * shrinking brk() interrupt every CPU the process has run on. */
	mallopt(M_MMAP_THRESHOLD, 64 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	mallopt(M_TOP_PAD, 1 << 20);
	return cmd->run(argc - 1, argv + 1);
}
