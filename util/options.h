/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Command and option tables.  One table drives parsing, --help, --list-cmds
 * and the tests that compare them with the man pages.
 */
#ifndef UTIL_OPTIONS_H
#define UTIL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "util/err.h"

enum opt_kind {
	OPT_FLAG,	/* bool */
	OPT_STRING,	/* const char *, the last one wins; points into argv */
	OPT_OPTIONAL,	/* struct opt_optional: --name or --name=VALUE, the last one wins */
	OPT_LIST,	/* struct opt_list, repeatable; the values point into argv */
};

/* In front of every message and in every help: set once, by what main() is. */
extern const char *program_name;

struct opt_optional {
	bool is_given;
	const char *value;	/* NULL: none was given; points into argv */
};

struct opt_list {
	const char **v;	/* owned by the caller: opt_list_free() */
	size_t n;
};

struct opt {
	const char *name;	/* long name, without the dashes */
	char letter;		/* short form, 0 for none */
	enum opt_kind kind;
	size_t offset;		/* of the field in the caller's struct */
	const char *arg;	/* name of the value in help, NULL for a flag */
	const char *help;
	const char *values;	/* those that there are, with blanks between; NULL: by @arg (complete.h) */
	bool is_refused;	/* taken only to say why not */
};

struct command_output;

struct command {
	const char *name;
	const char *operands;	/* "TARGET...", "" for none */
	const char *summary;	/* one line */
	const struct opt *opts;	/* ends with a nameless entry */
	int (*run)(int argc, char **argv);	/* argv[0] is the command; returns the exit status */
	/*
	 * It changes something: a file for the output that cannot be written is found before
	 * that, and a signal ends it at a good point only, from its first moment on (stop.h).
	 */
	bool changes;
	/* The distribution has a command of that name, too: it is ours with this option ("isolation").  NULL: always. */
	const char *mark;
	const struct command_output *output;	/* what it prints (command.h); NULL: nothing that has formats */
};

/*
 * Parse @argv (argv[0] is skipped) by the options of @cmd into the struct at
 * @dest and move the operands to the end of @argv.  Names are matched exactly: no
 * abbreviations.  With @stop_at_operand parsing ends at the first operand, as
 * for a command that runs another.  "--" always ends the options.
 *
 * Returns 0 with the index of the first operand in @first_operand, or -EINVAL
 * with @err saying which option is wrong (status EXIT_USAGE).
 */
int options_parse(const struct command *cmd, void *dest, int argc, char **argv,
		  bool stop_at_operand, int *first_operand, struct err *err);

/* -EINVAL with @err for @operand, unless that is NULL, of a command that takes none. */
int options_refuse_operand(const struct command *cmd, const char *operand, struct err *err);

/* What to type for the help of @cmd, "cxl list --isolation --help", into @buf. */
const char *options_ask_help(const struct command *cmd, char *buf, size_t size);

/* @text with a newline, its lines cut at blanks for 80 columns: the first begins at column @at, the others there, too. */
void options_put_text(FILE *f, int at, const char *text);

/* @formats, @columns: to follow the help of options of those names; NULL where there is none. */
void options_help(FILE *f, const struct command *cmd, const char *formats, const char *columns);

void opt_list_free(struct opt_list *list);

#endif
