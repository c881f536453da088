// SPDX-License-Identifier: GPL-2.0-only
/* Sections [region NAME] and [dax NAME] that are written into the policy file, and taken out: see persist_text.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/policy/policy_text.h"
#include "lib/prepare/persist_text.h"

/* Before each section that is ours. */
#define MARK "# the next section: daxctl prepare-isolation --persist"

/* One after the other; at the end *@text is "". */
static size_t next_line(const char **text)
{
	size_t n = strcspn(*text, "\n");

	n += (*text)[n] == '\n';
	*text += n;
	return n;
}

static bool is_marked(const char *text, unsigned int line)
{
	for (unsigned int i = 1; i + 1 < line && *text; i++)
		next_line(&text);
	return line > 1 && !strncmp(text, MARK "\n", sizeof(MARK));
}

bool persist_region_is_ours(const char *text, const struct layout_region *r)
{
	return is_marked(text, r->line) && !r->lines[REGION_WAYS] && !r->lines[REGION_TYPE];
}

bool persist_dax_is_ours(const char *text, const struct layout_dax *d)
{
	return is_marked(text, d->line) && !d->lines[DAX_OWNER] && !d->lines[DAX_GROUP] &&
	       !d->lines[DAX_FILE_MODE];
}

/* --- out ----------------------------------------------------------------------- */

/* Lines of @text that go; comments that somebody put between them stay. */
struct cut_lines {
	bool *v;	/* by number */
	unsigned int n;
};

static void cut(struct cut_lines *c, unsigned int header, const unsigned int *lines, size_t n)
{
	c->v[header] = c->v[header - 1] = true;
	for (size_t i = 0; i < n; i++)
		c->v[lines[i]] = true;
}

static char *without(struct arena *a, const char *text, const struct cut_lines *c)
{
	char *out = arena_strdup(a, text), *to = out;

	for (unsigned int i = 1; out && *text; i++) {
		const char *line = text, *next;
		size_t n = next_line(&text);

		next = text;
		/* the blank line that was put before the mark goes with it */
		if (c->v[i] || (*line == '\n' && *next && c->v[i + 1]))
			continue;
		memcpy(to, line, n);
		to += n;
	}
	if (out)
		*to = '\0';
	return out;
}

static bool has_dax(const struct layout *l, size_t region, const struct cut_lines *c)
{
	for (size_t i = 0; i < l->n_dax; i++)
		if (l->dax[i].region == region && !c->v[l->dax[i].line])
			return true;
	return false;
}

/* The file is not longer than what is read of it, and a key that is not set has line 0. */
static int init(struct arena *a, const char *text, struct cut_lines *c)
{
	for (c->n = 3; *text; c->n++)
		next_line(&text);
	c->v = arena_alloc(a, c->n, sizeof(*c->v));
	return c->v ? 0 : -ENOMEM;
}

const char *persist_sections_remove(struct arena *a, const char *text, const struct layout *l,
				    size_t region)
{
	const struct layout_region *r = &l->regions[region];
	struct cut_lines c;
	size_t n = 0;

	if (init(a, text, &c))
		return NULL;
	for (size_t i = 0; i < l->n_dax; i++)
		if (l->dax[i].region == region && persist_dax_is_ours(text, &l->dax[i])) {
			cut(&c, l->dax[i].line, l->dax[i].lines, N_DAX_KEYS);
			n++;
		}
	if (persist_region_is_ours(text, r) && !has_dax(l, region, &c)) {
		cut(&c, r->line, r->lines, N_REGION_KEYS);
		n++;
	}
	return n ? without(a, text, &c) : text;
}

/* --- in ------------------------------------------------------------------------- */

static const char *append(struct arena *a, const char *text, const char *section)
{
	size_t n = text ? strlen(text) : 0;

	return !text || !section ? NULL : arena_printf(a, "%s%s" MARK "\n%s", text, !n ? "" : text[n - 1] == '\n' ? "\n" : "\n\n", section);
}

const char *persist_region_add(struct arena *a, const char *text, const char *name,
			       const struct layout_region *r, bool needs_decoder)
{
	const char *memdevs = "";
	char size[32];

	for (size_t i = 0; memdevs && i < r->n_memdevs; i++) {
		uint64_t key = r->memdevs[i].key;

		memdevs = r->memdevs[i].by_address ?
			arena_printf(a, "%s%spci %04x:%02x:%02x.%x", memdevs, i ? ", " : "", (unsigned int)(key >> 16), (unsigned int)(key >> 8 & 0xff),
				     (unsigned int)(key >> 3 & 0x1f), (unsigned int)(key & 7)) :
			arena_printf(a, "%s%s0x%llx", memdevs, i ? ", " : "", (unsigned long long)key);
	}
	if (!memdevs)
		return NULL;
	text = append(a, text, arena_printf(a, "[region %s]\nmemdevs = %s\nsize = %s\n", name, memdevs,
						 policy_size_text(r->size.v, size, sizeof(size))));
	if (text && r->n_memdevs > 1)
		text = arena_printf(a, "%sgranularity = %llu\n", text, (unsigned long long)r->granularity);
	return text && needs_decoder ? arena_printf(a, "%sdecoder = %s\n", text, r->decoder) : text;
}

const char *persist_dax_add(struct arena *a, const char *text, const char *region,
			    const struct layout_dax *d)
{
	char size[32];

	if (d->size.kind == AMOUNT_BYTES)
		policy_size_text(d->size.v, size, sizeof(size));
	else if (d->size.kind == AMOUNT_ALL)
		snprintf(size, sizeof(size), "rest");
	else
		snprintf(size, sizeof(size), "%llu%%", (unsigned long long)d->size.v);
	return append(a, text, arena_printf(a, "[dax %s]\nregion = %s\nsize = %s\nalign = %s\nmode = %s\n", d->name, region, size,
					    d->align == LAYOUT_DAX_ALIGN ? "2MiB" : "1GiB", layout_mode_names[d->mode]));
}

/* --- by serial number ---------------------------------------------------------------- */

static bool has_serial(const struct layout_region *r, uint64_t serial)
{
	for (size_t i = 0; i < r->n_memdevs; i++)
		if (!r->memdevs[i].by_address && r->memdevs[i].key == serial)
			return true;
	return false;
}

int persist_layout_remove(struct arena *a, const char *file, const char *text, uint64_t serial,
			  const char **ret, struct err *err)
{
	struct policy policy;
	int rc;

	for (;;) {
		const char *other = text;

		rc = policy_parse(file, text, strlen(text), a, &policy, err);
		if (rc)
			return rc;
		for (size_t i = 0; other == text && i < policy.layout.n_regions; i++)
			if (has_serial(&policy.layout.regions[i], serial))
				other = persist_sections_remove(a, text, &policy.layout, i);
		if (!other)
			return err_no_memory(err, ", nothing was written");
		*ret = text;
		if (other == text)
			return 0;
		text = other;
	}
}

int persist_layout_serials(struct arena *a, const char *text, const struct layout *l,
			   struct serials *ret)
{
	int rc = 0;

	for (size_t i = 0; i < l->n_regions; i++) {
		const char *other = persist_sections_remove(a, text, l, i);

		if (!other)
			return -ENOMEM;
		for (size_t k = 0; !rc && other != text && k < l->regions[i].n_memdevs; k++)
			if (!l->regions[i].memdevs[k].by_address)
				rc = serials_add(ret, a, l->regions[i].memdevs[k].key);
	}
	return rc;
}
