// SPDX-License-Identifier: GPL-2.0-only
/*
 * What makes System RAM of new memory without being asked: the kernel's own
 * policy and parameters, kmem bound at probe, udev rules.  Reads only.
 */
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cxl/lib/snapshot/dax.h"
#include "util/parse.h"

const char *const online_kind_names[] = {
	[ONLINE_AUTO] = "auto-online-blocks", [ONLINE_KMEM] = "kmem",
	[ONLINE_UDEV] = "udev-rule", [ONLINE_PARAMETER] = "kernel-parameter",
};

/* Where udev looks, a file hiding those of its name further down: udev(7). */
static const char *const rule_dirs[] = {
	"etc/udev/rules.d", "run/udev/rules.d", "usr/local/lib/udev/rules.d", "usr/lib/udev/rules.d", "lib/udev/rules.d",
};
enum { N_RULE_DIRS = sizeof(rule_dirs) / sizeof(rule_dirs[0]), MAX_BYTES = 1 << 20 };

static int add_cause(struct cxl_host *host, struct dax_view *view, enum online_kind kind, const char *where,
		     const char *value)
{
	struct online_cause *more = arena_alloc(&host->arena, view->n_causes + 1, sizeof(*more));
	char shown[200];

	if (!more)
		return -ENOMEM;
	if (view->n_causes)
		memcpy(more, view->causes, view->n_causes * sizeof(*more));
	view->causes = more;
	more[view->n_causes] = (struct online_cause){
		kind, arena_strdup(&host->arena, where), arena_strdup(&host->arena, printable(value, shown, sizeof(shown))),
	};
	if (!more[view->n_causes].where || !more[view->n_causes].value)
		return -ENOMEM;
	view->n_causes++;
	return 0;
}

/* "online", "online_kernel", "online_movable" */
static bool onlines(const char *policy)
{
	return !strncmp(policy, "online", 6);
}

static int kernel_policy(struct cxl_host *host, struct dax_view *view)
{
	static const char path[] = "sys/devices/system/memory/auto_online_blocks";
	char text[32];

	if (sysfs_read(&host->fs, path, text, sizeof(text)) <= 0)
		return 0;
	view->auto_online = arena_strdup(&host->arena, text);
	if (!view->auto_online)
		return -ENOMEM;
	return onlines(text) ? add_cause(host, view, ONLINE_AUTO, "/sys/devices/system/memory/auto_online_blocks", text) : 0;
}

/* Documentation/admin-guide/kernel-parameters.txt: memhp_default_state= */
static int kernel_parameter(struct cxl_host *host, struct dax_view *view)
{
	static const char name[] = "memhp_default_state=";
	char *text, *last = NULL;
	size_t n;

	if (sysfs_read_whole(&host->fs, &host->arena, "proc/cmdline", MAX_BYTES, &text, &n))
		return 0;
	for (char *word = strtok(text, " \n"); word; word = strtok(NULL, " \n"))
		if (!strncmp(word, name, sizeof(name) - 1))
			last = word;
	return last && onlines(last + sizeof(name) - 1) ? add_cause(host, view, ONLINE_PARAMETER, "/proc/cmdline", last) : 0;
}

/* kmem takes every dax device of CXL memory at probe: dax_match_type() of
 * drivers/dax/bus.c, unless the bus does not probe by itself. */
static int kmem_at_probe(struct cxl_host *host, struct dax_view *view)
{
	struct sysfs_names names;
	char text[8];

	if (sysfs_read(&host->fs, "sys/bus/dax/drivers_autoprobe", text, sizeof(text)) > 0 && !strcmp(text, "0"))
		return 0;
	if (sysfs_list(&host->fs, &host->arena, "sys/bus/dax/drivers/kmem", NULL, &names))
		return 0;
	return add_cause(host, view, ONLINE_KMEM, "/sys/bus/dax/drivers/kmem", "is bound to a dax device when it appears");
}

/* KEY{NAME} OPERATOR "VALUE" of a rule; each text points into it. */
struct rule_token {
	const char *key, *name, *op, *value;
	int key_len, name_len, op_len, value_len;
};

/* The next one at *@at, which moves behind it. */
static bool next_token(const char **at, struct rule_token *t)
{
	const char *p = *at + strcspn(*at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");

	*t = (struct rule_token){ .key = p, .key_len = (int)strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") };
	p += t->key_len;
	if (*p == '{') {
		t->name = ++p;
		t->name_len = (int)strcspn(p, "}");
		p += t->name_len;
		p += *p == '}';
	}
	t->op = p += strspn(p, " \t");
	t->op_len = (int)strspn(p, "=!+-:");
	p += t->op_len;
	p += strspn(p, " \t");
	p += *p == 'e' || *p == 'i';	/* e"..." has escapes, i"..." is matched in either case */
	if (!t->op_len || *p++ != '"')
		return false;
	t->value = p;
	while (*p && *p != '"')
		p += p[0] == '\\' && p[1] ? 2 : 1;
	t->value_len = (int)(p - t->value);
	*at = p + (*p == '"');
	return *p;
}

static bool token_is(const struct rule_token *t, const char *key, const char *op)
{
	return (size_t)t->key_len == strlen(key) && !strncmp(t->key, key, strlen(key)) &&
		(size_t)t->op_len == strlen(op) && !strncmp(t->op, op, strlen(op));
}

/* "memory|cpu", "mem*" */
static bool matches_memory(const struct rule_token *t)
{
	char patterns[256];
	char *pattern, *rest = patterns;

	snprintf(patterns, sizeof(patterns), "%.*s", t->value_len, t->value);
	while ((pattern = strsep(&rest, "|")))
		if (!fnmatch(pattern, "memory", 0))
			return true;
	return false;
}

static bool name_is(const struct rule_token *t, const char *name)
{
	return (size_t)t->name_len == strlen(name) && !strncmp(t->name, name, strlen(name));
}

/* ATTR{state}="online", or what a variable holds then; ATTR{online}="1", which processors have too. */
static bool token_onlines(const struct rule_token *t, bool is_memory)
{
	if (!token_is(t, "ATTR", "=") && !token_is(t, "ATTR", ":="))
		return false;
	if (name_is(t, "state"))
		return !strncmp(t->value, "online", 6) || *t->value == '$' || *t->value == '%';
	return is_memory && name_is(t, "online") && *t->value == '1';
}

/* What a rules file said so far: up to the label @until nothing is about memory. */
struct rule_gate {
	char until[64];
};

/*
 * Does the rule make memory System RAM?  GOTOs are not followed: a rule that may be
 * jumped over counts, but where all that is not of another subsystem jumps over it.
 */
static bool rule_onlines(const char *rule, struct rule_gate *gate)
{
	bool is_memory = false, is_other = false, leaves = false, onlines_it = false;
	struct rule_token t;

	for (const char *at = rule; next_token(&at, &t);) {
		if (token_is(&t, "SUBSYSTEM", "==") || token_is(&t, "SUBSYSTEMS", "==")) {
			is_memory |= matches_memory(&t);
			is_other |= !matches_memory(&t);
		} else if (token_is(&t, "SUBSYSTEM", "!=") || token_is(&t, "SUBSYSTEMS", "!=")) {
			is_other |= matches_memory(&t);
			leaves |= !matches_memory(&t);
		} else if (token_is(&t, "LABEL", "=") && (size_t)t.value_len == strlen(gate->until) &&
			   !strncmp(t.value, gate->until, (size_t)t.value_len)) {
			*gate->until = '\0';
		} else if (token_is(&t, "GOTO", "=") && leaves && !*gate->until) {
			snprintf(gate->until, sizeof(gate->until), "%.*s", t.value_len, t.value);
		}
		onlines_it |= token_onlines(&t, is_memory);
	}
	return onlines_it && !is_other && !*gate->until;
}

/* Lines that end in a backslash go on in the next. */
static int scan_rules(struct cxl_host *host, struct dax_view *view, const char *path, char *text)
{
	unsigned int number = 1, starts = 1;
	char *rule = text, *line = text;
	struct rule_gate gate = { 0 };
	char where[PATH_MAX + 16];
	int rc = 0;

	while (!rc && *line) {
		char *end = line + strcspn(line, "\n");
		bool goes_on = end > line && end[-1] == '\\' && *end;
		bool is_last = !*end;

		if (goes_on) {
			end[-1] = ' ';
			*end = ' ';
		} else {
			*end = '\0';
			rule += strspn(rule, " \t");
			snprintf(where, sizeof(where), "/%s:%u", path, starts);
			if (*rule != '#' && rule_onlines(rule, &gate))
				rc = add_cause(host, view, ONLINE_UDEV, where, rule);
			rule = end + 1;
			starts = number + 1;
		}
		number++;
		if (is_last)
			break;
		line = end + 1;
	}
	return rc;
}

static bool is_rules(const char *name)
{
	size_t n = strlen(name);

	return n > 6 && !strcmp(name + n - 6, ".rules");
}

static bool has_name(const struct sysfs_names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->v[i], name))
			return true;
	return false;
}

static int udev_rules(struct cxl_host *host, struct dax_view *view)
{
	struct sysfs_names names[N_RULE_DIRS];
	char path[PATH_MAX];
	int rc = 0;

	for (size_t d = 0; d < N_RULE_DIRS; d++) {
		if (sysfs_list(&host->fs, &host->arena, rule_dirs[d], is_rules, &names[d]) == -ENOMEM)
			return -ENOMEM;
		sysfs_sort(&names[d]);
		for (size_t i = 0; !rc && i < names[d].n; i++) {
			bool is_hidden = false;
			char *text;
			size_t n;

			for (size_t k = 0; k < d; k++)
				is_hidden |= has_name(&names[k], names[d].v[i]);
			if (is_hidden || sysfs_join(path, sizeof(path), rule_dirs[d], names[d].v[i]) ||
			    sysfs_read_whole(&host->fs, &host->arena, path, MAX_BYTES, &text, &n))
				continue;
			rc = scan_rules(host, view, path, text);
		}
	}
	return rc;
}

int online_causes_read(struct cxl_host *host, struct dax_view *view)
{
	static int (*const sources[])(struct cxl_host *host, struct dax_view *view) = {
		kernel_policy, kernel_parameter, kmem_at_probe, udev_rules,
	};
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(sources) / sizeof(sources[0]); i++)
		rc = sources[i](host, view);
	return rc;
}
