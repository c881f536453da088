// SPDX-License-Identifier: GPL-2.0-only
/* In what the memory of a host differs from its layout, as differences from a policy: see policy.h. */
#include "lib/policy/layout_match.h"
#include "lib/policy/policy.h"

struct drifts {
	struct arena *a;
	struct policy_drift *v;
	size_t n;
};

static const char *section(const struct drifts *d, const char *kind, const char *name)
{
	return arena_printf(d->a, "%s %s", kind, name);
}

static void add(struct drifts *d, const char *target, enum layout_state state,
		const struct layout_differences *list, unsigned int line)
{
	if (state == LAYOUT_MISSING)
		d->v[d->n++] = (struct policy_drift){ target, "target", "present", "absent", line };
	else if (state == LAYOUT_UNTOLD && !list->n)
		d->v[d->n++] = (struct policy_drift){ target, "target", "present", "unknown", line };
	for (size_t i = 0; i < list->n; i++)
		d->v[d->n++] = (struct policy_drift){ target, list->v[i].setting, list->v[i].wanted,
						      list->v[i].is ? list->v[i].is : "unknown",
						      list->v[i].line };
}

/* Of System RAM: its driver alone gives the host none of it. */
static void add_memory(struct drifts *d, const char *target, const struct dax_match *m)
{
	unsigned int line = layout_dax_line(m->wanted->section, DAX_MODE);

	if (m->is_online == TRI_YES || !m->is)
		return;
	d->v[d->n++] = (struct policy_drift){ target, "memory", "online", m->is_online == TRI_NO ? "offline" : "unknown", line };
}

int policy_compare_layout(const struct layout_matches *m, struct arena *a,
			  struct policy_drifts *ret)
{
	const struct layout *l = m->wanted->layout;
	struct drifts d = { .a = a };
	size_t most = l->n_regions + l->n_dax;

	for (size_t i = 0; i < l->n_regions; i++)
		most += m->regions[i].differences.n;
	for (size_t i = 0; i < l->n_dax; i++)
		most += m->dax[i].differences.n + 1;
	d.v = arena_alloc(a, most, sizeof(*d.v));
	if (!d.v)
		return -ENOMEM;
	for (size_t i = 0; i < l->n_regions; i++)
		add(&d, section(&d, "region", l->regions[i].name), m->regions[i].state,
		    &m->regions[i].differences, l->regions[i].line);
	/* where the region is missing, so are they */
	for (size_t i = 0; i < l->n_dax; i++)
		if (m->regions[l->dax[i].region].state != LAYOUT_MISSING) {
			const char *name = section(&d, "dax", l->dax[i].name);

			add(&d, name, m->dax[i].state, &m->dax[i].differences, l->dax[i].line);
			add_memory(&d, name, &m->dax[i]);
		}
	*ret = (struct policy_drifts){ d.v, d.n };
	return a->is_exhausted ? -ENOMEM : 0;
}
