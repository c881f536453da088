// SPDX-License-Identifier: GPL-2.0-only
/* Dispatch between our commands and the distribution's: see program.h. */
#include "util/program.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

enum { CAPTURE_BYTES = 16384 };

static const struct command *find(const struct program *p, const char *name)
{
	for (const struct command *const *c = p->commands; *c; c++)
		if (!strcmp((*c)->name, name))
			return *c;
	return NULL;
}

bool program_has_option(int argc, char **argv, const char *option)
{
	for (int i = 2; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], option))
			return true;
	return false;
}

int program_flush(const char *name)
{
	errno = 0;
	if (!fflush(stdout) && !ferror(stdout))
		return EXIT_DONE;
	fprintf(stderr, "%s: the output cannot be written to standard output: %s\n", name,
		strerror(errno ? errno : EIO));
	return EXIT_REFUSED;
}

static void print_help(const struct program *p, FILE *f)
{
	fprintf(f, "usage: %s COMMAND [OPTIONS] [TARGET...]\n\n%s\n\n", p->delegate.name, p->summary);
	if (*p->commands)
		fputs("Commands of this program:\n", f);
	for (const struct command *const *c = p->commands; *c; c++)
		fprintf(f, "  %-20s %s\n", (*c)->name, (*c)->summary);
	fprintf(f, "%sEvery other command goes unchanged to %s (see %s --list-cmds).\n"
		"'%s COMMAND --help' shows a command's options.\n",
		*p->commands ? "\n" : "", delegate_path(&p->delegate), p->delegate.name, p->delegate.name);
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
	printf("cxl-isolation %s\n%s %s (%s)\n", PROJECT_VERSION, p->delegate.name,
	       *theirs ? theirs : "not installed", delegate_path(&p->delegate));
	return program_flush(p->delegate.name);
}

/* Is @word one of the words of @text? */
static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at++)
		if ((at == text || strchr(" \n", at[-1])) && strchr(" \n", at[n]))
			return true;
	return false;
}

/* One name a line: theirs first, then those of ours that they do not have. */
static int list_commands(const struct program *p)
{
	static char theirs[CAPTURE_BYTES];

	delegate_capture(&p->delegate, "--list-cmds", NULL, theirs, sizeof(theirs));
	fputs(theirs, stdout);
	for (const struct command *const *c = p->commands; *c; c++)
		if (!has_word(theirs, (*c)->name))
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
		if (!has_word(theirs, name))
			printf("%s ", name);
	}
	return program_flush(p->delegate.name);
}

/* Ours, or NULL: the distribution's. */
static const struct command *ours(const struct program *p, int argc, char **argv)
{
	const struct command *cmd = argc > 1 ? find(p, argv[1]) : NULL;

	return cmd && p->is_ours && !p->is_ours(cmd, argc, argv) ? NULL : cmd;
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

	if (argc < 2) {
		print_help(p, stderr);
		return EXIT_USAGE;
	}
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
		if (!strcmp(argv[1], answers[i].word) || (help && argc == 2 && answers[i].show == show_help)) {
			signal(SIGPIPE, SIG_IGN);
			return answers[i].show(p);
		}
	if (argc == 3 && !strcmp(argv[2], "--list-opts") && find(p, argv[1])) {
		signal(SIGPIPE, SIG_IGN);
		return list_options(p, find(p, argv[1]), !cmd);
	}
	if (help)
		cmd = ours(p, argc - 1, argv + 1);
	if (!cmd)
		return delegate_exec(&p->delegate, argv);
	/* A closed pipe is an error we report, not a reason to vanish midway. */
	signal(SIGPIPE, SIG_IGN);
	if (help) {
		options_help(stdout, p->delegate.name, cmd);
		return program_flush(p->delegate.name);
	}
	/* A short life: grow on the heap and never give back.  mremap() and a
	 * shrinking brk() interrupt every CPU the process has run on. */
	mallopt(M_MMAP_THRESHOLD, 64 << 20);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	mallopt(M_TOP_PAD, 1 << 20);
	return cmd->run(argc - 1, argv + 1);
}
