// SPDX-License-Identifier: GPL-2.0-only
/* The ways to take a link down, in a table: see link_ways.h. */
#include "lib/model/link_ways.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/isolation_regs.h"
#include "util/parse.h"

const char *const link_method_names[N_LINK_METHODS] = {
	[LINK_AUTO] = "auto", [LINK_CXL_BUS] = "cxl_bus", [LINK_FORCED] = "forced",
	[LINK_SUBORDINATE] = "reset_subordinate", [LINK_DISABLE] = "link-disable", [LINK_SLOT_POWER] = "slot-power", [LINK_NONE] = "none",
};

int link_method_parse(const char *name)
{
	for (int i = 0; i < N_LINK_METHODS; i++)
		if (!strcmp(link_method_names[i], name))
			return i;
	return -1;
}

/* --- the table ---------------------------------------------------------------- */

static const char *why_not_cxl_bus(const struct cxl_root_port *rp, bool stays_masked)
{
	(void)stays_masked;	/* the kernel unmasks it by itself: cxl_reset_bus_function() in drivers/pci/pci.c */
	return rp->link.up == TRI_NO ? "its link is down" :
	       rp->cxl_bus_reset ? NULL : "no single device directly below it has cxl_bus among its reset methods";
}

static const char *why_not_forced(const struct cxl_root_port *rp, bool stays_masked)
{
	(void)stays_masked;
	return rp->link.up == TRI_NO ? NULL : "its link is up";
}

static const char *why_not_subordinate(const struct cxl_root_port *rp, bool stays_masked)
{
	return rp->link.up == TRI_NO ? "its link is down" :
	       stays_masked ? "it does not let Secondary Bus Reset be unmasked" :
	       !rp->subordinate_reset ? "this kernel gives it no reset_subordinate, which 6.12 has" :
	       !rp->ext.known ? "it has no CXL port extensions (DVSEC 3) to unmask Secondary Bus Reset" : NULL;
}

static const char *why_not_link_disable(const struct cxl_root_port *rp, bool stays_masked)
{
	return stays_masked ? "it does not let Link Disable be unmasked" :
	       !rp->link.status_at ? "its Link Control register cannot be read" :
	       !rp->ext.known ? "it has no CXL port extensions (DVSEC 3) to unmask Link Disable" : NULL;
}

/* Without a power controller the kernel only removes the devices: pciehp_disable_slot() in drivers/pci/hotplug. */
static const char *why_not_slot_power(const struct cxl_root_port *rp, bool stays_masked)
{
	(void)stays_masked;
	return rp->slot && rp->power_controller ? NULL : "it has no slot whose power can be switched";
}

static const char *why_not_none(const struct cxl_root_port *rp, bool stays_masked)
{
	(void)stays_masked;
	return iso_isolated(&rp->iso) == TRI_YES || rp->link.up == TRI_NO ? "it is isolated, or its link is down" : NULL;
}

static const struct {
	const char *(*why_not)(const struct cxl_root_port *rp, bool stays_masked);
	unsigned int unmask_bit;
} ways[N_LINK_METHODS] = {
	[LINK_CXL_BUS] = { why_not_cxl_bus, 0 },
	[LINK_FORCED] = { why_not_forced, 0 },
	[LINK_SUBORDINATE] = { why_not_subordinate, PORT_UNMASK_SBR },
	[LINK_DISABLE] = { why_not_link_disable, PORT_UNMASK_LINK_DISABLE },
	[LINK_SLOT_POWER] = { why_not_slot_power, 0 },
	[LINK_NONE] = { why_not_none, 0 },
};

const char *link_method_why_not(const struct cxl_root_port *rp, enum link_method method,
				bool stays_masked)
{
	return ways[method].why_not(rp, stays_masked && link_method_is_masked(rp, method));
}

unsigned int link_method_unmask_bit(enum link_method method)
{
	return ways[method].unmask_bit;
}

bool link_method_is_masked(const struct cxl_root_port *rp, enum link_method method)
{
	return ways[method].unmask_bit && !(rp->ext.control & ways[method].unmask_bit);
}

/* Does isolation itself take the link down? */
static bool is_forced_down(const struct cxl_root_port *rp)
{
	return rp->iso.regs.capable && rp->iso.regs.ctrl & ISO_CTRL_MEM_LINK_DOWN;
}

enum tri link_way_without_unmasking(const struct cxl_root_port *rp, const char **ret_why)
{
	struct cxl_root_port up = *rp;

	*ret_why = NULL;
	if (is_forced_down(rp))
		return TRI_YES;
	up.link.up = TRI_YES;	/* where it failed for another reason than its link it is up */
	for (int m = LINK_AUTO + 1; m < LINK_NONE; m++)
		if (!link_method_is_masked(&up, (enum link_method)m) &&
		    !link_method_why_not(&up, (enum link_method)m, false))
			return TRI_YES;
	if (!rp->ext.known)
		*ret_why = rp->iso.regs.reason ? rp->iso.regs.reason : "the port does not say what is masked (DVSEC 3)";
	else if (!rp->link.status_at && !link_method_is_masked(rp, LINK_DISABLE))
		*ret_why = "its Link Control register cannot be read";
	if (*ret_why)
		return TRI_UNKNOWN;
	*ret_why = link_method_is_masked(rp, LINK_SUBORDINATE) ?
		"Secondary Bus Reset and Link Disable are masked, it has no slot whose power is controlled, and no single device directly below it has a cxl_bus reset" :
		"Link Disable is masked, this kernel has no reset_subordinate for it, it has no slot whose power is controlled, and no single device directly below it has a cxl_bus reset";
	return TRI_NO;
}

/* --- what is below --------------------------------------------------------------- */
