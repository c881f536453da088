// SPDX-License-Identifier: GPL-2.0-only
/* Table-driven options over getopt_long(): see options.h. */
#include "util/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/fold.h"
#include "util/parse.h"
#include "util/similar.h"

const char *program_name = "";

enum { LONG_BASE = 256 };	/* getopt values above every option letter */

static size_t table_len(const struct opt *table)
{
	size_t n = 0;

	while (table[n].name)
		n++;
	return n;
}

static int store(const struct opt *o, void *dest, const char *value, struct err *err)
{
	char *field = (char *)dest + o->offset;

	if (o->kind == OPT_FLAG) {
		*(bool *)(void *)field = true;
	} else if (o->kind == OPT_STRING) {
		*(const char **)(void *)field = value;
	} else if (o->kind == OPT_OPTIONAL) {
		if (value && !*value)	/* a script's variable that is not set */
			return err_set(err, EXIT_USAGE, EINVAL, "option '--%s=' names nothing: name something, or leave the '=' out", o->name);
		*(struct opt_optional *)(void *)field = (struct opt_optional){ true, value };
	} else {
		struct opt_list *list = (void *)field;
		const char **v = realloc(list->v, (list->n + 1) * sizeof(*v));

		if (!v)
			return err_no_memory(err, "");
		list->v = v;
		list->v[list->n++] = value;
	}
	return 0;
}

const char *options_ask_help(const struct command *cmd, char *buf, size_t size)
{
	snprintf(buf, size, "%s %s%s%s --help", program_name, cmd->name, cmd->mark ? " --" : "", cmd->mark ? cmd->mark : "");
	return buf;
}

/* @word has no exact match: what was meant, where that can be told. */
static int refuse_unknown(const struct command *cmd, const char *word, struct err *err)
{
	struct similar meant = SIMILAR_TO(word + 2, strcspn(word + 2, "="));
	char help[80];

	for (const struct opt *o = cmd->opts; !strncmp(word, "--", 2) && o->name; o++)
		similar_offer(&meant, o->name);
	if (meant.best && !meant.slips && word[2 + meant.len])
		return err_set(err, EXIT_USAGE, EINVAL, "option '--%s' takes no value: leave the '%.80s' out",
			       meant.best, word + 2 + meant.len);
	if (meant.best)
		return err_set(err, EXIT_USAGE, EINVAL, "unknown option '%.*s': did you mean --%s?",
			       (int)(meant.len < 80 ? meant.len : 80) + 2, word, meant.best);
	return err_set(err, EXIT_USAGE, EINVAL, "unknown option or unexpected value '%.80s': see '%s'",
		       word, options_ask_help(cmd, help, sizeof(help)));
}

static int usage_error(const struct command *cmd, char **argv, int at, int letter, bool missing,
		       struct err *err)
{
	const char *word = argv[at];
	char help[80];

	options_ask_help(cmd, help, sizeof(help));
	if (letter && letter < LONG_BASE)
		return err_set(err, EXIT_USAGE, EINVAL, missing ? "option '-%c' needs a value: see '%s'"
			       : "unknown option '-%c': see '%s'", letter, help);
	if (missing)
		return err_set(err, EXIT_USAGE, EINVAL, "option '%.80s' needs a value: see '%s'", word, help);
	return refuse_unknown(cmd, word, err);
}

/* getopt_long() accepts abbreviations; scripts that use one break later. */
static int refuse_abbreviation(const struct command *cmd, const struct opt *o, const char *word,
			       struct err *err)
{
	return strlen(o->name) == strcspn(word + 2, "=") ? 0 : refuse_unknown(cmd, word, err);
}

/* "--output -n": the value was forgotten, and without the option more would be done than was asked for. */
static int refuse_option_as_value(const struct command *cmd, const struct opt *o,
				  const char *value, struct err *err)
{
	char help[80];

	if (!value || value[0] != '-' || !value[1])
		return 0;
	return err_set(err, EXIT_USAGE, EINVAL, "option '--%s' needs a value, and '%.80s' looks like another option: write --%s=%.80s if it is meant, or see '%s'",
		       o->name, value, o->name, value, options_ask_help(cmd, help, sizeof(help)));
}

int options_parse(const struct command *cmd, void *dest, int argc, char **argv,
		  bool stop_at_operand, int *first_operand, struct err *err)
{
	const struct opt *table = cmd->opts;
	size_t n = table_len(table);
	_cleanup_free_ struct option *longs = calloc(n + 1, sizeof(*longs));
	_cleanup_free_ char *shorts = calloc(1, 3 + 3 * n);
	size_t s = 0;
	int c, rc;

	if (!longs || !shorts)
		return err_no_memory(err, "");
	if (stop_at_operand)
		shorts[s++] = '+';
	shorts[s++] = ':';
	for (size_t i = 0; i < n; i++) {
		bool value = table[i].kind != OPT_FLAG, optional = table[i].kind == OPT_OPTIONAL;

		longs[i] = (struct option){ table[i].name,
					    optional ? optional_argument
					    : value  ? required_argument
						     : no_argument,
					    NULL, LONG_BASE + (int)i };
		if (table[i].letter) {
			shorts[s++] = table[i].letter;
			if (value)
				shorts[s++] = ':';
			if (optional)
				shorts[s++] = ':';
		}
	}
	optind = 0;	/* glibc: start afresh */
	for (;;) {
		int at = optind ? optind : 1;
		const struct opt *o = NULL;

		c = getopt_long(argc, argv, shorts, longs, NULL);
		if (c == -1)
			break;
		if (c == '?' || c == ':')
			return usage_error(cmd, argv, optind > at ? optind - 1 : at, optopt,
					   c == ':', err);
		if (c >= LONG_BASE) {
			const char *word = argv[optind - 1];

			o = &table[c - LONG_BASE];
			if (o->kind != OPT_FLAG && o->kind != OPT_OPTIONAL && optarg == word)
				word = argv[optind - 2];
			rc = refuse_abbreviation(cmd, o, word, err);
			if (rc)
				return rc;
		} else {
			for (size_t i = 0; i < n && !o; i++)
				if (table[i].letter == c)
					o = &table[i];
		}
		rc = optarg == argv[optind - 1] ? refuse_option_as_value(cmd, o, optarg, err) : 0;
		rc = rc ? rc : store(o, dest, optarg, err);
		if (rc)
			return rc;
	}
	*first_operand = optind;
	return 0;
}

int options_refuse_operand(const struct command *cmd, const char *operand, struct err *err)
{
	char shown[48];

	if (*cmd->operands || !operand)
		return 0;
	return err_set(err, EXIT_USAGE, EINVAL, "'%s' is too much, nothing was done: %s takes no operand; leave it out",
		       printable(operand, shown, sizeof(shown)), cmd->name);
}

void options_put_text(FILE *f, int at, const char *text)
{
	fold_text(f, text, at, at, 80);
}

void options_help(FILE *f, const struct command *cmd, const char *formats, const char *columns)
{
	fprintf(f, "usage: %s %s%s%s%s\n\n%s\n", program_name, cmd->name,
		cmd->opts && cmd->opts->name ? " [OPTIONS]" : "",
		*cmd->operands ? " " : "", cmd->operands, cmd->summary);
	if (!cmd->opts || !cmd->opts->name)
		return;
	fputs("\nOptions:\n", f);
	for (const struct opt *o = cmd->opts; o->name; o++) {
		char left[64], help[600];
		const char *more = !strcmp(o->name, "format") ? formats : !strcmp(o->name, "columns") ? columns : NULL;
		bool optional = o->kind == OPT_OPTIONAL;
		int n = snprintf(left, sizeof(left), "%s%c%s--%s%s%s%s", o->letter ? "-" : " ",
				 o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
				 optional ? "[=" : o->arg ? "=" : "", o->arg ? o->arg : "", optional ? "]" : "");

		if (n > 30)
			fprintf(f, "  %s\n  %-30s ", left, "");
		else
			fprintf(f, "  %-30s ", left);
		snprintf(help, sizeof(help), "%s%s", o->help, more ? more : "");
		options_put_text(f, 33, help);
	}
}

void opt_list_free(struct opt_list *list)
{
	free(list->v);
	list->v = NULL;
	list->n = 0;
}
