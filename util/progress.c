// SPDX-License-Identifier: GPL-2.0-only
/* See progress.h. */
#include "util/progress.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* ECMA-48: to the first column, and erase what is in the line */
#define ERASE_LINE "\r\033[K"

enum { DEFAULT_WIDTH = 80 };

static const char *const names_of[N_PROGRESS_HOWS] = {
	[PROGRESS_AUTO] = "auto", [PROGRESS_LINES] = "lines", [PROGRESS_NONE] = "none", [PROGRESS_JSON] = "json",
};

int progress_parse(const char *text, bool json, enum progress_how *ret, char *names, size_t size)
{
	enum progress_how how = PROGRESS_AUTO, end = json ? N_PROGRESS_HOWS : PROGRESS_JSON;

	while (text && how < end && strcmp(text, names_of[how]) != 0)
		how++;
	snprintf(names, size, "auto, lines%s or none", json ? ", json" : "");
	if (how == end)
		return -EINVAL;
	*ret = how;
	return 0;
}

/* A terminal that can take a line away. */
static bool is_terminal(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && (!term || strcmp(term, "dumb") != 0);
}

static int width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col < 2)
		return DEFAULT_WIDTH;
	return size.ws_col;
}

void progress_say(struct progress *p, const char *format, ...)
{
	char text[sizeof(p->last)];
	va_list ap;

	if (p->how != PROGRESS_LINES && (p->how != PROGRESS_AUTO || !is_terminal()))
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (!strcmp(text, p->last))
		return;
	memcpy(p->last, text, sizeof(text));
	if (p->how == PROGRESS_LINES) {
		fprintf(stderr, "%s\n", text);
		return;
	}
	/* the last column stays free: some terminals go to the next line behind it */
	fprintf(stderr, ERASE_LINE "%.*s", width() - 1, text);
	fflush(stderr);
	p->is_shown = true;
}

void progress_end(struct progress *p)
{
	if (p->is_shown)
		fputs(ERASE_LINE, stderr);
	p->is_shown = false;
}
