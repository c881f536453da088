// SPDX-License-Identifier: GPL-2.0-only
/* The policy file as data: see policy.h.  What it means for a host is in policy_apply.c. */
#include "lib/policy/policy.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/consent.h"
#include "lib/policy/policy_text.h"
#include "util/array.h"
#include "util/ini.h"
#include "util/parse.h"
#include "util/size.h"

const char *const policy_key_names[N_POLICY_KEYS] = {
	[POLICY_REQUIRE] = "require", [POLICY_TIMEOUT] = "timeout", [POLICY_CACHE] = "cache",
	[POLICY_LINK_DOWN] = "link-down", [POLICY_MODE] = "mode", [POLICY_RECOVER] = "recover",
	[POLICY_PLATFORM_RECOVERY] = "platform-recovery", [POLICY_BEST_EFFORT] = "best-effort",
	[POLICY_USERS] = "users", [POLICY_USERS_GRACE] = "users-grace",
	[POLICY_DRIVER_CONSENT] = "driver-consent", [POLICY_ON_ISOLATED] = "on-isolated",
	[POLICY_ON_RECOVERED] = "on-recovered", [POLICY_ON_PROBLEM] = "on-problem",
	[POLICY_HOOK_TIMEOUT] = "hook-timeout", [POLICY_RECOVER_LIMIT] = "recover-limit",
};

static const struct policy_word switches[] = { { "yes", 1 }, { "no", 0 }, { 0 } };
static const struct policy_word modes[] = { { "devdax", DAX_DEVDAX }, { "system-ram", DAX_SYSTEM_RAM }, { "famfs", DAX_FAMFS }, { 0 } };
static const struct policy_word recovers[] = { { "never", POLICY_NEVER }, { "manual", POLICY_MANUAL }, { "automatic", POLICY_AUTOMATIC }, { 0 } };

static const struct policy_word users[] = {
	{ "refuse", USERS_REFUSE }, { "terminate", USERS_TERMINATE }, { "kill", USERS_KILL }, { 0 }
};

/* What each key takes; the others have parsers of their own. */
static const struct policy_word *const words[N_POLICY_KEYS] = {
	[POLICY_CACHE] = switches,
	[POLICY_LINK_DOWN] = switches,
	[POLICY_MODE] = modes,
	[POLICY_RECOVER] = recovers,
	[POLICY_PLATFORM_RECOVERY] = switches,
	[POLICY_BEST_EFFORT] = switches,
	[POLICY_USERS] = users,
};

#define REFUSE(p, line, err, ...) policy_refuse((p)->file, line, err, __VA_ARGS__)

/* --- sections ------------------------------------------------------------------ */

static int parse_section(const struct policy *p, const struct ini_line *line,
			 struct policy_section *ret, struct err *err)
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
		return REFUSE(p, line->number, err, policy_name_is_unstable(line->section) ?
			      "[%s]: such numbers change between boots; name the device by its serial number, as in [serial 0x1001], or the root port by its PCI address" :
			      "[%s] is not a target; use [all], [root0], [0000:0c:00.0] or [serial 0x1001], or for memory that shall be made [region NAME] or [dax NAME]", shown);
	}
	for (size_t i = 0; i < p->n; i++) {
		const struct policy_section *s = &p->sections[i];

		if (s->kind == ret->kind && s->key == ret->key &&
		    (s->kind > POLICY_BUS || !strcmp(s->name, ret->name)))
			return REFUSE(p, line->number, err, "[%s] is a second section for what [%s] in line %u is about; put the settings together",
				      printable(ret->name, shown, sizeof(shown)), s->name, s->line);
	}
	return 0;
}

/* --- settings ------------------------------------------------------------------ */

/* Lines of one section add up, as long as each is about another cause. */
static int parse_require(const struct policy *p, const struct ini_line *line, struct arena *a,
			 struct policy_setting *ret, struct err *err)
{
	char before[48] = "";
	struct err why;

	if (ret->line != line->number)
		snprintf(before, sizeof(before), " (require was set in line %u already)", ret->line);
	if (requirement_parse_list(line->value, &ret->require, &why))
		return REFUSE(p, line->number, err, "require: %s%s", why.text, before);
	if (*before)
		ret->text = arena_printf(a, "%s, %s", ret->text, line->value);
	if (!ret->text)
		return err_no_memory(err, "");
	ret->value = ret->require.plain < 0 ? REQUIRE_SAFE : ret->require.plain;
	return 0;
}

static int parse_duration(const struct policy *p, enum policy_key key, const struct ini_line *line,
			  struct policy_setting *ret, struct err *err)
{
	const char *example = key == POLICY_USERS_GRACE ? "10s" : "60s";
	char shown[48];

	if (duration_parse(line->value, &ret->duration_us))
		return REFUSE(p, line->number, err, "%s: '%s' is not a duration, as %s is", line->key, printable(line->value, shown, sizeof(shown)), example);
	if (key == POLICY_HOOK_TIMEOUT && !ret->duration_us)
		return REFUSE(p, line->number, err, "%s: '%s' leaves a program no time at all: use for example %s", line->key, printable(line->value, shown, sizeof(shown)), example);
	return 0;
}

/* "24h": longer than what duration_parse() is for.  @ret as it is for what is none. */
static int parse_period(const char *text, uint64_t *ret_us)
{
	static const struct {
		const char *unit;
		uint64_t seconds;
	} units[] = { { "min", 60 }, { "h", 3600 }, { "d", 86400 } };
	size_t digits = strspn(text, "0123456789");
	char number[8];
	uint64_t n;

	for (size_t i = 0; digits && digits < sizeof(number) && i < ARRAY_SIZE(units); i++) {
		snprintf(number, sizeof(number), "%.*s", (int)digits, text);
		if (strcmp(text + digits, units[i].unit) != 0)
			continue;
		if (parse_u64(number, &n))
			return -EINVAL;
		*ret_us = n * units[i].seconds * 1000000;
		return 0;
	}
	return duration_parse(text, ret_us);
}

/* "3/24h" */
static int parse_limit(const struct policy *p, const struct ini_line *line,
		       struct policy_setting *ret, struct err *err)
{
	const char *slash = strchr(line->value, '/');
	char number[16], shown[48];
	uint64_t n;

	snprintf(number, sizeof(number), "%.*s", slash ? (int)(slash - line->value) : 0, line->value);
	if (slash && slash - line->value < (ptrdiff_t)sizeof(number) && !parse_u64(number, &n) &&
	    n && n <= POLICY_LIMIT_MAX && !parse_period(slash + 1, &ret->duration_us) &&
	    ret->duration_us) {
		ret->value = (int)n;
		return 0;
	}
	return REFUSE(p, line->number, err, "recover-limit: '%s' is not how often in what time, as 3/24h is (1 to %d, and a time in s, min, h or d)",
		      printable(line->value, shown, sizeof(shown)), POLICY_LIMIT_MAX);
}

/* Whose it is, and whether it is there, is looked at when it is to be run. */
static int parse_program(const struct policy *p, const struct ini_line *line, struct err *err)
{
	char shown[48];

	if (*line->value != '/' || !line->value[1])
		return REFUSE(p, line->number, err, "%s: '%s' is not the absolute path of a program (arguments are not given: it is told by its environment)",
			      line->key, printable(line->value, shown, sizeof(shown)));
	if (!line->quoted && line->value[strcspn(line->value, " \t")])
		return REFUSE(p, line->number, err, "%s: '%s' has more than a path: arguments are not given, the program is told by its environment; a path with a blank stands in quotes",
			      line->key, printable(line->value, shown, sizeof(shown)));
	return 0;
}

static int parse_value(const struct policy *p, enum policy_key key, const struct ini_line *line,
		       struct arena *a, struct policy_setting *ret, struct err *err)
{
	struct err why;
	char shown[48];

	if (key == POLICY_REQUIRE)
		return parse_require(p, line, a, ret, err);
	if (key == POLICY_USERS_GRACE || key == POLICY_HOOK_TIMEOUT)
		return parse_duration(p, key, line, ret, err);
	if (key == POLICY_RECOVER_LIMIT)
		return parse_limit(p, line, ret, err);
	if (key == POLICY_ON_ISOLATED || key == POLICY_ON_RECOVERED || key == POLICY_ON_PROBLEM)
		return parse_program(p, line, err);
	if (key == POLICY_DRIVER_CONSENT)
		return consent_is_driver_name(line->value) ? 0 :
			REFUSE(p, line->number, err, "driver-consent: '%s' is not the name of a driver, as sfc is",
			       printable(line->value, shown, sizeof(shown)));
	if (key == POLICY_TIMEOUT) {
		if (!timeout_parse(line->value, &ret->timeout, &why))
			return 0;
		return REFUSE(p, line->number, err, "timeout: %s", why.text);
	}
	return policy_take_word(p->file, line, words[key], &ret->value, err);
}

static int refuse_key(const struct policy *p, const struct ini_line *line, struct err *err)
{
	char known[300] = "", shown[48];
	size_t n = 0;

	for (int k = 0; k < N_POLICY_KEYS && n < sizeof(known); k++)
		n += (size_t)snprintf(known + n, sizeof(known) - n, "%s%s", !k ? "" : k == N_POLICY_KEYS - 1 ? " and " : ", ",
				      policy_key_names[k]);
	return REFUSE(p, line->number, err, "unknown key '%s': the keys are %s", printable(line->key, shown, sizeof(shown)), known);
}

static int parse_setting(const struct policy *p, const struct ini_line *line,
			 struct policy_section *section, struct arena *a, struct err *err)
{
	struct policy_setting *s;
	char shown[48];
	int key = 0;

	while (key < N_POLICY_KEYS && strcmp(line->key, policy_key_names[key]))
		key++;
	if (key == N_POLICY_KEYS)
		return refuse_key(p, line, err);
	printable(line->key, shown, sizeof(shown));
	if (!section)
		return REFUSE(p, line->number, err, "'%s' stands in no section: begin one with [root0] or [serial 0x1001]", shown);
	s = &section->settings[key];
	if (s->line && key != POLICY_REQUIRE)
		return REFUSE(p, line->number, err, "%s was set in line %u already", shown, s->line);
	if (!s->line)
		*s = (struct policy_setting){ .line = line->number, .text = line->value, .require = REQUIREMENT_NONE };
	return parse_value(p, (enum policy_key)key, line, a, s, err);
}

/* The section that settings belong to: one for root ports, or one of the layout's. */
struct place {
	struct policy_section *section;
	struct layout_section layout;
};

static int begin_section(struct policy *p, const struct ini_line *line, struct place *ret,
			 struct err *err)
{
	int rc;

	*ret = (struct place){ 0 };
	if (layout_has_section(line->section))
		return layout_begin(&p->layout, line, &ret->layout, err);
	ret->section = &p->sections[p->n];
	rc = parse_section(p, line, ret->section, err);
	p->n += !rc;
	return rc;
}

/*
 * What brings a port back without being asked goes with the level that promises it can be done: said
 * in the same section, so that nobody takes it away elsewhere (and policy_of_root_port() sees to that).
 */
static int check_automatic(const struct policy *p, struct err *err)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct policy_setting *s = p->sections[i].settings;

		if (s[POLICY_RECOVER].line && s[POLICY_RECOVER].value == POLICY_AUTOMATIC &&
		    (!s[POLICY_REQUIRE].line || s[POLICY_REQUIRE].require.plain != REQUIRE_RECOVER))
			return REFUSE(p, s[POLICY_RECOVER].line, err, s[POLICY_REQUIRE].line ?
				      "recover = automatic takes 'require = recover' in the same section, which has '%.100s' in line %u" :
				      "recover = automatic takes 'require = recover' in the same section", s[POLICY_REQUIRE].text, s[POLICY_REQUIRE].line);
	}
	return 0;
}

static int take_lines(const struct ini *ini, struct arena *a, struct policy *ret, struct err *err)
{
	struct place at = { 0 };
	int rc = 0;

	ret->sections = arena_alloc(a, ini->n, sizeof(*ret->sections));
	if (!ret->sections || layout_init(&ret->layout, ret->file, ini->n, a))
		return err_no_memory(err, "");
	for (size_t i = 0; !rc && i < ini->n; i++) {
		const struct ini_line *line = &ini->v[i];

		if (line->section)
			rc = begin_section(ret, line, &at, err);
		else if (layout_section_is_open(&at.layout))
			rc = layout_set(&ret->layout, line, &at.layout, err);
		else
			rc = parse_setting(ret, line, at.section, a, err);
	}
	rc = rc ? rc : check_automatic(ret, err);
	return rc ? rc : layout_end(&ret->layout, err);
}

int policy_parse(const char *file, const char *text, size_t len, struct arena *a,
		 struct policy *ret, struct err *err)
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
