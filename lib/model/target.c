// SPDX-License-Identifier: GPL-2.0-only
/* Names on the command line to objects: see target.h. */
#include "lib/model/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/array.h"
#include "util/parse.h"

static void add_root_port(const struct cxl_host *h, struct target_set *s,
			  const struct cxl_root_port *rp, bool named)
{
	size_t i = (size_t)(rp - h->root_ports);

	s->root_ports[i] = true;
	s->named[i] |= named;
}

static void mark_region(const struct cxl_host *h, struct target_set *s, const struct cxl_region *r)
{
	s->regions[r - h->regions] = true;
	for (size_t i = 0; i < r->n_dax; i++)
		s->dax[r->dax[i] - h->dax] = true;
}

static void add_below(const struct cxl_host *h, struct target_set *s,
		      const struct cxl_root_port *rp, bool named)
{
	add_root_port(h, s, rp, named);
	for (size_t i = 0; i < rp->n_memdevs; i++)
		s->memdevs[rp->memdevs[i] - h->memdevs] = true;
	for (size_t i = 0; i < rp->n_regions; i++)
		mark_region(h, s, rp->regions[i]);
}

/* A memdev, its root port and the regions it takes part in. */
static void add_memdev(const struct cxl_host *h, struct target_set *s, const struct cxl_memdev *m)
{
	s->memdevs[m - h->memdevs] = true;
	if (m->root_port)
		add_root_port(h, s, m->root_port, true);
	for (size_t i = 0; i < h->n_regions; i++)
		for (size_t k = 0; k < h->regions[i].n_targets; k++)
			if (h->regions[i].targets[k] == m)
				mark_region(h, s, &h->regions[i]);
}

/* A region without its dax devices, of which only one may be meant. */
static void add_region_itself(const struct cxl_host *h, struct target_set *s,
			      const struct cxl_region *r)
{
	s->regions[r - h->regions] = true;
	for (size_t k = 0; k < r->n_targets; k++)
		if (r->targets[k])
			s->memdevs[r->targets[k] - h->memdevs] = true;
	for (size_t k = 0; k < r->n_root_ports; k++)
		add_root_port(h, s, r->root_ports[k], true);
}

static void add_region(const struct cxl_host *h, struct target_set *s, const struct cxl_region *r)
{
	add_region_itself(h, s, r);
	mark_region(h, s, r);
}

static bool select_bus(const struct cxl_host *h, struct target_set *s, const char *target)
{
	bool found = false;

	for (size_t b = 0; b < h->n_buses; b++) {
		const struct cxl_bus *bus = &h->buses[b];

		if (strcmp(target, "all") && strcmp(target, bus->name))
			continue;
		found = true;
		for (size_t i = 0; i < h->n_root_ports; i++) {
			const struct cxl_port *bridge = h->root_ports[i].bridge;

			/* whose bridge is unknown belongs to a bus only where there is no other */
			if (bridge ? bridge->bus == bus : h->n_buses == 1 || !strcmp(target, "all"))
				add_root_port(h, s, &h->root_ports[i], false);
		}
		for (size_t i = 0; i < h->n_memdevs; i++)
			s->memdevs[i] |= h->memdevs[i].bus == bus;
		for (size_t i = 0; i < h->n_regions; i++)
			if (h->regions[i].bus == bus)
				mark_region(h, s, &h->regions[i]);
	}
	for (size_t i = 0; i < h->n_dax && !strcmp(target, "all"); i++)
		s->dax[i] = true;	/* those of no bus too */
	return found;
}

/* Memdevs that have PCI device @key on their path below the root port. */
static bool add_memdevs_through(const struct cxl_host *h, struct target_set *s, uint64_t key)
{
	bool found = false;
	uint64_t other;

	for (size_t m = 0; m < h->n_memdevs; m++)
		for (size_t k = 0; k < h->memdevs[m].n_chain; k++)
			if (parse_pci_address(h->memdevs[m].chain[k], &other) && other == key) {
				add_memdev(h, s, &h->memdevs[m]);
				found = true;
			}
	return found;
}

/* An accelerator need not have a memdev. */
static bool add_above_accelerator(const struct cxl_host *h, struct target_set *s, uint64_t key)
{
	bool found = false;
	uint64_t other;

	for (size_t i = 0; i < h->n_root_ports; i++)
		for (size_t k = 0; k < h->root_ports[i].n_accelerators; k++)
			if (parse_pci_address(h->root_ports[i].accelerators[k].name, &other) &&
			    other == key) {
				add_root_port(h, s, &h->root_ports[i], true);
				found = true;
			}
	return found;
}

static bool select_port(const struct cxl_host *h, struct target_set *s, const char *target)
{
	bool found = false;
	uint64_t key;

	for (size_t p = 0; p < h->n_ports; p++) {
		const struct cxl_port *port = &h->ports[p];

		if (strcmp(port->name, target))
			continue;
		found = true;
		if (port->root_port)
			add_root_port(h, s, port->root_port, true);
		if (port->root_port && port->host && parse_pci_address(port->host, &key))
			add_memdevs_through(h, s, key);
		for (size_t i = 0; i < h->n_root_ports; i++)
			if (h->root_ports[i].bridge == port)
				add_below(h, s, &h->root_ports[i], false);
	}
	return found;
}

/* A root port, a switch's ports, an accelerator, or any PCI device on a memdev's path. */
static bool select_pci(const struct cxl_host *h, struct target_set *s, const char *target)
{
	uint64_t key, other;
	bool found;

	if (!parse_pci_address(target, &key))
		return false;
	for (size_t i = 0; i < h->n_root_ports; i++) {
		if (h->root_ports[i].key != key)
			continue;
		add_below(h, s, &h->root_ports[i], true);
		return true;
	}
	found = add_memdevs_through(h, s, key);
	found |= add_above_accelerator(h, s, key);
	for (size_t p = 0; p < h->n_ports; p++) {
		const struct cxl_port *port = &h->ports[p];

		for (size_t d = 0; port->root_port && d <= port->n_dports; d++) {
			const char *name = d < port->n_dports ? port->dports[d] : port->host;

			if (!name || !parse_pci_address(name, &other) || other != key)
				continue;
			add_root_port(h, s, port->root_port, true);
			found = true;
		}
	}
	return found;
}

static bool select_memdev(const struct cxl_host *h, struct target_set *s, const char *target)
{
	for (size_t i = 0; i < h->n_memdevs; i++) {
		if (strcmp(h->memdevs[i].name, target))
			continue;
		add_memdev(h, s, &h->memdevs[i]);
		return true;
	}
	return false;
}

static bool select_region(const struct cxl_host *h, struct target_set *s, const char *target)
{
	for (size_t i = 0; i < h->n_regions; i++) {
		if (strcmp(h->regions[i].name, target))
			continue;
		add_region(h, s, &h->regions[i]);
		return true;
	}
	return false;
}

static bool select_dax(const struct cxl_host *h, struct target_set *s, const char *target)
{
	for (size_t i = 0; i < h->n_dax; i++) {
		if (strcmp(h->dax[i].name, target))
			continue;
		s->dax[i] = true;
		if (h->dax[i].region)
			add_region_itself(h, s, h->dax[i].region);
		return true;
	}
	return false;
}

int target_set_init(const struct cxl_host *host, struct arena *a, bool full, struct target_set *ret)
{
	*ret = (struct target_set){
		.root_ports = arena_alloc(a, host->n_root_ports, sizeof(bool)),
		.named = arena_alloc(a, host->n_root_ports, sizeof(bool)),
		.memdevs = arena_alloc(a, host->n_memdevs, sizeof(bool)),
		.regions = arena_alloc(a, host->n_regions, sizeof(bool)),
		.dax = arena_alloc(a, host->n_dax, sizeof(bool)),
	};
	if (!ret->root_ports || !ret->named || !ret->memdevs || !ret->regions || !ret->dax)
		return -ENOMEM;
	if (full) {
		memset(ret->root_ports, true, host->n_root_ports);
		memset(ret->memdevs, true, host->n_memdevs);
		memset(ret->regions, true, host->n_regions);
		memset(ret->dax, true, host->n_dax);
	}
	return 0;
}

/* Appends a name to a sentence's list; false when there is no more room. */
static bool append(char *buf, size_t size, const char *name)
{
	size_t n = strlen(buf);

	if (n >= 4 && !strcmp(buf + n - 4, " ..."))
		return false;
	if (n + strlen(name) + sizeof("  ...") > size) {
		snprintf(buf + n, size - n, " ...");
		return false;
	}
	snprintf(buf + n, size - n, "%s%s", n ? " " : "", name);
	return true;
}

/* The names of one kind of object, as far as there is room. */
#define APPEND_NAMES(buf, size, array, n) \
	for (size_t i_ = 0; i_ < (n) && append(buf, size, (array)[i_].name); i_++)

static void list_targets(const struct cxl_host *h, unsigned int kinds, char *buf, size_t size)
{
	buf[0] = '\0';
	if (kinds & TARGET_BUS) {
		append(buf, size, "all");
		APPEND_NAMES(buf, size, h->buses, h->n_buses);
	}
	if (kinds & TARGET_PCI)
		APPEND_NAMES(buf, size, h->root_ports, h->n_root_ports);
	if (kinds & TARGET_PORT)
		APPEND_NAMES(buf, size, h->ports, h->n_ports);
	if (kinds & TARGET_MEMDEV)
		APPEND_NAMES(buf, size, h->memdevs, h->n_memdevs);
	if (kinds & TARGET_REGION)
		APPEND_NAMES(buf, size, h->regions, h->n_regions);
	if (kinds & TARGET_DAX)
		APPEND_NAMES(buf, size, h->dax, h->n_dax);
}

int target_add(const struct cxl_host *host, const char *target, unsigned int kinds,
	       struct target_set *set, struct err *err)
{
	static const struct {
		enum target_kind kind;
		bool (*select)(const struct cxl_host *h, struct target_set *s, const char *target);
		const char *what;
	} selectors[] = {
		{ TARGET_BUS, select_bus, "bus" }, { TARGET_PORT, select_port, "port" },
		{ TARGET_PCI, select_pci, "PCI address" }, { TARGET_MEMDEV, select_memdev, "memdev" },
		{ TARGET_REGION, select_region, "region" }, { TARGET_DAX, select_dax, "dax device" },
	};
	const char *what = "target";
	char shown[48], exists[600];

	for (size_t i = 0; i < ARRAY_SIZE(selectors); i++) {
		if (!(kinds & selectors[i].kind))
			continue;
		if (selectors[i].select(host, set, target))
			return 0;
		if (kinds == selectors[i].kind)
			what = selectors[i].what;
	}
	list_targets(host, kinds, exists, sizeof(exists));
	printable(target, shown, sizeof(shown));
	err_set(err, EXIT_USAGE, EINVAL, "'%s' is not a %s on this host, nothing was done; %s%s",
		shown, what, *exists ? "use one of: " : "there is none", exists);
	err_target(err, shown);
	return -EINVAL;
}

static const struct cxl_region *region_of(const struct cxl_host *host, const char *target)
{
	for (size_t i = 0; i < host->n_regions; i++)
		if (!strcmp(host->regions[i].name, target))
			return &host->regions[i];
	for (size_t i = 0; i < host->n_dax; i++)
		if (!strcmp(host->dax[i].name, target))
			return host->dax[i].region;
	return NULL;
}

int target_is_known(const struct cxl_host *host, const char *target, struct err *err)
{
	const struct cxl_region *r = region_of(host, target);

	if (!r || !r->targets_unknown)
		return 0;
	err_set(err, EXIT_PREREQ, ENODATA, "which root ports %s lies below cannot be told, since not all of its targets can be read, so nothing was done; run the command again, or name root ports ('cxl list --isolation' shows them)",
		target);
	err_target(err, target);
	return -ENODATA;
}

void target_intersect(const struct cxl_host *host, struct target_set *set,
		      const struct target_set *other)
{
	for (size_t i = 0; i < host->n_root_ports; i++) {
		set->root_ports[i] &= other->root_ports[i];
		set->named[i] &= other->named[i];
	}
	for (size_t i = 0; i < host->n_memdevs; i++)
		set->memdevs[i] &= other->memdevs[i];
	for (size_t i = 0; i < host->n_regions; i++)
		set->regions[i] &= other->regions[i];
	for (size_t i = 0; i < host->n_dax; i++)
		set->dax[i] &= other->dax[i];
}
