// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of checks.  Each is a pure function over the snapshot; its id is
 * stable, scripts match on it.
 */
#include <string.h>

#include "cxl/lib/check.h"

static bool no_capability(const struct check_context *ctx, const struct cxl_root_port *rp,
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

static bool no_abi(const struct check_context *ctx, const struct cxl_root_port *rp,
		   struct arena *a, struct finding *f)
{
	if (rp->iso.kernel.present || (ctx->registers && rp->iso.regs.capable))
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

static bool is_isolated(const struct check_context *ctx, const struct cxl_root_port *rp,
			struct arena *a, struct finding *f)
{
	(void)ctx;
	(void)a;
	if (iso_isolated(&rp->iso) != TRI_YES)
		return false;
	f->text = "it is already isolated: its memory is lost and its traffic is dropped";
	return true;
}

static bool link_is_down(const struct check_context *ctx, const struct cxl_root_port *rp,
			 struct arena *a, struct finding *f)
{
	(void)ctx;
	if (rp->link.up != TRI_NO)
		return false;
	f->text = "the link below it is down: isolation would trigger at once";
	f->remedy = arena_printf(a, "seat and power the device below %s, then: echo 1 > /%s/rescan", rp->name, rp->path);
	return true;
}

/* "dax0.0 dax1.0": the dax devices of a region for a command line. */
static const char *dax_names(const struct cxl_region *r, struct arena *a)
{
	const char *names = "";

	for (size_t i = 0; i < r->n_dax && names; i++)
		names = arena_printf(a, "%s%s%s", names, *names ? " " : "", r->dax[i]->name);
	return names;
}

/* Regions of which a position cannot be read may lie below any root port. */
static const struct cxl_region *region_that_may_touch(const struct check_context *ctx, const struct cxl_root_port *rp)
{
	for (size_t i = 0; rp->may_have_more && i < ctx->host->n_regions; i++)
		if (region_may_touch(&ctx->host->regions[i], rp))
			return &ctx->host->regions[i];
	return NULL;
}

static bool memory_is_online(const struct check_context *ctx, const struct cxl_root_port *rp,
			     struct arena *a, struct finding *f)
{
	const struct cxl_region *hidden = region_that_may_touch(ctx, rp);

	for (size_t i = 0; i < rp->n_regions; i++) {
		const struct cxl_region *r = rp->regions[i];
		const char *dax;

		if (!r->blocks_online && !r->blocks_unknown)
			continue;
		f->text = r->blocks_online ?
			arena_printf(a, "%zu of %zu memory blocks of %s are online as System RAM: the kernel panics when they are lost",
				     r->blocks_online, r->blocks_total, r->name) :
			arena_printf(a, "whether %s is online as System RAM cannot be told", r->name);
		dax = a ? dax_names(r, a) : NULL;
		if (dax && *dax)
			f->remedy = arena_printf(a, "daxctl reconfigure-device --mode=devdax --force %s; or, if it must be System RAM: daxctl offline-memory %s, cxl enable-isolation %s, daxctl online-memory %s",
						 dax, dax, rp->name, dax);
		return true;
	}
	if (!hidden || (!hidden->blocks_online && !hidden->blocks_unknown))
		return false;
	f->text = arena_printf(a, "%s is online as System RAM and may lie below it: a position of the region cannot be read", hidden->name);
	f->remedy = arena_printf(a, "ls -l /%s; then run the command again", hidden->path);
	return true;
}

static bool is_covered(const struct check_context *ctx, const struct cxl_root_port *rp)
{
	return ctx->enabling[rp - ctx->host->root_ports] ||
	       iso_is_on(&rp->iso) == TRI_YES;
}

static bool interleaves(const struct check_context *ctx, const struct cxl_root_port *rp,
			struct arena *a, struct finding *f)
{
	const struct cxl_region *hidden = region_that_may_touch(ctx, rp);

	for (size_t i = 0; i < rp->n_regions; i++) {
		const struct cxl_region *r = rp->regions[i];
		const char *others = "", *all = "";
		bool missing = false;

		if (r->state == REGION_RESET || r->state == REGION_HUSK)
			continue;	/* not committed: no traffic */
		for (size_t k = 0; k < r->n_root_ports; k++) {
			const struct cxl_root_port *other = r->root_ports[k];

			if (all)
				all = arena_printf(a, "%s%s%s", all, *all ? " " : "", other->name);
			if (other == rp || is_covered(ctx, other))
				continue;
			missing = true;
			if (others)
				others = arena_printf(a, "%s%s%s", others, *others ? ", " : "", other->name);
		}
		if (!missing)
			continue;
		f->text = arena_printf(a, "%s interleaves over root ports %s: when %s is isolated the part on %s is lost with it, and a failure there still resets the host",
				       r->name, all ? all : "", rp->name, others ? others : "");
		f->remedy = arena_printf(a, "cxl enable-isolation %s", all ? all : r->name);
		return true;
	}
	if (hidden) {
		f->text = arena_printf(a, "whether %s interleaves over it cannot be told: a position of the region cannot be read", hidden->name);
		f->remedy = arena_printf(a, "ls -l /%s; then run the command again", hidden->path);
	}
	return hidden;
}

static bool driver_panics(const struct check_context *ctx, const struct cxl_root_port *rp,
			  struct arena *a, struct finding *f)
{
	if (!rp->iso.kernel.present || !rp->iso.kernel.posted_v1)
		return false;
	if (rp->n_memdevs) {
		f->text = arena_printf(a, "this kernel's isolation handler is the posted v1: it panics the host when %s is isolated",
				       rp->memdevs[0]->name);
		return true;
	}
	for (size_t i = 0; i < ctx->host->n_root_ports; i++) {
		const struct cxl_root_port *other = &ctx->host->root_ports[i];

		if (other == rp || other->bridge != rp->bridge || !other->n_memdevs)
			continue;
		f->text = arena_printf(a, "this kernel's isolation handler is the posted v1: it panics the host because %s under the same host bridge is populated",
				       other->name);
		return true;
	}
	return false;
}

const struct check checks[] = {
	{
		.id = "ISO-CAP", .kind = CHECK_CANNOT, .caps_at = CONTAINMENT_NONE,
		.title = "the root port has no isolation capability",
		.why = "CXL.mem Timeout & Isolation is an optional capability of a root port (CXL r3.2 sec 8.2.4.24, capability ID 9). Without it a link that goes down or times out resets the host.",
		.remedy = "none in software: place the device below a root port that has the capability (cxl list --isolation shows which)",
		.fails = no_capability,
	}, {
		.id = "ISO-ABI", .kind = CHECK_CANNOT, .caps_at = CONTAINMENT_NONE,
		.title = "the kernel has no isolation attributes for the root port",
		.why = "The directory cxl_isolation/ of the root port's PCI device comes with the kernel option CXL_ISOLATION, which needs the CXL core built in (CXL_BUS=y), and only on ports whose capability has an interrupt. No released kernel has it yet.",
		.remedy = "boot a kernel with CONFIG_CXL_ISOLATION=y and CONFIG_CXL_BUS=y; to try it without one: cxl-sim run --kernel v1-fixed -- cxl list --isolation",
		.fails = no_abi,
	}, {
		.id = "ISO-ISOLATED", .kind = CHECK_UNSAFE, .caps_at = CONTAINMENT_NONE, .guards_disable = true,
		.title = "the root port is already isolated",
		.why = "In isolation reads return errors and writes are dropped; memory and caches must be assumed corrupt. Leaving it takes clearing the status and a Link Down (CXL r3.2 sec 12.3), not a change of the enable bit, which is undefined in this state.",
		.remedy = "stop what used the memory and reboot the host: this version cannot bring an isolated port back",
		.fails = is_isolated,
	}, {
		.id = "ISO-LINK", .kind = CHECK_UNSAFE, .caps_at = CONTAINMENT_NONE,
		.title = "the link below the root port is down",
		.why = "With isolation enabled Link Down triggers it unconditionally (CXL r3.2 sec 12.3.2).",
		.remedy = "seat and power the device, then rescan the root port: echo 1 > /sys/bus/pci/devices/ADDRESS/rescan",
		.fails = link_is_down,
	}, {
		.id = "ISO-MEM-ONLINE", .kind = CHECK_UNSAFE, .caps_at = CONTAINMENT_DEBUG,
		.title = "memory below the root port is online as System RAM",
		.why = "The kernel panics on a machine check in pages it uses itself; ZONE_MOVABLE does not help, since pinned pages cannot be moved away in time. Only device-dax memory has users that can be found and stopped. Isolation then buys a log and the choice of when to reset, at the price of running on with lost writes.",
		.remedy = "daxctl reconfigure-device --mode=devdax --force daxX.Y; or, if it must be System RAM: daxctl offline-memory daxX.Y, cxl enable-isolation daxX.Y, daxctl online-memory daxX.Y",
		.fails = memory_is_online,
	}, {
		.id = "ISO-INTERLEAVE", .kind = CHECK_UNSAFE, .caps_at = CONTAINMENT_DEBUG,
		.title = "a region spans root ports that are not all being enabled",
		.why = "An isolated root port takes down every region that interleaves across it, the part on the other root ports included; one of them without isolation still resets the host, or drops writes of a region that goes on.",
		.remedy = "enable all root ports of the region in one command: cxl enable-isolation regionN",
		.fails = interleaves,
	}, {
		.id = "ISO-DRIVER-PANIC", .kind = CHECK_LIMIT, .caps_at = CONTAINMENT_DEBUG,
		.title = "this kernel's isolation handler panics the host",
		.why = "The isolation series as posted (v1, 20250730214718.10679) panics for every type-3 device below the port, and when a second root port under the same host bridge is populated. It is recognised by timeout_range reading lower case or failing with ENXIO.",
		.remedy = "boot a kernel with a corrected isolation series",
		.fails = driver_panics,
	},
};
const size_t n_checks = sizeof(checks) / sizeof(checks[0]);

const struct check outcomes[] = {
	{
		.id = "ISO-FW-OWNED", .kind = CHECK_OUTCOME, .caps_at = CONTAINMENT_NONE,
		.title = "a write was accepted and did not stick",
		.why = "Firmware may keep control of the isolation enable (_OSC, expected in CXL 4.0): the kernel then accepts the write and the port stays as it is. Nothing in sysfs tells it beforehand; reading back does.",
		.remedy = "look for a setting of CXL isolation in the firmware setup, or ask the platform's vendor to grant the operating system control of it",
	},
};
const size_t n_outcomes = sizeof(outcomes) / sizeof(outcomes[0]);
