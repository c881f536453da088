// SPDX-License-Identifier: GPL-2.0-only
/* What became of it, as it is read again: see prepare.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/prepare/isolate.h"
#include "lib/txn/dax_step.h"

static void note_undone(const struct step *step, void *data)
{
	*(bool *)data |= step->state == STEP_UNDONE;
}

static bool any_undone(const struct prepare *p, const struct dax_plan *plan)
{
	bool any = false;

	for (size_t i = 0; i < plan->n; i++)
		note_undone(&plan->steps[i], &any);
	for (size_t i = 0; i < p->n_jobs; i++)
		if (prepare_plan_of(p, &p->jobs[i]) == plan)
			isolation_each_step(p, &p->jobs[i], note_undone, &any);
	return any;
}

static const struct dax_facts *find_facts(const struct cxl_host *host, const struct dax_view *view,
					  const char *name)
{
	for (size_t i = 0; i < host->n_dax; i++)
		if (!strcmp(host->dax[i].name, name))
			return &view->v[i];
	return NULL;
}

/* What is there now of what @plan is about and is not as it was, NULL: nothing; "" when it cannot be told. */
static const char *what_differs(struct prepare *p, const struct dax_plan *plan)
{
	struct host_reading reading = HOST_UNREAD;
	struct dax_view view;
	struct err err;
	bool is_read = !host_read_dax(&reading, NULL, &err) &&
		       !dax_view_read(&reading.host, &view, &err);
	const char *isolation = is_read ? isolation_differs(p, plan, &reading.host) : NULL;
	const char *text = is_read ? NULL : "";

	for (size_t i = 0; !text && i < plan->n; i++) {
		const struct dax_facts *was = plan->owner[i],
				       *is = was ? find_facts(&reading.host, &view, was->dax->name) : NULL;

		if (was && !is)
			text = arena_printf(&p->arena, "%s is gone", was->dax->name);
		else if (was && (is->mode != was->mode || is->blocks_online != was->blocks_online ||
				 is->memmap_in_force != was->memmap_in_force))
			text = arena_printf(&p->arena, "%s is %s now, %zu of its %zu memory blocks online", was->dax->name, dax_mode_names[is->mode],
					    is->blocks_online, is->blocks_total);
	}
	host_free(&reading);
	return text && isolation ? arena_printf(&p->arena, "%s, and %s", text, isolation) : text ? text : isolation;
}

/* The state after a failure, as it is read now. */
const char *prepare_state_after(struct prepare *p, const struct dax_plan *plan, size_t left,
			       bool *ret_back)
{
	const char *differs = what_differs(p, plan), *text;

	*ret_back = !left && !differs;
	if (*ret_back)
		return any_undone(p, plan) ? "everything is as it was" : "nothing was changed";
	text = arena_printf(&p->arena, "%s%s%s", left ? "not all of what was done before could be taken back" : "what was done before was taken back, and yet it is not as it was",
			    differs && *differs ? ": " : "", differs ? differs : "");
	text = text ? arena_printf(&p->arena, "%s; 'daxctl list --isolation' shows what is there", text) : NULL;
	return text ? text : "'daxctl list --isolation' shows what is there now";
}

/* As it is now; a device that is gone has no after. */
int prepare_read_again(struct prepare *p, struct err *err)
{
	int rc;

	if (p->has_no_bus)
		return 0;
	rc = host_read_dax(&p->reading_after, NULL, err);
	rc = rc ? rc : dax_view_read(p->host_after, &p->view_after, err);
	for (size_t i = 0; !rc && i < p->n_jobs; i++)
		p->jobs[i].after = find_facts(p->host_after, &p->view_after,
					      p->jobs[i].before->dax->name);
	return rc;
}

/* Is what @plan's step @k brought about so no longer?  What a later step of it changed again is not asked. */
static bool is_lost(struct prepare *p, const struct dax_plan *plan, size_t k)
{
	struct step_run run = {
		.fs = p->host->fs, .host = p->host, .data = p, .steps = plan->steps, .n = plan->n
	};
	const struct step *s = &plan->steps[k];
	struct err err;
	bool so;

	if (s->state != STEP_DONE && s->state != STEP_SKIPPED)
		return false;
	for (size_t i = k + 1; i < plan->n; i++)
		if (!strcmp(plan->steps[i].path, s->path))
			return false;
	if (step_is_so(&run, k, &so, &err))
		return true;
	if (!strncmp(run.is, STEP_UNREADABLE, strlen(STEP_UNREADABLE)))
		return false;	/* it could be read when it was done */
	/* a block that is gone with kmem is offline as well */
	return s->op == &step_offline_block ? !strcmp(run.is, "online") : !so;
}

static void report_lost(struct prepare *p, struct prepare_job *job, const char *text)
{
	job->status = outcome_set(&job->result, OUTCOME_LEFT);
	message_add(p->messages, SEV_ERROR, "READ-BACK", job->before->dax->name, "%s: %s, then run the command again",
		    job->before->dax->name, text ? text : "not all that was done lasted");
}

static void check_step(struct prepare *p, const struct dax_plan *plan, size_t k)
{
	struct prepare_job *job = p->jobs;

	while (job < p->jobs + p->n_jobs && job->before != plan->owner[k])
		job++;
	if (job == p->jobs + p->n_jobs || job->result != OUTCOME_DONE || !is_lost(p, plan, k))
		return;
	report_lost(p, job, arena_printf(&p->arena, "'%s' was done, and somebody else changed it right afterwards: %s; 'daxctl list --isolation' says what brings memory online; stop that",
					 plan->steps[k].title,
					 job->after ? arena_printf(&p->arena, "it is %s now, %zu of its %zu memory blocks online", dax_mode_names[job->after->mode],
								   job->after->blocks_online, job->after->blocks_total) : "it is gone"));
}

/* Above @f, somewhere; it was read back before, so that it cannot be read once more is no news. */
static bool isolation_is_off(const struct dax_facts *f)
{
	const struct cxl_region *r = f->dax->region;

	for (size_t i = 0; i < r->n_root_ports; i++)
		if (iso_is_on(&r->root_ports[i]->iso) == TRI_NO)
			return true;
	return false;
}

void prepare_check_lasting(struct prepare *p)
{
	for (size_t i = 0; i < p->n_plans; i++)
		for (size_t k = 0; k < p->plans[i].n; k++)
			check_step(p, &p->plans[i], k);
	if (p->goal != PREPARE_SYSTEM_RAM)
		return;
	for (struct prepare_job *job = p->jobs; job < p->jobs + p->n_jobs; job++)
		if (job->result == OUTCOME_DONE && job->after && isolation_is_off(job->after))
			report_lost(p, job, "somebody else switched isolation off above it right after it was switched on, and its memory is online; find out who did");
}

/* Was @b to come online movable? */
static bool is_to_be_movable(const struct prepare *p, const struct mem_block *b)
{
	char path[80];

	snprintf(path, sizeof(path), "sys/devices/system/memory/memory%u/state", b->number);
	for (size_t i = 0; i < p->n_plans; i++)
		for (size_t k = 0; k < p->plans[i].n; k++) {
			const struct step *s = &p->plans[i].steps[k];

			if (s->op == &step_online_block && !strcmp(s->path, path))
				return !strcmp(s->value, "online_movable");
		}
	return p->goal == PREPARE_SYSTEM_RAM;
}

/* Somebody else may have been faster, or it was online before. */
void prepare_report_zones(struct prepare *p)
{
	for (size_t i = 0; i < p->n_jobs && p->goal != PREPARE_DEVDAX; i++) {
		const struct prepare_job *job = &p->jobs[i];
		const struct mem_block *b = NULL;
		size_t n = 0;

		if (!job->after || (job->result != OUTCOME_DONE && job->result != OUTCOME_ALREADY))
			continue;
		while ((b = dax_next_block(job->after == job->before ? p->host : p->host_after,
					   job->after->dax, b)))
			n += b->state == BLOCK_ONLINE && b->zone && strcmp(b->zone, "Movable") && is_to_be_movable(p, b);
		if (n)
			message_add(p->messages, SEV_WARNING, "ZONE", job->before->dax->name,
				    "%s: %zu of its memory blocks %s online in a zone of the kernel's own, not movable, and may not go offline again before the next boot; 'daxctl list --isolation' says what brings memory online",
				    job->before->dax->name, n, n == 1 ? "is" : "are");
	}
}

/* What the memory is now cannot be read, for the reason in @err. */
void prepare_add_what_was_done(const struct prepare *p, struct err *err)
{
	const struct err why = *err;
	bool is_all = true;

	for (size_t i = 0; i < p->n_jobs; i++)
		is_all &= p->jobs[i].result == OUTCOME_DONE || p->jobs[i].result == OUTCOME_ALREADY;
	err_set(err, why.status, why.errnum, "%.600s; %s before that; see 'daxctl list --isolation'", why.text,
		is_all ? "the change itself was made" : "not all of what was asked for was done");
}

int prepare_status(struct prepare *p)
{
	struct status_count count = { 0 };

	if (p->n_rest && (p->rest_status != EXIT_DONE || !p->n_without_dax))
		status_count_add(&count, p->rest_status);
	for (size_t i = 0; i < p->n_without_dax; i++)
		status_count_add(&count, EXIT_REFUSED);
	for (size_t i = 0; i < p->n_jobs; i++)
		if (p->jobs[i].result != OUTCOME_SKIPPED)
			status_count_add(&count, p->jobs[i].status);
	if (p->is_stopped)
		return EXIT_RESUMABLE;
	if (count.failed || count.well)
		return status_count_end(&count);
	if (p->persist && p->goal == PREPARE_UNDO) {
		message_add(p->messages, SEV_INFO, "PERSIST", NULL, "there is no entry of 'prepare-isolation --persist' to be taken out, and no dax device that is known to be prepared");
		return EXIT_DONE;
	}
	if (p->goal == PREPARE_UNDO && p->n_jobs) {
		message_add(p->messages, SEV_ERROR, "NOTHING", NULL,
			    "nothing was taken back: of no dax device below what was named is it known what it was before; 'daxctl list --isolation' shows what there is");
		return EXIT_PREREQ;
	}
	message_add(p->messages, SEV_ERROR, "NOTHING", NULL,
		    "nothing was done: no dax device with CXL memory is below what was named; 'daxctl list --isolation' shows what there is, 'cxl create-region' makes one");
	return EXIT_PREREQ;
}
