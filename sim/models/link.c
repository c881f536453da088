// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the hardware does when a link fails, is taken down, or an access is not
 * answered: the status of the port's capability, the link, the memory behind it,
 * or the end of the host (CXL r3.2 12.3).
 */
#include "sim/models/link.h"

#include "sim/models/below.h"
#include "sim/models/config_space.h"
#include "sim/models/kernel.h"
#include "sim/models/lost.h"
#include "sim/models/port.h"
#include "sim/state/later.h"
#include "sim/state/sim.h"
#include "util/array.h"

/* A protocol: what a device says that speaks it, and its bits in CTRL and STATUS. */
struct protocol {
	const char *name;
	unsigned int speaks;
	uint32_t timeout, isolation, link_down;
	uint32_t timed_out, isolated, by_link_down;
};

static const struct protocol mem = {
	"CXL.mem", DVSEC_CAP_MEM, SIM_ISO_MEM_TIMEOUT, SIM_ISO_MEM_ISOLATION, SIM_ISO_MEM_LINK_DOWN,
	SIM_ISO_STS_MEM_TIMEOUT, SIM_ISO_STS_MEM_ISOLATED, SIM_ISO_STS_MEM_BY_LINK_DOWN,
};

static const struct protocol cache = {
	"CXL.cache", DVSEC_CAP_CACHE, SIM_ISO_CACHE_TIMEOUT, SIM_ISO_CACHE_ISOLATION, SIM_ISO_CACHE_LINK_DOWN,
	SIM_ISO_STS_CACHE_TIMEOUT, SIM_ISO_STS_CACHE_ISOLATED, SIM_ISO_STS_CACHE_BY_LINK_DOWN,
};

static const uint32_t any_isolated = SIM_ISO_STS_MEM_ISOLATED | SIM_ISO_STS_CACHE_ISOLATED;

static void isolate(struct port *port, const struct protocol *p, uint32_t why)
{
	if (port->status & p->isolated)
		return;
	port->status |= p->isolated | why;
	port->must_pass_down = port->link_up;
	if (p == &mem)
		below_fail_memory(port);
}

/* --- up ------------------------------------------------------------------- */

static void come_up(struct port *port)
{
	uint32_t lnkcap = config_dword(port->config, port->pcie + PCIE_LNKCAP);

	port->link_up = true;
	if (!(port->link_status & PCIE_LNKSTA_WIDTH))	/* captured without a link: the best it can */
		port->link_status = (uint16_t)(lnkcap & (PCIE_LNKSTA_SPEED | PCIE_LNKSTA_WIDTH));
	if (lnkcap & PCIE_LNKCAP_DLLLARC)
		port->link_status |= PCIE_LNKSTA_DLLLA;
}

static void trained(struct sim *sim, void *arg)
{
	struct port *port = arg;

	(void)sim;
	/* one that was interrupted is void: a newer one is under way */
	if (!--port->trainings && !port->held && !port->link_up)
		come_up(port);
}

void link_release(struct port *port, unsigned int holds)
{
	bool held = port->held & holds;

	port->held &= ~holds;
	if (!held || port->held || port->link_up || port->empty)
		return;
	if (!later_add(port->sim, port->link_up_ms + port->late_ms, trained, port))
		port->trainings++;
	port->late_ms = 0;
}

bool port_link_up(struct port *port)
{
	port->held &= ~(unsigned int)(HOLD_CUT | HOLD_FAILED | HOLD_ISOLATED);
	if (!port->held)
		come_up(port);
	return port->link_up;
}

/* --- down ----------------------------------------------------------------- */

/* A protocol that a device below speaks and that did not isolate; NULL: each of them did. */
static const struct protocol *uncontained(const struct port *port)
{
	static const struct protocol *const all[] = { &mem, &cache };
	unsigned int speaks = below_protocols(port);

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (speaks & all[i]->speaks && !(port->status & all[i]->isolated))
			return all[i];
	return NULL;
}

/*
 * The link is lost: every protocol with isolation enabled isolates.  By surprise,
 * what is not contained resets the host: also the cache of an accelerator whose
 * memory is, since an access of either that nobody answers ends it.
 */
static bool lose_link(struct port *port, bool surprise)
{
	const struct protocol *open;

	port->link_up = false;
	if (port->ctrl & SIM_ISO_CACHE_ISOLATION)
		isolate(port, &cache, SIM_ISO_STS_CACHE_BY_LINK_DOWN);
	if (port->ctrl & SIM_ISO_MEM_ISOLATION)
		isolate(port, &mem, SIM_ISO_STS_MEM_BY_LINK_DOWN);
	port->must_pass_down = false;
	open = surprise ? uncontained(port) : NULL;
	if (open)
		sim_die(port->sim, "reset", port->address, "the link went down and %s isolation was not enabled", open->name);
	if (sim_is_dead(port->sim))
		return false;
	lost_below(port->sim, port->dir, true);
	return !sim_is_dead(port->sim);
}

const char *port_link_down(struct port *port, bool stuck)
{
	uint32_t before = port->status & any_isolated, now;

	port->held |= stuck ? HOLD_FAILED : HOLD_CUT;
	if (!lose_link(port, true))
		return NULL;
	now = port->status & any_isolated & ~before;
	if (now == any_isolated)
		return "the link is down and the port isolated CXL.mem and CXL.cache";
	if (now)
		return now & SIM_ISO_STS_MEM_ISOLATED ? "the link is down and the port isolated CXL.mem" :
						    "the link is down and the port isolated CXL.cache";
	return before ? "the link is down; the port was isolated before" : "the link is down; nothing used it";
}

void port_signal(struct port *port, uint32_t before)
{
	const struct kernel *kernel = port->sim->kernel;
	uint32_t heard = kernel && kernel->hears_cache ? any_isolated : SIM_ISO_STS_MEM_ISOLATED;

	if (kernel && kernel->isolated && port->status & ~before & heard &&
	    !sim_is_dead(port->sim) && port->ctrl & SIM_ISO_INTERRUPT)
		kernel->isolated(port);
}

static void go_down(struct sim *sim, void *arg)
{
	struct port *port = arg;
	uint32_t before = port->status;

	(void)sim;
	if (!port->held || !port->link_up)
		return;
	lose_link(port, false);
	port_signal(port, before);
}

void link_check_quiet(struct port *port)
{
	char user[128];

	if (port->link_up && below_in_use(port, user, sizeof(user)))
		sim_violation(port->sim, port->address, "the link of %s was taken down while %s", port->address, user);
}

void link_hold(struct port *port, enum link_hold why, bool now)
{
	if (port->held & why)
		return;
	link_check_quiet(port);
	port->held |= why;
	if (now)
		go_down(port->sim, port);
	else
		later_add(port->sim, port->link_down_ms, go_down, port);
}

void link_control_written(struct port *port, bool retrain)
{
	unsigned int at = config_dvsec(port->config, DVSEC_PORT);
	uint32_t masks = at ? config_dword(port->config, at + DVSEC_PORT_CTRL) : ~0u;
	uint32_t bridge = config_dword(port->config, PCI_BRIDGE_CTL & ~3u) >> 16;
	uint32_t lnkctl = config_dword(port->config, port->pcie + PCIE_LNKCTL);

	/* with the bit masked neither has an effect (CXL r3.2 8.1.5) */
	if (bridge & PCI_BRIDGE_CTL_SBR && masks & DVSEC_UNMASK_SBR)
		link_hold(port, HOLD_RESET, true);
	else
		link_release(port, HOLD_RESET | (port->held & HOLD_RESET ? HOLD_CUT : 0));
	if (lnkctl & PCIE_LNKCTL_LD && masks & DVSEC_UNMASK_LINK_DISABLE)
		link_hold(port, HOLD_DISABLE, false);
	else
		link_release(port,
			     HOLD_DISABLE | (port->held & HOLD_DISABLE || retrain ? HOLD_CUT : 0));
}

/* --- timeouts ------------------------------------------------------------- */

const char *port_timeout(struct port *port, bool of_cache)
{
	const struct protocol *p = of_cache ? &cache : &mem;

	if (!(port->ctrl & p->timeout)) {
		sim_die(port->sim, "reset", port->address, "a %s access never completed and the timeout was not enabled",
			p->name);
		return NULL;
	}
	port->status |= p->timed_out;
	if (!(port->ctrl & p->isolation)) {
		sim_die(port->sim, "reset", port->address, "%s timed out and isolation was not enabled", p->name);
		return NULL;
	}
	isolate(port, p, 0);
	if (sim_is_dead(port->sim))
		return NULL;
	if (!(port->ctrl & p->link_down))
		return of_cache ? "CXL.cache timed out and the port isolated it" :
				  "CXL.mem timed out and the port isolated it";
	port->held |= HOLD_ISOLATED;
	if (!lose_link(port, true))
		return NULL;
	return of_cache ? "CXL.cache timed out, the port isolated it and took the link down" :
			  "CXL.mem timed out, the port isolated it and took the link down";
}

void port_force_isolated(struct port *port)
{
	port->status |= SIM_ISO_STS_MEM_TIMEOUT;
	isolate(port, &mem, 0);
}
