// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading udev rules (udev(7)): the keys that rules for memory and dax devices
 * use.  A rule with anything else is refused aloud: one that is half understood
 * would do something else than on a machine.
 */
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/udev.h"
#include "util/cleanup.h"
#include "util/parse.h"

static const char *const dirs[] = { "/etc/udev/rules.d", "/run/udev/rules.d" };

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum { MATCH = 1 << UDEV_IS | 1 << UDEV_IS_NOT, ASSIGN = 1 << UDEV_SET | 1 << UDEV_APPEND, MAX_TOKENS = 64, MAX_FILES = 256 };

static const struct {
	const char *name;
	enum udev_key key;
	unsigned int operators;
	enum { NO_NAME, MAY_NAME, MUST_NAME } braces;
} keys[] = {
	{ "ACTION", UDEV_ACTION, MATCH, NO_NAME },
	{ "DEVPATH", UDEV_DEVPATH, MATCH, NO_NAME },
	{ "KERNEL", UDEV_KERNEL, MATCH, NO_NAME },
	{ "SUBSYSTEM", UDEV_SUBSYSTEM, MATCH, NO_NAME },
	{ "DRIVER", UDEV_DRIVER, MATCH, NO_NAME },
	{ "ATTR", UDEV_ATTR, MATCH | 1 << UDEV_SET, MUST_NAME },
	{ "ENV", UDEV_ENV, MATCH | ASSIGN, MUST_NAME },
	{ "TEST", UDEV_TEST, MATCH, NO_NAME },
	{ "KERNELS", UDEV_KERNELS, MATCH, NO_NAME },
	{ "SUBSYSTEMS", UDEV_SUBSYSTEMS, MATCH, NO_NAME },
	{ "DRIVERS", UDEV_DRIVERS, MATCH, NO_NAME },
	{ "ATTRS", UDEV_ATTRS, MATCH, MUST_NAME },
	{ "PROGRAM", UDEV_PROGRAM, MATCH | ASSIGN, NO_NAME },	/* however it is written, it is run */
	{ "RESULT", UDEV_RESULT, MATCH, NO_NAME },
	{ "RUN", UDEV_RUN, ASSIGN, MAY_NAME },
	{ "GOTO", UDEV_GOTO, 1 << UDEV_SET, NO_NAME },
	{ "LABEL", UDEV_LABEL, 1 << UDEV_SET, NO_NAME },
};

static const struct {
	const char *text;
	enum udev_operator op;
} operators[] = { { "==", UDEV_IS }, { "!=", UDEV_IS_NOT }, { "+=", UDEV_APPEND }, { ":=", UDEV_SET }, { "=", UDEV_SET } };

/* KEY{NAME}OP"VALUE" at *@p, which moves behind it: NULL, or why not. */
static const char *parse_token(char **p, struct udev_token *t, char *key, size_t size)
{
	size_t n = strspn(*p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), i, k;
	char *name = NULL, *at = *p + n, *out;

	snprintf(key, size, "%.*s", (int)n, *p);
	if (*at == '{') {
		name = ++at;
		at += strcspn(at, "}");
		if (*at != '}')
			return "a brace is not closed";
		*at++ = '\0';
	}
	at += strspn(at, " \t");
	for (i = 0; i < ARRAY_SIZE(operators) && strncmp(at, operators[i].text, strlen(operators[i].text)); i++)
		;
	if (!n || i == ARRAY_SIZE(operators))
		return "KEY OPERATOR \"VALUE\" is expected";
	at += strlen(operators[i].text);
	at += strspn(at, " \t");
	if (*at++ != '"')
		return "a value in double quotes is expected";
	for (k = 0; k < ARRAY_SIZE(keys) && strcmp(keys[k].name, key); k++)
		;
	if (k == ARRAY_SIZE(keys))
		return "this key is not simulated";
	if (!(keys[k].operators & 1u << operators[i].op) || (keys[k].braces == NO_NAME && name) ||
	    (keys[k].braces == MUST_NAME && !name))
		return "the key is not used like this";
	if (keys[k].key == UDEV_RUN && name && strcmp(name, "program"))
		return "only programs are run";
	*t = (struct udev_token){ .key = keys[k].key, .op = operators[i].op, .name = name, .value = at };
	for (out = at; *at && *at != '"'; *out++ = *at++)
		at += at[0] == '\\' && at[1] == '"';
	if (*at != '"')
		return "a quote is not closed";
	*p = at + 1;
	*out = '\0';
	return NULL;
}

static struct udev_rule *parse_line(const char *file, unsigned int line, char *text, bool aloud)
{
	struct udev_token tokens[MAX_TOKENS];
	struct udev_rule *rule;
	const char *why = NULL;
	char key[32] = "", shown[64];
	unsigned int n = 0;

	for (char *p = text; p += strspn(p, ", \t\n"), *p && !why; n++)
		why = n == MAX_TOKENS ? "the rule is too long" : parse_token(&p, &tokens[n], key, sizeof(key));
	if (why && !aloud)
		return NULL;
	if (why) {
		fprintf(stderr, "cxl-sim: %s:%u: %s (%s): the rule is left out; see cxl-sim(1) for what is\n", file, line, why,
			printable(key, shown, sizeof(shown)));
		return NULL;
	}
	rule = calloc(1, sizeof(*rule));
	if (!rule)
		return NULL;
	rule->file = strdup(file);
	rule->line = line;
	rule->tokens = calloc(n + 1, sizeof(*rule->tokens));
	for (unsigned int i = 0; rule->tokens && i < n; i++) {
		rule->tokens[i] = tokens[i];
		rule->tokens[i].name = tokens[i].name ? strdup(tokens[i].name) : NULL;
		rule->tokens[i].value = strdup(tokens[i].value);
		rule->n += rule->tokens[i].value != NULL;
	}
	return rule;
}

static struct udev_rule **read_file(const char *path, struct udev_rule **end, bool aloud)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *line = NULL, *joined = NULL;
	size_t capacity = 0;
	unsigned int number = 0, first = 0;

	while (f && getline(&line, &capacity, f) >= 0) {
		size_t n = strcspn(line, "\n");
		bool goes_on = n && line[n - 1] == '\\';
		const char *start = line + strspn(line, " \t");
		char *more;

		number++;
		if (!joined && (*start == '#' || !*start || *start == '\n'))
			continue;
		first = joined ? first : number;
		if (asprintf(&more, "%s%.*s", joined ? joined : "", (int)(n - goes_on), start) < 0)
			break;
		free(joined);
		joined = more;
		if (goes_on)
			continue;
		*end = parse_line(path, first, joined, aloud);
		end = *end ? &(*end)->next : end;
		free(steal_ptr(&joined));
	}
	return end;
}

/* Names of all files, from all directories, in the order of names; the first
 * directory that has one wins. */
static size_t list_files(char *paths[], size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		_cleanup_closedir_ DIR *dir = opendir(dirs[i]);
		struct dirent *d;

		while (dir && n < max && (d = readdir(dir))) {
			bool hidden = false;

			for (size_t k = 0; k < n; k++)
				hidden |= !strcmp(strrchr(paths[k], '/') + 1, d->d_name);
			if (hidden || fnmatch("*.rules", d->d_name, FNM_PERIOD))
				continue;
			if (asprintf(&paths[n], "%s/%s", dirs[i], d->d_name) >= 0)
				n++;
		}
	}
	return n;
}

static int by_file_name(const void *a, const void *b)
{
	return strcmp(strrchr(*(char *const *)a, '/'), strrchr(*(char *const *)b, '/'));
}

uint64_t udev_rules_stamp(void)
{
	char *paths[MAX_FILES];
	size_t n = list_files(paths, MAX_FILES);
	uint64_t stamp = n;

	for (size_t i = 0; i < n; i++) {
		struct stat st = { 0 };

		stat(paths[i], &st);
		stamp = stamp * 31 + (uint64_t)st.st_ino;
		stamp = stamp * 31 + (uint64_t)st.st_size;
		stamp = stamp * 31 + (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec;
		free(paths[i]);
	}
	return stamp;
}

struct udev_rule *udev_rules_read(bool aloud)
{
	struct udev_rule *rules = NULL, **end = &rules;
	char *paths[MAX_FILES];
	size_t n = list_files(paths, MAX_FILES);

	qsort(paths, n, sizeof(*paths), by_file_name);
	for (size_t i = 0; i < n; i++) {
		end = read_file(paths[i], end, aloud);
		free(paths[i]);
	}
	return rules;
}
