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
#include <sys/stat.h>

#include "lib/read/reader.h"
#include "util/array.h"
#include "util/parse.h"
#include "util/udev_rule.h"

/* Where udev looks, a file hiding those of its name further down: udev(7). */
static const char *const rule_dirs[] = {
	"etc/udev/rules.d", "run/udev/rules.d", "usr/local/lib/udev/rules.d", "usr/lib/udev/rules.d", "lib/udev/rules.d",
};
enum { N_RULE_DIRS = ARRAY_SIZE(rule_dirs), MAX_BYTES = 1 << 20 };

static int add_cause(const struct cxl_host *host, struct dax_view *view, enum online_kind kind,
		     const char *where, const char *value)
{
	struct online_cause *more = arena_alloc(host->arena, view->n_causes + 1, sizeof(*more));
	char shown[200];

	if (!more)
		return -ENOMEM;
	if (view->n_causes)
		memcpy(more, view->causes, view->n_causes * sizeof(*more));
	view->causes = more;
	more[view->n_causes] = (struct online_cause){
		kind,
		arena_strdup(host->arena, where),
		value ? arena_strdup(host->arena, printable(value, shown, sizeof(shown))) : NULL,
	};
	if (!more[view->n_causes].where || (value && !more[view->n_causes].value))
		return -ENOMEM;
	view->n_causes++;
	return 0;
}

/* "online", "online_kernel", "online_movable" */
static bool onlines(const char *policy)
{
	return !strncmp(policy, "online", 6);
}

static int kernel_policy(const struct cxl_host *host, struct dax_view *view)
{
	static const char path[] = "sys/devices/system/memory/auto_online_blocks";
	char text[32];

	if (sysfs_read(host->fs, path, text, sizeof(text)) <= 0)
		return 0;
	view->auto_online = arena_strdup(host->arena, text);
	if (!view->auto_online)
		return -ENOMEM;
	return onlines(text) ? add_cause(host, view, ONLINE_AUTO, "/sys/devices/system/memory/auto_online_blocks", text) : 0;
}

/* Documentation/admin-guide/kernel-parameters.txt: memhp_default_state= */
static int kernel_parameter(const struct cxl_host *host, struct dax_view *view)
{
	static const char name[] = "memhp_default_state=";
	char *text, *last = NULL;
	size_t n;

	if (sysfs_read_whole(host->fs, host->arena, "proc/cmdline", MAX_BYTES, &text, &n))
		return 0;
	for (char *word = strtok(text, " \n"); word; word = strtok(NULL, " \n"))
		if (!strncmp(word, name, sizeof(name) - 1))
			last = word;
	return last && onlines(last + sizeof(name) - 1) ? add_cause(host, view, ONLINE_PARAMETER, "/proc/cmdline", last) : 0;
}

/* kmem takes every dax device of CXL memory at probe: dax_match_type() of
 * drivers/dax/bus.c, unless the bus does not probe by itself. */
static int kmem_at_probe(const struct cxl_host *host, struct dax_view *view)
{
	struct sysfs_names names;
	char text[8];

	if (sysfs_read(host->fs, DAX_AUTOPROBE, text, sizeof(text)) > 0 && !strcmp(text, "0"))
		return 0;
	if (sysfs_list(host->fs, host->arena, "sys/bus/dax/drivers/kmem", NULL, &names))
		return 0;
	return add_cause(host, view, ONLINE_KMEM, "/sys/bus/dax/drivers/kmem", "is bound to a dax device when it appears");
}

static bool token_is(const struct udev_rule_token *t, const char *key, const char *op)
{
	return udev_text_is(t->key, key) && udev_text_is(t->op, op);
}

/* "memory|cpu", "mem*" */
static bool matches_memory(const struct udev_rule_token *t)
{
	char patterns[256];
	char *pattern, *rest = patterns;

	udev_rule_value(t, patterns, sizeof(patterns));
	while ((pattern = strsep(&rest, "|")))
		if (!fnmatch(pattern, "memory", 0))
			return true;
	return false;
}

/* ATTR{state}="online", or what a variable holds then; ATTR{online}="1", which processors have too. */
static bool token_onlines(const struct udev_rule_token *t, bool is_memory)
{
	if (!token_is(t, "ATTR", "=") && !token_is(t, "ATTR", ":="))
		return false;
	if (udev_text_is(t->name, "state"))
		return !strncmp(t->value.v, "online", 6) || *t->value.v == '$' || *t->value.v == '%';
	return is_memory && udev_text_is(t->name, "online") && *t->value.v == '1';
}

/* What a rules file said so far: up to the label @until nothing is about memory. */
struct rule_gate {
	struct udev_text until;
	bool is_open;	/* whatever it says */
};

static const char *next_key(const char *at)
{
	return at + strcspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

/*
 * Does the rule make memory System RAM?  GOTOs are not followed: a rule that may be
 * jumped over counts, but where all that is not of another subsystem jumps over it.
 */
static bool rule_onlines(const char *rule, struct rule_gate *gate)
{
	bool is_memory = false, is_other = false, leaves = false, onlines_it = false;
	struct udev_rule_token t;
	const char *why;

	/* what stands before a key may make udev drop the rule, or not: it counts */
	for (const char *at = next_key(rule); udev_rule_token(&at, &t, &why) > 0;
	     at = next_key(at)) {
		if (token_is(&t, "SUBSYSTEM", "==") || token_is(&t, "SUBSYSTEMS", "==")) {
			is_memory |= matches_memory(&t);
			is_other |= !matches_memory(&t);
		} else if (token_is(&t, "SUBSYSTEM", "!=") || token_is(&t, "SUBSYSTEMS", "!=")) {
			is_other |= matches_memory(&t);
			leaves |= !matches_memory(&t);
		} else if (token_is(&t, "LABEL", "=") && gate->until.n && t.value.n == gate->until.n &&
			   !memcmp(t.value.v, gate->until.v, t.value.n)) {
			gate->until.n = 0;
		} else if (token_is(&t, "GOTO", "=") && leaves && !gate->until.n && !gate->is_open) {
			gate->until = t.value;
		}
		onlines_it |= token_onlines(&t, is_memory);
	}
	return onlines_it && !is_other && !gate->until.n;
}

/* *@ret_closed: the label of a GOTO did not come. */
static int scan_rules(const struct cxl_host *host, struct dax_view *view, const char *path,
		      char *text, bool is_open, bool *ret_closed)
{
	struct rule_gate gate = { .is_open = is_open };
	char where[PATH_MAX + 16], *rule;
	unsigned int line = 0, first;
	int rc = 0;

	while (!rc && (rule = udev_rule_next(&text, &line, &first))) {
		snprintf(where, sizeof(where), "/%s:%u", path, first);
		if (rule_onlines(rule, &gate))
			rc = add_cause(host, view, ONLINE_UDEV, where, rule);
	}
	*ret_closed = gate.until.n;
	return rc;
}

/* A GOTO whose label no later rule has udev ignores: of such a file none is believed. */
static int scan_file(const struct cxl_host *host, struct dax_view *view, const char *path,
		     char *text)
{
	size_t before = view->n_causes;
	char *copy = arena_strdup(host->arena, text);
	bool is_closed;
	int rc = copy ? scan_rules(host, view, path, text, false, &is_closed) : -ENOMEM;

	if (rc || !is_closed)
		return rc;
	view->n_causes = before;
	return scan_rules(host, view, path, copy, true, &is_closed);
}

static bool is_rules(const char *name)
{
	return has_suffix(name, ".rules");
}

static bool has_name(const struct sysfs_names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->v[i], name))
			return true;
	return false;
}

/* A device in place of rules, in general /dev/null, switches them off: udev(7). */
static bool is_masked(const struct cxl_host *host, const char *path)
{
	struct statx st;

	return !sysfs_stat(host->fs, path, &st) && (S_ISCHR(st.stx_mode) || S_ISBLK(st.stx_mode));
}

/* Rules at @path that nobody here could look at. */
static int report_unread(const struct cxl_host *host, struct dax_view *view, const char *path,
			 const char *why)
{
	char where[PATH_MAX + 1], shown[256];

	snprintf(where, sizeof(where), "/%s", path);
	message_add(host->messages, SEV_WARNING, "UDEV-RULE", NULL, "%s cannot be read (%s), so whether it brings memory online is unknown",
		    printable(where, shown, sizeof(shown)), why);
	return add_cause(host, view, ONLINE_UDEV, where, NULL);
}

static int rules_file(const struct cxl_host *host, struct dax_view *view, const char *path)
{
	char *text;
	size_t n;
	int rc = sysfs_read_whole(host->fs, host->arena, path, MAX_BYTES, &text, &n);

	if (rc == -ENOMEM)
		return rc;
	if (rc == -ENOENT || (rc == -ENOFILE && is_masked(host, path)))
		return 0;
	if (rc)
		return report_unread(host, view, path, err_text(-rc));
	return strlen(text) == n ? scan_file(host, view, path, text) : report_unread(host, view, path, "it holds a NUL byte");
}

static int udev_rules(const struct cxl_host *host, struct dax_view *view)
{
	struct sysfs_names names[N_RULE_DIRS];
	char path[PATH_MAX];
	int rc = 0;

	for (size_t d = 0; !rc && d < N_RULE_DIRS; d++) {
		rc = sysfs_list(host->fs, host->arena, rule_dirs[d], is_rules, &names[d]);
		if (rc && rc != -ENOMEM)
			rc = rc == -ENOENT ? 0
					   : report_unread(host, view, rule_dirs[d], err_text(-rc));
		sysfs_sort(&names[d]);
		for (size_t i = 0; !rc && i < names[d].n; i++) {
			bool is_hidden = false;

			for (size_t k = 0; k < d; k++)
				is_hidden |= has_name(&names[k], names[d].v[i]);
			if (!is_hidden &&
			    !sysfs_join(path, sizeof(path), rule_dirs[d], names[d].v[i]))
				rc = rules_file(host, view, path);
		}
	}
	return rc;
}

int online_causes_read(const struct cxl_host *host, struct dax_view *view)
{
	static int (*const sources[])(const struct cxl_host *host, struct dax_view *view) = {
		kernel_policy, kernel_parameter, kmem_at_probe, udev_rules,
	};
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(sources); i++)
		rc = sources[i](host, view);
	return rc;
}
