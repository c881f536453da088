// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of the root port itself, the kernel's part in it, and what hangs below
 * it: see checks.h, and the table in checks.c for what each is about.
 */
#include <stdio.h>
#include <string.h>

#include "cxl/lib/checks/checks.h"

bool check_no_capability(const struct check_context *ctx, const struct cxl_root_port *rp,
			 struct arena *a, struct finding *f)
{
	const struct iso_registers *regs = &rp->iso.regs;

	(void)a;
	if (regs->valid && !regs->capable)
		f->text = "it has no CXL Timeout & Isolation capability";
	else if (regs->capable && !(regs->cap & ISO_CAP_MEM_ISOLATION) &&
		 !(ctx->cache && regs->cap & ISO_CAP_CACHE_ISOLATION))
		f->text = "it has the Timeout & Isolation capability, but not for isolating CXL.mem";
	else
		return false;
	return true;
}

const char *check_isolated_unknown(const struct cxl_root_port *rp)
{
	const struct iso_registers *regs = &rp->iso.regs;

	return regs->valid ? NULL : regs->reason ? regs->reason : "its registers do not tell";
}

/* The kernel's attributes are there only where the capability, with an interrupt, is. */
const char *check_capability_unknown(const struct cxl_root_port *rp)
{
	return rp->iso.kernel.present ? NULL : check_isolated_unknown(rp);
}

bool check_no_abi(const struct check_context *ctx, const struct cxl_root_port *rp,
		  struct arena *a, struct finding *f)
{
	if (rp->iso.kernel.present || (ctx->registers && rp->iso.regs.capable))
		return false;
	/* on by register it needs nothing of the kernel's, but to be changed */
	if (!ctx->changing && iso_is_on(&rp->iso) == TRI_YES)
		return false;
	if (!rp->present) {
		f->text = "its PCI device is gone, and the isolation control with it";
		/* what comes back below it has no driver until its port looked again */
		f->remedy = arena_printf(a, "echo 1 > /sys/bus/pci/rescan; then unbind and bind %s in /sys/bus/cxl/drivers/cxl_port and bind memN in /sys/bus/cxl/drivers/cxl_mem",
					 rp->bridge ? rp->bridge->name : "its portN");
		return true;
	}
	f->text = arena_printf(a, "the running kernel offers no isolation control for it (/%s/cxl_isolation does not exist)%s%s",
			       rp->path, ctx->registers ? ", and by register it cannot be controlled: " : "",
			       !ctx->registers ? "" : rp->iso.regs.reason ? rp->iso.regs.reason : "it has no such capability");
	if (ctx->registers && rp->iso.regs.needs_root)
		f->remedy = "run the command as root";
	if (!ctx->registers && rp->iso.regs.capable)
		f->remedy = ctx->changing ? "boot a kernel with CXL isolation support, or repeat the command with --registers, which writes the port's registers beside the kernel" :
			 arena_printf(a, "boot a kernel with CXL isolation support, or write the port's registers beside the kernel: cxl enable-isolation --registers %s", rp->name);
	return true;
}

bool check_is_isolated(const struct check_context *ctx, const struct cxl_root_port *rp,
		       struct arena *a, struct finding *f)
{
	(void)ctx;
	if (iso_isolated(&rp->iso) != TRI_YES)
		return false;
	f->text = "it is already isolated: its memory is lost and its traffic is dropped";
	f->remedy = arena_printf(a, "stop what used the memory, then: cxl recover-port %s", rp->name);
	return true;
}

bool check_link_is_down(const struct check_context *ctx, const struct cxl_root_port *rp,
			struct arena *a, struct finding *f)
{
	(void)ctx;
	if (rp->link.up != TRI_NO)
		return false;
	f->text = "the link below it is down: isolation would trigger at once";
	f->remedy = arena_printf(a, "seat and power the device below %s, then: echo 1 > /%s/rescan", rp->name, rp->path);
	return true;
}

const char *check_link_unknown(const struct cxl_root_port *rp)
{
	return rp->link.up != TRI_UNKNOWN ? NULL : rp->iso.regs.reason ? rp->iso.regs.reason :
		"the port does not report whether its link is up";
}

static const char *endpoint_names(const struct cxl_root_port *rp, struct arena *a, const char *names)
{
	for (size_t i = 0; i < rp->n_memdevs; i++)
		names = check_join(a, names, ", ", rp->memdevs[i]->name);
	for (size_t i = 0; i < rp->n_accelerators; i++)
		if (!rp->accelerators[i].memdev)
			names = check_join(a, names, ", ", rp->accelerators[i].name);
	return names;
}

bool check_driver_panics(const struct check_context *ctx, const struct cxl_root_port *rp,
			 struct arena *a, struct finding *f)
{
	if (!rp->iso.kernel.present || !rp->iso.kernel.posted_v1)
		return false;
	for (size_t i = 0; i < rp->n_memdevs; i++) {
		if (rp->memdevs[i]->is_accelerator)
			continue;	/* its driver has the say */
		f->text = arena_printf(a, "this kernel's isolation handler is the posted v1: it panics the host when %s is isolated",
				       rp->memdevs[i]->name);
		return true;
	}
	if (!rp->bridge || rp->bridge->n_endpoints == root_port_endpoints(rp))
		return false;
	for (size_t i = 0; a && i < ctx->host->n_root_ports; i++) {
		const struct cxl_root_port *other = &ctx->host->root_ports[i];

		if (other != rp && other->bridge == rp->bridge && root_port_endpoints(other))
			f->text = arena_printf(a, "this kernel's isolation handler is the posted v1: it panics the host because %s under the same host bridge is populated",
					       other->name);
	}
	return true;
}

bool check_nothing_signals(const struct check_context *ctx, const struct cxl_root_port *rp,
			   struct arena *a, struct finding *f)
{
	(void)ctx;
	if (!rp->iso.regs.capable || rp->iso.regs.cap & (ISO_CAP_INTERRUPT | ISO_CAP_ERR_COR))
		return false;
	f->text = "it signals an isolation neither by an interrupt nor by ERR_COR";
	f->remedy = arena_printf(a, "none in software; to notice an isolation all the same, poll for it: cxl isolation-status --monitor %s",
				 rp->name);
	return true;
}

static const char *link_remedy(const struct cxl_root_port *rp, struct arena *a)
{
	const char *forced = rp->iso.regs.capable && rp->iso.regs.cap & ISO_CAP_MEM_LINK_DOWN ?
		arena_printf(a, "let isolation itself take the link down: cxl enable-isolation --registers --link-down %s; or ", rp->name) : "";

	return arena_printf(a, "%sunmask Link Disable where the port lets software do that: setpci -s %s %x.w=%x:%x (it must read back so); else put the device into a slot that can be powered off",
			    forced ? forced : "", rp->name, rp->ext.control_offset, PORT_UNMASK_LINK_DISABLE,
			    PORT_UNMASK_LINK_DISABLE);
}

/* What cannot be read does not count as missing. */
bool check_link_stays_up(const struct check_context *ctx, const struct cxl_root_port *rp,
			 struct arena *a, struct finding *f)
{
	(void)ctx;
	if (!root_port_endpoints(rp) || !rp->ext.known ||
	    rp->ext.control & (PORT_UNMASK_SBR | PORT_UNMASK_LINK_DISABLE) || rp->cxl_bus_reset || rp->slot ||
	    (rp->iso.regs.capable && rp->iso.regs.ctrl & ISO_CTRL_MEM_LINK_DOWN))
		return false;
	f->text = "nothing takes the link below it down: Secondary Bus Reset and Link Disable are masked, it has no slot whose power is controlled, and the device has no cxl_bus reset";
	f->remedy = link_remedy(rp, a);
	return true;
}

const char *check_link_ways_unknown(const struct cxl_root_port *rp)
{
	if (!root_port_endpoints(rp) || rp->ext.known || rp->cxl_bus_reset || rp->slot)
		return NULL;
	return rp->iso.regs.reason ? rp->iso.regs.reason : "the port does not say what is masked (DVSEC 3)";
}

bool check_has_switch(const struct check_context *ctx, const struct cxl_root_port *rp,
		      struct arena *a, struct finding *f)
{
	const char *names;

	(void)ctx;
	if (root_port_endpoints(rp) < 2)
		return false;
	names = endpoint_names(rp, a, "");
	f->text = arena_printf(a, "%zu endpoints lie below it and fail together: %s", root_port_endpoints(rp), names ? names : "");
	return true;
}

bool check_is_not_direct(const struct check_context *ctx, const struct cxl_root_port *rp,
			 struct arena *a, struct finding *f)
{
	size_t own = root_port_endpoints(rp), n = rp->bridge ? rp->bridge->n_endpoints : own;
	const char *names;

	if (!own || n == 1)
		return false;
	names = endpoint_names(rp, a, "");
	for (size_t i = 0; names && rp->bridge && i < ctx->host->n_root_ports; i++) {
		const struct cxl_root_port *other = &ctx->host->root_ports[i];

		if (other != rp && other->bridge == rp->bridge)
			names = endpoint_names(other, a, names);
	}
	f->text = arena_printf(a, "%s has %zu endpoints below it, not one: %s", rp->bridge ? rp->bridge->name : rp->name, n,
			       names ? names : "");
	return true;
}

static const char *device_type(const struct cxl_accelerator *acc)
{
	bool cache = acc->caps & DVSEC_CAP_CACHE, mem = acc->caps & DVSEC_CAP_MEM;

	return cache && mem ? "a type-2 device" : cache ? "a type-1 device" :
		acc->memdev ? "a type-2 device" : "a device";
}

bool check_is_driver_owned(const struct check_context *ctx, const struct cxl_root_port *rp,
			   struct arena *a, struct finding *f)
{
	const struct cxl_accelerator *acc = rp->accelerators;

	(void)ctx;
	if (!rp->n_accelerators)
		return false;
	if (acc->driver)
		f->text = arena_printf(a, "%s is %s of driver %s: only that driver can bring it back", acc->name,
				       device_type(acc), acc->driver);
	else
		f->text = arena_printf(a, "%s is %s without a driver: nothing can bring it back", acc->name, device_type(acc));
	f->remedy = arena_printf(a, "ask the vendor whether the driver handles a lost link; %s%s%s%s%s",
				 acc->reset_method ? "how the device can be reset: cat /" : acc->cxl_reset ? "" :
				 "the kernel has no way to reset the device alone", acc->reset_method ? acc->reset_method : "",
				 acc->reset_method && acc->cxl_reset ? "; and " : "",
				 acc->cxl_reset ? "with its memory, as the driver allows: echo 1 > /" : "",
				 acc->cxl_reset ? acc->cxl_reset : "");
	return true;
}

bool check_core_is_module(const struct check_context *ctx, const struct cxl_root_port *rp,
			  struct arena *a, struct finding *f)
{
	(void)a;
	(void)f;
	return ctx->host->core_is_module && !rp->iso.kernel.present;
}
