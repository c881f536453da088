// SPDX-License-Identifier: GPL-2.0-only
/* Sentences of the acting monitor: see act_say.h. */
#include "lib/act/act_say.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* systemd.exec(5), $JOURNAL_STREAM: then "<N>" before a line is its priority. */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st))
		return false;
	snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return !strcmp(stream, own);
}

void act_say(int priority, const char *root_port, const char *fmt, ...)
{
	char text[2048], before[16] = "";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (is_journal())
		snprintf(before, sizeof(before), "<%d>", priority);
	/* in one piece, beside those of others */
	fprintf(stderr, "%scxl isolation-status: %s%s%s\n", before, root_port ? root_port : "", root_port ? ": " : "", text);
}
