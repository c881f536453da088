// SPDX-License-Identifier: GPL-2.0-only
/* Of what the regions of a layout are made on a host: see layout_resolve.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/policy/layout_parts.h"
#include "lib/policy/policy_text.h"
#include "util/parse.h"

#define SHOW "'cxl list --isolation' shows what there is"

/* --- memory devices ----------------------------------------------------------------- */

static uint64_t address_of(const struct cxl_memdev *m)
{
	uint64_t key;

	return m->host && parse_pci_address(m->host, &key) ? key : UINT64_MAX;
}

bool layout_memdev_is(const struct cxl_memdev *m, const struct layout_memdev *name)
{
	if (name->by_address)
		return address_of(m) == name->key;
	return m->serial.known && m->serial.v == name->key;
}

bool layout_needs_address(const struct cxl_host *host, const struct cxl_memdev *m)
{
	if (!m->serial.known || !m->serial.v)
		return true;
	for (size_t i = 0; i < host->n_memdevs; i++)
		if (&host->memdevs[i] != m && host->memdevs[i].serial.known &&
		    host->memdevs[i].serial.v == m->serial.v)
			return true;
	return false;
}

void layout_memdev_text(const struct layout_memdev *m, char *buf, size_t size)
{
	if (m->by_address)
		snprintf(buf, size, "PCI address %04" PRIx64 ":%02" PRIx64 ":%02" PRIx64 ".%" PRIx64, m->key >> 16,
			 m->key >> 8 & 0xff, m->key >> 3 & 0x1f, m->key & 7);
	else
		snprintf(buf, size, "serial number 0x%" PRIx64, m->key);
}

static int find_memdev(const struct resolve *r, unsigned int line, const struct layout_memdev *name,
		       const struct cxl_memdev **ret, struct err *err)
{
	const struct cxl_memdev *found = NULL;
	char text[48];

	layout_memdev_text(name, text, sizeof(text));
	for (size_t i = 0; i < r->host->n_memdevs; i++) {
		const struct cxl_memdev *m = &r->host->memdevs[i];

		if (!layout_memdev_is(m, name))
			continue;
		if (found)
			return REFUSE_HERE(r, line, EXIT_USAGE, "name them by PCI address, as in pci 0000:0d:00.0", err,
					   "%s and %s (%s and %s) have the same %s", found->name, m->name, found->host ? found->host : "no PCI address",
					   m->host ? m->host : "no PCI address", text);
		found = m;
	}
	if (!found) {
		err_set(err, EXIT_USAGE, ENODEV, "%.200s:%u: no memory device has %s, so nothing of the layout can be made; " SHOW,
			r->ret->layout->file, line, text);
		return -ENODEV;
	}
	*ret = found;
	return 0;
}

static int by_address(const void *a, const void *b)
{
	uint64_t p = address_of(*(const struct cxl_memdev *const *)a),
		 q = address_of(*(const struct cxl_memdev *const *)b);

	return p < q ? -1 : p > q;
}

/* "all of root port": how many those are is the host's to say. */
static int find_all_below(const struct resolve *r, struct wanted_region *w, struct err *err)
{
	const struct layout_region *s = w->section;
	unsigned int line = s->lines[REGION_MEMDEVS];
	const struct cxl_root_port *rp = NULL;

	for (size_t i = 0; i < r->host->n_root_ports; i++)
		if (r->host->root_ports[i].key == s->root_port)
			rp = &r->host->root_ports[i];
	if (!rp)
		return REFUSE_HERE(r, line, EXIT_USAGE, SHOW, err, "[region %s]: this host has no such root port", s->name);
	if (!rp->n_memdevs)
		return REFUSE_HERE(r, line, EXIT_USAGE, SHOW, err, "[region %s]: no memory device is below %s", s->name, rp->name);
	if (rp->n_memdevs > LAYOUT_MAX_WAYS)
		return REFUSE_HERE(r, line, EXIT_NEGATIVE, NULL, err, "[region %s]: %zu memory devices are below %s, and a region has at most %d", s->name,
				   rp->n_memdevs, rp->name, LAYOUT_MAX_WAYS);
	for (size_t i = 0; i < rp->n_memdevs; i++)
		w->memdevs[w->ways++] = rp->memdevs[i];
	qsort(w->memdevs, w->ways, sizeof(*w->memdevs), by_address);
	if (s->ways && s->ways != w->ways)
		return REFUSE_HERE(r, s->lines[REGION_WAYS], EXIT_NEGATIVE, "leave ways out, or name the devices", err,
				   "[region %s]: ways = %u, and %zu memory devices are below %s", s->name, s->ways, w->ways, rp->name);
	return 0;
}

/* Why no region can be made of @m; NULL when one can. */
static const char *why_unfit_memdev(const struct cxl_memdev *m)
{
	if (m->is_accelerator)
		return "belongs to an accelerator, whose driver makes the region of its memory";
	if (!m->root_port || !m->root_port->bridge || !m->root_port->bridge->host)
		return "is below no root port at the moment";
	if (!m->endpoint || !m->bound)
		return "has no driver at the moment";
	if (!m->ram_bytes.known)
		return "does not tell its capacity";
	return m->ram_bytes.v ? NULL : "has no volatile memory, and only volatile regions are made by a policy";
}

static int check_memdevs(const struct resolve *r, const struct wanted_region *w, struct err *err)
{
	unsigned int line = w->section->lines[REGION_MEMDEVS];
	size_t ways = w->ways;

	for (size_t i = 0; i < w->ways; i++) {
		const char *why = why_unfit_memdev(w->memdevs[i]);

		if (why)
			return REFUSE_HERE(r, line, EXIT_NEGATIVE, NULL, err, "[region %s]: %s %s", w->section->name, w->memdevs[i]->name, why);
		for (size_t k = 0; k < i; k++)
			if (w->memdevs[k] == w->memdevs[i])
				return REFUSE_HERE(r, line, EXIT_USAGE, "name it once", err, "[region %s]: memdevs names %s twice, by serial number and by PCI address",
						   w->section->name, w->memdevs[i]->name);
	}
	ways = ways == 3 || ways == 6 || ways == 12 ? ways / 3 : ways;
	if (ways & (ways - 1))
		return REFUSE_HERE(r, line, EXIT_NEGATIVE, NULL, err, "[region %s]: these are %zu memory devices, and no region is interleaved so", w->section->name, w->ways);
	return 0;
}

static int find_memdevs(const struct resolve *r, struct wanted_region *w, struct err *err)
{
	const struct layout_region *s = w->section;
	int rc = 0;

	w->memdevs = arena_alloc(r->a, LAYOUT_MAX_WAYS, sizeof(*w->memdevs));
	if (!w->memdevs)
		return err_no_memory(err, ", nothing was written");
	if (!s->n_memdevs)
		rc = find_all_below(r, w, err);
	for (size_t i = 0; !rc && i < s->n_memdevs; i++)
		rc = find_memdev(r, s->lines[REGION_MEMDEVS], &s->memdevs[i],
				 &w->memdevs[w->ways++], err);
	return rc ? rc : check_memdevs(r, w, err);
}

/* --- root decoder -------------------------------------------------------------------- */

/*
 * Why no region of @memdevs can be made of @d; NULL when one can.  The rules of
 * interleave_ways_store() and cxl_region_attach_position() of drivers/cxl/core/region.c.
 */
static const char *why_unfit(const struct root_decoder *d, const struct cxl_memdev *const *memdevs,
			     size_t ways)
{
	size_t each = d->n_bridges ? ways / d->n_bridges : 0;

	for (size_t i = 0; i < ways; i++)
		if (why_unfit_memdev(memdevs[i]))
			return "is of no use to devices that are not ready";
	if (d->bus != memdevs[0]->bus)
		return "is of another bus";
	if (d->makes_ram == TRI_NO)
		return "makes no volatile regions";
	if (!d->n_bridges)
		return "does not tell over which host bridges it interleaves";
	if (!each || each * d->n_bridges != ways || each & (each - 1))
		return "interleaves over another number of host bridges";
	for (size_t i = 0; i < ways; i++)
		if (strcmp(d->bridges[i % d->n_bridges], memdevs[i]->root_port->bridge->host))
			return "sends these positions to other host bridges";
	return NULL;
}

size_t layout_fitting_decoders(const struct layout_facts *facts,
			       const struct cxl_memdev *const *memdevs, size_t ways,
			       const struct root_decoder **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < facts->n_decoders; i++)
		if (!why_unfit(&facts->decoders[i], memdevs, ways) && !n++)
			*ret = &facts->decoders[i];
	return n;
}

static int take_named_decoder(const struct resolve *r, struct wanted_region *w, struct err *err)
{
	const struct layout_region *s = w->section;
	unsigned int line = s->lines[REGION_DECODER];
	const char *why;

	for (size_t i = 0; i < r->facts->n_decoders; i++)
		if (!strcmp(r->facts->decoders[i].name, s->decoder))
			w->decoder = &r->facts->decoders[i];
	if (!w->decoder)
		return REFUSE_HERE(r, line, EXIT_USAGE, "'cxl list -D -d root' shows what there is", err,
				   "[region %s]: this host has no root decoder %s", s->name, s->decoder);
	why = why_unfit(w->decoder, w->memdevs, w->ways);
	return !why ? 0 : REFUSE_HERE(r, line, EXIT_NEGATIVE, "leave decoder out for the one that fits", err, "[region %s]: %s %s", s->name,
				      s->decoder, why);
}

static int find_decoder(const struct resolve *r, struct wanted_region *w, struct err *err)
{
	const struct layout_region *s = w->section;
	size_t n;

	if (s->decoder)
		return take_named_decoder(r, w, err);
	n = layout_fitting_decoders(r->facts, w->memdevs, w->ways, &w->decoder);
	if (n == 1)
		return 0;
	if (n)
		return REFUSE_HERE(r, s->line, EXIT_USAGE, NULL, err, "[region %s] can be made of %zu root decoders; say of which, as in decoder = %s", s->name, n,
				   w->decoder->name);
	return REFUSE_HERE(r, s->lines[REGION_MEMDEVS], EXIT_NEGATIVE, "'cxl list -D -d root' shows over which host bridges they interleave", err,
			   "[region %s]: no root decoder makes a volatile region of these memory devices in this order", s->name);
}

/* granularity_store(): where the root decoder interleaves the region has its granularity. */
static int find_granularity(const struct resolve *r, struct wanted_region *w, struct err *err)
{
	const struct layout_region *s = w->section;
	const struct root_decoder *d = w->decoder;

	w->granularity = s->granularity ? s->granularity
			 : d->granularity.v ? d->granularity.v : 256;
	if (d->n_bridges < 2 || !d->granularity.known || w->granularity == d->granularity.v)
		return 0;
	return REFUSE_HERE(r, s->lines[REGION_GRANULARITY], EXIT_NEGATIVE, "leave granularity out", err,
			   "[region %s]: %s interleaves host bridges with a granularity of %" PRIu64 ", and so must its regions", s->name, d->name, d->granularity.v);
}

/* --- which region that is now ----------------------------------------------------------- */

bool layout_can_name(const struct cxl_region *r)
{
	/* what is not known to be volatile is not taken for it */
	if (!r->mode || strcmp(r->mode, "ram") || !r->n_targets || r->targets_unknown)
		return false;
	for (size_t i = 0; i < r->n_targets; i++)
		if (!r->targets[i])
			return false;
	return !region_accelerator(r);
}

const char *layout_why_not(const struct layout_facts *facts, const struct cxl_region *r)
{
	uint64_t unit = (uint64_t)LAYOUT_REGION_ALIGN * (r->n_targets ? r->n_targets : 1);
	const struct root_decoder *first;

	if (r->mode && !strcmp(r->mode, "pmem"))
		return "it is persistent, and a policy makes volatile regions only";
	if (region_accelerator(r))
		return "it is an accelerator's, whose driver makes it";
	if (r->state != REGION_ENABLED)
		return "it is not enabled";
	if (!layout_can_name(r) || !r->size_bytes.known || !r->granularity.known)
		return "something of it cannot be read, or is not there any more";
	if (!r->size_bytes.v || r->size_bytes.v % unit || r->linear_cache_bytes)
		return "it has a size that firmware alone makes";
	for (size_t i = 0; i < facts->host->n_loose; i++)
		for (size_t k = 0; k < r->n_targets; k++)
			if (facts->host->loose[i].memdev == r->targets[k])
				return "one of its devices has memory without a region, too";
	return layout_fitting_decoders(facts, r->targets, r->n_targets, &first) ? NULL :
		"firmware made it otherwise than the kernel makes regions";
}

static bool is_made_of(const struct cxl_region *is, const struct wanted_region *w)
{
	const char *name = w->section->is_named;

	if (!layout_can_name(is) || is->n_targets != w->ways || (name && strcmp(name, is->name)))
		return false;
	for (size_t i = 0; i < w->ways; i++)
		if (is->targets[i] != w->memdevs[i])
			return false;
	return true;
}

static bool is_taken(const struct resolve *r, const struct cxl_region *is)
{
	for (size_t i = 0; i < r->ret->layout->n_regions; i++)
		if (r->ret->regions[i].is == is)
			return true;
	return false;
}

static bool is_as_wanted(const struct cxl_region *is, const struct wanted_region *w)
{
	char decoder[64];

	return is->size_bytes.known && is->size_bytes.v == w->section->size.v &&
	       w->section->size.kind == AMOUNT_BYTES &&
	       !strcmp(region_root_decoder(is, decoder, sizeof(decoder)), w->decoder->name);
}

/* Of several regions of the same devices first the one that is as wanted, else that at the lowest address. */
static void find_region(const struct resolve *r, struct wanted_region *w, bool as_wanted)
{
	for (size_t i = 0; i < r->host->n_regions; i++) {
		const struct cxl_region *is = &r->host->regions[i];

		if (!is_made_of(is, w) || is_taken(r, is) || (as_wanted && !is_as_wanted(is, w)))
			continue;
		if (!w->is || is->resource.v < w->is->resource.v)
			w->is = is;
	}
}

int layout_find_devices(const struct resolve *r, struct err *err)
{
	size_t n = r->ret->layout->n_regions;
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++) {
		struct wanted_region *w = &r->ret->regions[i];

		w->section = &r->ret->layout->regions[i];
		rc = find_memdevs(r, w, err);
		rc = rc ? rc : find_decoder(r, w, err);
		rc = rc ? rc : find_granularity(r, w, err);
	}
	for (int as_wanted = 1; !rc && as_wanted >= 0; as_wanted--)
		for (size_t i = 0; i < n; i++)
			if (!r->ret->regions[i].is)
				find_region(r, &r->ret->regions[i], as_wanted);
	return rc;
}
