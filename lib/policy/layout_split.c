// SPDX-License-Identifier: GPL-2.0-only
/* Options as a layout of memory: see layout_split.h. */
#include "lib/policy/layout_split.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "lib/policy/layout_resolve.h"
#include "lib/policy/policy_text.h"
#include "util/parse.h"

/* An option has no lines, and 0 means that a setting is not there. */
enum { LINE = 1 };

struct splitting {
	const struct layout_split *split;
	const struct layout_facts *facts;
	struct arena *a;
	struct layout *ret;
};

#define REFUSE(err, ...) policy_refuse(LAYOUT_OF_OPTION, LINE, err, __VA_ARGS__)

/* --- the region ------------------------------------------------------------------------ */

static int refuse_name(const struct splitting *s, struct err *err)
{
	const struct cxl_host *host = s->facts->host;
	char shown[64];

	for (size_t i = 0; i < host->n_dax; i++)
		if (!strcmp(host->dax[i].name, s->split->region))
			return REFUSE(err, host->dax[i].region ? "%s is a dax device; a whole region is cut, and it is one of %s" : "%s is a dax device of no CXL region",
				      s->split->region, host->dax[i].region ? host->dax[i].region->name : "");
	printable(s->split->region, shown, sizeof(shown));
	return policy_refuse_here(LAYOUT_OF_OPTION, LINE, EXIT_USAGE, "'daxctl list --isolation' shows what there is", err,
				  "this host has no region '%s'", shown);
}

static int find_region(const struct splitting *s, const struct cxl_region **ret, struct err *err)
{
	const struct cxl_host *host = s->facts->host;
	const char *why;

	*ret = NULL;
	for (size_t i = 0; i < host->n_regions; i++)
		if (!strcmp(host->regions[i].name, s->split->region))
			*ret = &host->regions[i];
	if (!*ret)
		return refuse_name(s, err);
	why = layout_why_not(s->facts, *ret);
	return !why ? 0 : policy_refuse_here(LAYOUT_OF_OPTION, LINE, EXIT_NEGATIVE, NULL, err, "%s cannot be cut into devices with names: %s", (*ret)->name, why);
}

static int describe(const struct splitting *s, const struct cxl_region *is, struct err *err)
{
	struct layout_region *r = &s->ret->regions[s->ret->n_regions++];
	char decoder[64];

	*r = (struct layout_region){
		.name = is->name, .is_named = is->name, .line = LINE, .n_memdevs = is->n_targets,
		.granularity = is->granularity.v, .size = { AMOUNT_BYTES, is->size_bytes.v },
	};
	for (size_t k = 0; k < N_REGION_KEYS; k++)
		r->lines[k] = LINE;
	for (size_t i = 0; i < is->n_targets; i++) {
		const struct cxl_memdev *m = is->targets[i];

		r->memdevs[i] = (struct layout_memdev){ .key = m->serial.v };
		r->memdevs[i].by_address = layout_needs_address(s->facts->host, m);
		if (r->memdevs[i].by_address &&
		    !(m->host && parse_pci_address(m->host, &r->memdevs[i].key)))
			return policy_refuse_here(LAYOUT_OF_OPTION, LINE, EXIT_NEGATIVE, NULL, err, "%s has neither a serial number of its own nor a PCI address", m->name);
	}
	r->decoder = arena_strdup(s->a, region_root_decoder(is, decoder, sizeof(decoder)));
	return r->decoder ? 0 : err_no_memory(err, ", nothing was written");
}

/* --- the devices ------------------------------------------------------------------------- */

static int set(const struct splitting *s, const struct layout_section *section, const char *key,
	       const char *value, struct err *err)
{
	const struct ini_line line = { .number = LINE, .key = key, .value = value };

	return value ? layout_set(s->ret, &line, section, err) : 0;
}

static int add_device(const struct splitting *s, const char *name, const char *size,
		      struct err *err)
{
	struct ini_line line = { .number = LINE, .section = arena_printf(s->a, "dax %s", name) };
	struct layout_section section;
	int rc;

	if (!line.section)
		return err_no_memory(err, ", nothing was written");
	for (size_t i = 0; i < s->ret->n_dax; i++)
		if (!strcmp(s->ret->dax[i].name, name))
			return REFUSE(err, "two devices are called %s; give each a name of its own", name);
	rc = layout_begin(s->ret, &line, &section, err);
	rc = rc ? rc : set(s, &section, "region", s->ret->regions[0].name, err);
	/* the size is judged by the align */
	rc = rc ? rc : set(s, &section, "align", s->split->align, err);
	rc = rc ? rc : set(s, &section, "size", size, err);
	return rc ? rc : set(s, &section, "mode", s->split->mode, err);
}

static int add_part(const struct splitting *s, const char *part, size_t n, struct err *err)
{
	char *name = arena_strndup(s->a, part, n), *colon, shown[64];

	if (!name)
		return err_no_memory(err, ", nothing was written");
	colon = strchr(name, ':');
	if (!colon || colon == name || !colon[1])
		return REFUSE(err, "'%s' is not NAME:SIZE, as in vm1:4GiB, vm2:25%% or vm3:rest", printable(name, shown, sizeof(shown)));
	*colon = '\0';
	return add_device(s, name, colon + 1, err);
}

static size_t count_parts(const char *parts)
{
	size_t n = 1;

	for (; *parts; parts++)
		n += *parts == ',';
	return n;
}

int layout_split(const struct layout_split *split, const struct layout_facts *facts,
		 struct arena *a, struct layout *ret, struct err *err)
{
	const struct splitting s = { split, facts, a, ret };
	const struct cxl_region *is;
	int rc;

	if (layout_init(ret, LAYOUT_OF_OPTION, count_parts(split->parts), a))
		return err_no_memory(err, ", nothing was written");
	rc = find_region(&s, &is, err);
	rc = rc ? rc : describe(&s, is, err);
	for (const char *part = split->parts; !rc; part++) {
		size_t n = strcspn(part, ",");

		rc = add_part(&s, part, n, err);
		part += n;
		if (!*part)
			break;
	}
	return rc ? rc : layout_end(ret, err);
}
