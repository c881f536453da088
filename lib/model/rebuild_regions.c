// SPDX-License-Identifier: GPL-2.0-only
/* Which regions a root port's recovery is about: see rebuild.h. */
#include <string.h>

#include "lib/model/rebuild.h"

/* Memory devices of @bus that no region has: any of them may be what a husk lost. */
static size_t idle_memdevs(const struct cxl_host *host, const struct cxl_bus *bus,
			   const struct cxl_root_port *rp)
{
	size_t n = 0;

	for (size_t i = 0; i < host->n_memdevs; i++)
		n += host->memdevs[i].bus == bus && (!rp || host->memdevs[i].root_port == rp) &&
		     !host_region_of_memdev(host, &host->memdevs[i]);
	return n;
}

/* Root ports of @bus below which a device can be missing altogether. */
static bool may_lack_a_device(const struct cxl_root_port *rp)
{
	return !rp->n_memdevs;
}

/* Can a device below @rp have been one that the husk lost?  Each position belongs to one host bridge. */
static bool may_have_lost(const struct cxl_region *r, const struct cxl_root_port *rp)
{
	bool is_known = r->n_bridges && rp->bridge->host;

	for (size_t i = 0; i < r->n_targets; i++)
		if (!r->targets[i] &&
		    (!is_known || !strcmp(r->bridges[i % r->n_bridges], rp->bridge->host)))
			return true;
	return false;
}

bool region_touches(const struct cxl_host *host, const struct cxl_root_port *rp,
		    const struct cxl_region *r)
{
	if (region_is_below(r, rp))
		return true;
	if (r->state != REGION_HUSK || !rp->bridge || rp->bridge->bus != r->bus ||
	    !may_have_lost(r, rp))
		return false;
	return idle_memdevs(host, r->bus, rp) || may_lack_a_device(rp);
}

const struct cxl_region *region_next_touching(const struct cxl_host *host,
					      const struct cxl_root_port *rp,
					      const struct cxl_region *from)
{
	while ((from = region_next_beside(host, rp->bridge, from)) &&
	       !region_touches(host, rp, from))
		;
	return from;
}

const struct cxl_region *region_next_hidden(const struct cxl_host *host,
					    const struct cxl_root_port *rp,
					    const struct cxl_region *from)
{
	while ((from = region_next_beside(host, rp->bridge, from)) &&
	       (!region_may_touch(from, rp) || region_touches(host, rp, from)))
		;
	return from;
}

/* Another root port without devices that the husk may have spanned: one that failed as well, or,
 * where there are several husks, any. */
static bool may_be_anothers(const struct cxl_host *host, const struct cxl_root_port *rp,
			    const struct cxl_region *r)
{
	size_t n_husks = 0;

	for (size_t i = 0; i < host->n_regions; i++)
		n_husks += host->regions[i].state == REGION_HUSK &&
			   region_touches(host, rp, &host->regions[i]);
	for (size_t i = 0; i < host->n_root_ports; i++) {
		const struct cxl_root_port *other = &host->root_ports[i];

		if (other != rp && may_lack_a_device(other) &&
		    (n_husks > 1 || iso_isolated(&other->iso) == TRI_YES) &&
		    region_touches(host, other, r))
			return true;
	}
	return false;
}

enum tri husk_lost_device(const struct cxl_host *host, const struct cxl_root_port *rp,
			  const struct cxl_region *r, const struct cxl_memdev **ret)
{
	size_t n_lost = 0;

	*ret = NULL;
	for (size_t i = 0; i < r->n_targets; i++)
		n_lost += !r->targets[i];
	if (n_lost != 1)
		return TRI_UNKNOWN;
	/* nothing is left below the port that failed: what was there, and no other */
	if (may_lack_a_device(rp))
		return may_be_anothers(host, rp, r) ? TRI_UNKNOWN : TRI_YES;
	/* one position lost, one device that is in no region: it, wherever it is on the bus */
	if (idle_memdevs(host, r->bus, NULL) != 1 || idle_memdevs(host, r->bus, rp) != 1)
		return TRI_UNKNOWN;
	for (size_t i = 0; !*ret && i < rp->n_memdevs; i++)
		if (!host_region_of_memdev(host, rp->memdevs[i]))
			*ret = rp->memdevs[i];
	return *ret ? TRI_YES : TRI_UNKNOWN;
}
