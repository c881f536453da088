// SPDX-License-Identifier: GPL-2.0-only
/* From a report to the output's records: see soft_record.h. */
#include "lib/soft/soft_record.h"

#include <inttypes.h>
#include <stdio.h>

static struct json_object *new_span(const char *name, uint64_t start, uint64_t end)
{
	struct json_object *o = render_object();

	render_add_string(o, "name", name);
	render_add_hex(o, "start", true, start);
	render_add_hex(o, "end", true, end);
	return o;
}

static void add_set(struct json_object *list, const char *name, const struct interval_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		render_append(list, new_span(name, set->v[i].start, set->v[i].end));
}

/* --- what each source says ------------------------------------------------ */

static void spans_firmware(const struct soft_picture *p, struct json_object *list)
{
	add_set(list, "Soft Reserved", &p->firmware_soft);
	add_set(list, "System RAM", &p->firmware_ram);
}

static void spans_cmdline(const struct soft_picture *p, struct json_object *list)
{
	add_set(list, "Soft Reserved", &p->cmdline.soft);
}

static void spans_iomem(const struct soft_picture *p, struct json_object *list)
{
	for (size_t i = 0; i < p->iomem.n; i++) {
		const struct iomem_line *l = &p->iomem.lines[i];
		bool numbered = l->kind == IOMEM_WINDOW || l->kind == IOMEM_REGION;
		char name[40];

		snprintf(name, sizeof(name), l->kind == IOMEM_WINDOW ? "CXL Window %u" : "region%u", l->id);
		render_append(list, new_span(numbered ? name : iomem_kind_names[l->kind], l->start,
					     l->end));
	}
}

static void spans_cedt(const struct soft_picture *p, struct json_object *list)
{
	for (size_t i = 0; i < p->cedt.n_windows; i++) {
		const struct cedt_window *w = &p->cedt.windows[i];
		char name[40];

		snprintf(name, sizeof(name), "cedt-window%zu", i);
		if (w->size)
			render_append(list, new_span(name, w->base, w->base + (w->size - 1)));
	}
}

static void spans_srat(const struct soft_picture *p, struct json_object *list)
{
	for (size_t i = 0; i < p->srat.n_memory; i++) {
		char name[40];

		snprintf(name, sizeof(name), "domain%" PRIu32, p->srat.memory[i].domain);
		render_append(list, new_span(name, p->srat.memory[i].start, p->srat.memory[i].end));
	}
}

static void spans_windows(const struct soft_picture *p, struct json_object *list)
{
	for (size_t i = 0; i < p->n_windows; i++)
		render_append(list, new_span(p->windows[i].span.name, p->windows[i].span.start,
						     p->windows[i].span.end));
}

static void spans_regions(const struct soft_picture *p, struct json_object *list)
{
	for (size_t i = 0; i < p->n_regions; i++)
		if (p->regions[i].has_span)
			render_append(list,
				      new_span(p->regions[i].span.name, p->regions[i].span.start,
					       p->regions[i].span.end));
}

static void spans_dax(const struct soft_picture *p, struct json_object *list)
{
	for (size_t i = 0; i < p->n_dax; i++) {
		const struct soft_dax *d = &p->dax[i];
		const struct soft_span *region = d->owner == DAX_OF_REGION
							 ? &p->regions[d->region].span
							 : NULL;

		if (d->is_hidden && d->size_bytes && region && p->regions[d->region].has_span)
			render_append(list, new_span(d->name, region->start, region->end));
		add_set(list, d->name, &d->ranges);
	}
}

static void spans_blocks(const struct soft_picture *p, struct json_object *list)
{
	add_set(list, "offline", &p->offline);
}

static void (*const span_writers[N_SOFT_SOURCES])(const struct soft_picture *p,
						  struct json_object *list) = {
	[SOURCE_FIRMWARE_MAP] = spans_firmware,
	[SOURCE_CMDLINE] = spans_cmdline,
	[SOURCE_IOMEM] = spans_iomem,
	[SOURCE_CEDT] = spans_cedt,
	[SOURCE_SRAT] = spans_srat,
	[SOURCE_WINDOWS] = spans_windows,
	[SOURCE_REGIONS] = spans_regions,
	[SOURCE_DAX] = spans_dax,
	[SOURCE_MEMORY_BLOCKS] = spans_blocks,
};

static struct json_object *record_source(const struct soft_picture *p, enum soft_source_id id)
{
	struct json_object *o = render_object(), *spans = render_array();
	const struct soft_source *s = p ? &p->sources[id] : NULL;

	render_add_string(o, "state", s ? soft_source_state_names[s->state] : NULL);
	render_add_u64(o, "entries", s, s ? s->entries : 0);
	render_add_string(o, "text", s ? s->text : NULL);
	if (p && span_writers[id])
		span_writers[id](p, spans);
	render_add(o, "spans", spans);
	return o;
}

static struct json_object *record_sources(const struct soft_picture *p)
{
	struct json_object *o = render_object();

	for (size_t i = 0; i < N_SOFT_SOURCES; i++)
		render_add(o, soft_source_names[i], record_source(p, (enum soft_source_id)i));
	render_add_u64(o, "block_bytes", p && p->block_bytes, p ? p->block_bytes : 0);
	return o;
}

/* --- ranges --------------------------------------------------------------- */

static struct json_object *record_names(const char *const *names, size_t n)
{
	struct json_object *list = render_array();

	for (size_t i = 0; i < n; i++)
		render_append(list, render_string(names[i]));
	return list;
}

static struct json_object *record_modifiers(const struct soft_range *r)
{
	struct json_object *list = render_array();

	for (size_t i = 0; i < N_MODIFIERS; i++) {
		struct json_object *o;

		if (!r->modified[i])
			continue;
		o = render_object();
		render_add_string(o, "id", soft_modifier_names[i]);
		render_add_u64(o, "bytes", true, r->modifier_bytes[i]);
		render_append(list, o);
	}
	return list;
}

static struct json_object *record_units(const struct soft_range *r)
{
	struct json_object *list = render_array();

	for (size_t i = 0; i < r->n_units; i++) {
		const struct soft_unit *u = &r->units[i];
		struct json_object *o = render_object();

		render_add_hex(o, "start", true, u->start);
		render_add_hex(o, "end", true, u->end);
		render_add_string(o, "class", soft_class_names[u->class]);
		render_add_string(o, "verdict", soft_verdict_names[u->verdict]);
		render_append(list, o);
	}
	return list;
}

static struct json_object *record_range(const struct soft_picture *p, const struct soft_range *r)
{
	struct json_object *o = render_object();
	bool known = r->class != SOFT_INCONCLUSIVE;

	render_add_hex(o, "start", true, r->start);
	render_add_hex(o, "end", true, r->end);
	render_add_u64(o, "size", true, interval_bytes(r->start, r->end));
	render_add_string(o, "class", soft_class_names[r->class]);
	render_add_string(o, "verdict", soft_verdict_names[r->verdict]);
	render_add(o, "modifiers", record_modifiers(r));
	render_add(o, "windows", record_names(r->windows, r->n_windows));
	render_add(o, "regions", record_names(r->regions, r->n_regions));
	render_add(o, "dax", record_names(r->dax, r->n_dax));
	render_add_u64(o, "owned_bytes", known, r->owned_bytes);
	render_add_u64(o, "usable_bytes", known && p->block_bytes, r->usable_bytes);
	render_add_u64(o, "stranded_bytes", known, r->stranded_bytes);
	render_add_u64(o, "uncovered_bytes", known, r->uncovered_bytes);
	render_add(o, "units", record_units(r));
	render_add_string(o, "text", r->text);
	render_add_string(o, "remedy", r->remedy);
	return o;
}

struct json_object *soft_record(const struct soft_picture *p, const struct soft_report *report,
				const struct soft_policy *policy)
{
	struct json_object *o = render_object(), *ranges = render_array();

	render_add_string(o, "policy", policy->strict ? "strict" : "kernel");
	render_add_string(o, "verdict", soft_verdict_names[report ? report->verdict : VERDICT_INCONCLUSIVE]);
	render_add(o, "sources", record_sources(p));
	for (size_t i = 0; report && i < report->n_ranges; i++)
		render_append(ranges, record_range(p, &report->ranges[i]));
	render_add(o, "ranges", ranges);
	return o;
}
