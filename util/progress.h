/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What long work is at, on standard error: one line of a terminal that is written over, and gone
 * at the end; where nobody looks, nothing.
 */
#ifndef UTIL_PROGRESS_H
#define UTIL_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

enum progress_how {
	PROGRESS_AUTO,		/* that line on a terminal, else nothing */
	PROGRESS_LINES,		/* a line each, wherever it goes */
	PROGRESS_NONE,
	PROGRESS_JSON,		/* the command's own: nothing is said here */
	N_PROGRESS_HOWS
};

struct progress {
	enum progress_how how;
	bool is_shown;		/* the line is on the terminal */
	char last[256];		/* what was said last: it is not said again */
};

/* The entry of a command's option table, its value to be given to progress_parse(). */
#define PROGRESS_OPTION(type, member) \
	{ "progress", 0, OPT_STRING, offsetof(type, member), "HOW", \
	  "on standard error: auto (default: a line on a terminal, gone at the end), lines (one each, in a pipe, too) or none", \
	  .values = "auto lines none" }

/* @text NULL: auto.  @json: is that a way, too?  -EINVAL for none of the ways, whose names are in @names of @size bytes. */
int progress_parse(const char *text, bool json, enum progress_how *ret, char *names, size_t size);

void progress_say(struct progress *p, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Take the line away, before anything else is written there. */
void progress_end(struct progress *p);

#endif
