// SPDX-License-Identifier: GPL-2.0-only
/* A layout against what the host has: see layout_match.h. */
#include "lib/policy/layout_match.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/policy/policy_text.h"

struct matching {
	const struct layout_facts *facts;
	struct arena *a;
	struct layout_matches *ret;
};

/* --- texts of what is wanted and what is --------------------------------------------- */

/* Both from the arena; "" for want of memory.  NULL as what is: it cannot be read. */
struct pair {
	const char *wanted, *is;
};

static const char *keep(const struct matching *m, const char *text)
{
	const char *kept = text ? arena_strdup(m->a, text) : NULL;

	return kept ? kept : "";
}

static const char *size_of(const struct matching *m, uint64_t bytes)
{
	char text[32];

	return keep(m, policy_size_text(bytes, text, sizeof(text)));
}

static const char *known_size(const struct matching *m, const struct opt_u64 *v)
{
	return v->known ? size_of(m, v->v) : NULL;
}

static struct pair region_size(const struct matching *m, const struct wanted_region *w)
{
	return (struct pair){ size_of(m, w->size_bytes), known_size(m, &w->is->size_bytes) };
}

/* Of a single device it is without meaning. */
static struct pair region_granularity(const struct matching *m, const struct wanted_region *w)
{
	if (w->ways == 1)
		return (struct pair){ "", "" };
	return (struct pair){ size_of(m, w->granularity), known_size(m, &w->is->granularity) };
}

static struct pair region_decoder(const struct matching *m, const struct wanted_region *w)
{
	char text[64];

	region_root_decoder(w->is, text, sizeof(text));
	return (struct pair){ w->decoder->name, keep(m, text) };
}

static struct pair region_state(const struct matching *m, const struct wanted_region *w)
{
	(void)m;
	return (struct pair){ region_state_names[REGION_ENABLED],
			      region_state_names[w->is->state] };
}

static const struct {
	const char *name;
	enum layout_region_key key;
	enum layout_way way;
	struct pair (*texts)(const struct matching *m, const struct wanted_region *w);
} region_compared[] = {
	{ "size", REGION_SIZE, WAY_REMAKE, region_size },
	{ "granularity", REGION_GRANULARITY, WAY_REMAKE, region_granularity },
	{ "decoder", REGION_DECODER, WAY_REMAKE, region_decoder },
	{ "state", N_REGION_KEYS, WAY_DRIVER, region_state },
};

static const struct dax_file *file_of(const struct matching *m, const struct cxl_dax *d)
{
	return &m->facts->dax[d - m->facts->host->dax];
}

static struct pair dax_size(const struct matching *m, const struct wanted_dax *w,
			    const struct cxl_dax *d)
{
	if (d->n_ranges > 1)
		return (struct pair){ size_of(m, w->size_bytes), "in several parts" };
	return (struct pair){ size_of(m, w->size_bytes), known_size(m, &d->size_bytes) };
}

static struct pair dax_align(const struct matching *m, const struct wanted_dax *w,
			     const struct cxl_dax *d)
{
	return (struct pair){ size_of(m, w->section->align), known_size(m, &file_of(m, d)->align) };
}

static struct pair dax_mode_texts(const struct matching *m, const struct wanted_dax *w,
				  const struct cxl_dax *d)
{
	const char *is = d->driver ? d->driver : dax_mode_names[DAX_UNBOUND];

	(void)m;
	for (int i = 0; d->driver && i < N_LAYOUT_MODES; i++)
		if (!strcmp(layout_mode_drivers[i], d->driver))
			is = layout_mode_names[i];
	return (struct pair){ layout_mode_names[w->section->mode], is };
}

/* As it is written: a number, or a name. */
static struct pair account(const struct matching *m, const struct dax_file *f, const char *wanted,
			   const char *name, uint32_t id)
{
	const char *number = f->is_known ? arena_printf(m->a, "%" PRIu32, id) : NULL;

	if (!wanted)
		return (struct pair){ "", "" };
	if (!f->is_known)
		return (struct pair){ wanted, NULL };
	if (!isdigit((unsigned char)*wanted))
		return (struct pair){ wanted, name };
	return (struct pair){ wanted, number ? number : "" };
}

static struct pair dax_owner(const struct matching *m, const struct wanted_dax *w,
			     const struct cxl_dax *d)
{
	const struct dax_file *f = file_of(m, d);

	return account(m, f, w->section->owner, f->owner, f->uid);
}

static struct pair dax_group(const struct matching *m, const struct wanted_dax *w,
			     const struct cxl_dax *d)
{
	const struct dax_file *f = file_of(m, d);

	return account(m, f, w->section->group, f->group, f->gid);
}

static struct pair dax_file_mode(const struct matching *m, const struct wanted_dax *w,
				 const struct cxl_dax *d)
{
	const struct dax_file *f = file_of(m, d);

	if (w->section->file_mode < 0)
		return (struct pair){ "", "" };
	return (struct pair){ keep(m, arena_printf(m->a, "%04o", (unsigned int)w->section->file_mode)),
			      f->is_known ? keep(m, arena_printf(m->a, "%04o", f->mode)) : NULL };
}

static const struct {
	const char *name;
	enum layout_dax_key key;
	enum layout_way way;
	struct pair (*texts)(const struct matching *m, const struct wanted_dax *w,
			     const struct cxl_dax *d);
} dax_compared[] = {
	{ "size", DAX_SIZE, WAY_REMAKE, dax_size }, { "align", DAX_ALIGN, WAY_REMAKE, dax_align },
	{ "mode", DAX_MODE, WAY_DRIVER, dax_mode_texts }, { "owner", DAX_OWNER, WAY_ATTRIBUTE, dax_owner },
	{ "group", DAX_GROUP, WAY_ATTRIBUTE, dax_group }, { "file-mode", DAX_FILE_MODE, WAY_ATTRIBUTE, dax_file_mode },
};

enum {
	N_REGION_COMPARED = sizeof(region_compared) / sizeof(region_compared[0]),
	N_DAX_COMPARED = sizeof(dax_compared) / sizeof(dax_compared[0]),
};

/* What cannot be read is a difference too, though none that anybody can tell. */
static void add_difference(struct layout_differences *list, const struct layout_difference *d,
			   enum layout_state *state)
{
	if (d->is && !strcmp(d->wanted, d->is))
		return;
	list->v[list->n++] = *d;
	if (d->is)
		*state = LAYOUT_DIFFERENT;
	else if (*state == LAYOUT_AS_WANTED)
		*state = LAYOUT_UNTOLD;
}

/* --- regions ---------------------------------------------------------------------------- */

static int match_region(const struct matching *m, const struct wanted_region *w,
			struct region_match *ret)
{
	*ret = (struct region_match){ .wanted = w, .state = w->is ? LAYOUT_AS_WANTED : LAYOUT_MISSING };
	ret->differences.v = arena_alloc(m->a, N_REGION_COMPARED, sizeof(*ret->differences.v));
	if (!ret->differences.v)
		return -ENOMEM;
	for (size_t i = 0; w->is && i < N_REGION_COMPARED; i++) {
		enum layout_region_key key = region_compared[i].key;
		struct pair p = region_compared[i].texts(m, w);
		unsigned int line = w->section->line;

		if (key < N_REGION_KEYS)
			line = layout_region_line(w->section, key);

		add_difference(&ret->differences, &(struct layout_difference){
				region_compared[i].name, p.wanted, p.is,
				line, region_compared[i].way }, &ret->state);
	}
	return 0;
}

/* --- dax devices -------------------------------------------------------------------------- */

static void find_dax(const struct matching *m, const struct wanted_dax *w, struct dax_match *ret)
{
	const struct cxl_region *r = w->region->is;
	bool is_hidden = false;
	uint64_t at;

	for (size_t i = 0; r && i < r->n_dax; i++) {
		const struct cxl_dax *d = r->dax[i];

		if (dax_is_empty(d))
			continue;
		if (!dax_offset(m->facts, d, &at))
			is_hidden = true;
		else if (at == w->offset)
			ret->is = d;
	}
	ret->state = ret->is ? LAYOUT_AS_WANTED : is_hidden ? LAYOUT_UNTOLD : LAYOUT_MISSING;
}

/* The kernel makes blocks of all of it: layout_resolve() takes no other sizes. */
static enum tri is_online(const struct matching *m, const struct wanted_dax *w)
{
	const struct cxl_host *host = m->facts->host;
	const uint64_t first = w->region->is->resource.v + w->offset, size = host->block_bytes;
	uint64_t n_online = 0;

	for (size_t i = 0; size && i < host->n_blocks; i++) {
		uint64_t at = host->blocks[i].number * size;

		if (at < first || at - first >= w->size_bytes)
			continue;
		if (host->blocks[i].state == BLOCK_OFFLINE)
			return TRI_NO;
		n_online += host->blocks[i].state == BLOCK_ONLINE;
	}
	return size && n_online == w->size_bytes / size ? TRI_YES : TRI_UNKNOWN;
}

static int match_dax(const struct matching *m, const struct wanted_dax *w, struct dax_match *ret)
{
	*ret = (struct dax_match){ .wanted = w };
	ret->differences.v = arena_alloc(m->a, N_DAX_COMPARED, sizeof(*ret->differences.v));
	if (!ret->differences.v)
		return -ENOMEM;
	find_dax(m, w, ret);
	ret->is_online = TRI_YES;
	if (ret->is && w->section->mode == LAYOUT_SYSTEM_RAM && dax_is_kmem(ret->is))
		ret->is_online = is_online(m, w);
	for (size_t i = 0; ret->is && i < N_DAX_COMPARED; i++) {
		struct pair p = dax_compared[i].texts(m, w, ret->is);

		add_difference(&ret->differences, &(struct layout_difference){
				dax_compared[i].name, p.wanted, p.is,
				layout_dax_line(w->section, dax_compared[i].key),
				dax_compared[i].way }, &ret->state);
	}
	return 0;
}

/* --- what is in no section ------------------------------------------------------------------ */

static bool region_is_wanted(const struct wanted_layout *l, const struct cxl_region *r)
{
	for (size_t i = 0; i < l->layout->n_regions; i++)
		if (l->regions[i].is == r)
			return true;
	return false;
}

static const struct wanted_region *beside_whom(const struct wanted_layout *l,
					       const struct cxl_region *r)
{
	for (size_t i = 0; i < l->layout->n_regions; i++)
		for (size_t k = 0; k < l->regions[i].ways; k++)
			for (size_t t = 0; t < r->n_targets; t++)
				if (r->targets[t] == l->regions[i].memdevs[k])
					return &l->regions[i];
	return NULL;
}

/* It has devices in the file: others in it are foreign. */
static bool has_dax(const struct wanted_layout *l, const struct wanted_region *w)
{
	for (size_t i = 0; i < l->layout->n_dax; i++)
		if (l->dax[i].region == w)
			return true;
	return false;
}

static bool dax_is_matched(const struct layout_matches *m, const struct cxl_dax *d)
{
	for (size_t i = 0; i < m->wanted->layout->n_dax; i++)
		if (m->dax[i].is == d)
			return true;
	return false;
}

static const struct wanted_dax *in_whose_way(const struct matching *m,
					     const struct wanted_region *w, const struct cxl_dax *d)
{
	const struct wanted_layout *l = m->ret->wanted;
	uint64_t at, size = d->size_bytes.v;

	for (size_t i = 0; size && dax_offset(m->facts, d, &at) && i < l->layout->n_dax; i++)
		if (l->dax[i].region == w && at < l->dax[i].offset + l->dax[i].size_bytes &&
		    at + size > l->dax[i].offset)
			return &l->dax[i];
	return NULL;
}

static void add_foreign_dax(const struct matching *matching, const struct wanted_region *w)
{
	struct layout_matches *m = matching->ret;

	for (size_t i = 0; w->is && has_dax(m->wanted, w) && i < w->is->n_dax; i++) {
		const struct cxl_dax *d = w->is->dax[i];

		if (!dax_is_empty(d) && !dax_is_matched(m, d))
			m->foreign[m->n_foreign++] = (struct layout_foreign){
				.beside = w, .dax = d,
				.in_the_way_of = in_whose_way(matching, w, d),
			};
	}
}

static int find_foreign(const struct matching *m)
{
	const struct cxl_host *host = m->facts->host;
	const struct wanted_layout *l = m->ret->wanted;

	m->ret->foreign = arena_alloc(m->a, host->n_regions + host->n_dax,
				      sizeof(*m->ret->foreign));
	if (!m->ret->foreign)
		return -ENOMEM;
	for (size_t i = 0; i < host->n_regions; i++) {
		const struct cxl_region *r = &host->regions[i];
		const struct wanted_region *beside = beside_whom(l, r);

		if (beside && !region_is_wanted(l, r))
			m->ret->foreign[m->ret->n_foreign++] = (struct layout_foreign){
				.beside = beside, .region = r,
			};
	}
	for (size_t i = 0; i < l->layout->n_regions; i++)
		add_foreign_dax(m, &l->regions[i]);
	return 0;
}

int layout_match(const struct wanted_layout *wanted, const struct layout_facts *facts,
		 struct arena *a, struct layout_matches *ret)
{
	const struct matching m = { facts, a, ret };
	size_t n_regions = wanted->layout->n_regions, n_dax = wanted->layout->n_dax;
	int rc = 0;

	*ret = (struct layout_matches){
		.wanted = wanted,
		.regions = arena_alloc(a, n_regions, sizeof(*ret->regions)),
		.dax = arena_alloc(a, n_dax, sizeof(*ret->dax)),
	};
	if (!ret->regions || !ret->dax)
		return -ENOMEM;
	for (size_t i = 0; !rc && i < n_regions; i++)
		rc = match_region(&m, &wanted->regions[i], &ret->regions[i]);
	for (size_t i = 0; !rc && i < n_dax; i++)
		rc = match_dax(&m, &wanted->dax[i], &ret->dax[i]);
	rc = rc ? rc : find_foreign(&m);
	return rc || a->is_exhausted ? -ENOMEM : 0;
}

bool layout_dax_is_cut(const struct dax_match *d)
{
	for (size_t i = 0; d->is && i < d->differences.n; i++)
		if (d->differences.v[i].is && d->differences.v[i].way == WAY_REMAKE)
			return true;
	return !d->is;
}

bool layout_is_made(const struct layout_matches *m)
{
	for (size_t i = 0; i < m->wanted->layout->n_regions; i++)
		if (m->regions[i].state != LAYOUT_AS_WANTED)
			return false;
	for (size_t i = 0; i < m->wanted->layout->n_dax; i++)
		if (m->dax[i].state != LAYOUT_AS_WANTED)
			return false;
	return true;
}
