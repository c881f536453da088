// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of the root port itself, the kernel's part in it, and what hangs below
 * it: see checks.h, and the table in table.c for what each is about.
 */
#include <stdio.h>
#include <string.h>

#include "lib/check/checks.h"
#include "lib/iso/backend.h"
#include "lib/model/consent.h"
#include "lib/model/isolation_regs.h"

static const char *why_unread(const struct cxl_root_port *rp)
{
	return rp->iso.regs.reason ? rp->iso.regs.reason : "its registers do not tell";
}

const char *check_unread_remedy(const struct cxl_host *host, const struct cxl_root_port *rp,
				struct arena *a)
{
	if (host->fs->is_capture)
		return "record the host as root, with its registers: cxl-sim capture -o FILE";
	if (!rp->present)
		return "echo 1 > /sys/bus/pci/rescan";
	if (iso_isolated(&rp->iso) == TRI_YES)
		return arena_printf(a, "cxl recover-port %s, since nothing below an isolated port answers", rp->name);
	return rp->iso.regs.needs_root ? "run the command as root" :
		"boot a kernel that is not locked down (cat /sys/kernel/security/lockdown), with a port that answers";
}

/* A device without memory needs CXL.cache alone. */
static uint32_t needed_isolation(const struct check_context *ctx, const struct cxl_root_port *rp)
{
	return ISO_CAP_MEM_ISOLATION |
	       (ctx->cache || (root_port_endpoints(rp) && root_port_speaks_mem(rp) == TRI_NO)
			? ISO_CAP_CACHE_ISOLATION
			: 0);
}

bool check_lacks_isolation(const struct check_context *ctx, const struct cxl_root_port *rp)
{
	return rp->iso.regs.valid &&
	       !(rp->iso.regs.capable && rp->iso.regs.cap & needed_isolation(ctx, rp));
}

enum answer check_no_capability(const struct check_context *ctx, const struct cxl_root_port *rp,
				const struct iso_control *now, struct arena *a, struct finding *f)
{
	const struct iso_registers *regs = &rp->iso.regs;

	if (check_lacks_isolation(ctx, rp)) {
		f->text = regs->capable ? "it has the Timeout & Isolation capability, but not for isolating CXL.mem" :
			"it has no CXL Timeout & Isolation capability";
		return ANSWER_FAILS;
	}
	/* what is on is there */
	if (regs->valid || now->v[ISO_MEM_ISOLATION] == 1)
		return ANSWER_HOLDS;
	f->text = arena_printf(a, "whether it can isolate cannot be told: %s", why_unread(rp));
	f->remedy = check_unread_remedy(ctx->host, rp, a);
	return ANSWER_UNTOLD;
}

enum answer check_registers_unread(const struct check_context *ctx, const struct cxl_root_port *rp,
				   const struct iso_control *now, struct arena *a,
				   struct finding *f)
{
	(void)now;
	if (rp->iso.regs.valid)
		return ANSWER_HOLDS;
	f->text = arena_printf(a, "whether it is isolated cannot be told, nor could recover-port clear that: %s", why_unread(rp));
	f->remedy = check_unread_remedy(ctx->host, rp, a);
	return ANSWER_FAILS;
}

/* Of CXL.mem; of CXL.cache where no device below has CXL.mem. */
static bool isolation_is_on(const struct cxl_root_port *rp)
{
	return iso_is_on(&rp->iso) == TRI_YES ||
	       (root_port_endpoints(rp) && root_port_speaks_mem(rp) == TRI_NO &&
		iso_any_is_on(&rp->iso));
}

enum answer check_no_abi(const struct check_context *ctx, const struct cxl_root_port *rp,
		  const struct iso_control *now, struct arena *a, struct finding *f)
{
	char place[ISO_PLACE_BYTES], lacks[400];

	(void)now;
	if (iso_field_by_kernel(&rp->iso, ISO_MEM_ISOLATION) ||
	    (ctx->registers && rp->iso.regs.capable))
		return ANSWER_HOLDS;
	/* on by register it needs nothing of the kernel's, but to be changed */
	if ((!ctx->changing || (ctx->sets_timeout && rp->iso.kernel.backend)) &&
	    isolation_is_on(rp))
		return ANSWER_HOLDS;
	if (!rp->present) {
		f->text = "its PCI device is gone, and the isolation control with it";
		/* what comes back below it has no driver until its port looked again */
		f->remedy = arena_printf(a, "echo 1 > /sys/bus/pci/rescan; then unbind and bind %s in /sys/bus/cxl/drivers/cxl_port and bind memN in /sys/bus/cxl/drivers/cxl_mem",
					 rp->bridge ? rp->bridge->name : "its portN");
		return ANSWER_FAILS;
	}
	if (rp->iso.kernel.backend)
		snprintf(lacks, sizeof(lacks), "the %s sets a timeout's range alone", rp->iso.kernel.backend->title);
	else
		snprintf(lacks, sizeof(lacks), "/%.300s/%.*s does not exist", rp->path,
			 (int)strcspn(iso_kernel_backend(rp)->place(rp, ISO_MEM_ISOLATION, place), "/"), place);
	f->text = arena_printf(a, "the running kernel offers no isolation control for it (%s)%s%s",
			       lacks, ctx->registers ? ", and by register it cannot be controlled: " : "",
			       !ctx->registers ? "" : rp->iso.regs.reason ? rp->iso.regs.reason : "it has no such capability");
	if (ctx->registers && rp->iso.regs.needs_root)
		f->remedy = "run the command as root";
	if (!ctx->registers && rp->iso.regs.capable)
		f->remedy = ctx->changing ? "boot a kernel with CXL isolation support, or repeat the command with --registers, which writes the port's registers beside the kernel" :
			 arena_printf(a, "boot a kernel with CXL isolation support, or write the port's registers beside the kernel: cxl enable-isolation --registers %s", rp->name);
	return ANSWER_FAILS;
}

enum answer check_is_isolated(const struct check_context *ctx, const struct cxl_root_port *rp,
		       const struct iso_control *now, struct arena *a, struct finding *f)
{
	enum tri isolated = iso_isolated(&rp->iso);
	const char *names = iso_isolated_names(&rp->iso);
	bool mem = rp->iso.regs.status & ISO_STATUS_MEM_ISOLATION;

	(void)ctx;
	(void)now;
	if (isolated == TRI_UNKNOWN)
		f->text = why_unread(rp);
	if (isolated != TRI_YES)
		return isolated == TRI_NO ? ANSWER_HOLDS : ANSWER_UNTOLD;
	f->text = arena_printf(a, mem ? "it is already isolated%s: its memory is lost and its traffic is dropped" :
			       "it is already isolated%s: what a device had in its cache is lost and its traffic is dropped",
			       !strcmp(names, "CXL.mem") ? "" : arena_printf(a, ", %s", names));
	f->remedy = arena_printf(a, "stop what used the %s, then: cxl recover-port %s", mem ? "memory" : "device", rp->name);
	return ANSWER_FAILS;
}

/* cxl_mem binds only to a device that answers. */
static bool is_working_below(const struct cxl_root_port *rp)
{
	for (size_t i = 0; i < rp->n_memdevs; i++)
		if (rp->memdevs[i]->bound)
			return true;
	return false;
}

enum answer check_link_is_down(const struct check_context *ctx, const struct cxl_root_port *rp,
			const struct iso_control *now, struct arena *a, struct finding *f)
{
	(void)ctx;
	(void)now;
	if (rp->link.up == TRI_UNKNOWN)
		f->text = rp->iso.regs.reason ? rp->iso.regs.reason : "the port does not report whether its link is up";
	if (rp->link.up != TRI_NO)
		return rp->link.up == TRI_YES || is_working_below(rp) ? ANSWER_HOLDS
								      : ANSWER_UNTOLD;
	f->text = "the link below it is down: isolation would trigger at once";
	f->remedy = arena_printf(a, "seat and power the device below %s, then: echo 1 > /%s/rescan", rp->name, rp->path);
	return ANSWER_FAILS;
}

static const char *endpoint_names(const struct cxl_root_port *rp, struct arena *a,
				  const char *names)
{
	for (size_t i = 0; i < rp->n_memdevs; i++)
		names = arena_join(a, names, ", ", rp->memdevs[i]->name);
	for (size_t i = 0; i < rp->n_accelerators; i++)
		if (!rp->accelerators[i].memdev)
			names = arena_join(a, names, ", ", rp->accelerators[i].name);
	return names;
}

static bool is_unhandled(const char *driver)
{
	return !driver || driver_is_vfio(driver);
}

/* A PCI function below that no driver answers for, or VFIO, which nobody asks; NULL: none. */
static const char *unhandled_function(const struct cxl_root_port *rp)
{
	for (size_t i = 0; i < rp->n_accelerators; i++)
		if (is_unhandled(rp->accelerators[i].driver))
			return rp->accelerators[i].name;
	for (size_t i = 0; i < rp->n_pci_functions; i++)
		if (is_unhandled(rp->pci_functions[i].driver))
			return rp->pci_functions[i].name;
	return NULL;
}

enum answer check_driver_panics(const struct check_context *ctx, const struct cxl_root_port *rp,
			 const struct iso_control *now, struct arena *a, struct finding *f)
{
	const char *kernel = iso_kernel_backend(rp)->title;

	(void)now;
	if (!iso_has_quirk(&rp->iso, ISO_QUIRK_PANICS))
		return ANSWER_HOLDS;
	for (size_t i = 0; i < rp->n_memdevs; i++) {
		if (rp->memdevs[i]->is_accelerator)
			continue;	/* its driver has the say */
		f->text = arena_printf(a, "this kernel's isolation handler is the %s: it panics the host when %s is isolated",
				       kernel, rp->memdevs[i]->name);
		return ANSWER_FAILS;
	}
	if (root_port_endpoints(rp) && unhandled_function(rp)) {
		f->text = arena_printf(a, "this kernel's isolation handler is the %s: it panics the host because no driver of %s handles isolation", kernel,
				       unhandled_function(rp));
		return ANSWER_FAILS;
	}
	if (!rp->bridge || rp->bridge->n_endpoints == root_port_endpoints(rp))
		return ANSWER_HOLDS;
	for (size_t i = 0; a && i < ctx->host->n_root_ports; i++) {
		const struct cxl_root_port *other = &ctx->host->root_ports[i];

		if (other != rp && other->bridge == rp->bridge && root_port_endpoints(other))
			f->text = arena_printf(a, "this kernel's isolation handler is the %s: it panics the host because %s under the same host bridge is populated",
					       kernel, other->name);
	}
	return ANSWER_FAILS;
}

enum answer check_protocol_error_panics(const struct check_context *ctx,
					const struct cxl_root_port *rp,
					const struct iso_control *now, struct arena *a,
					struct finding *f)
{
	(void)rp;
	(void)now;
	(void)a;
	if (ctx->host->panics_on_protocol_error == TRI_NO)
		return ANSWER_HOLDS;
	if (ctx->host->panics_on_protocol_error == TRI_YES)
		return ANSWER_FAILS;
	f->text = "whether this kernel panics on an uncorrectable protocol error cannot be told: the formats of its trace events cannot be read";
	f->remedy = "run the command as root, with tracefs mounted: mount -t tracefs nodev /sys/kernel/tracing";
	return ANSWER_UNTOLD;
}

enum answer check_nothing_signals(const struct check_context *ctx, const struct cxl_root_port *rp,
			   const struct iso_control *now, struct arena *a, struct finding *f)
{
	(void)now;
	/* one without the capability is ISO-CAP's; unread, the kernel has attributes only for ports with an interrupt */
	if (rp->iso.regs.valid ? !rp->iso.regs.capable ||
					 rp->iso.regs.cap & (ISO_CAP_INTERRUPT | ISO_CAP_ERR_COR)
			       : rp->iso.kernel.backend != NULL)
		return ANSWER_HOLDS;
	if (!rp->iso.regs.valid) {
		f->text = arena_printf(a, "whether it signals an isolation cannot be told: %s", why_unread(rp));
		f->remedy = check_unread_remedy(ctx->host, rp, a);
		return ANSWER_UNTOLD;
	}
	f->text = "it signals an isolation neither by an interrupt nor by ERR_COR";
	f->remedy = arena_printf(a, "none in software; to notice an isolation all the same, poll for it: cxl isolation-status --monitor %s",
				 rp->name);
	return ANSWER_FAILS;
}

enum answer check_has_switch(const struct check_context *ctx, const struct cxl_root_port *rp,
		      const struct iso_control *now, struct arena *a, struct finding *f)
{
	const char *names;

	(void)ctx;
	(void)now;
	if (root_port_endpoints(rp) < 2)
		return ANSWER_HOLDS;
	names = endpoint_names(rp, a, "");
	f->text = arena_printf(a, "%zu endpoints lie below it and fail together: %s", root_port_endpoints(rp), names ? names : "");
	return ANSWER_FAILS;
}

enum answer check_is_not_direct(const struct check_context *ctx, const struct cxl_root_port *rp,
			 const struct iso_control *now, struct arena *a, struct finding *f)
{
	size_t own = root_port_endpoints(rp), n = rp->bridge ? rp->bridge->n_endpoints : own;
	const struct cxl_root_port *first = rp,
				   *end = ctx->host->root_ports + ctx->host->n_root_ports;
	const char *names;

	(void)now;
	if (!own || n == 1)
		return ANSWER_HOLDS;
	names = endpoint_names(rp, a, "");
	/* those of one host bridge are on one bus, and so beside each other */
	while (rp->bridge && first > ctx->host->root_ports && first[-1].bridge == rp->bridge)
		first--;
	for (const struct cxl_root_port *other = first;
	     names && rp->bridge && other < end && other->bridge == rp->bridge; other++)
		if (other != rp)
			names = endpoint_names(other, a, names);
	f->text = arena_printf(a, "%s has %zu endpoints below it, not one: %s", rp->bridge ? rp->bridge->name : rp->name, n,
			       names ? names : "");
	return ANSWER_FAILS;
}

static const char *device_type(const struct cxl_accelerator *acc)
{
	bool cache = acc->caps & DVSEC_CAP_CACHE, mem = acc->caps & DVSEC_CAP_MEM;

	return cache && mem ? "a type-2 device" : cache ? "a type-1 device" :
		acc->memdev ? "a type-2 device" : "a device";
}

/* A region that goes over an accelerator below another root port is its driver's all the same. */
static bool shares_with_accelerator(const struct cxl_root_port *rp, struct arena *a,
				    struct finding *f)
{
	for (size_t i = 0; i < rp->n_regions; i++) {
		const struct cxl_memdev *acc = region_accelerator(rp->regions[i]);

		if (!acc)
			continue;
		f->text = arena_printf(a, "%s goes over %s, too, which belongs to a driver of its own: only that driver can make the region again",
				       rp->regions[i]->name, acc->name);
		f->remedy = arena_printf(a, "make the region of devices that cxl_pci has; %s has to be given up by its driver first",
					 rp->regions[i]->name);
		return true;
	}
	return false;
}

static bool ends_users(const struct check_context *ctx, const struct cxl_root_port *rp)
{
	if (ctx->recovering)
		return ctx->ends_users;
	return !rp->kept.policy_error && rp->kept.has_users && rp->kept.users != USERS_REFUSE;
}

static const char lost_ahead[] = ", with its virtual functions, unless the kernel takes it off by itself when the port fails: they are lost then, and nothing tells ahead";

static const char moved_ahead[] = ", where it comes back at the same address, which nothing promises below a switch";

/* What the consent to its driver's coming and going amounts to, which lifts @f where it reaches. */
static const char *consent_text(const struct check_context *ctx, const struct cxl_root_port *rp,
				struct arena *a, struct finding *f)
{
	const char *policy = rp->kept.policy_error ? NULL : rp->kept.driver_consent;
	const char *driver = ctx->driver_consent ? ctx->driver_consent : policy, *why, *text;

	if (!driver)
		return "";
	if (consent_reaches(rp, driver, ends_users(ctx, rp), a, &why)) {
		const char *ahead = ctx->recovering ? "" : device_has_virtual(rp) ? lost_ahead :
				    !rp->accelerators->is_direct ? moved_ahead : "";

		if (!*ahead)
			f->caps_at = CONTAINMENT_RECOVER;
		text = arena_printf(a, "; recover-port %s%s, as %s allows%s",
				    rp->accelerators->driver ? "takes it off and gives it back" : "gives it to ",
				    rp->accelerators->driver ? "" : driver,
				    ctx->driver_consent ? "--driver-consent" : rp->kept.driver_consent_at, ahead);
	} else {
		text = arena_printf(a, "; %s does not help: %s", ctx->driver_consent ? "--driver-consent" : rp->kept.driver_consent_at, why);
	}
	return text ? text : "";
}

/* The command for whoever has the vendor's word. */
static const char *consent_way(const struct check_context *ctx, const struct cxl_root_port *rp,
			       struct arena *a)
{
	const char *driver = rp->accelerators->driver, *why, *text = NULL;

	if (accelerator_is_detached(rp))
		text = arena_printf(a, ", and where it does, and had the device: cxl recover-port --driver-consent=DRIVER %s", rp->name);
	else if (driver && consent_reaches(rp, driver, ends_users(ctx, rp), a, &why))
		text = arena_printf(a, ", and where it does: cxl recover-port --driver-consent=%s %s, or driver-consent = %s in the policy file",
				    driver, rp->name, driver);
	else if (driver && consent_reaches(rp, driver, true, a, &why))
		text = arena_printf(a, ", and where it does, and whoever has its virtual functions by VFIO may be ended: cxl recover-port --driver-consent=%s --users=terminate %s",
				    driver, rp->name);
	return text ? text : "";
}

enum answer check_is_driver_owned(const struct check_context *ctx, const struct cxl_root_port *rp,
			   const struct iso_control *now, struct arena *a, struct finding *f)
{
	const struct cxl_accelerator *acc = rp->accelerators;

	(void)now;
	if (!rp->n_accelerators && shares_with_accelerator(rp, a, f))
		return ANSWER_FAILS;
	if (!rp->n_accelerators && (root_port_speaks_cache(rp) != TRI_UNKNOWN || rp->n_memdevs))
		return ANSWER_HOLDS;
	if (!rp->n_accelerators) {
		f->text = "whether what is below it belongs to a driver of its own cannot be told: its config space cannot be read whole";
		f->remedy = check_unread_remedy(ctx->host, rp, a);
		return ANSWER_UNTOLD;
	}
	if (acc->driver)
		f->text = arena_printf(a, "%s is %s of driver %s: only that driver can bring it back%s", acc->name,
				       device_type(acc), acc->driver, consent_text(ctx, rp, a, f));
	else
		f->text = arena_printf(a, "%s is %s without a driver%s%s", acc->name, device_type(acc),
				       accelerator_is_detached(rp) ? ", and the one it had may bring it back" : ": nothing can bring it back",
				       consent_text(ctx, rp, a, f));
	if (f->caps_at > f->check->caps_at) {
		f->remedy = "none needed: the driver's consent was given";
		return ANSWER_FAILS;
	}
	f->remedy = arena_printf(a, "ask the vendor whether the driver handles a lost link%s; %s%s%s%s%s", consent_way(ctx, rp, a),
				 acc->reset_method ? "how the device can be reset: cat /" : acc->cxl_reset ? "" :
				 "the kernel has no way to reset the device alone", acc->reset_method ? acc->reset_method : "",
				 acc->reset_method && acc->cxl_reset ? "; and " : "",
				 acc->cxl_reset ? "with its memory, as the driver allows: echo 1 > /" : "",
				 acc->cxl_reset ? acc->cxl_reset : "");
	return ANSWER_FAILS;
}

enum answer check_nothing_below(const struct check_context *ctx, const struct cxl_root_port *rp,
				const struct iso_control *now, struct arena *a, struct finding *f)
{
	(void)ctx;
	(void)now;
	if (!root_port_is_empty(rp) || rp->n_pci_functions)
		return ANSWER_HOLDS;
	f->text = rp->link.up == TRI_YES ? "no device is known below it, though its link is up" : "nothing is connected below it";
	f->remedy = arena_printf(a, "none needed; after a device was plugged in: echo 1 > /%s/rescan", rp->path);
	return ANSWER_FAILS;
}

enum answer check_is_pci_below(const struct check_context *ctx, const struct cxl_root_port *rp,
			       const struct iso_control *now, struct arena *a, struct finding *f)
{
	(void)ctx;
	(void)now;
	if (!root_port_is_empty(rp) || !rp->n_pci_functions)
		return ANSWER_HOLDS;
	f->text = a ? arena_printf(a, "what is below it is an ordinary PCI device: %s", root_port_functions_text(rp, a)) : NULL;
	return ANSWER_FAILS;
}

enum answer check_core_is_module(const struct check_context *ctx, const struct cxl_root_port *rp,
			  const struct iso_control *now, struct arena *a, struct finding *f)
{
	(void)a;
	(void)f;
	(void)now;
	return ctx->host->core_is_module && !rp->iso.kernel.backend ? ANSWER_FAILS : ANSWER_HOLDS;
}
