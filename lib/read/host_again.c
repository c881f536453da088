// SPDX-License-Identifier: GPL-2.0-only
/*
 * Later snapshots of a host that was read: a copy in which every link leads to
 * what is in the copy, and of which a part is read again.  See host_read.h.
 */
#include <errno.h>
#include <string.h>

#include "lib/iso/backend.h"
#include "lib/model/host.h"
#include "lib/read/host_read.h"
#include "lib/read/host_own.h"
#include "lib/read/reader.h"

/* --- the copy ------------------------------------------------------------------------- */

struct copy {
	const struct cxl_host *was;
	struct cxl_host *now;
};

static void *duplicate(struct arena *a, const void *v, size_t n, size_t size)
{
	void *ret = arena_alloc(a, n, size);

	if (ret && n)
		memcpy(ret, v, n * size);
	return ret;
}

/* One array of the host. */
#define DUPLICATE(c, array, n) \
	((c)->now->array = (c)->now->own->array = \
		 duplicate((c)->now->arena, (c)->was->array, (c)->was->n, sizeof(*(c)->was->array)))

/* Where a link into @array of the host that was read leads in the copy. */
#define MOVED(c, array, link) \
	((link) ? &(c)->now->array[(link) - (c)->was->array] : NULL)

/* A list of such links; false for lack of memory. */
#define MOVE_LIST(c, array, list, n) ({ \
	__typeof__(list) moved_ = arena_alloc((c)->now->arena, (n), sizeof(*moved_)); \
	for (size_t at_ = 0; moved_ && at_ < (n); at_++) \
		moved_[at_] = MOVED(c, array, (list)[at_]); \
	(list) = moved_; \
	moved_ != NULL; \
})

static bool duplicate_arrays(struct copy *c)
{
	return DUPLICATE(c, ports, n_ports) && DUPLICATE(c, root_ports, n_root_ports) &&
	       DUPLICATE(c, memdevs, n_memdevs) && DUPLICATE(c, endpoints, n_endpoints) &&
	       DUPLICATE(c, regions, n_regions) && DUPLICATE(c, dax, n_dax) &&
	       DUPLICATE(c, loose, n_loose);
}

static bool move_port(struct copy *c, struct cxl_port *port)
{
	port->parent = MOVED(c, ports, port->parent);
	port->root_port = MOVED(c, root_ports, port->root_port);
	return MOVE_LIST(c, regions, port->regions, port->n_regions);
}

static bool move_root_port(struct copy *c, struct cxl_root_port *rp)
{
	struct cxl_accelerator *v = duplicate(c->now->arena, rp->accelerators, rp->n_accelerators,
					      sizeof(*v));

	for (size_t i = 0; v && i < rp->n_accelerators; i++)
		v[i].memdev = MOVED(c, memdevs, v[i].memdev);
	rp->accelerators = v;
	rp->bridge = MOVED(c, ports, rp->bridge);
	return v && MOVE_LIST(c, memdevs, rp->memdevs, rp->n_memdevs) &&
	       MOVE_LIST(c, regions, rp->regions, rp->n_regions) &&
	       MOVE_LIST(c, dax, rp->dax, rp->n_dax);
}

static bool move_region(struct copy *c, struct cxl_region *r)
{
	return MOVE_LIST(c, memdevs, r->targets, r->n_targets) &&
	       MOVE_LIST(c, root_ports, r->root_ports, r->n_root_ports) &&
	       MOVE_LIST(c, dax, r->dax, r->n_dax);
}

/* What has one link of each kind, and no list. */
static void move_rest(struct copy *c)
{
	struct cxl_host *now = c->now;

	for (size_t i = 0; i < now->n_memdevs; i++) {
		struct cxl_memdev *m = &now->own->memdevs[i];

		m->endpoint = MOVED(c, endpoints, m->endpoint);
		m->root_port = MOVED(c, root_ports, m->root_port);
	}
	for (size_t i = 0; i < now->n_endpoints; i++) {
		struct cxl_endpoint *ep = &now->own->endpoints[i];

		ep->memdev = MOVED(c, memdevs, ep->memdev);
		ep->port = MOVED(c, ports, ep->port);
	}
	for (size_t i = 0; i < now->n_dax; i++)
		now->own->dax[i].region = MOVED(c, regions, now->own->dax[i].region);
	for (size_t i = 0; i < now->n_loose; i++) {
		now->own->loose[i].memdev = MOVED(c, memdevs, now->own->loose[i].memdev);
		now->own->loose[i].dax = MOVED(c, dax, now->own->loose[i].dax);
	}
}

struct cxl_host *host_copy(const struct cxl_host *was)
{
	struct cxl_host *now = arena_alloc(was->arena, 1, sizeof(*now));
	struct copy c = { was, now };
	bool ok;

	if (!now)
		return NULL;
	*now = *was;	/* what holds no link stays where it is */
	now->own = arena_alloc(was->arena, 1, sizeof(*now->own));
	ok = now->own && duplicate_arrays(&c);
	for (size_t i = 0; ok && i < now->n_ports; i++)
		ok = move_port(&c, &now->own->ports[i]);
	for (size_t i = 0; ok && i < now->n_root_ports; i++)
		ok = move_root_port(&c, &now->own->root_ports[i]);
	for (size_t i = 0; ok && i < now->n_regions; i++)
		ok = move_region(&c, &now->own->regions[i]);
	if (ok)
		move_rest(&c);
	return ok ? now : NULL;
}

/* --- what is read again ---------------------------------------------------------------- */

static int refresh_ports(struct cxl_host *now, const bool *wanted)
{
	for (size_t i = 0; i < now->n_root_ports; i++)
		if (wanted[i] && iso_refresh(now, &now->own->root_ports[i]))
			return -ENOMEM;
	return 0;
}

const struct cxl_host *host_read_settings(const struct cxl_host *was, const bool *wanted)
{
	struct cxl_host *now = host_copy(was);

	return now && !refresh_ports(now, wanted) ? now : NULL;
}

const struct cxl_host *host_look_again(const struct cxl_host *was, const bool *wanted,
				       struct err *err)
{
	struct cxl_host *now = host_copy(was);

	for (size_t i = 0; now && i < now->n_root_ports; i++)
		if (wanted[i])
			now->own->root_ports[i].present =
				sysfs_exists(now->fs, now->root_ports[i].path);
	return now && !users_read(now, err) && !refresh_ports(now, wanted) ? now : NULL;
}

const struct cxl_host *host_look_at_dax(const struct cxl_host *was, const char *dax,
					struct err *err)
{
	struct cxl_host *now = host_copy(was);
	struct cxl_dax *d = arena_alloc(was->arena, 1, sizeof(*d));
	const char *path = arena_printf(was->arena, "sys/bus/dax/devices/%s", dax);

	if (!now || !d || !path)
		return NULL;
	*d = (struct cxl_dax){ .name = dax, .path = path, .driver = DAX_DEVICE_DAX_NAME };
	now->dax = now->own->dax = d;
	now->n_dax = 1;
	return users_read(now, err) ? NULL : now;
}

const struct cxl_host *host_read_link_ways(const struct cxl_host *was,
					   const struct cxl_root_port *rp, int *ret_rc)
{
	struct cxl_host *now = host_copy(was);

	*ret_rc = now ? link_ways_read(now, &now->own->root_ports[rp - was->root_ports]) : -ENOMEM;
	return *ret_rc ? NULL : now;
}
