// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the hardware does when a link fails or an access is not answered: the
 * status of the port's capability, the link, the memory behind it, or the end of
 * the host (CXL r3.2 12.3).
 */
#include "sim/below.h"
#include "sim/port.h"
#include "sim/sim.h"

/* A protocol's bits in CTRL and STATUS. */
struct protocol {
	const char *name;
	uint32_t timeout, isolation, link_down;
	uint32_t timed_out, isolated, by_link_down;
};

static const struct protocol mem = {
	"CXL.mem", ISO_MEM_TIMEOUT, ISO_MEM_ISOLATION, ISO_MEM_LINK_DOWN,
	ISO_STS_MEM_TIMEOUT, ISO_STS_MEM_ISOLATED, ISO_STS_MEM_BY_LINK_DOWN,
};

static const struct protocol cache = {
	"CXL.cache", ISO_CACHE_TIMEOUT, ISO_CACHE_ISOLATION, ISO_CACHE_LINK_DOWN,
	ISO_STS_CACHE_TIMEOUT, ISO_STS_CACHE_ISOLATED, ISO_STS_CACHE_BY_LINK_DOWN,
};

static void isolate(struct port *port, const struct protocol *p, uint32_t why)
{
	if (port->status & p->isolated)
		return;
	port->status |= p->isolated | why;
	if (p == &mem)
		below_fail_memory(port);
}

void port_link_up(struct port *port)
{
	uint32_t lnkcap = config_dword(port->config, port->pcie + PCIE_LNKCAP);

	port->link_up = true;
	if (!(port->link_status & PCIE_LNKSTA_WIDTH))	/* captured without a link: the best it can */
		port->link_status = (uint16_t)(lnkcap & (PCIE_LNKSTA_SPEED | PCIE_LNKSTA_WIDTH));
	if (lnkcap & PCIE_LNKCAP_DLLLARC)
		port->link_status |= PCIE_LNKSTA_DLLLA;
}

/*
 * The link is lost: every protocol with isolation enabled isolates, and what is
 * not contained resets the host.  An accelerator's cache counts only where it has
 * no memory: with both, its driver deals with the rest when CXL.mem isolates.
 */
static bool lose_link(struct port *port)
{
	unsigned int speaks = below_protocols(port);
	const struct protocol *needed = speaks & DVSEC_CAP_MEM ? &mem : speaks & DVSEC_CAP_CACHE ? &cache : NULL;

	port->link_up = false;
	if (port->ctrl & ISO_CACHE_ISOLATION)
		isolate(port, &cache, ISO_STS_CACHE_BY_LINK_DOWN);
	if (port->ctrl & ISO_MEM_ISOLATION)
		isolate(port, &mem, ISO_STS_MEM_BY_LINK_DOWN);
	if (!needed || port->status & needed->isolated)
		return true;
	sim_die(port->sim, "reset", port, "the link went down and %s isolation was not enabled", needed->name);
	return false;
}

const char *port_link_down(struct port *port)
{
	const uint32_t both = ISO_STS_MEM_ISOLATED | ISO_STS_CACHE_ISOLATED;
	uint32_t before = port->status & both, now;

	if (!lose_link(port))
		return NULL;
	now = port->status & both & ~before;
	if (now == both)
		return "the link is down and the port isolated CXL.mem and CXL.cache";
	if (now)
		return now & ISO_STS_MEM_ISOLATED ? "the link is down and the port isolated CXL.mem" :
						    "the link is down and the port isolated CXL.cache";
	return before ? "the link is down; the port was isolated before" : "the link is down; nothing used it";
}

const char *port_timeout(struct port *port, bool of_cache)
{
	const struct protocol *p = of_cache ? &cache : &mem;

	if (!(port->ctrl & p->timeout)) {
		sim_die(port->sim, "reset", port, "a %s access never completed and the timeout was not enabled",
			p->name);
		return NULL;
	}
	port->status |= p->timed_out;
	if (!(port->ctrl & p->isolation)) {
		sim_die(port->sim, "reset", port, "%s timed out and isolation was not enabled", p->name);
		return NULL;
	}
	isolate(port, p, 0);
	if (!(port->ctrl & p->link_down))
		return of_cache ? "CXL.cache timed out and the port isolated it" :
				  "CXL.mem timed out and the port isolated it";
	if (!lose_link(port))
		return NULL;
	return of_cache ? "CXL.cache timed out, the port isolated it and took the link down" :
			  "CXL.mem timed out, the port isolated it and took the link down";
}

void port_force_isolated(struct port *port)
{
	port->status |= ISO_STS_MEM_TIMEOUT;
	isolate(port, &mem, 0);
}
