// SPDX-License-Identifier: GPL-2.0-only
/* What is kept of a layout while it is being made, for whoever comes after a kill: see layout_make.h. */
#include <errno.h>
#include <string.h>

#include "lib/prepare/layout_make.h"

static bool is_of(const struct made_region *m, const struct wanted_region *w, struct arena *a)
{
	for (size_t i = 0; i < w->ways && m->n_memdevs == w->ways; i++) {
		const char *text = made_memdev_text(w->memdevs[i], a);

		if (!text || strcmp(text, m->memdevs[i]))
			return false;
	}
	return m->n_memdevs == w->ways;
}

/* The one that is being made of @w, new where there is none; NULL for lack of memory. */
static struct made_region *entry_of(struct layout_run *r, const struct wanted_region *w,
				    bool *ret_new)
{
	struct made_region *m;

	for (size_t i = 0; i < r->made->n; i++)
		if (!r->made->v[i].is_whole && is_of(&r->made->v[i], w, r->a))
			return &r->made->v[i];
	if (r->made->n == r->made->capacity)
		return NULL;
	m = &r->made->v[r->made->n];
	*m = (struct made_region){ .region = "", .bytes_each = w->bytes_each, .n_memdevs = w->ways };
	m->memdevs = arena_alloc(r->a, w->ways, sizeof(*m->memdevs));
	for (size_t i = 0; m->memdevs && i < w->ways; i++)
		if (!(m->memdevs[i] = made_memdev_text(w->memdevs[i], r->a)))
			return NULL;
	if (!m->memdevs)
		return NULL;
	r->made->n++;
	*ret_new = true;
	return m;
}

/* The name is a new region's now: one that had it was deleted by somebody else since, and its entry goes. */
static void take_name(struct layout_run *r, struct made_region *m, const char *name)
{
	for (size_t i = 0; i < r->made->n; i++)
		if (&r->made->v[i] != m && !strcmp(r->made->v[i].region, name)) {
			r->made->v[i].region = "";
			r->made->v[i].is_whole = true;
		}
	m->region = arena_strdup(r->a, name);
}

static int keep(const struct layout_run *r, struct err *err)
{
	int rc = made_write(r->host, r->made);

	return !rc ? 0 : err_set(err, EXIT_PREREQ, -rc, "what is being made cannot be kept for a run after this one, so nothing more was written: %s", err_text(-rc));
}

int layout_begin_step(struct step_run *run, const struct step *step, struct err *err)
{
	struct layout_run *r = run->data;
	const struct wanted_region *w = r->plan->regions[run->at];
	struct made_region *m;
	bool is_new = false;

	if (!strcmp(step->path, DAX_AUTOPROBE) && !strcmp(step->value, "0")) {
		r->made->autoprobe_is_held = true;
		return keep(r, err);
	}
	if (!w || (step->op != &step_of_new && step->op != &step_set_aside &&
		   step->op != &step_make_region))
		return 0;
	m = entry_of(r, w, &is_new);
	if (m && step->op == &step_make_region) {
		take_name(r, m, step->value);
		is_new = true;
	}
	if (!m || !m->region)
		return err_no_memory(err, " while a region was being made");
	m->bytes_each = w->bytes_each;
	return is_new ? keep(r, err) : 0;
}

void layout_settle_made(struct made *made, const struct cxl_host *host, bool is_over)
{
	const struct cxl_region *r;
	size_t n = 0;

	for (size_t i = 0; i < made->n; i++) {
		r = made_region_of(host, made, &made->v[i]);
		made->v[i].is_whole |= r && r->state == REGION_ENABLED;
	}
	for (size_t i = 0; i < made->n; i++) {
		r = made_region_of(host, made, &made->v[i]);
		if (r || (!is_over && !made->v[i].is_whole))
			made->v[n++] = made->v[i];
	}
	made->n = n;
}
