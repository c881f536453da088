// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading udev rules (udev(7)): the keys that rules for memory and dax devices
 * use.  A rule with anything else is refused aloud: one that is half understood
 * would do something else than on a machine.
 */
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>

#include "sim/run/udev.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/parse.h"
#include "util/udev_rule.h"

static const char *const dirs[] = { "/etc/udev/rules.d", "/run/udev/rules.d" };

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum {
	MATCH = 1 << UDEV_IS | 1 << UDEV_IS_NOT,
	ASSIGN = 1 << UDEV_SET | 1 << UDEV_APPEND,
	MAX_TOKENS = 64,
	MAX_FILES = 256
};

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
	{ "IMPORT", UDEV_IMPORT, MATCH | ASSIGN, MUST_NAME },	/* the same */
	{ "TAG", UDEV_TAG, ASSIGN, NO_NAME },
	{ "SYMLINK", UDEV_SYMLINK, ASSIGN, NO_NAME },
	{ "RUN", UDEV_RUN, ASSIGN, MAY_NAME },
	{ "GOTO", UDEV_GOTO, 1 << UDEV_SET, NO_NAME },
	{ "LABEL", UDEV_LABEL, 1 << UDEV_SET, NO_NAME },
};

static const struct {
	const char *text;
	enum udev_operator op;
} operators[] = { { "==", UDEV_IS }, { "!=", UDEV_IS_NOT }, { "+=", UDEV_APPEND }, { ":=", UDEV_SET }, { "=", UDEV_SET } };

/* What @t means; NULL, or why nothing is known of it. */
static const char *understand(const struct udev_rule_token *t, struct udev_token *ret)
{
	size_t i = 0, k = 0;

	while (i < ARRAY_SIZE(operators) && !udev_text_is(t->op, operators[i].text))
		i++;
	while (k < ARRAY_SIZE(keys) && !udev_text_is(t->key, keys[k].name))
		k++;
	if (k == ARRAY_SIZE(keys))
		return "this key is not simulated";
	if (t->prefix)
		return "such a value is not simulated";
	if (i == ARRAY_SIZE(operators) || !(keys[k].operators & 1u << operators[i].op) ||
	    (keys[k].braces == NO_NAME && t->name.v) || (keys[k].braces == MUST_NAME && !t->name.v))
		return "the key is not used like this";
	if ((keys[k].key == UDEV_RUN || keys[k].key == UDEV_IMPORT) && t->name.v &&
	    !udev_text_is(t->name, "program"))
		return keys[k].key == UDEV_RUN ? "only programs are run" : "only what programs print is imported";
	*ret = (struct udev_token){ .key = keys[k].key, .op = operators[i].op };
	return NULL;
}

/* False for lack of memory. */
static bool keep(struct udev_rule *rule, const struct udev_rule_token *t,
		 const struct udev_token *meaning)
{
	struct udev_token *more =
		reallocarray(rule->tokens, rule->n + 1, sizeof(*rule->tokens)), *new;

	if (!more)
		return false;
	rule->tokens = more;
	new = &more[rule->n];
	*new = *meaning;
	new->name = t->name.v ? strndup(t->name.v, t->name.n) : NULL;
	new->value = malloc(t->value.n + 1);
	rule->n++;
	if (!new->value || (t->name.v && !new->name))
		return false;
	udev_rule_value(t, new->value, t->value.n + 1);
	return true;
}

static void rule_free(struct udev_rule *rule)
{
	for (unsigned int i = 0; i < rule->n; i++) {
		free(rule->tokens[i].name);
		free(rule->tokens[i].value);
	}
	free(rule->tokens);
	free(rule->file);
	free(rule);
}

static struct udev_rule *parse_rule(const char *file, unsigned int line, const char *text,
				    bool aloud)
{
	struct udev_rule *rule = calloc(1, sizeof(*rule));
	struct udev_rule_token t = { 0 };
	const char *why = NULL;

	if (!rule)
		return NULL;
	rule->file = strdup(file);
	rule->line = line;
	while (!why && udev_rule_token(&text, &t, &why) > 0) {
		struct udev_token meaning;

		why = rule->n == MAX_TOKENS ? "the rule is too long" : understand(&t, &meaning);
		if (!why && !keep(rule, &t, &meaning))
			why = "out of memory";
	}
	if (!why)
		return rule;
	if (aloud) {
		char key[32], shown[64];

		snprintf(key, sizeof(key), "%.*s", (int)t.key.n, t.key.v ? t.key.v : "");
		fprintf(stderr, "cxl-sim: %s:%u: %s (%s): the rule is left out; see cxl-sim(1) for what is\n", file, line, why,
			printable(key, shown, sizeof(shown)));
	}
	rule_free(rule);
	return NULL;
}

static struct udev_rule **read_file(const char *path, struct udev_rule **end, bool aloud)
{
	int fd = file_open(AT_FDCWD, path, O_RDONLY, 0, NULL);
	_cleanup_fclose_ FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	_cleanup_free_ char *text = NULL;
	size_t capacity = 0;
	unsigned int line = 0, first;
	char *rule, *at;

	if (fd >= 0 && !f)
		close(fd);
	if (!f || getdelim(&text, &capacity, '\0', f) < 0)
		return end;
	for (at = text; (rule = udev_rule_next(&at, &line, &first));) {
		*end = parse_rule(path, first, rule, aloud);
		end = *end ? &(*end)->next : end;
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
		stamp = stamp * 31 + (uint64_t)st.st_mtim.tv_sec * 1000000000 +
			(uint64_t)st.st_mtim.tv_nsec;
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
