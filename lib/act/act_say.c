// SPDX-License-Identifier: GPL-2.0-only
/* Sentences of the acting monitor: see act_say.h. */
#include "lib/act/act_say.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "util/systemd.h"

void act_say(int priority, const char *root_port, const char *fmt, ...)
{
	char text[2048], before[16] = "";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (journal_has(STDERR_FILENO))
		snprintf(before, sizeof(before), "<%d>", priority);
	/* in one piece, beside those of others */
	fprintf(stderr, "%scxl isolation-status: %s%s%s\n", before, root_port ? root_port : "", root_port ? ": " : "", text);
}
