// SPDX-License-Identifier: GPL-2.0-only
/* Which dax memory prepare-isolation leaves alone, and why: see prepare.h. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "lib/check/check.h"
#include "lib/prepare/persist.h"
#include "lib/prepare/prepare.h"

void prepare_refuse_job(struct prepare *p, struct prepare_job *job, enum exit_status status,
			const char *code, const char *text)
{
	job->result = OUTCOME_REFUSED;
	job->status = status;
	message_add(p->messages, SEV_ERROR, code, job->before->dax->name, "%s: %s; nothing was changed of it",
		    job->before->dax->name, text);
}

/* Nothing can be prepared of it: an error only where somebody named it. */
static void leave_out(struct prepare *p, struct prepare_job *job, const char *code, const char *why)
{
	const char *name = job->before->dax->name;

	if (job->is_named) {
		prepare_refuse_job(p, job, EXIT_PREREQ, code, why);
		return;
	}
	job->result = OUTCOME_SKIPPED;
	message_add(p->messages, SEV_INFO, code, name, "%s is left out: %s", name, why);
}

/* Taking device_dax away ends every mapping: kill_dev_dax(). */
static const char *why_in_use(struct prepare *p, const struct dax_facts *f)
{
	const struct cxl_dax *d = f->dax;

	if (d->mounted_at)
		return arena_printf(&p->arena, "a file system (%s) on it is mounted at %s; unmount it", d->fs, d->mounted_at);
	if (d->may_be_mounted_at)
		return arena_printf(&p->arena, "famfs is mounted at %s, and it may be one of its devices; unmount that", d->may_be_mounted_at);
	if (d->n_users)
		return arena_printf(&p->arena, "process %d (%s%s) %s it%s; end it first", (int)d->users[0].pid, d->users[0].command,
				    owner_text(&d->users[0].owner, &p->arena),
				    d->users[0].maps ? "has mapped" : "has opened", d->n_users > 1 ? ", and others" : "");
	if (d->users_unknown && p->host->dax_in_use)
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
		if (!iso_field_by_kernel(&r->root_ports[i]->iso, ISO_MEM_ISOLATION) &&
		    iso_is_on(&r->root_ports[i]->iso) != TRI_YES)
			return r->root_ports[i];
	return NULL;
}

static void refuse_without_kernel(struct prepare *p, struct prepare_job *job,
				  const struct cxl_root_port *rp)
{
	const struct iso_registers *regs = &rp->iso.regs;

	if (regs->valid && !regs->capable)
		prepare_refuse_job(p, job, EXIT_PREREQ, checks[ID_CAP].id, arena_printf(&p->arena, "%s: %s above it has no isolation capability, so nothing can make its System RAM safe", checks[ID_CAP].id, rp->name));
	else
		prepare_refuse_job(p, job, EXIT_PREREQ, checks[ID_ABI].id,
		       arena_printf(
			       &p->arena,
			       "%s: the running kernel cannot switch isolation on at %s above it; 'daxctl prepare-isolation %s', then 'cxl enable-isolation --registers %s', then this command again",
			       checks[ID_ABI].id, rp->name, job->before->dax->name,
			       job->before->dax->region->name));
}

/* What comes online there is memory that is lost. */
static const struct cxl_root_port *isolated_above(const struct cxl_region *r)
{
	for (size_t i = 0; i < r->n_root_ports; i++)
		if (iso_isolated(&r->root_ports[i]->iso) == TRI_YES)
			return r->root_ports[i];
	return NULL;
}

static void refuse_job(struct prepare *p, struct prepare_job *job)
{
	const struct dax_facts *f = job->before;
	bool is_mapped = p->goal == PREPARE_DEVDAX;
	bool stays = is_mapped && (f->mode == prepare_mode(p, f) || f->mode == DAX_UNBOUND);
	const char *in_use = stays ? NULL : why_in_use(p, f), *why;
	const struct cxl_root_port *rp;

	if (!f->dax->region) {
		leave_out(p, job, "REGION", "it is no memory of a CXL region, no root port is above it");
	} else if (f->dax->unbinding && job->result == OUTCOME_NONE) {	/* not what another command is at now */
		prepare_refuse_job(p, job, EXIT_NEGATIVE, checks[ID_BUSY].id, arena_printf(&p->arena, "%s; end what holds it, and run the command again once that process is gone; where it stays, only a reboot helps", dax_unbinding_text(f->dax, &p->arena)));
	} else if (dax_is_empty(f->dax)) {
		leave_out(p, job, "EMPTY", "it has no memory, its size is 0, so no driver takes it");
	} else if (dax_mode_of(f->dax->driver) == DAX_OTHER) {
		prepare_refuse_job(p, job, EXIT_REFUSED, "DRIVER",
		       arena_printf(&p->arena, "its driver is %s, which this command does not know; 'echo %s > /sys/bus/dax/drivers/%s/unbind' when nothing uses it",
				    f->dax->driver, f->dax->name, f->dax->driver));
	} else if (is_mapped && prepare_mode(p, f) == DAX_FAMFS && f->mode != DAX_FAMFS &&
		   !sysfs_exists(p->host->fs, DAX_DRIVERS "/" DAX_FSDEV_NAME) &&
		   !modules_will_have(&p->loaded, DAX_FSDEV_NAME)) {
		why = module_text(p->host->fs, &p->arena, DAX_FSDEV_NAME, true);
		prepare_refuse_job(p, job, EXIT_PREREQ, "DRIVER", arena_printf(&p->arena, "there is no driver " DAX_FSDEV_NAME ": %s", why ? why : NO_FSDEV_REMEDY));
	} else if ((why = prepare_last_refusal(p, f->dax->region))) {
		prepare_refuse_job(p, job, EXIT_REFUSED, "UNFINISHED", why);
	} else if (is_husk(f) && f->blocks_online) {
		prepare_refuse_job(p, job, EXIT_REFUSED, "HUSK", "its region lost a device while the memory was System RAM, which nothing can take back; reboot the host");
	} else if (dax_is_left_behind(f) && p->goal != PREPARE_DEVDAX) {
		prepare_refuse_job(p, job, EXIT_REFUSED, "LEFT", "kmem was taken from it while its memory was online, so the kernel keeps that memory, and gives the device no driver, until the next boot; reboot the host, then run the command again");
	} else if (f->blocks_unknown) {
		prepare_refuse_job(p, job, geteuid() ? EXIT_PREREQ : EXIT_REFUSED, "ATTRIBUTE", "which of its memory blocks are online cannot be read");
	} else if (f->is_private == TRI_YES) {
		prepare_refuse_job(p, job, EXIT_REFUSED, "PRIVATE",
				   arena_printf(&p->arena, "its memory is to be in a private node, which this command could not put back; 'echo unplugged > /%s/state', then 'echo 0 > /%s/private', then this command again", f->dax->path, f->dax->path));
	} else if (in_use && !dax_is_kmem(f->dax)) {
		prepare_refuse_job(p, job, EXIT_NEGATIVE, checks[ID_BUSY].id, in_use);
	} else if (p->goal == PREPARE_SYSTEM_RAM &&
		   (f->dax->region->targets_unknown || !f->dax->region->n_root_ports)) {
		prepare_refuse_job(p, job, EXIT_PREREQ, "REGION", "which root ports are above it is not fully known, so isolation cannot be switched on first; 'cxl list --isolation' says why");
	} else if (p->goal != PREPARE_DEVDAX && (rp = isolated_above(f->dax->region))) {
		prepare_refuse_job(p, job, EXIT_NEGATIVE, checks[ID_ISOLATED].id,
				   arena_printf(&p->arena, "%s above it is isolated, and memory that is lost must not come online; first bring the port back: cxl recover-port %s", rp->name, rp->name));
	} else if (p->goal == PREPARE_SYSTEM_RAM && (rp = without_kernel(f))) {
		refuse_without_kernel(p, job, rp);
	} else if (p->persist && (why = persist_why_not(p, f))) {
		prepare_refuse_job(p, job, EXIT_REFUSED, "PERSIST", why);
	}
}

/*
 * Memory that firmware gave to the kernel as its own: cxl_region_probe() of
 * drivers/cxl/core/region.c makes no dax device where System RAM is already.
 */
static void report_missing_dax(struct prepare *p)
{
	for (size_t i = 0; p->regions && p->goal == PREPARE_DEVDAX && i < p->host->n_regions; i++) {
		const struct cxl_region *r = &p->host->regions[i];

		if (!p->regions[i] || r->n_dax || !r->blocks_online)
			continue;
		p->n_without_dax++;
		if (r->state != REGION_HUSK && r->state != REGION_RESET)	/* the listing's own message says it of those */
			message_add(p->messages, SEV_ERROR, "NO-DAX", r->name,
				    "%s: its memory is System RAM, and there is no dax device of it, as where firmware gives it to the kernel at boot; nothing was changed of it; have firmware set it aside (Soft Reserved, special-purpose memory) and reboot the host",
				    r->name);
	}
}

/* "what it was before ... is not known", and why; NULL: it is known, or nothing was made of it. */
static const char *why_unknown(struct prepare *p, const struct prepare_job *job)
{
	const char *name = job->before->dax->name;

	if (job->was.kind == BEFORE_BAD)
		return arena_printf(&p->arena, "what it was before it was prepared is not known: %s%s", job->was.why,
				    job->was.errnum == EACCES && geteuid() ? "; run the command as root" : "");
	/* System RAM is what nobody has to prepare */
	if (job->was.kind != BEFORE_NONE || job->before->mode == DAX_SYSTEM_RAM)
		return NULL;
	return arena_printf(&p->arena, "that this command changed it is not known, and what it was neither, so it stays %s; 'daxctl reconfigure-device --mode=system-ram %s' makes it System RAM",
			    dax_mode_names[job->before->mode], name);
}

void prepare_refuse_unknown(struct prepare *p, struct prepare_job *job, bool has_entries)
{
	const char *name = job->before->dax->name, *why = why_unknown(p, job);

	if (job->was.kind == BEFORE_OTHERWISE)
		message_add(p->messages, SEV_INFO, "BEFORE", name, "%s: something else was made of it since it was prepared, by hand or at a boot, and stays so", name);
	if (!why)
		return;
	if (has_entries) {
		job->is_partial = true;
		message_add(p->messages, SEV_WARNING, "BEFORE", name, "%s: %s; only its entries %s taken out: the next boot leaves it to the kernel", name, why,
			    p->dry_run ? "would be" : "are");
	} else if (job->was.kind == BEFORE_NONE) {
		leave_out(p, job, "BEFORE", why);
	} else {
		prepare_refuse_job(p, job, job->was.errnum == EACCES && geteuid() ? EXIT_PREREQ : EXIT_REFUSED, "BEFORE", why);
	}
}

void prepare_refuse(struct prepare *p)
{
	for (size_t i = 0; i < p->n_jobs; i++)
		refuse_job(p, &p->jobs[i]);
	report_missing_dax(p);
}
