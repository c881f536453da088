// SPDX-License-Identifier: GPL-2.0-only
/* Table-driven options over getopt_long(): see options.h. */
#include "util/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"

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
			return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
		list->v = v;
		list->v[list->n++] = value;
	}
	return 0;
}

/* getopt_long() accepts abbreviations; scripts that use one break later. */
static int refuse_abbreviation(const struct opt *o, const char *word, struct err *err)
{
	size_t n = strcspn(word + 2, "=");

	if (strlen(o->name) == n)
		return 0;
	return err_set(err, EXIT_USAGE, EINVAL, "unknown option '--%.*s': did you mean --%s?",
		       (int)n, word + 2, o->name);
}

static int usage_error(char **argv, int at, int letter, bool missing, struct err *err)
{
	const char *word = argv[at];

	if (letter && letter < LONG_BASE)
		return err_set(err, EXIT_USAGE, EINVAL, missing ? "option '-%c' needs a value: see --help"
			       : "unknown option '-%c': see --help", letter);
	return err_set(err, EXIT_USAGE, EINVAL, missing ? "option '%.80s' needs a value: see --help"
		       : "unknown option or unexpected value '%.80s': see --help", word);
}

int options_parse(const struct opt *table, void *dest, int argc, char **argv,
		  bool stop_at_operand, int *first_operand, struct err *err)
{
	size_t n = table_len(table);
	_cleanup_free_ struct option *longs = calloc(n + 1, sizeof(*longs));
	_cleanup_free_ char *shorts = calloc(1, 3 + 3 * n);
	size_t s = 0;
	int c, rc;

	if (!longs || !shorts)
		return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
	if (stop_at_operand)
		shorts[s++] = '+';
	shorts[s++] = ':';
	for (size_t i = 0; i < n; i++) {
		bool value = table[i].kind != OPT_FLAG, optional = table[i].kind == OPT_OPTIONAL;

		longs[i] = (struct option){ table[i].name, optional ? optional_argument : value ? required_argument : no_argument,
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
			return usage_error(argv, optind > at ? optind - 1 : at, optopt, c == ':', err);
		if (c >= LONG_BASE) {
			const char *word = argv[optind - 1];

			o = &table[c - LONG_BASE];
			if (o->kind != OPT_FLAG && o->kind != OPT_OPTIONAL && optarg == word)
				word = argv[optind - 2];
			rc = refuse_abbreviation(o, word, err);
			if (rc)
				return rc;
		} else {
			for (size_t i = 0; i < n && !o; i++)
				if (table[i].letter == c)
					o = &table[i];
		}
		rc = store(o, dest, optarg, err);
		if (rc)
			return rc;
	}
	*first_operand = optind;
	return 0;
}

void options_help(FILE *f, const char *program, const struct command *cmd)
{
	fprintf(f, "usage: %s %s%s%s%s\n\n%s\n", program, cmd->name,
		cmd->opts && cmd->opts->name ? " [OPTIONS]" : "",
		*cmd->operands ? " " : "", cmd->operands, cmd->summary);
	if (!cmd->opts || !cmd->opts->name)
		return;
	fputs("\nOptions:\n", f);
	for (const struct opt *o = cmd->opts; o->name; o++) {
		char left[64];
		bool optional = o->kind == OPT_OPTIONAL;
		int n = snprintf(left, sizeof(left), "%s%c%s--%s%s%s%s", o->letter ? "-" : " ",
				 o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
				 optional ? "[=" : o->arg ? "=" : "", o->arg ? o->arg : "", optional ? "]" : "");

		if (n > 30)
			fprintf(f, "  %s\n  %-30s %s\n", left, "", o->help);
		else
			fprintf(f, "  %-30s %s\n", left, o->help);
	}
}

void opt_list_free(struct opt_list *list)
{
	free(list->v);
	list->v = NULL;
	list->n = 0;
}
