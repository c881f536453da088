// SPDX-License-Identifier: GPL-2.0-only
/* The texts of what is written into /etc: see persist_text.h. */
#include "lib/prepare/persist_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/host.h"
#include "lib/policy/policy.h"

/* Behind each line in the policy file that is ours, or before the section's. */
#define MARK "daxctl prepare-isolation --persist"

int serials_add(struct serials *list, struct arena *a, uint64_t serial)
{
	uint64_t *more;

	if (serials_have(list, serial))
		return 0;
	more = arena_alloc(a, list->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	if (list->n)
		memcpy(more, list->v, list->n * sizeof(*more));
	more[list->n++] = serial;
	list->v = more;
	return 0;
}

void serials_remove(struct serials *list, uint64_t serial)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++)
		if (list->v[i] != serial)
			list->v[kept++] = list->v[i];
	list->n = kept;
}

bool serials_have(const struct serials *list, uint64_t serial)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i] == serial)
			return true;
	return false;
}

/* --- the rule ----------------------------------------------------------------- */

/*
 * 0x050210 is the class of a CXL memory device (PCI Code and ID Assignment,
 * 05h 02h; CXL r3.2 sec 8.1.12.1).  ATTR{}= takes effect while the rules are read,
 * before any RUN, and so before 80-drivers.rules loads cxl_pci for the device or
 * kmem for its memory.  Where something else loaded cxl_pci (modules-load.d) the dax
 * device may be there first, and its own event is the first one.
 */
static const char rule_head[] =
	"# SPDX-License-Identifier: GPL-2.0-only\n"
	"# Written by 'daxctl prepare-isolation --persist', which also takes devices out of it\n"
	"# again (--undo --persist).  The memory of CXL devices with these serial numbers is to\n"
	"# stay device-dax; other dax devices get the driver that the kernel has for them.\n"
	"ACTION!=\"add\", GOTO=\"cxl_isolation_end\"\n"
	"SUBSYSTEM==\"pci\", ATTR{class}==\"0x050210\", ATTR{[subsystem/dax]drivers_autoprobe}=\"0\"\n"
	"SUBSYSTEM!=\"dax\", GOTO=\"cxl_isolation_end\"\n"
	"KERNEL!=\"dax[0-9]*.[0-9]*\", GOTO=\"cxl_isolation_end\"\n"
	"ATTR{[subsystem/dax]drivers_autoprobe}=\"0\"\n";

const char *persist_rule_run(struct arena *a, const char *program)
{
	return arena_printf(a, "RUN+=\"%s prepare-isolation --hotplug=", program);
}

const char *persist_rule_text(struct arena *a, const char *program, const struct serials *list)
{
	const char *lines = "", *run;

	for (size_t i = 0; lines && i < list->n; i++)
		lines = arena_printf(a, "%s" DAX_KEPT_RULE "%" PRIx64 "\"\n", lines, list->v[i]);
	run = persist_rule_run(a, program);
	return !lines || !run ? NULL : arena_printf(a, "%s%s%s$kernel $env{CXL_ISOLATION_SERIALS}\"\nLABEL=\"cxl_isolation_end\"\n",
						    rule_head, lines, run);
}

/* A line that any version of this program writes. */
static bool is_ours(const char *line, size_t n)
{
	static const char run[] = "RUN+=\"", program[] = " prepare-isolation --hotplug=", label[] = "LABEL=\"cxl_isolation_end\"";

	if (!n || *line == '#' ||
	    (n > sizeof(DAX_KEPT_RULE) && !strncmp(line, DAX_KEPT_RULE, sizeof(DAX_KEPT_RULE) - 1)))
		return true;
	if (!strncmp(line, run, sizeof(run) - 1))
		return memmem(line, n, program, sizeof(program) - 1);
	if (n == sizeof(label) - 1 && !strncmp(line, label, n))
		return true;
	for (const char *at = rule_head; (at = strstr(at, "\n")) && *++at;)
		if (!strncmp(at, line, n) && at[n] == '\n')
			return true;
	return false;
}

unsigned int persist_rule_foreign_line(const char *text)
{
	for (unsigned int number = 1; *text; number++) {
		size_t n = strcspn(text, "\n");

		if (!is_ours(text, n))
			return number;
		text += n + (text[n] == '\n');
	}
	return 0;
}

int persist_rule_parse(struct arena *a, const char *text, struct serials *ret)
{
	int rc = 0;

	*ret = (struct serials){ 0 };
	for (const char *at = text; !rc && (at = strstr(at, DAX_KEPT_RULE)); at++)
		if (at == text || at[-1] == '\n')
			rc = serials_add(ret, a,
					 strtoull(at + sizeof(DAX_KEPT_RULE) - 1, NULL, 16));
	return rc;
}

/* --- the policy file ------------------------------------------------------------- */

/* From the start of line @number (from 1) of @text. */
static const char *line_at(const char *text, unsigned int number)
{
	for (; number > 1 && text; number--) {
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return text ? text : "";
}

static size_t line_length(const char *line)
{
	size_t n = strcspn(line, "\n");

	return n + (line[n] == '\n');
}

static bool line_has(const char *line, const char *what)
{
	const char *at = strstr(line, what);

	return at && at < line + line_length(line);
}

static int find_section(struct arena *a, const char *file, const char *text, uint64_t serial,
			const struct policy_section **ret, struct err *err)
{
	struct policy policy;
	int rc = policy_parse(file, text, strlen(text), a, &policy, err);

	*ret = NULL;
	for (size_t i = 0; !rc && i < policy.n; i++)
		if (policy.sections[i].kind == POLICY_SERIAL && policy.sections[i].key == serial)
			*ret = &policy.sections[i];
	return rc;
}

static int done(const char *text, const char **ret, struct err *err)
{
	*ret = text;
	return text ? 0 : err_no_memory(err, ", nothing was written");
}

int persist_policy_add(struct arena *a, const char *file, const char *text, uint64_t serial,
		       const char **ret, struct err *err)
{
	const struct policy_section *s;
	const struct policy_setting *mode;
	const char *behind;
	size_t n = strlen(text);
	int rc = find_section(a, file, text, serial, &s, err);

	if (rc)
		return rc;
	if (!s)
		return done(arena_printf(a, "%s%s# the next section: " MARK "\n[serial 0x%" PRIx64 "]\nmode = devdax ; " MARK "\n",
					 text, n && text[n - 1] != '\n' ? "\n" : "", serial), ret, err);
	mode = &s->settings[POLICY_MODE];
	if (mode->line && mode->value != DAX_DEVDAX)
		return err_set(err, EXIT_NEGATIVE, EEXIST, "%s:%u says mode = %s of serial 0x%" PRIx64 ", nothing was changed; take that line out first",
			       file, mode->line, mode->text, serial);
	if (mode->line)
		return done(text, ret, err);
	behind = line_at(text, s->line + 1);
	if (!*behind)	/* the header is the last line */
		return done(arena_printf(a, "%s%smode = devdax ; " MARK "\n", text, text[n - 1] == '\n' ? "" : "\n"), ret, err);
	return done(arena_printf(a, "%.*smode = devdax ; " MARK "\n%s", (int)(behind - text), text, behind), ret, err);
}

static bool has_other_settings(const struct policy_section *s)
{
	for (int k = 0; k < N_POLICY_KEYS; k++)
		if (k != POLICY_MODE && s->settings[k].line)
			return true;
	return false;
}

/* @text without @n lines from @first on. */
static const char *without(struct arena *a, const char *text, unsigned int first, unsigned int n)
{
	const char *from = line_at(text, first), *to = from;

	while (n--)
		to += line_length(to);
	return arena_printf(a, "%.*s%s", (int)(from - text), text, to);
}

int persist_policy_remove(struct arena *a, const char *file, const char *text, uint64_t serial,
			  const char **ret, struct err *err)
{
	const struct policy_section *s;
	unsigned int mode;
	bool is_ours;
	int rc = find_section(a, file, text, serial, &s, err);

	if (rc)
		return rc;
	mode = s ? s->settings[POLICY_MODE].line : 0;
	if (!mode || !line_has(line_at(text, mode), MARK))
		return done(text, ret, err);
	/* from the bottom up, so that the numbers hold */
	is_ours = s->line > 1 && line_has(line_at(text, s->line - 1), "# the next section: " MARK);
	text = without(a, text, mode, 1);
	if (text && is_ours && !has_other_settings(s))
		text = without(a, text, s->line - 1, 2);
	else if (text && is_ours)
		text = without(a, text, s->line - 1, 1);
	return done(text, ret, err);
}
