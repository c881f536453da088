// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locks: which region only a reboot can tear down, since a decoder in its path
 * is locked (CXL_HDM_DECODER0_CTRL_LOCK, a window of fixed configuration, or a
 * platform that translates addresses).  Writing 0 to its commit then gives
 * EPERM.
 *
 * Kernels from about 7.2 say it in the region's own attribute `locked`; on
 * others every committed decoder from the root down is asked.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/host.h"
#include "lib/read/host_own.h"
#include "lib/read/reader.h"
#include "util/parse.h"

static void set_locked(struct cxl_region *r, const char *decoder)
{
	r->lock = LOCK_DECODER;
	r->locked_by = decoder;
}

/* What one decoder does not tell another one may make certain. */
static void set_unknown(struct cxl_region *r, bool is_unknown)
{
	if (is_unknown && r->lock == LOCK_NONE)
		r->lock = LOCK_UNKNOWN;
}

/* The locked ones of the port's committed decoders, which are its first. */
static int read_port(struct cxl_host *host, struct cxl_port *port)
{
	unsigned int id;
	struct opt_u64 n;

	if (port->locks_read || !parse_name(port->name, "port", &id))
		return 0;
	port->locks_read = true;
	n = attr_u64_optional(host, port->name, port->path, "decoders_committed");
	/* a bridge that lets everything through has one decoder, which counts as none: it may be locked */
	if (n.known && !n.v)
		n.v = 1;
	for (unsigned int i = 0; (!n.known || i < n.v) && i < 32; i++) {	/* CXL r3.2 sec 8.2.4.20.1 */
		struct locked_decoder *more;
		char name[32], path[PATH_MAX];

		struct opt_u64 locked = { 0 };

		snprintf(name, sizeof(name), "decoder%u.%u", id, i);
		if (!sysfs_join(path, sizeof(path), port->path, name)) {
			if ((!n.known || n.v == 1) && !sysfs_exists(host->fs, path))
				break;	/* Linux before 6.7 does not say how many */
			locked = attr_u64(host, name, path, "locked");
		}
		port->locks_unknown |= !locked.known;
		if (locked.v != 1)
			continue;
		more = arena_alloc(host->arena, port->n_locked + 1, sizeof(*more));
		if (!more)
			return -ENOMEM;
		if (port->n_locked)
			memcpy(more, port->locked, port->n_locked * sizeof(*more));
		port->locked = more;
		more[port->n_locked].name = arena_strdup(host->arena, name);
		more[port->n_locked].region = attr_text(host, path, "region");
		if (!more[port->n_locked++].name)
			return -ENOMEM;
	}
	return 0;
}

/* A decoder of the ports between the endpoint and the root that carries @r. */
static int ask_ports(struct cxl_host *host, struct cxl_region *r, const struct cxl_endpoint *ep)
{
	for (const struct cxl_port *port = ep->port; port; port = port->parent) {
		if (read_port(host, OWN(host, ports, port)))
			return -ENOMEM;
		for (size_t i = 0; i < port->n_locked; i++)
			if (port->locked[i].region && !strcmp(port->locked[i].region, r->name))
				set_locked(r, port->locked[i].name);
		set_unknown(r, port->locks_unknown);
	}
	return 0;
}

static int ask_endpoint(struct cxl_host *host, struct cxl_region *r, size_t position)
{
	const struct cxl_memdev *m = r->targets[position];
	const char *decoder = r->decoders[position];
	struct opt_u64 locked = { 0 };
	char path[PATH_MAX];

	if (!m || !m->endpoint || !m->endpoint->path || !decoder) {
		set_unknown(r, true);
		return 0;
	}
	if (!sysfs_join(path, sizeof(path), m->endpoint->path, decoder))
		locked = attr_u64(host, decoder, path, "locked");
	set_unknown(r, !locked.known);
	if (locked.v == 1)
		set_locked(r, decoder);
	return r->lock == LOCK_DECODER ? 0 : ask_ports(host, r, m->endpoint);
}

/* "…/root0/decoder0.0/region0": many regions share one. */
struct window {
	char path[PATH_MAX];
	struct opt_u64 locked;
};

static int ask_window(struct cxl_host *host, struct cxl_region *r, struct window *last)
{
	const char *slash = strrchr(r->path, '/'), *name;
	size_t n = slash ? (size_t)(slash - r->path) : 0;

	if (!n || n >= sizeof(last->path))
		return 0;
	if (strncmp(last->path, r->path, n) || last->path[n]) {
		memcpy(last->path, r->path, n);
		last->path[n] = '\0';
		last->locked = attr_u64_optional(host, last->path, last->path, "locked");
	}
	name = strrchr(last->path, '/');
	set_unknown(r, !last->locked.known);
	if (last->locked.v == 1 && name) {
		set_locked(r, arena_strdup(host->arena, name + 1));
		return r->locked_by ? 0 : -ENOMEM;
	}
	return 0;
}

int locks_read(struct cxl_host *host)
{
	bool regions_tell = true;	/* until one of them has no such attribute */
	struct window last = { .path = "" };

	for (size_t i = 0; i < host->n_regions; i++) {
		struct cxl_region *r = &host->own->regions[i];
		struct opt_u64 locked = { 0 };
		int rc;

		if (!region_is_committed(r))
			continue;
		if (regions_tell)
			locked = attr_u64_optional(host, r->name, r->path, "locked");
		regions_tell &= locked.known;
		if (locked.known && !locked.v)
			continue;
		/* who locked it decides what helps */
		rc = ask_window(host, r, &last);
		for (size_t k = 0; !rc && r->lock != LOCK_DECODER && k < r->n_targets; k++)
			rc = ask_endpoint(host, r, k);
		if (locked.known && r->lock != LOCK_DECODER)
			r->lock = LOCK_REGION;
		if (rc)
			return rc;
	}
	return 0;
}
