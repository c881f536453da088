// SPDX-License-Identifier: GPL-2.0-only
/* Colours of what is printed, and the terminal it is printed on: see render.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "util/array.h"
#include "util/render_format.h"

static const char *const sequences[] = {
	[COLOUR_RED] = "\033[1;31m", [COLOUR_GREEN] = "\033[32m", [COLOUR_YELLOW] = "\033[33m", [COLOUR_BOLD] = "\033[1m",
};

/* Is @v, or one in it, of that value, or anything at all where that is NULL? */
static bool has_value(struct json_object *v, const char *value)
{
	char number[24];

	switch (json_object_get_type(v)) {
	case json_type_null:
		return false;
	case json_type_array:
		for (size_t i = 0; i < render_length(v); i++)
			if (has_value(json_object_array_get_idx(v, i), value))
				return true;
		return false;
	default:
		return value ? !strcmp(render_scalar(v, number, sizeof(number)), value)
			     : json_object_get_boolean(v);
	}
}

const char *render_colour_of(const struct render_table *table, const char *key,
			     struct json_object *v)
{
	const struct render_colour *c = table ? table->colours : NULL;

	for (; c && c->key; c++)
		if (!strcmp(c->key, key) && has_value(v, c->value))
			return sequences[c->colour];
	return NULL;
}

/* Of the terminal @fd; 0: it is none, or nobody knows. */
static int width_of(int fd)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;

	if (!isatty(fd))
		return 0;
	if (!ioctl(fd, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	return columns ? atoi(columns) : 0;
}

static bool is_coloured(const char *when, int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (when && strcmp(when, "auto") != 0)
		return !strcmp(when, "always");
	return isatty(fd) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

struct render_look render_look_of(int fd, const char *colour)
{
	return (struct render_look){ .width = fd < 0 ? 0 : width_of(fd),
				     .colour = is_coloured(colour, fd) };
}
