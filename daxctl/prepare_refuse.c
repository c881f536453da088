// SPDX-License-Identifier: GPL-2.0-only
/* Which dax memory prepare-isolation leaves alone, and why: see prepare.h. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daxctl/persist.h"
#include "daxctl/prepare.h"

static void refuse(struct prepare *p, struct prepare_job *job, enum exit_status status, const char *code, const char *text)
{
	job->result = RESULT_REFUSED;
	job->status = status;
	message_add(p->messages, SEV_ERROR, code, job->before->dax->name, "%s: %s; nothing was changed of it",
		    job->before->dax->name, text);
}

/* Nothing can be prepared of it: an error only where somebody named it. */
static void leave_out(struct prepare *p, struct prepare_job *job, const char *code, const char *why)
{
	const char *name = job->before->dax->name;

	if (job->is_named) {
		refuse(p, job, EXIT_PREREQ, code, why);
		return;
	}
	job->result = RESULT_SKIPPED;
	message_add(p->messages, SEV_INFO, code, name, "%s is left out: %s", name, why);
}

/* Taking device_dax away ends every mapping: kill_dev_dax(). */
static const char *why_in_use(struct prepare *p, const struct dax_facts *f)
{
	const struct cxl_dax *d = f->dax;

	if (d->mounted_at)
		return arena_printf(&p->arena, "a file system (%s) on it is mounted at %s; unmount it", d->fs, d->mounted_at);
	if (d->n_users)
		return arena_printf(&p->arena, "process %d (%s) %s it%s; end it first", (int)d->users[0].pid, d->users[0].command,
				    d->users[0].maps ? "has mapped" : "has opened", d->n_users > 1 ? ", and others" : "");
	if (d->users_unknown && p->host.dax_in_use)
		return "a process uses a dax device, perhaps this one, and not every process can be looked into; run the command as root";
	return NULL;
}

/* A device that was System RAM and whose region is lost keeps its memory until the next boot. */
static bool is_husk(const struct dax_facts *f)
{
	return f->dax->region->state == REGION_HUSK || f->dax->region->state == REGION_RESET;
}

/* The root port above @f on which isolation is off, and this kernel cannot switch it on. */
static const struct cxl_root_port *without_kernel(const struct dax_facts *f)
{
	const struct cxl_region *r = f->dax->region;

	for (size_t i = 0; i < r->n_root_ports; i++)
		if (!r->root_ports[i]->iso.kernel.present && iso_is_on(&r->root_ports[i]->iso) != TRI_YES)
			return r->root_ports[i];
	return NULL;
}

static void refuse_without_kernel(struct prepare *p, struct prepare_job *job, const struct cxl_root_port *rp)
{
	const struct iso_registers *regs = &rp->iso.regs;

	if (regs->valid && !regs->capable)
		refuse(p, job, EXIT_PREREQ, "ISO-CAP", arena_printf(&p->arena, "ISO-CAP: %s above it has no isolation capability, so nothing can make its System RAM safe", rp->name));
	else
		refuse(p, job, EXIT_PREREQ, "ISO-ABI",
		       arena_printf(&p->arena, "ISO-ABI: the running kernel cannot switch isolation on at %s above it; 'daxctl prepare-isolation %s', then 'cxl enable-isolation --registers %s', then this command again",
				    rp->name, job->before->dax->name, job->before->dax->region->name));
}

static void refuse_job(struct prepare *p, struct prepare_job *job)
{
	const struct dax_facts *f = job->before;
	const char *in_use = p->goal == PREPARE_DEVDAX ? NULL : why_in_use(p, f), *why;
	const struct cxl_root_port *rp;

	if (!f->dax->region) {
		leave_out(p, job, "REGION", "it is no memory of a CXL region, no root port is above it");
	} else if (dax_is_empty(f->dax)) {
		leave_out(p, job, "EMPTY", "it has no memory, its size is 0, so no driver takes it");
	} else if (f->dax->driver && !dax_is_bound_to(f->dax, "kmem") && !dax_is_bound_to(f->dax, "device_dax")) {
		refuse(p, job, EXIT_REFUSED, "DRIVER",
		       arena_printf(&p->arena, "its driver is %s, which this command does not know; 'echo %s > /sys/bus/dax/drivers/%s/unbind' when nothing uses it",
				    f->dax->driver, f->dax->name, f->dax->driver));
	} else if (is_husk(f) && f->blocks_online) {
		refuse(p, job, EXIT_REFUSED, "HUSK", "its region lost a device while the memory was System RAM, which nothing can take back; reboot the host");
	} else if (dax_is_left_behind(f) && p->goal != PREPARE_DEVDAX) {
		refuse(p, job, EXIT_REFUSED, "LEFT", "kmem was taken from it while its memory was online, so the kernel keeps that memory, and gives the device no driver, until the next boot; reboot the host, then run the command again");
	} else if (f->blocks_unknown) {
		refuse(p, job, geteuid() ? EXIT_PREREQ : EXIT_REFUSED, "ATTRIBUTE", "which of its memory blocks are online cannot be read");
	} else if (in_use && !dax_is_bound_to(f->dax, "kmem")) {
		refuse(p, job, EXIT_NEGATIVE, "ISO-BUSY", in_use);
	} else if (p->goal == PREPARE_SYSTEM_RAM && (f->dax->region->targets_unknown || !f->dax->region->n_root_ports)) {
		refuse(p, job, EXIT_PREREQ, "REGION", "which root ports are above it is not fully known, so isolation cannot be switched on first; 'cxl list --isolation' says why");
	} else if (p->goal == PREPARE_SYSTEM_RAM && (rp = without_kernel(f))) {
		refuse_without_kernel(p, job, rp);
	} else if (p->persist && (why = persist_why_not(p, f))) {
		refuse(p, job, EXIT_REFUSED, "PERSIST", why);
	}
}

/*
 * Memory that firmware gave to the kernel as its own: cxl_region_probe() of
 * drivers/cxl/core/region.c makes no dax device where System RAM is already.
 */
static void tell_without_dax(struct prepare *p)
{
	for (size_t i = 0; p->regions && p->goal == PREPARE_DEVDAX && i < p->host.n_regions; i++) {
		const struct cxl_region *r = &p->host.regions[i];

		if (!p->regions[i] || r->n_dax || !r->blocks_online)
			continue;
		p->n_without_dax++;
		if (r->state != REGION_HUSK && r->state != REGION_RESET)	/* the listing's own message says it of those */
			message_add(p->messages, SEV_ERROR, "NO-DAX", r->name,
				    "%s: its memory is System RAM, and there is no dax device of it, as where firmware gives it to the kernel at boot; nothing was changed of it; have firmware set it aside (Soft Reserved, special-purpose memory) and reboot the host",
				    r->name);
	}
}

void prepare_refuse(struct prepare *p)
{
	for (size_t i = 0; i < p->n_jobs; i++)
		refuse_job(p, &p->jobs[i]);
	tell_without_dax(p);
}
