// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions: where they are, what memdevs and root ports they span, and in what
 * state they are left when a device is lost.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/host.h"
#include "lib/read/host_own.h"
#include "lib/read/reader.h"
#include "util/parse.h"

enum { MAX_WAYS = 16 };	/* CXL r3.2 sec 8.2.4.20.7 */

static const struct cxl_memdev *memdev_of_decoder(const struct cxl_host *host, const char *decoder)
{
	const struct cxl_endpoint *ep;
	char name[64];
	unsigned int id;
	size_t n = strcspn(decoder, ".");

	if (n >= sizeof(name))
		return NULL;
	memcpy(name, decoder, n);
	name[n] = '\0';
	if (!parse_name(name, "decoder", &id))
		return NULL;
	ep = host_endpoint(host, id);
	return ep ? ep->memdev : NULL;
}

static int read_targets(struct cxl_host *host, struct cxl_region *r)
{
	size_t ways = r->ways.known ? r->ways.v : MAX_WAYS;
	char path[PATH_MAX], target[32], decoder[64], shown[40];

	r->targets = arena_alloc(host->arena, ways, sizeof(*r->targets));
	r->decoders = arena_alloc(host->arena, ways, sizeof(*r->decoders));
	r->root_ports = arena_alloc(host->arena, ways, sizeof(*r->root_ports));
	if (!r->targets || !r->decoders || !r->root_ports)
		return -ENOMEM;
	for (size_t i = 0; i < ways; i++) {
		const struct cxl_root_port *rp;
		ssize_t n;
		size_t k;

		snprintf(target, sizeof(target), "target%zu", i);
		n = sysfs_join(path, sizeof(path), r->path, target);
		if (!n)
			n = sysfs_read(host->fs, path, decoder, sizeof(decoder));
		if (n == -ENOENT && !r->ways.known)
			break;
		r->n_targets++;
		r->targets_unknown |= n < 0;
		if (n < 0)
			message_add(host->messages, SEV_WARNING, "ATTRIBUTE", r->name,
				    "%s: attribute target%zu cannot be read (%s), so that position is unknown",
				    r->name, i, err_text((int)-n));
		if (n <= 0)
			continue;
		r->targets[i] = memdev_of_decoder(host, decoder);
		r->decoders[i] = r->targets[i] ? arena_strdup(host->arena, decoder) : NULL;
		r->targets_unknown |= !r->targets[i];
		if (!r->targets[i])
			message_add(host->messages, SEV_WARNING, "ATTRIBUTE", r->name,
				    "%s: attribute target%zu names \"%s\", which leads to no memdev, so that position is unknown",
				    r->name, i, printable(decoder, shown, sizeof(shown)));
		rp = r->targets[i] ? r->targets[i]->root_port : NULL;
		for (k = 0; k < r->n_root_ports && r->root_ports[k] != rp; k++)
			;
		if (rp && k == r->n_root_ports)
			r->root_ports[r->n_root_ports++] = rp;
	}
	return 0;
}

static void judge_region(struct cxl_host *host, struct cxl_region *r)
{
	bool lost = false;

	/* the driver binds only to what is committed: cxl_region_probe() */
	r->driver = attr_link_name(host, r->name, r->path, "driver");
	if (r->driver) {
		r->state = REGION_ENABLED;
		return;
	}
	r->commit = attr_u64(host, r->name, r->path, "commit");
	for (size_t i = 0; i < r->n_targets; i++)
		lost |= !r->targets[i];
	if (!r->commit.known)
		r->state = REGION_UNKNOWN;
	else if (r->commit.v)
		r->state = REGION_DISABLED;
	else
		r->state = lost && r->size_bytes.known && r->size_bytes.v ? REGION_HUSK
									  : REGION_RESET;
}

/* The window's target_list, by which a lost position can be told: "12,222" of the bus's dports. */
static int read_bridges(struct cxl_host *host, struct cxl_region *r)
{
	const char *slash = strrchr(r->path, '/'), *list;
	char window[PATH_MAX], dport[32];
	unsigned int id;
	int n = 0;

	if (!slash || !r->bus)
		return 0;
	snprintf(window, sizeof(window), "%.*s", (int)(slash - r->path), r->path);
	list = attr_text(host, window, "target_list");
	r->bridges = arena_alloc(host->arena, MAX_WAYS, sizeof(*r->bridges));
	if (!r->bridges)
		return -ENOMEM;
	for (const char *p = list; p && r->n_bridges < MAX_WAYS && sscanf(p, "%u%n", &id, &n) == 1; p += n + (p[n] == ',')) {
		snprintf(dport, sizeof(dport), "dport%u", id);
		r->bridges[r->n_bridges] = attr_link_name(host, r->bus->name, r->bus->path, dport);
		if (!r->bridges[r->n_bridges++])
			break;
	}
	if (r->n_bridges && !r->bridges[r->n_bridges - 1])
		r->n_bridges = 0;
	return 0;
}

/*
 * Persistent or not: where a device of it has no persistent capacity the answer
 * is known.  A kernel without the attribute makes only persistent regions
 * (before 6.3).  extended_linear_cache_size is there when it is not 0.
 */
static void read_kind(struct cxl_host *host, struct cxl_region *r)
{
	bool may_be_pmem = true;

	if (!region_is_committed(r))
		return;
	for (size_t i = 0; i < r->n_targets; i++)
		if (r->targets[i] &&
		    (r->targets[i]->is_accelerator ||
		     (r->targets[i]->pmem_bytes.known && !r->targets[i]->pmem_bytes.v)))
			may_be_pmem = false;
	r->mode = may_be_pmem ? attr_text(host, r->path, "mode") : "ram";
	r->is_pmem = !r->mode || !strcmp(r->mode, "pmem");
	r->linear_cache_bytes = attr_u64_optional(host, r->name, r->path, "extended_linear_cache_size").v;
}

static int read_sysram(struct cxl_host *host, struct sysram_region *s)
{
	char path[PATH_MAX], text[64];
	ssize_t n;

	if (!s->name)
		return 0;
	s->driver = attr_link_name(host, s->name, s->path, "driver");
	n = sysfs_join(path, sizeof(path), s->path, "online_type");
	if (!n)
		n = sysfs_read(host->fs, path, text, sizeof(text));
	if (n > 0)
		s->online_type = arena_strdup(host->arena, text);
	else
		message_add(host->messages, SEV_WARNING, "ATTRIBUTE", s->name,
			    "%s: attribute online_type cannot be read (%s), so it is shown as null", s->name,
			    n < 0 ? err_text((int)-n) : "it is empty");
	return n > 0 && !s->online_type ? -ENOMEM : 0;
}

void regions_report(struct cxl_host *host)
{
	for (size_t i = 0; i < host->n_regions; i++) {
		const struct cxl_region *r = &host->regions[i];
		char decoder[64];

		if (r->state != REGION_HUSK)
			continue;
		if (r->blocks_online || r->blocks_unknown)
			message_add(host->messages, SEV_WARNING, "HUSK", r->name,
				    "%s is a husk: it lost a device and is not committed, but %s online as System RAM, which nothing can take back; reboot the host, and do not delete the region before",
				    r->name, r->blocks_online ? "its memory is still" : "its memory may still be");
		else
			message_add(
				host->messages, SEV_WARNING, "HUSK", r->name,
				"%s is a husk: it lost a device and is not committed, but still holds its address range; free it with 'echo %s > /sys/bus/cxl/devices/%s/delete_region'",
				r->name, r->name, region_root_decoder(r, decoder, sizeof(decoder)));
	}
}

static int root_port_ptr_cmp(const void *a, const void *b)
{
	const struct cxl_root_port *p = *(struct cxl_root_port *const *)a,
				   *q = *(struct cxl_root_port *const *)b;

	return p->key < q->key ? -1 : p->key > q->key;
}

/* Where it goes, or may go, cannot be told from its root ports alone. */
static bool may_be_anywhere(const struct cxl_region *r)
{
	return r->targets_unknown || r->state == REGION_HUSK;
}

/* Counted first, while the array is not there; in the order of host->regions.  One that is there twice harms nobody. */
static void add_to_bridge(struct cxl_port *bridge, const struct cxl_region *r)
{
	if (bridge->regions)
		bridge->regions[bridge->n_regions] = r;
	bridge->n_regions++;
}

static void add_to_bridges(struct cxl_host *host, const struct cxl_region *r)
{
	for (size_t i = 0; may_be_anywhere(r) && i < host->n_ports; i++)
		add_to_bridge(&host->own->ports[i], r);
	for (size_t i = 0; !may_be_anywhere(r) && i < r->n_root_ports; i++)
		if (r->root_ports[i]->bridge)
			add_to_bridge(OWN(host, ports, r->root_ports[i]->bridge), r);
}

/* Each host bridge with its regions: nobody has to look at all of them for each root port. */
static int attach_to_bridges(struct cxl_host *host)
{
	for (size_t i = 0; i < host->n_regions; i++)
		add_to_bridges(host, &host->regions[i]);
	for (size_t i = 0; i < host->n_ports; i++) {
		struct cxl_port *port = &host->own->ports[i];

		port->regions = arena_alloc(host->arena, port->n_regions,
					    sizeof(struct cxl_region *));
		if (!port->regions)
			return -ENOMEM;
		port->n_regions = 0;
	}
	for (size_t i = 0; i < host->n_regions; i++)
		add_to_bridges(host, &host->regions[i]);
	return 0;
}

/* Each root port with its regions. */
static int attach_to_root_ports(struct cxl_host *host)
{
	for (size_t i = 0; i < host->n_root_ports; i++) {
		struct cxl_root_port *rp = &host->own->root_ports[i];
		const struct cxl_region *r = NULL;

		while (rp->n_memdevs && !rp->may_have_more &&
		       (r = region_next_beside(host, rp->bridge, r)))
			rp->may_have_more = region_may_touch(r, rp);
		rp->regions = arena_alloc(host->arena, rp->n_regions, sizeof(*rp->regions));
		if (!rp->regions)
			return -ENOMEM;
		rp->n_regions = 0;
	}
	for (size_t i = 0; i < host->n_regions; i++) {
		const struct cxl_region *r = &host->regions[i];

		for (size_t k = 0; k < r->n_root_ports; k++) {
			struct cxl_root_port *rp = OWN(host, root_ports, r->root_ports[k]);

			rp->regions[rp->n_regions++] = r;
		}
	}
	return 0;
}

int regions_read(struct cxl_host *host)
{
	for (size_t i = 0; i < host->n_regions; i++) {
		struct cxl_region *r = &host->own->regions[i];
		int rc;

		r->bus = host_bus_above(host, r->path);
		r->resource = attr_u64(host, r->name, r->path, "resource");
		if (r->resource.v == UINT64_MAX)	/* none assigned: drivers/cxl/core/region.c */
			r->resource = (struct opt_u64){ 0 };
		r->size_bytes = attr_u64(host, r->name, r->path, "size");
		r->ways = attr_u64(host, r->name, r->path, "interleave_ways");
		if (r->ways.known && (!r->ways.v || r->ways.v > MAX_WAYS)) {
			message_add(host->messages, SEV_WARNING, "ATTRIBUTE", r->name,
				    "%s: attribute interleave_ways is out of range, so it is shown as null", r->name);
			r->ways.known = false;
		}
		rc = read_targets(host, r);
		if (rc)
			return rc;
		if (r->n_root_ports)
			qsort(r->root_ports, r->n_root_ports, sizeof(*r->root_ports),
			      root_port_ptr_cmp);
		judge_region(host, r);
		/* what is committed has a device at every position, whether it is told or not */
		for (size_t k = 0; region_is_committed(r) && k < r->n_targets; k++)
			r->targets_unknown |= !r->targets[k];
		read_kind(host, r);
		if (read_sysram(host, &r->sysram))
			return -ENOMEM;
		if (r->state == REGION_HUSK && read_bridges(host, r))
			return -ENOMEM;
		for (size_t k = 0; k < r->n_root_ports; k++)
			OWN(host, root_ports, r->root_ports[k])->n_regions++;
	}
	return attach_to_bridges(host) || attach_to_root_ports(host) ? -ENOMEM : 0;
}
