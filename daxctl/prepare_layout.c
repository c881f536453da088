// SPDX-License-Identifier: GPL-2.0-only
/* The layout of a policy file in the record of prepare-isolation: see prepare_layout.h. */
#include "daxctl/prepare_layout.h"

#include "daxctl/dax_record.h"
#include "config.h"
#include "lib/report/record.h"
#include "util/render.h"

static struct json_object *record_region_of(const struct layout_make *m, size_t i)
{
	const struct cxl_region *is = m->matches.regions ? m->matches.regions[i].wanted->is : NULL;
	struct json_object *obj = render_object();

	render_add_string(obj, "name", m->layout.regions[i].name);
	render_add_string(obj, "region", is ? is->name : NULL);
	return obj;
}

static struct json_object *record_dax_of(const struct layout_make *m, size_t i)
{
	const struct dax_match *match = m->matches.dax ? &m->matches.dax[i] : NULL;
	const struct cxl_region *in = match ? match->wanted->region->is : NULL;
	struct json_object *obj = render_object();

	render_add_string(obj, "name", m->layout.dax[i].name);
	render_add_string(obj, "dax", match && match->is ? match->is->name : NULL);
	render_add_string(obj, "region", in ? in->name : NULL);
	render_add_string(obj, "result", outcome_descs[m->result].name);
	return obj;
}

struct json_object *record_layout(const struct layout_make *m)
{
	const struct layout_plan *const plans[] = { &m->clean, &m->plan };
	struct json_object *obj = render_object(), *regions = render_array(), *dax = render_array(),
			   *plan = render_array();

	for (size_t i = 0; i < m->layout.n_regions; i++)
		render_append(regions, record_region_of(m, i));
	for (size_t i = 0; i < m->layout.n_dax; i++)
		render_append(dax, record_dax_of(m, i));
	for (size_t p = 0; p < 2; p++)
		for (size_t i = 0; i < plans[p]->n; i++)
			render_append(plan, record_step(&plans[p]->steps[i]));
	render_add_string(obj, "file", m->file);
	render_add_string(obj, "result", outcome_descs[m->result].name);
	render_add(obj, "regions", regions);
	render_add(obj, "dax", dax);
	render_add(obj, "plan", plan);
	return obj;
}

static void tell_persist(const struct layout_make *m)
{
	if (m->persist.text && m->result == OUTCOME_PLANNED)
		message_add(m->messages, SEV_INFO, "PERSIST", m->split->region, POLICY_FILE " would get %s", m->persist.sections);
	else if (m->persist.text && m->result == OUTCOME_DONE)
		message_add(m->messages, SEV_INFO, "PERSIST", m->split->region,
			    POLICY_FILE " now has %s; 'daxctl prepare-isolation --undo --persist %s' takes that out", m->persist.sections, m->split->region);
}

/* What comes after its driver, for what @m's device @i is for. */
static void tell_change(const struct layout_make *m, size_t i)
{
	const struct layout_dax *d = &m->layout.dax[i];

	if (!m->changes[i])
		return;
	if (d->mode == LAYOUT_FAMFS)
		message_add(m->messages, SEV_INFO, "FAMFS", m->matches.dax[i].is ? m->matches.dax[i].is->name : NULL,
			    "[dax %s]: a file system that was on it is gone; it has to be made again: 'mkfs.famfs /dev/%s'", d->name,
			    m->matches.dax[i].is ? m->matches.dax[i].is->name : "daxX.Y");
	if (d->mode == LAYOUT_SYSTEM_RAM && m->result == OUTCOME_PLANNED)
		message_add(m->messages, SEV_INFO, "ONLINE", NULL,
			    "[dax %s]: its memory would come online behind these steps, isolation first, as with --mode=system-ram", d->name);
}

void tell_layout(const struct layout_make *m, int status)
{
	if (status == EXIT_DONE)
		tell_persist(m);
	if (status == EXIT_DONE && !m->layout.n_regions)
		message_add(m->messages, SEV_INFO, "NOTHING", NULL, "%.200s wants no layout of memory: it has no section [region NAME]; nothing was done", m->file);
	for (size_t i = 0; status == EXIT_DONE && m->changes && i < m->layout.n_dax; i++)
		tell_change(m, i);
}

void record_prepared_rows(struct json_object *record, struct json_object *rows)
{
	struct json_object *layout = json_object_object_get(record, "layout"), *dax;

	if (!layout) {
		record_dax_rows(record, rows);
		return;
	}
	dax = json_object_object_get(layout, "dax");
	for (size_t i = 0; i < render_length(dax); i++)
		render_append(rows, json_object_get(json_object_array_get_idx(dax, i)));
}
