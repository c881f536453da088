// SPDX-License-Identifier: GPL-2.0-only
/* Fuzzing policy_parse(), and ini_parse() below it. */
#include <stdio.h>

#include "lib/policy/policy.h"
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

		PROMISE(!setting->line ||
			(setting->line > s->line && setting->line <= lines && setting->text));
		PROMISE(!setting->line || i + 1 == p->n || setting->line < s[1].line);
	}
	for (size_t k = 0; k < i; k++)
		PROMISE(p->sections[k].kind != s->kind || p->sections[k].key != s->key ||
			(s->kind <= POLICY_BUS && strcmp(p->sections[k].name, s->name)));
}

static void check_lines(const unsigned int *v, size_t n, unsigned int first, unsigned int lines)
{
	PROMISE(first && first <= lines);
	for (size_t k = 0; k < n; k++)
		PROMISE(!v[k] || (v[k] > first && v[k] <= lines));
}

static void check_layout(const struct layout *l, unsigned int lines)
{
	for (size_t i = 0; i < l->n_regions; i++) {
		const struct layout_region *r = &l->regions[i];

		check_lines(r->lines, N_REGION_KEYS, r->line, lines);
		PROMISE(r->lines[REGION_MEMDEVS] && r->n_memdevs <= LAYOUT_MAX_WAYS);
		PROMISE(!r->ways || !r->n_memdevs || r->ways == r->n_memdevs);
		PROMISE(r->size.kind == AMOUNT_ALL || r->size.v);
		PROMISE(r->size.kind == AMOUNT_ALL || !(r->size.v % LAYOUT_REGION_ALIGN));
		for (size_t k = 0; k < i; k++)
			PROMISE(strcmp(l->regions[k].name, r->name));
	}
	for (size_t i = 0; i < l->n_dax; i++) {
		const struct layout_dax *d = &l->dax[i];

		check_lines(d->lines, N_DAX_KEYS, d->line, lines);
		PROMISE(d->region < l->n_regions && d->file_mode <= 0777);
		PROMISE(d->size.kind == AMOUNT_ALL || d->size.v);
		PROMISE(d->size.kind != AMOUNT_BYTES || !(d->size.v % d->align));
		PROMISE(!strchr(d->name, '/') && *d->name != '.');
		for (size_t k = 0; k < i; k++)
			PROMISE(strcmp(l->dax[k].name, d->name));
	}
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
		check_layout(&p.layout, lines);
	} else {
		PROMISE(sscanf(err.text, "f:%u: ", &at) == 1 && at && at <= lines);
		PROMISE(err.status == EXIT_USAGE && strstr(err.text, "nothing of the file is used"));
	}
	arena_free(&a);
	return 0;
}
