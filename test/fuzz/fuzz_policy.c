// SPDX-License-Identifier: GPL-2.0-only
/* Fuzzing policy_parse(), and ini_parse() below it. */
#include <stdio.h>

#include "cxl/lib/change/policy.h"
#include "test/fuzz/fuzz.h"

static unsigned int lines_of(const uint8_t *data, size_t n)
{
	unsigned int lines = 1;

	for (size_t i = 0; i < n; i++)
		lines += data[i] == '\n';
	return lines;
}

static void check_section(const struct policy *p, size_t i, unsigned int lines)
{
	const struct policy_section *s = &p->sections[i];

	PROMISE(s->line && s->line <= lines && (!i || s->line > p->sections[i - 1].line));
	for (int k = 0; k < N_POLICY_KEYS; k++) {
		const struct policy_setting *setting = &s->settings[k];

		PROMISE(!setting->line || (setting->line > s->line && setting->line <= lines && setting->text));
		PROMISE(!setting->line || i + 1 == p->n || setting->line < s[1].line);
	}
	for (size_t k = 0; k < i; k++)
		PROMISE(p->sections[k].kind != s->kind || p->sections[k].key != s->key ||
			(s->kind <= POLICY_BUS && strcmp(p->sections[k].name, s->name)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	unsigned int lines = lines_of(data, n), at = 0;
	struct err err = { 0 };
	struct arena a = { 0 };
	struct policy p;

	if (!policy_parse("f", (const char *)data, n, &a, &p, &err)) {
		for (size_t i = 0; i < p.n; i++)
			check_section(&p, i, lines);
	} else {
		PROMISE(sscanf(err.text, "f:%u: ", &at) == 1 && at && at <= lines);
		PROMISE(err.status == EXIT_USAGE && strstr(err.text, "nothing of the file is used"));
	}
	arena_free(&a);
	return 0;
}
