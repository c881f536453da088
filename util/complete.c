// SPDX-License-Identifier: GPL-2.0-only
/* Shell completion out of the tables of options and operands: see complete.h. */
#include "util/complete.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "util/cleanup.h"
#include "util/command.h"
#include "util/render_format.h"

void complete_offer(const struct complete *c, const char *value, const char *help)
{
	/* ids and PCI addresses are taken in either case */
	if (!strncasecmp(value, c->value, strlen(c->value)))
		printf("%.*s%s%s%s\n", c->start_len, c->start, value, help ? "\t" : "", help ? help : "");
}

/* --- values --------------------------------------------------------------- */

static void offer_part(const struct complete *c, const char *part, size_t len)
{
	char value[64];

	if (len >= sizeof(value))
		return;
	memcpy(value, part, len);
	value[len] = '\0';
	complete_offer(c, value, NULL);
}

/* Each of the words in @text, with characters of @between around them. */
static void offer_words(const struct complete *c, const char *text, const char *between)
{
	for (text += strspn(text, between); *text; text += strspn(text, between)) {
		size_t len = strcspn(text, between);

		offer_part(c, text, len);
		text += len;
	}
}

static void offer_formats(struct complete *c)
{
	char names[160];

	if (c->cmd->output)
		offer_words(c, render_names(c->cmd->output->table, names, sizeof(names)), ", ");
}

/* What it prints with the options that are on the line. */
static const struct command_output *output_of(const struct complete *c)
{
	const struct command_output *const *o = c->cmd->output->others;

	for (; o && *o; o++)
		for (int i = 1; i < c->n_words - 1; i++)
			if (!strncmp(c->words[i], "--", 2) && !strcmp(c->words[i] + 2, (*o)->with))
				return *o;
	return c->cmd->output;
}

/* Of "A,B": behind the last comma. */
static void offer_columns(struct complete *c)
{
	const char *comma = strrchr(c->value, ','), *name = complete_option(c, "format");
	const struct command_output *output = c->cmd->output ? output_of(c) : NULL;
	const struct render_format *f = output ? render_find(name ? name : "table", output->table) : NULL;
	char names[512];

	if (!f)
		return;
	if (comma) {
		c->start = c->start_len ? c->start : c->value;
		c->start_len = (int)(comma + 1 - c->start);
		c->value = comma + 1;
	}
	offer_words(c, render_column_names(f, output->table, names, sizeof(names)), ", ");
	if (!comma)
		complete_offer(c, "help", NULL);
}

static void offer_files(struct complete *c)
{
	(void)c;
	puts(":files");
}

static void offer_directories(struct complete *c)
{
	(void)c;
	puts(":directories");
}

static bool offer_kind(struct complete *c, const struct complete_kind *kinds, const char *name,
		       size_t len)
{
	for (; kinds && kinds->name; kinds++)
		if (strlen(kinds->name) == len && !strncmp(kinds->name, name, len)) {
			kinds->offer(c);
			return true;
		}
	return false;
}

static bool offer_named(struct complete *c, const char *name, size_t len)
{
	static const struct complete_kind common[] = {
		{ "FORMAT", offer_formats }, { "LIST", offer_columns }, { "FILE", offer_files }, { "DIR", offer_directories }, { 0 }
	};

	return offer_kind(c, c->kinds, name, len) || offer_kind(c, common, name, len);
}

/* "on|off" is to be typed as it is, "NAME|FILE" are two kinds. */
static void offer_alternatives(struct complete *c, const char *text, size_t len)
{
	const char *end = text + len;

	if (offer_named(c, text, len))
		return;
	while (text < end) {
		size_t n = strcspn(text, "|");

		n = n > (size_t)(end - text) ? (size_t)(end - text) : n;
		if (!offer_named(c, text, n) && islower((unsigned char)*text))
			offer_part(c, text, n);
		text += n + 1;
	}
}

static void offer_value(struct complete *c)
{
	if (c->opt->values)
		offer_words(c, c->opt->values, " ");
	else if (c->opt->arg)
		offer_alternatives(c, c->opt->arg, strlen(c->opt->arg));
}

/* --- operands ------------------------------------------------------------- */

struct part {
	const char *name;
	size_t len;
	bool is_repeated;
};

/* The next operand in *@text; false: there is none before its end or a command line. */
static bool next_part(const char **text, struct part *ret)
{
	*text += strspn(*text, " [");
	while (!strncmp(*text, "--", 2) && (*text)[2] != ' ') {	/* an option that is no operand */
		*text += strcspn(*text, " ");
		*text += strspn(*text, " [");
	}
	*ret = (struct part){ *text, strcspn(*text, " ."), false };
	if (!ret->len || !strncmp(*text, "-- ", 3))
		return false;
	*text += ret->len;
	ret->is_repeated = !strncmp(*text, "...", 3);
	*text += strcspn(*text, " ");
	while (ret->len && ret->name[ret->len - 1] == ']')
		ret->len--;
	return true;
}

/* What may follow @n operands of those that @text describes: "TARGET... WHAT". */
static void offer_operand(struct complete *c, const char *text, size_t n)
{
	struct part part;


	/* one that is repeated takes any number of those before, others one each */
	for (size_t first = 0; first <= n && next_part(&text, &part); first++) {
		if (part.is_repeated || first == n) {
			offer_alternatives(c, part.name, part.len);
			if (part.is_repeated && first < n)
				n = first + 1;	/* the others, or the next: both fit */
		}
	}
}

/* --- the line ------------------------------------------------------------- */

/* "--name" or "--name=..."; NULL: there is no such option. */
static const struct opt *option_of_word(const struct command *cmd, const char *word)
{
	size_t len = strcspn(word, "=") - 2;

	for (const struct opt *o = cmd->opts; o->name; o++)
		if (strlen(o->name) == len && !strncmp(o->name, word + 2, len))
			return o;
	return NULL;
}

static bool takes_next_word(const struct opt *o)
{
	return o->kind == OPT_STRING || o->kind == OPT_LIST;
}

/* Of "-vo": the option whose value is the next word; NULL: none is. */
static const struct opt *option_of_letters(const struct command *cmd, const char *letters)
{
	for (; *letters; letters++)
		for (const struct opt *o = cmd->opts; o->name; o++)
			if (o->letter == *letters && o->kind != OPT_FLAG)
				return !letters[1] && takes_next_word(o) ? o : NULL;
	return NULL;
}

/* The option whose value the word after @word is; NULL: none. */
static const struct opt *option_before_value(const struct command *cmd, const char *word)
{
	const struct opt *o;

	if (*word != '-' || !word[1])
		return NULL;
	if (word[1] != '-')
		return option_of_letters(cmd, word + 1);
	o = option_of_word(cmd, word);
	return o && takes_next_word(o) && !strchr(word, '=') ? o : NULL;
}

const char *complete_option(const struct complete *c, const char *name)
{
	int end = c->command_at ? c->command_at : c->n_words - 1;
	const char *value = NULL;

	for (int i = 1; i < end && strcmp(c->words[i], "--"); i++) {
		const struct opt *o = option_before_value(c->cmd, c->words[i]);
		const char *equals = strchr(c->words[i], '=');

		if (o && i + 1 < end) {
			i++;
			value = strcmp(o->name, name) ? value : c->words[i];
		} else if (equals && !strncmp(c->words[i], "--", 2) &&
			   (o = option_of_word(c->cmd, c->words[i])) && !strcmp(o->name, name)) {
			value = equals + 1;
		}
	}
	return value;
}

static void offer_options(const struct complete *c)
{
	char name[64], help[200], formats[160];

	for (const struct opt *o = c->cmd->opts; o->name; o++) {
		bool has_formats = o->arg && !strcmp(o->arg, "FORMAT") && c->cmd->output;

		if (o->is_refused)
			continue;
		snprintf(help, sizeof(help), "%s%s", o->help, !has_formats ? "" :
			 render_names(c->cmd->output->table, formats, sizeof(formats)));
		if (o->kind == OPT_FLAG || o->kind == OPT_OPTIONAL) {
			snprintf(name, sizeof(name), "--%s", o->name);
			complete_offer(c, name, help);
		}
		if (o->kind != OPT_FLAG) {
			snprintf(name, sizeof(name), "--%s=", o->name);
			complete_offer(c, name, help);
		}
	}
}

void complete_as_command(const struct complete *c)
{
	printf(":command %d\n", c->command_at + 1);
}

/* What follows the command line's start, which was read up to @c->value. */
static void offer_next(struct complete *c, bool options_ended)
{
	const char *equals = strchr(c->value, '=');

	if (c->command_at) {
		if (!offer_named(c, "COMMAND", strlen("COMMAND")))
			complete_as_command(c);
	} else if (c->opt) {
		offer_value(c);
	} else if (!options_ended && !strncmp(c->value, "--", 2) && equals) {
		c->opt = option_of_word(c->cmd, c->value);
		c->start = c->value;
		c->start_len = (int)(equals + 1 - c->value);
		c->value = equals + 1;
		if (c->opt)
			offer_value(c);
	} else if (!options_ended && (*c->value == '-' || !*c->cmd->operands)) {
		offer_options(c);
	} else {
		offer_operand(c, c->cmd->operands, c->n_operands);
	}
}

void complete_command(const struct command *cmd, const struct complete_kind *kinds, char **words,
		      int n)
{
	_cleanup_free_ const char **operands = calloc((size_t)n, sizeof(*operands));
	struct complete c = { .cmd = cmd, .kinds = kinds, .value = words[n - 1], .start = "",
			      .words = words, .n_words = n, .operands = operands };
	const char *command_line = strstr(cmd->operands, "-- ");
	bool options_ended = false;

	for (int i = 1; operands && i < n && !c.command_at; i++) {
		bool is_last = i == n - 1;
		bool is_operand = options_ended || *words[i] != '-' || (!words[i][1] && !is_last);

		if (c.opt && !is_last)
			c.opt = NULL;
		else if (!c.opt && is_operand && command_line == cmd->operands)
			c.command_at = i;
		else if (is_last)
			break;
		else if (!options_ended && !strcmp(words[i], "--"))
			options_ended = true;
		else if (is_operand)
			operands[c.n_operands++] = words[i];
		else
			c.opt = option_before_value(cmd, words[i]);
		if (options_ended && command_line && !c.command_at)
			c.command_at = i + 1;	/* "-- COMMAND...": from there on it is another program's */
	}
	if (operands)
		offer_next(&c, options_ended);
}

void complete_command_name(const struct command *const *commands, const char *word)
{
	const struct complete c = { .value = word, .start = "" };

	for (; *commands; commands++)
		complete_offer(&c, (*commands)->name, (*commands)->summary);
}
