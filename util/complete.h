/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What may stand next on a command line: the answer to `PROGRAM --complete WORD...`,
 * which the scripts for shells in contrib/completion ask.  The last word is the one
 * that is being typed.  A candidate is a whole word on a line of its own, a tab and its
 * help behind it; one that ends in '=' or ':' goes on.  Lines that begin with a colon say
 * what the shell itself is to complete:
 *
 *	:files, :directories	names of those, behind the word's "--name=" where it has one
 *	:command N		a command line, from word N on; the program is word 0.  A program
 *				may complete it by itself instead: a kind "COMMAND"
 *	:theirs			what the distribution's script does (--complete-ours only)
 */
#ifndef UTIL_COMPLETE_H
#define UTIL_COMPLETE_H

#include <stdbool.h>
#include <stddef.h>

#include "util/options.h"

struct complete {
	const struct command *cmd;	/* NULL: it is the command */
	const struct opt *opt;		/* whose value it is; NULL: an operand */
	const char *value;		/* what is typed of it */
	const char *const *operands;	/* that stand before it */
	size_t n_operands;
	const struct complete_kind *kinds;
	const char *start;		/* of the word: "--name=", before its value */
	int start_len;
	char **words;			/* words[0] is the command */
	int n_words;
	int command_at;			/* where another command line begins in words[], 0: nowhere */
};

/* A kind of value by its name in tables of options and in operands: "TARGET". */
struct complete_kind {
	const char *name;	/* NULL: the end */
	void (*offer)(struct complete *c);
};

/* A candidate, if it goes on from what is typed.  @help may be NULL. */
void complete_offer(const struct complete *c, const char *value, const char *help);

/* The value of option @name as far as it is on the line; NULL: it is not. */
const char *complete_option(const struct complete *c, const char *name);

/* The shell completes the command line at @c->command_at. */
void complete_as_command(const struct complete *c);

/* @words[0] is @cmd, @n of them, at least two. */
void complete_command(const struct command *cmd, const struct complete_kind *kinds, char **words,
		      int n);

/* The last of @words is the command itself. */
void complete_command_name(const struct command *const *commands, const char *word);

#endif
