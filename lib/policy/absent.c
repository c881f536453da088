// SPDX-License-Identifier: GPL-2.0-only
/* What is not there: see absent.h. */
#include "lib/policy/absent.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/policy/layout_resolve.h"
#include "util/parse.h"

struct search {
	const struct cxl_host *host;
	const struct memory_functions *functions;
	struct arena *a;
	struct absents *ret;
	size_t capacity;
};

static int add(struct search *s, unsigned int line, const char *what)
{
	struct absent *v;

	if (!what)
		return -ENOMEM;
	for (size_t i = 0; i < s->ret->n; i++)
		if (s->ret->v[i].line == line && !strcmp(s->ret->v[i].what, what))
			return 0;
	v = arena_room(s->a, s->ret->v, s->ret->n, &s->capacity, sizeof(*v));
	if (!v)
		return -ENOMEM;
	s->ret->v = v;
	v[s->ret->n++] = (struct absent){ line, what };
	return 0;
}

/* Regions can be made of it: its driver has it, and its endpoint is in the topology. */
static bool is_ready(const struct cxl_memdev *m)
{
	return m->bound && m->endpoint && m->root_port;
}

static const char *unready_text(const struct search *s, const struct cxl_memdev *m)
{
	return arena_printf(s->a, "%s (%s) %s", m->name, m->host ? m->host : "no PCI address",
			    m->bound ? "is below no root port" : "has no driver");
}

/* --- PCI functions --------------------------------------------------------------------- */

static const struct cxl_memdev *memdev_of(const struct cxl_host *host,
					  const struct memory_function *f)
{
	for (size_t i = 0; i < host->n_memdevs; i++)
		if (host->memdevs[i].host && !strcmp(host->memdevs[i].host, f->address))
			return &host->memdevs[i];
	return NULL;
}

/* Is @f the function @key, or below it?  Its path has the addresses of all bridges above. */
static bool is_at_or_below(const struct memory_function *f, uint64_t key)
{
	char address[32];
	const char *at;

	snprintf(address, sizeof(address), "/%04" PRIx64 ":%02" PRIx64 ":%02" PRIx64 ".%" PRIx64, key >> 16, key >> 8 & 0xff,
		 key >> 3 & 0x1f, key & 7);
	at = strstr(f->path, address);
	return at && (at[strlen(address)] == '/' || !at[strlen(address)]);
}

/* Those that are no memory device yet, below @key (NULL: anywhere). */
static int add_functions(struct search *s, unsigned int line, const uint64_t *key)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < s->functions->n; i++) {
		const struct memory_function *f = &s->functions->v[i];
		const struct cxl_memdev *m = memdev_of(s->host, f);

		if ((key && !is_at_or_below(f, *key)) || (m && is_ready(m)))
			continue;
		rc = add(s, line, m ? unready_text(s, m) : arena_printf(s->a, "PCI device %s is no memory device yet", f->address));
	}
	return rc;
}

/* --- sections for root ports ------------------------------------------------------------- */

static int look_for_section(struct search *s, const struct policy_section *section)
{
	const struct cxl_host *host = s->host;

	if (!policy_section_is_there(section, host))
		return add(s, section->line, arena_printf(s->a, "nothing is [%s]", section->name));
	if (section->kind != POLICY_SERIAL)
		return add_functions(s, section->line,
				     section->kind == POLICY_PCI ? &section->key : NULL);
	for (size_t i = 0; i < host->n_memdevs; i++)
		if (host->memdevs[i].serial.known && host->memdevs[i].serial.v == section->key &&
		    !is_ready(&host->memdevs[i]))
			return add(s, section->line, unready_text(s, &host->memdevs[i]));
	return 0;
}

int absent_for_sections(const struct policy *p, const struct cxl_host *host,
			const struct memory_functions *functions, struct arena *a,
			struct absents *ret)
{
	struct search s = { host, functions, a, ret, 0 };
	int rc = 0;

	*ret = (struct absents){ 0 };
	for (size_t i = 0; !rc && i < p->n; i++)
		rc = look_for_section(&s, &p->sections[i]);
	return rc;
}

/* --- the layout --------------------------------------------------------------------------- */

static int look_for_memdev(struct search *s, unsigned int line, const struct layout_memdev *name)
{
	const struct cxl_memdev *found = NULL;
	char text[48];

	for (size_t i = 0; i < s->host->n_memdevs; i++)
		if (layout_memdev_is(&s->host->memdevs[i], name)) {
			if (is_ready(&s->host->memdevs[i]))
				return 0;	/* that there are two is for layout_resolve() to say */
			found = &s->host->memdevs[i];
		}
	layout_memdev_text(name, text, sizeof(text));
	return add(s, line, found ? unready_text(s, found) : arena_printf(s->a, "no memory device has %s", text));
}

static int look_below_root_port(struct search *s, const struct layout_region *region)
{
	unsigned int line = region->lines[REGION_MEMDEVS];

	for (size_t i = 0; i < s->host->n_root_ports; i++)
		if (s->host->root_ports[i].key == region->root_port &&
		    s->host->root_ports[i].n_memdevs)
			return add_functions(s, line, &region->root_port);
	return add(s, line, arena_printf(s->a, "no memory device is below the root port of [region %s]", region->name));
}

static int look_for_region(struct search *s, const struct layout_region *region, bool *ret_absent)
{
	size_t before = s->ret->n;
	int rc = 0;

	if (!region->n_memdevs)
		rc = look_below_root_port(s, region);
	for (size_t i = 0; !rc && i < region->n_memdevs; i++)
		rc = look_for_memdev(s, region->lines[REGION_MEMDEVS], &region->memdevs[i]);
	*ret_absent = s->ret->n > before;
	return rc;
}

static bool has_memdev(const struct layout_region *r, const struct cxl_memdev *m)
{
	for (size_t i = 0; i < r->n_memdevs; i++)
		if (layout_memdev_is(m, &r->memdevs[i]))
			return true;
	return !r->n_memdevs && m->root_port && m->root_port->key == r->root_port;
}

static bool share_a_memdev(const struct cxl_host *host, const struct layout_region *p,
			   const struct layout_region *q)
{
	for (size_t i = 0; i < host->n_memdevs; i++)
		if (has_memdev(p, &host->memdevs[i]) && has_memdev(q, &host->memdevs[i]))
			return true;
	return false;
}

/* What "max" is can be told only once all that is made of the same memory device is known. */
static void spread(const struct layout *l, const struct cxl_host *host, bool *is_out)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < l->n_regions; i++)
			for (size_t k = 0; !is_out[i] && k < l->n_regions; k++)
				if (is_out[k] && l->regions[i].size.kind == AMOUNT_ALL &&
				    share_a_memdev(host, &l->regions[i], &l->regions[k]))
					again = is_out[i] = true;
	}
}

static int copy_without(const struct layout *l, const bool *is_out, struct arena *a,
			struct layout *ret)
{
	size_t *to = arena_alloc(a, l->n_regions, sizeof(*to));
	struct layout part = { .file = l->file,
			       .regions = arena_alloc(a, l->n_regions, sizeof(*part.regions)),
			       .dax = arena_alloc(a, l->n_dax, sizeof(*part.dax)) };

	if (!to || !part.regions || !part.dax)
		return -ENOMEM;
	for (size_t i = 0; i < l->n_regions; i++) {
		to[i] = part.n_regions;
		if (!is_out[i])
			part.regions[part.n_regions++] = l->regions[i];
	}
	for (size_t i = 0; i < l->n_dax; i++)
		if (!is_out[l->dax[i].region]) {
			part.dax[part.n_dax] = l->dax[i];
			part.dax[part.n_dax++].region = to[l->dax[i].region];
		}
	part.is_part = part.n_regions < l->n_regions;
	*ret = part;	/* which may be @l itself */
	return 0;
}

int layout_leave_out(const struct layout *l, const struct cxl_host *host,
		     const struct memory_functions *functions, struct arena *a, struct layout *ret,
		     struct absents *ret_absent)
{
	bool *is_out = arena_alloc(a, l->n_regions, sizeof(*is_out));
	struct search s = { host, functions, a, ret_absent, 0 };
	int rc = is_out ? 0 : -ENOMEM;

	*ret_absent = (struct absents){ 0 };
	for (size_t i = 0; !rc && i < l->n_regions; i++)
		rc = look_for_region(&s, &l->regions[i], &is_out[i]);
	if (rc)
		return rc;
	spread(l, host, is_out);
	return copy_without(l, is_out, a, ret);
}
