// SPDX-License-Identifier: GPL-2.0-only
/* How our commands are typed on this host: see typed.h. */
#include "util/typed.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/output.h"

enum { CXL, DAXCTL };

static const struct {
	const char *name, *apart;
	const char *commands[9];	/* that the distribution's program has not, or not so */
} programs[] = {
	[CXL] = { "cxl", "cxl-isolation",
		  { "list --isolation", "isolation-status", "enable-isolation", "disable-isolation",
		    "set-timeout", "recover-port", "check-soft-reserved", "explain" } },
	[DAXCTL] = { "daxctl", "daxctl-isolation", { "list --isolation", "prepare-isolation" } },
};

/* What PATH leads to under @name is the front end. */
static bool leads_to_ours(const char *name)
{
	const char *dirs = getenv("PATH");
	char path[PATH_MAX];
	struct stat found, ours;

	snprintf(path, sizeof(path), "%s/%s", FRONT_END_DIR, name);
	if (!dirs || stat(path, &ours))
		return false;
	for (size_t n; *dirs; dirs += n + (dirs[n] == ':')) {
		n = strcspn(dirs, ":");
		snprintf(path, sizeof(path), "%.*s/%s", (int)n, n ? dirs : ".", name);
		if (!stat(path, &found) && S_ISREG(found.st_mode) && !access(path, X_OK))
			return found.st_dev == ours.st_dev && found.st_ino == ours.st_ino;
	}
	return false;
}

static bool is_ours(size_t program)
{
	return !FRONT_ENDS_APART || leads_to_ours(programs[program].name);
}

const char *typed_name(const char *program)
{
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
		if (!strcmp(programs[i].name, program) && !is_ours(i))
			return programs[i].apart;
	return program;
}

/* A word that goes on: "cxl" of "daxcxl" or "/usr/bin/cxl" is not the program that is typed. */
static bool goes_on(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_' || c == '/' || c == '.';
}

/* Of the program of ours that is typed at @at with a command of ours: its place, or -1. */
static int program_at(const char *text, const char *at)
{
	if (at > text && goes_on(at[-1]))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		size_t n = strlen(programs[i].name);

		if (strncmp(at, programs[i].name, n) || at[n] != ' ')
			continue;
		for (const char *const *c = programs[i].commands; *c; c++) {
			const char *word = at + n + 1;

			if (!strncmp(word, *c, strlen(*c)) && !goes_on(word[strlen(*c)]))
				return (int)i;
		}
	}
	return -1;
}

char *typed_text_as(const char *text, bool cxl_is_ours, bool daxctl_is_ours, bool *ret_lost)
{
	const bool ours[] = { [CXL] = cxl_is_ours, [DAXCTL] = daxctl_is_ours };
	_cleanup_free_ char *made = NULL;
	const char *done = text;
	size_t size;
	FILE *f;

	*ret_lost = false;
	if (!text || (cxl_is_ours && daxctl_is_ours))
		return NULL;
	f = open_memstream(&made, &size);
	if (!f) {
		*ret_lost = true;
		return NULL;
	}
	for (const char *at = text; *at; at++) {
		int i = *at == 'c' || *at == 'd' ? program_at(text, at) : -1;

		if (i < 0 || ours[i])
			continue;
		fprintf(f, "%.*s%s", (int)(at - done), done, programs[i].apart);
		done = at + strlen(programs[i].name);
	}
	fputs(done, f);
	*ret_lost = !output_is_whole(f, &made);
	return *ret_lost || done == text ? NULL : steal_ptr(&made);
}

char *typed_text(const char *text, bool *ret_lost)
{
	*ret_lost = false;
	if (!FRONT_ENDS_APART)
		return NULL;
	return typed_text_as(text, is_ours(CXL), is_ours(DAXCTL), ret_lost);
}
