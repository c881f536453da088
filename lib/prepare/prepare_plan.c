// SPDX-License-Identifier: GPL-2.0-only
/* From targets to what is planned: see prepare.h. */
#include <errno.h>
#include <string.h>

#include "lib/model/target.h"
#include "lib/prepare/isolate.h"
#include "lib/prepare/persist.h"
#include "lib/txn/dax_step.h"

int prepare_select(struct prepare *p, char **targets, struct err *err)
{
	bool is_all = !*targets;
	struct target_set set;
	int rc = 0;

	p->jobs = arena_alloc(&p->arena, p->host->n_dax, sizeof(*p->jobs));
	if (!p->jobs || target_set_init(p->host, &p->arena, is_all, &set))
		return err_no_memory(err, ", nothing was written");
	for (char **t = targets; !rc && *t; t++)
		rc = target_add(p->host, *t, TARGET_ANY, &set, err);
	p->memdevs = is_all ? NULL : set.memdevs;
	p->regions = set.regions;
	for (size_t i = 0; !rc && i < p->host->n_dax; i++) {
		bool is_named = false;

		if (!set.dax[i])
			continue;
		for (char **t = targets; *t; t++)
			is_named |= !strcmp(*t, p->host->dax[i].name);
		p->jobs[p->n_jobs++] = (struct prepare_job){
			.before = &p->view.v[i], .is_named = is_named,
		};
	}
	return rc;
}

/* --- what is planned ------------------------------------------------------------ */

/* Has kmem to let it go first, or has it no driver yet that would put struct pages on it? */
static bool is_unbound_first(const struct prepare *p, const struct dax_facts *f)
{
	return dax_is_kmem(f->dax) ? f->memmap_in_force == TRI_YES
				   : dax_has_memmap_to_clear(&p->view, f);
}

/*
 * Offline, however that is done: in one write by the file state, or block by block, as
 * --keep-going wants it, too.
 */
static bool is_unplugged(const struct prepare *p, const struct dax_facts *f)
{
	return !p->keep_going && f->blocks_online && !dax_no_unplug(f);
}

/* On kernels before the file that is no news, and a part of the plan alone. */
static void tell_by_block(struct prepare *p, const struct dax_facts *f, const char *goes,
			  const char *why)
{
	const char *name = f->dax->name;

	if (p->dry_run || p->view.kmem_has_state)
		message_add(p->messages, SEV_INFO, "BY-BLOCK", name, "%s: its memory %s block by block: %s", name, goes, why);
}

static int plan_offline(struct prepare *p, const struct dax_facts *f, struct dax_plan *plan)
{
	if (is_unplugged(p, f))
		return dax_plan_unplug(f, p->timeout_us, &p->arena, plan);
	if (f->blocks_online && dax_is_kmem(f->dax))
		tell_by_block(p, f, "goes offline", p->keep_going ? "so --keep-going wants it" : dax_no_unplug(f));
	return dax_plan_offline(&p->view, f, NULL, p->timeout_us, &p->arena, plan);
}

/*
 * Is it brought online by the file state?  Where kmem stays and its memory is there offline, that would
 * have to go first, and would not be there again when all is taken back.
 */
static bool is_plugged(const struct prepare *p, const struct dax_facts *f, bool is_kmem)
{
	if (!p->view.kmem_has_state || (is_kmem && !f->state))
		return false;
	return !is_kmem || !strcmp(f->state, DAX_UNPLUGGED) ||
	       (is_unplugged(p, f) && !isolation_is_on(f));
}

/*
 * The one clean order: nothing online, isolation on, then online.  What is
 * online already goes offline for it; kmem stays where it may.
 */
static int plan_before_isolation(struct prepare *p, const struct dax_facts *f,
				 struct dax_plan *plan)
{
	bool unbound = is_unbound_first(p, f);
	int rc = dax_is_kmem(f->dax) && (unbound || !isolation_is_on(f)) ?
		plan_offline(p, f, plan) : 0;

	return rc || !unbound ? rc : dax_plan_unbound(&p->view, f, &p->arena, plan);
}

static int plan_after_isolation(struct prepare *p, const struct dax_facts *f,
				struct dax_plan *plan)
{
	bool unbound = is_unbound_first(p, f);
	bool is_kmem = dax_is_kmem(f->dax) && !unbound;
	const char *driver = unbound ? NULL : f->dax->driver;

	if (is_kmem && isolation_is_on(f) && f->blocks_online == f->blocks_total &&
	    (f->blocks_online || !is_plugged(p, f, true)))
		return 0;
	if (is_plugged(p, f, is_kmem))
		return dax_plan_plug(f, driver, &p->arena, plan);
	tell_by_block(p, f, "comes online", is_kmem && f->state ? "it is there, offline, and would have to be unplugged first" : "no device of kmem is there that has the file state, as on kernels before 7.3");
	return dax_plan_system_ram(&p->view, f, driver, false, NULL, &p->arena, plan);
}

/* As it was before it was prepared: what was not prepared, or is something else by now, stays. */
static int plan_undo(struct prepare *p, struct prepare_job *job, struct dax_plan *plan)
{
	const struct before *b = &job->was;
	int rc = before_read(p, job->before, &job->was);

	if (rc || b->kind != BEFORE_PREPARED)
		return rc;
	return dax_plan_back(&p->view, job->before, b->mode, b->memmap == TRI_YES, &b->online,
			     p->timeout_us, &p->arena, plan);
}

static bool is_planned(const struct prepare *p, const struct dax_facts *f)
{
	if (p->goal == PREPARE_SYSTEM_RAM && !isolation_is_on(f))
		return true;
	for (size_t i = 0; i < p->n_plans; i++)
		for (size_t k = 0; k < p->plans[i].n; k++)
			if (p->plans[i].owner[k] == f)
				return true;
	return false;
}

/* What was in the memory is no file system for whoever has it next. */
static void tell_famfs(struct prepare *p, const struct prepare_job *job)
{
	const char *name = job->before->dax->name;

	for (size_t i = 0; i < p->n_plans; i++)
		for (size_t k = 0; k < p->plans[i].n; k++) {
			const struct step *s = &p->plans[i].steps[k];

			if (p->plans[i].owner[k] == job->before && s->op == &step_dax_mode &&
			    !strcmp(s->value, dax_mode_names[DAX_FAMFS]))
				message_add(p->messages, SEV_INFO, "FAMFS", name, "%s: in mode famfs it has no file system until one is made: 'mkfs.famfs /dev/%s'", name, name);
		}
	if (job->before->mode == DAX_FAMFS && is_planned(p, job->before))
		message_add(p->messages, SEV_INFO, "FAMFS", name, "%s: a famfs that was made on it is of no use from then on, and has to be made again", name);
}

static int plan_state(struct prepare *p, struct prepare_job *job, struct dax_plan *plan)
{
	const struct dax_facts *f = job->before;

	switch (p->goal) {
	case PREPARE_SYSTEM_RAM:
		return plan_after_isolation(p, f, plan);
	case PREPARE_UNDO:
		return plan_undo(p, job, plan);
	default:
		return dax_plan_devdax(&p->view, f, prepare_mode(p, f), &p->arena, plan);
	}
}

/* What lasts is written when it is so, and taken out before it is no longer so. */
static int plan_job(struct prepare *p, struct prepare_job *job, struct dax_plan *plan,
		    struct err *err)
{
	const struct dax_facts *f = job->before;
	int rc = p->persist && p->goal == PREPARE_UNDO ? persist_plan(p, f, false, plan, err) : 0;

	if (!rc && plan_state(p, job, plan))
		rc = err_no_memory(err, ", nothing was written");
	plan->n_state = plan->n;
	return rc || !p->persist || p->goal == PREPARE_UNDO ? rc
							    : persist_plan(p, f, true, plan, err);
}

static int plan_first(struct prepare *p, const struct prepare_job *job)
{
	struct dax_plan *plan = prepare_plan_of(p, job);

	switch (p->goal) {
	case PREPARE_SYSTEM_RAM:
		return plan_before_isolation(p, job->before, plan);
	case PREPARE_DEVDAX:
		return plan_offline(p, job->before, plan);
	default:
		return 0;
	}
}

int prepare_plan(struct prepare *p, struct err *err)
{
	int rc = p->persist ? persist_read(p, err) : 0;

	if (rc)
		return rc;
	p->n_plans = (p->keep_going ? p->n_jobs : 1) + 1;
	p->plans = arena_alloc(&p->arena, p->n_plans, sizeof(*p->plans));
	if (!p->plans)
		return err_no_memory(err, ", nothing was written");
	prepare_refuse(p);
	rc = p->goal == PREPARE_SYSTEM_RAM ? isolation_plan(p, err) : 0;
	/* all that may fail for being in use comes first, so that as little as possible is to be taken back */
	for (size_t i = 0; !rc && i < p->n_jobs; i++)
		if (p->jobs[i].result == OUTCOME_NONE && plan_first(p, &p->jobs[i]))
			rc = err_no_memory(err, ", nothing was written");
	for (size_t i = 0; i < p->n_plans; i++)
		p->plans[i].n_before = p->plans[i].n;
	for (size_t i = 0; !rc && i < p->n_jobs; i++) {
		struct prepare_job *job = &p->jobs[i];

		if (job->result != OUTCOME_NONE)
			continue;
		if (dax_is_left_behind(job->before))
			message_add(p->messages, SEV_WARNING, "LEFT", job->before->dax->name,
				    "%s: kmem was taken from it while its memory was online; that memory %s, but the kernel gives the device no driver before the next boot; with --persist it comes up as device-dax then",
				    job->before->dax->name, !job->before->blocks_online ? "is offline by now" : p->dry_run ? "would go offline" : "goes offline");
		rc = plan_job(p, job, prepare_plan_of(p, job), err);
		if (p->goal == PREPARE_UNDO)
			prepare_refuse_unknown(p, job, is_planned(p, job->before));
		if (job->result != OUTCOME_NONE)
			continue;
		tell_famfs(p, job);
		if (!is_planned(p, job->before))
			job->result = OUTCOME_ALREADY;
		else if (p->dry_run)
			job->result = OUTCOME_PLANNED;
	}
	if (!rc && p->persist)
		rc = persist_plan_rest(p, p->goal != PREPARE_UNDO, &p->plans[p->n_plans - 1], err);
	return rc;
}
