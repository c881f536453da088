/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text for people (--format=human), made of a record by tables: a pure function of it.
 *
 * A template has "{path}" where a value stands, looked for in the innermost object first.
 * An array's are joined, also those of a member of each of its objects; sizes and durations
 * have a unit, what is unknown says so.  "{.}" is the element itself of an array of names.
 * "{#path condition:one:many}" counts the elements that a condition (may be left out) holds
 * for, with the word for it behind.  "[...]" is left out where one of the values in it is
 * null, empty, false or 0.
 *
 * A condition is "path", "!path" (what "[...]" would leave out), "path=value" or
 * "path!=value", where a value "$name" is that of the member of that name; of several with commas between all have to hold.
 */
#ifndef UTIL_RENDER_TEXT_H
#define UTIL_RENDER_TEXT_H

#include <json-c/json.h>

/* A line, folded to the width of the terminal. */
struct text_line {
	const char *label;	/* before it, as in "next"; "": it is only moved in; NULL: at the margin */
	const char *text;	/* template */
	const char *when;	/* condition; NULL: always */
	const char *each;	/* path, of arrays: a line for each element, the label at the first; NULL: one line */
	/* What else is said of an element that is a name: a new object, or NULL. */
	struct json_object *(*look_up)(const char *name);
};

struct render_text {
	const struct text_line *head;	/* of the whole record; its array "rows" is those below; NULL: none */
	void (*rows)(struct json_object *record, struct json_object *rows);
	const char *first;		/* those for which this holds come before the others; NULL: as they are */
	const struct text_line *lines;	/* of each row: a block */
	const struct text_line *tail;	/* as .head, behind the rows */
};

/* All tables of lines end with one without text. */

#endif
