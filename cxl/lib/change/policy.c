// SPDX-License-Identifier: GPL-2.0-only
/* The policy file as data: see policy.h.  What it means for a host is in policy_apply.c. */
#include "cxl/lib/change/policy.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/ini.h"
#include "util/parse.h"

const char *const policy_key_names[N_POLICY_KEYS] = {
	[POLICY_REQUIRE] = "require", [POLICY_TIMEOUT] = "timeout", [POLICY_CACHE] = "cache",
	[POLICY_LINK_DOWN] = "link-down", [POLICY_MODE] = "mode", [POLICY_RECOVER] = "recover",
};

struct word {
	const char *text;
	int value;
};

static const struct word requires[] = {
	{ "safe", REQUIRE_SAFE }, { "debug", REQUIRE_DEBUG }, { "contain", REQUIRE_CONTAIN },
	{ "recover", REQUIRE_RECOVER }, { 0 }
};
static const struct word switches[] = { { "yes", 1 }, { "no", 0 }, { 0 } };
static const struct word modes[] = { { "devdax", POLICY_DEVDAX }, { "system-ram", POLICY_SYSTEM_RAM }, { 0 } };
static const struct word recovers[] = { { "never", POLICY_NEVER }, { "manual", POLICY_MANUAL }, { 0 } };

/* What each key takes; the timeout has a parser of its own. */
static const struct word *const words[N_POLICY_KEYS] = {
	[POLICY_REQUIRE] = requires, [POLICY_CACHE] = switches, [POLICY_LINK_DOWN] = switches,
	[POLICY_MODE] = modes, [POLICY_RECOVER] = recovers,
};

static int refuse(const struct policy *p, unsigned int line, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static int refuse(const struct policy *p, unsigned int line, struct err *err, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(err, EXIT_USAGE, EINVAL, "%.200s:%u: %s; nothing of the file is used", p->file, line, text);
}

/* --- sections ------------------------------------------------------------------ */

/* Names that are given anew at each boot are no names for a file that stays. */
static bool is_unstable(const char *name)
{
	static const char *const prefixes[] = { "mem", "region", "dax", "port", "endpoint", "decoder" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t n = strlen(prefixes[i]);

		if (!strncmp(name, prefixes[i], n) && name[n] && !name[n + strspn(name + n, "0123456789.")])
			return true;
	}
	return false;
}

static int parse_section(const struct policy *p, const struct ini_line *line, struct policy_section *ret, struct err *err)
{
	static const char serial[] = "serial ";
	const char *number = line->section + sizeof(serial) - 1;
	char shown[80];
	unsigned int id;

	*ret = (struct policy_section){ .name = line->section, .line = line->number };
	if (!strcmp(line->section, "all")) {
		ret->kind = POLICY_ALL;
	} else if (parse_name(line->section, "root", &id)) {
		ret->kind = POLICY_BUS;
	} else if (!strncmp(line->section, serial, sizeof(serial) - 1) &&
		   !parse_u64(number + strspn(number, " \t"), &ret->key)) {
		ret->kind = POLICY_SERIAL;
	} else if (parse_pci_address(line->section, &ret->key)) {
		ret->kind = POLICY_PCI;
	} else {
		printable(line->section, shown, sizeof(shown));
		return refuse(p, line->number, err, is_unstable(line->section) ?
			      "[%s]: such numbers change between boots; name the device by its serial number, as in [serial 0x1001], or the root port by its PCI address" :
			      "[%s] is no target; use [all], [root0], [0000:0c:00.0] or [serial 0x1001]", shown);
	}
	for (size_t i = 0; i < p->n; i++) {
		const struct policy_section *s = &p->sections[i];

		if (s->kind == ret->kind && s->key == ret->key && (s->kind > POLICY_BUS || !strcmp(s->name, ret->name)))
			return refuse(p, line->number, err, "[%s] is a second section for what [%s] in line %u is about; put the settings together",
				      printable(ret->name, shown, sizeof(shown)), s->name, s->line);
	}
	return 0;
}

/* --- settings ------------------------------------------------------------------ */

static void list_words(const struct word *list, char *buf, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; list[i].text && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", !i ? "" : list[i + 1].text ? ", " : " or ", list[i].text);
}

static int parse_value(const struct policy *p, enum policy_key key, const struct ini_line *line,
		       struct policy_setting *ret, struct err *err)
{
	char known[80], shown[48];
	struct err why;

	if (key == POLICY_TIMEOUT) {
		if (!timeout_parse(line->value, &ret->timeout, &why))
			return 0;
		return refuse(p, line->number, err, "timeout: %s", why.text);
	}
	for (const struct word *w = words[key]; w->text; w++)
		if (!strcmp(w->text, line->value)) {
			ret->value = w->value;
			return 0;
		}
	list_words(words[key], known, sizeof(known));
	return refuse(p, line->number, err, "'%s' is no value of %s: use %s", printable(line->value, shown, sizeof(shown)),
		      policy_key_names[key], known);
}

static int parse_setting(const struct policy *p, const struct ini_line *line, struct policy_section *section, struct err *err)
{
	struct policy_setting *s;
	char shown[48];
	int key = 0;

	while (key < N_POLICY_KEYS && strcmp(line->key, policy_key_names[key]))
		key++;
	printable(line->key, shown, sizeof(shown));
	if (key == N_POLICY_KEYS)
		return refuse(p, line->number, err, "unknown key '%s': the keys are require, timeout, cache, link-down, mode and recover", shown);
	if (!section)
		return refuse(p, line->number, err, "'%s' stands in no section: begin one with [root0] or [serial 0x1001]", shown);
	s = &section->settings[key];
	if (s->line)
		return refuse(p, line->number, err, "%s was set in line %u already", shown, s->line);
	*s = (struct policy_setting){ .line = line->number, .text = line->value };
	return parse_value(p, (enum policy_key)key, line, s, err);
}

static int take_lines(const struct ini *ini, struct arena *a, struct policy *ret, struct err *err)
{
	struct policy_section *section = NULL;
	int rc = 0;

	ret->sections = arena_alloc(a, ini->n, sizeof(*ret->sections));
	if (!ret->sections)
		return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
	for (size_t i = 0; !rc && i < ini->n; i++) {
		const struct ini_line *line = &ini->v[i];

		if (!line->section) {
			rc = parse_setting(ret, line, section, err);
			continue;
		}
		section = &ret->sections[ret->n];
		rc = parse_section(ret, line, section, err);
		ret->n += !rc;
	}
	return rc;
}

int policy_parse(const char *file, const char *text, size_t len, struct arena *a, struct policy *ret, struct err *err)
{
	struct ini ini;
	int rc;

	*ret = (struct policy){ .file = file };
	rc = ini_parse(file, text, len, a, &ini, err);
	return rc ? rc : take_lines(&ini, a, ret, err);
}

int policy_read(const char *path, struct arena *a, struct policy *ret, struct err *err)
{
	struct ini ini;
	int rc;

	*ret = (struct policy){ .file = path };
	rc = ini_read(path, a, &ini, err);
	return rc ? rc : take_lines(&ini, a, ret, err);
}
