/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The frame of every command of ours, in whichever program: common options, and
 * the one place where messages and records are printed.
 */
#ifndef UTIL_COMMAND_H
#define UTIL_COMMAND_H

#include <json-c/json.h>
#include <stddef.h>

#include "util/arena.h"
#include "util/options.h"
#include "util/render.h"

struct common_options {
	const char *format, *output, *columns;
	struct opt_optional colour;
	bool human, verbose, help;
};

/*
 * Entries for a command's option table; @common is a member of @type.  The formats and columns that
 * a command has are those that its output fits: its help has them from there.
 */
#define RENDER_OPTIONS_IN(type, common) \
	{ "format", 0, OPT_STRING, offsetof(type, common.format), "FORMAT", "how to print: " }, \
	{ "columns", 0, OPT_STRING, offsetof(type, common.columns), "LIST", "columns of a table, in this order, commas between (help lists them): " }, \
	{ "color", 0, OPT_OPTIONAL, offsetof(type, common.colour), "WHEN", \
	  "colours in tables and text: auto (default: on a terminal, unless NO_COLOR is set), always or never", .values = "auto always never" }
#define COMMON_OPTIONS_IN(type, common) \
	RENDER_OPTIONS_IN(type, common), \
	{ "human", 'u', OPT_FLAG, offsetof(type, common.human), NULL, \
	  "the same as --format=json-human: JSON, sizes and times with their units" }, \
	{ "output", 'o', OPT_STRING, offsetof(type, common.output), "FILE", \
	  "write there instead of to standard output, whole or not at all" }, \
	{ "verbose", 'v', OPT_FLAG, offsetof(type, common.verbose), NULL, \
	  "also say on standard error what is merely informative" }, \
	{ "help", 'h', OPT_FLAG, offsetof(type, common.help), NULL, "show this help" }
#define COMMON_OPTIONS(type) COMMON_OPTIONS_IN(type, common)

/* The entry of a command that changes something: taken only to say why not, by command_refuse_sysroot(). */
#define SYSROOT_REFUSED(type, member) \
	{ "sysroot", 0, OPT_STRING, offsetof(type, member), "DIR", "refused: a capture cannot be changed", \
	  .is_refused = true }

/* What a command prints: {"schema", "exit_status", "messages", @key: [...]}. */
struct command_output {
	const char *schema, *key;
	const struct render_table *table;	/* NULL: the command has none */
	/* With @key NULL the members are those of an object; this makes it as it
	 * is when the command line is wrong. */
	struct json_object *(*empty)(void);
	const char *format;	/* NULL: json, if none is asked for */
	/* What is printed in its place with an option each, ends with NULL: command_pick() says which. */
	const struct command_output *const *others;
	const char *with;	/* of such a one: the option, "impact" */
};

struct command_run {
	const struct command *cmd;
	const struct common_options *common;
	const struct render_format *format;
	const struct command_output *output;
	bool quiet;		/* standard output is somebody else's: print only to --output */
	const char *changed;	/* something was changed, which this command shows; else NULL */
	int first_operand;
	char **operands;	/* ends with NULL */
};

/*
 * "cxl enable-isolation --timeout=B2 root0": @argv of a command as it is to be typed again,
 * memory from @a; NULL for lack of it.
 */
const char *command_typed(struct arena *a, int argc, char **argv);

/*
 * Parse @argv into @opts.  True: go on.  False: return *@ret_status, everything
 * (help, or one sentence on what is wrong) has been said.
 */
bool command_begin(const struct command *cmd, int argc, char **argv, void *opts,
		   const struct common_options *common, struct command_run *ret, int *ret_status);

/* From now on it is this one of .others, or the first; -EINVAL with @err where it has not what was asked for. */
int command_pick(struct command_run *run, const struct command_output *output, struct err *err);

/* -EROFS with @err when @sysroot was given. */
int command_refuse_sysroot(const char *sysroot, struct err *err);

/*
 * Print the output with @list (or an object of members, where the output has no
 * key), which is taken, and the messages on stderr.
 * Returns @status, or EXIT_REFUSED when the output could not be written.
 */
int command_end(const struct command_run *run, int status, const struct messages *messages,
		struct json_object *list);

#endif
