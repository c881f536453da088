// SPDX-License-Identifier: GPL-2.0-only
/* From targets to prepared dax memory: see prepare.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cxl/lib/change/dax_step.h"
#include "cxl/lib/snapshot/target.h"
#include "daxctl/before.h"
#include "daxctl/persist.h"
#include "daxctl/prepare.h"
#include "util/size.h"
#include "util/stop.h"

static int no_memory(struct err *err)
{
	return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory, nothing was written");
}

int prepare_select(struct prepare *p, char **targets, struct err *err)
{
	bool is_all = !*targets;
	struct target_set set;
	int rc = 0;

	p->jobs = arena_alloc(&p->arena, p->host.n_dax, sizeof(*p->jobs));
	if (!p->jobs || target_set_init(&p->host, &p->arena, is_all, &set))
		return no_memory(err);
	for (char **t = targets; !rc && *t; t++)
		rc = target_add(&p->host, *t, TARGET_ANY, &set, err);
	p->memdevs = is_all ? NULL : set.memdevs;
	p->regions = set.regions;
	for (size_t i = 0; !rc && i < p->host.n_dax; i++) {
		bool is_named = false;

		if (!set.dax[i])
			continue;
		for (char **t = targets; *t; t++)
			is_named |= !strcmp(*t, p->host.dax[i].name);
		p->jobs[p->n_jobs++] = (struct prepare_job){
			.before = &p->view.v[i], .is_named = is_named, .result = RESULT_NONE,
		};
	}
	return rc;
}

/* --- what is planned ------------------------------------------------------------ */

static bool is_isolated_above(const struct dax_facts *f)
{
	const struct cxl_region *r = f->dax->region;

	for (size_t i = 0; i < r->n_root_ports; i++)
		if (iso_is_on(&r->root_ports[i]->iso) != TRI_YES)
			return false;
	return r->n_root_ports;
}

/* All root ports above the device: they are tied together by it. */
static int plan_isolation(struct prepare *p, const struct dax_facts *f, struct dax_plan *plan)
{
	const struct cxl_region *r = f->dax->region;
	const char *names = "";

	for (size_t i = 0; names && i < r->n_root_ports; i++)
		names = arena_printf(&p->arena, "%s%s%s", names, i ? " " : "", r->root_ports[i]->name);
	if (!names)
		return -ENOMEM;
	return dax_plan_add(plan, &p->arena, f, (struct step){
		.op = &step_isolate, .title = arena_printf(&p->arena, "enable isolation on %s", names), .value = names,
		.path = arena_printf(&p->arena, "sys/bus/pci/devices/%s/cxl_isolation/isolation_ctrl", r->n_root_ports ? r->root_ports[0]->name : "-"),
		.expect_before = "off", .expect_after = "on", .undo = "off", .timeout_us = 1000000,
	});
}

/*
 * The one clean order: nothing online, isolation on, then online.  What is
 * online already goes offline for it; kmem stays where it may.
 */
static int plan_system_ram(struct prepare *p, const struct dax_facts *f, struct dax_plan *plan)
{
	bool has_memmap = f->memmap_in_force == TRI_YES, isolate = !is_isolated_above(f), is_kmem = dax_is_bound_to(f->dax, "kmem");
	/* where the parameter is off the attribute says nothing */
	bool would_have_memmap = f->memmap == TRI_YES && (!p->view.memmap_param || strcmp(p->view.memmap_param, "N"));
	const char *driver = f->dax->driver;
	int rc = 0;

	if (is_kmem && (isolate || has_memmap))
		rc = dax_plan_offline(&p->view, f, p->timeout_us, &p->arena, plan);
	if (!rc && (is_kmem ? has_memmap : would_have_memmap)) {
		rc = dax_plan_unbound(f, &p->arena, plan);
		driver = NULL;
	}
	if (!rc && isolate)
		rc = plan_isolation(p, f, plan);
	if (rc || (is_kmem && driver && !isolate && f->blocks_online == f->blocks_total))
		return rc;
	return dax_plan_system_ram(&p->view, f, driver, false, NULL, &p->arena, plan);
}

/* As it was before it was prepared; where that is not known, as the kernel makes it by itself. */
static int plan_undo(struct prepare *p, const struct dax_facts *f, struct dax_plan *plan)
{
	struct before b;
	int rc = before_read(p, f, &b);

	if (rc)
		return rc;
	if (b.is_there && !before_is_prepared(&b) && b.mode == f->mode && f->mode != DAX_SYSTEM_RAM)
		return 0;	/* put back already */
	if (before_is_prepared(&b) && b.mode != DAX_SYSTEM_RAM)
		return dax_plan_back(&p->view, f, b.mode, b.memmap == TRI_YES, p->timeout_us, &p->arena, plan);
	if (b.is_there && b.mode == DAX_SYSTEM_RAM)
		return dax_is_bound_to(f->dax, "kmem") && f->blocks_online >= b.online.n ? 0 :
			dax_plan_system_ram(&p->view, f, f->dax->driver, b.memmap != TRI_NO, &b.online, &p->arena, plan);
	if (dax_is_bound_to(f->dax, "kmem") && f->blocks_online == f->blocks_total)
		return 0;
	return dax_plan_system_ram(&p->view, f, f->dax->driver, true, NULL, &p->arena, plan);
}

static bool is_planned(const struct prepare *p, const struct dax_facts *f)
{
	for (size_t i = 0; i < p->n_plans; i++)
		for (size_t k = 0; k < p->plans[i].n; k++)
			if (p->plans[i].owner[k] == f)
				return true;
	return false;
}

static int plan_state(struct prepare *p, const struct dax_facts *f, struct dax_plan *plan)
{
	switch (p->goal) {
	case PREPARE_SYSTEM_RAM:
		return plan_system_ram(p, f, plan);
	case PREPARE_UNDO:
		return plan_undo(p, f, plan);
	default:
		return dax_plan_devdax(f, &p->arena, plan);
	}
}

/* What lasts is written when it is so, and taken out before it is no longer so. */
static int plan_job(struct prepare *p, const struct dax_facts *f, struct dax_plan *plan, struct err *err)
{
	int rc = p->persist && p->goal == PREPARE_UNDO ? persist_plan(p, f, false, plan, err) : 0;

	if (!rc && plan_state(p, f, plan))
		rc = no_memory(err);
	plan->n_state = plan->n;
	return rc || !p->persist || p->goal == PREPARE_UNDO ? rc : persist_plan(p, f, true, plan, err);
}

int prepare_plan(struct prepare *p, struct err *err)
{
	int rc = p->persist ? persist_read(p, err) : 0;

	if (rc)
		return rc;
	p->n_plans = (p->keep_going ? p->n_jobs : 1) + 1;
	p->plans = arena_alloc(&p->arena, p->n_plans, sizeof(*p->plans));
	if (!p->plans)
		return no_memory(err);
	prepare_refuse(p);
	/* all that may fail for being in use comes first, so that as little as possible is to be taken back */
	for (size_t i = 0; i < p->n_jobs; i++)
		if (p->jobs[i].result == RESULT_NONE && p->goal == PREPARE_DEVDAX &&
		    dax_plan_offline(&p->view, p->jobs[i].before, p->timeout_us, &p->arena, &p->plans[p->keep_going ? i : 0]))
			return no_memory(err);
	for (size_t i = 0; !rc && i < p->n_jobs; i++) {
		struct prepare_job *job = &p->jobs[i];

		if (job->result != RESULT_NONE)
			continue;
		if (dax_is_left_behind(job->before))
			message_add(p->messages, SEV_WARNING, "LEFT", job->before->dax->name,
				    "%s: kmem was taken from it while its memory was online; that memory %s, but the kernel gives the device no driver before the next boot; with --persist it comes up as device-dax then",
				    job->before->dax->name, !job->before->blocks_online ? "is offline by now" : p->dry_run ? "would go offline" : "goes offline");
		rc = plan_job(p, job->before, &p->plans[p->keep_going ? i : 0], err);
		if (!is_planned(p, job->before))
			job->result = RESULT_ALREADY;
		else if (p->dry_run)
			job->result = RESULT_PLANNED;
	}
	if (!rc && p->persist)
		rc = persist_plan_rest(p, p->goal != PREPARE_UNDO, &p->plans[p->n_plans - 1], err);
	return rc;
}

/* --- doing it --------------------------------------------------------------------- */

static bool is_stopped(struct step_run *run)
{
	(void)run;
	return stop_is_requested();
}

static bool is_about_a_block(const struct step *s)
{
	return s->op == &step_offline_block || s->op == &step_online_block;
}

/* A line on a terminal that is written over; nothing where somebody reads a file later. */
static void show_progress(struct step_run *run)
{
	struct prepare *p = run->data;

	if (!is_about_a_block(&run->steps[run->at]) || !isatty(STDERR_FILENO))
		return;
	p->n_blocks_done += run->steps[run->at].state != STEP_UNDONE;
	fprintf(stderr, "\r%zu of %zu memory blocks%s", p->n_blocks_done, p->n_blocks, p->n_blocks_done == p->n_blocks ? "\n" : "");
}

static const char *block_of(const struct step *s, char *buf, size_t size)
{
	const char *start = strstr(s->path, "/memory/");

	snprintf(buf, size, "%s", start ? start + strlen("/memory/") : s->path);
	buf[strcspn(buf, "/")] = '\0';
	return buf;
}

/* What stopped @run: said once, with the state now, and the status it stands for. */
static enum exit_status tell_failure(struct prepare *p, struct step_run *run, const struct dax_facts *f, const struct err *err,
				     const char *state_now)
{
	const struct step *s = &run->steps[run->at];
	const char *name = f ? f->dax->name : "what has no dax device";
	char block[64], time[32];

	if (stop_is_requested()) {
		p->is_stopped = true;
		message_add(p->messages, SEV_ERROR, "INTERRUPTED", name, "%s: a signal ended the command before '%s'; %s; run the command again",
			    name, s->title, state_now);
		return EXIT_RESUMABLE;
	}
	if (s->op == &step_offline_block && (err->errnum == EBUSY || err->errnum == EINTR || err->errnum == EAGAIN)) {
		message_add(p->messages, SEV_ERROR, "BUSY", f->dax->name,
			    "%s: %s stayed busy for %s: something in it is pinned or cannot be moved; %s; stop what uses the memory%s",
			    name, block_of(s, block, sizeof(block)), duration_human(p->timeout_us, time, sizeof(time)), state_now,
			    p->keep_going ? " or give it a longer --timeout, then run the command again" : ", give it a longer --timeout, or take the others offline with --keep-going");
		return EXIT_TIMEDOUT;
	}
	if (s->op == &step_dax_mode && err->errnum == ENOTEMPTY) {
		message_add(p->messages, SEV_ERROR, "BUSY", name,
			    "%s: its memory came online again and stayed busy, so it was not taken from kmem: no driver would get it before the next boot; %s; stop what brings memory online ('daxctl list --isolation' says what does) and what uses it, then run the command again",
			    name, state_now);
		return EXIT_TIMEDOUT;
	}
	if (s == p->isolate_failed) {
		message_add(p->messages, SEV_ERROR, "ISOLATION", name, "%s: %s; %s", name, p->isolate_err.text, state_now);
		return p->isolate_err.status;
	}
	message_add(p->messages, SEV_ERROR, "STEP", name, "%s: %s; %s", name, err->text, state_now);
	return err->status;
}

/* Jobs of @plan that were not decided yet. */
static void set_results(struct prepare *p, const struct dax_plan *plan, enum result result, enum exit_status status)
{
	for (size_t i = 0; i < p->n_jobs; i++)
		for (size_t k = 0; p->jobs[i].result == RESULT_NONE && k < plan->n; k++)
			if (plan->owner[k] == p->jobs[i].before) {
				p->jobs[i].result = result;
				p->jobs[i].status = status;
			}
}

static bool any_undone(const struct dax_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->steps[i].state == STEP_UNDONE)
			return true;
	return false;
}

static void run_whole(struct prepare *p, const struct dax_plan *plan, struct step_run *run)
{
	const struct dax_facts *f;
	enum exit_status status;
	struct err err;
	size_t at, left;

	if (!step_run_all(run, &err)) {
		set_results(p, plan, RESULT_DONE, EXIT_DONE);
		return;
	}
	at = run->at;
	f = plan->owner[at];
	left = step_undo_all(run);
	run->at = at;
	status = tell_failure(p, run, f, &err, left ? "not all of what was done before could be taken back: 'daxctl list --isolation' shows what is there now" :
			      any_undone(plan) ? "everything is as it was" : "nothing was changed");
	if (!f)
		p->rest_status = status;
	set_results(p, plan, left ? RESULT_FAILED : RESULT_ROLLED_BACK, status);
}

/* With --keep-going: what can be offline goes and stays offline, block by block. */
static void run_what_can_be(struct prepare *p, const struct dax_plan *plan, struct step_run *run)
{
	size_t n_offline = 0, n_busy = 0;
	enum exit_status status = EXIT_DONE;
	struct err err;

	while (n_offline < plan->n && plan->steps[n_offline].op == &step_offline_block)
		n_offline++;
	for (size_t i = 0; i < n_offline && !stop_is_requested(); i++) {
		struct step_run one = *run;

		one.steps = run->steps + i;
		one.n = 1;
		if (!step_run_all(&one, &err))
			continue;
		n_busy++;
		status = tell_failure(p, &one, plan->owner[i], &err, "what could be taken offline stays so, and the device stays System RAM");
	}
	if (!n_busy && !stop_is_requested()) {
		run_whole(p, plan, run);
		return;
	}
	p->is_stopped |= stop_is_requested();
	set_results(p, plan, RESULT_FAILED, n_busy ? status : EXIT_RESUMABLE);
	if (!stop_is_requested()) {	/* what is to be so after the next boot */
		run->steps += plan->n_state;
		run->n -= plan->n_state;
		if (step_run_all(run, &err))
			tell_failure(p, run, plan->owner[0], &err, "after the next boot the memory is as the kernel wants it");
	}
}

static void run_plans(struct prepare *p)
{
	for (size_t i = 0; i < p->n_plans && !stop_is_requested(); i++) {
		struct dax_plan *plan = &p->plans[i];
		struct step_run run = {
			.fs = &p->host.fs, .host = &p->host, .messages = p->messages, .data = p, .end = show_progress,
			.is_stopped = is_stopped, .steps = plan->steps, .n = plan->n,
		};

		if (p->keep_going && i + 1 < p->n_plans)
			run_what_can_be(p, plan, &run);
		else
			run_whole(p, plan, &run);
	}
}

/* A signal also ends the wait for a busy block. */
static void run_with_signals(struct prepare *p)
{
	struct stop_signals held;

	stop_begin(&held, false);
	run_plans(p);
	stop_end(&held);
}

/* As it is now; a device that is gone has no after. */
static int read_again(struct prepare *p, struct err *err)
{
	int rc;

	if (p->has_no_bus)
		return 0;
	rc = host_read_dax(&p->host_after, NULL, err);
	rc = rc ? rc : dax_view_read(&p->host_after, &p->view_after, err);
	for (size_t i = 0; !rc && i < p->n_jobs; i++)
		for (size_t k = 0; k < p->host_after.n_dax; k++)
			if (!strcmp(p->host_after.dax[k].name, p->jobs[i].before->dax->name))
				p->jobs[i].after = &p->view_after.v[k];
	return rc;
}

/* What the memory is now is kept while it can still be seen; not what a hot plug made of it. */
static void keep_before(struct prepare *p)
{
	for (size_t i = 0; i < p->n_jobs; i++)
		if (p->goal != PREPARE_UNDO && !p->is_hotplug && p->jobs[i].result == RESULT_NONE)
			p->jobs[i].keeps_before = before_keep(p, p->jobs[i].before);
}

static void settle_before(struct prepare *p)
{
	for (size_t i = 0; i < p->n_jobs; i++) {
		const struct prepare_job *job = &p->jobs[i];
		struct before b;

		if (job->keeps_before && (job->result == RESULT_ROLLED_BACK || job->result == RESULT_NOT_TRIED))
			before_forget(p, job->before);
		if (p->goal == PREPARE_UNDO && (job->result == RESULT_DONE || job->result == RESULT_ALREADY) &&
		    !before_read(p, job->before, &b) && before_is_prepared(&b))
			before_put_back(p, job->before, &b);
	}
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
static void tell_zones(struct prepare *p)
{
	for (size_t i = 0; i < p->n_jobs && p->goal != PREPARE_DEVDAX; i++) {
		const struct prepare_job *job = &p->jobs[i];
		const struct mem_block *b = NULL;
		size_t n = 0;

		if (!job->after || (job->result != RESULT_DONE && job->result != RESULT_ALREADY))
			continue;
		while ((b = dax_next_block(job->after == job->before ? &p->host : &p->host_after, job->after->dax, b)))
			n += b->state == BLOCK_ONLINE && b->zone && strcmp(b->zone, "Movable") && is_to_be_movable(p, b);
		if (n)
			message_add(p->messages, SEV_WARNING, "ZONE", job->before->dax->name,
				    "%s: %zu of its memory blocks %s online in a zone of the kernel's own, not movable, and may not go offline again before the next boot; 'daxctl list --isolation' says what brings memory online",
				    job->before->dax->name, n, n == 1 ? "is" : "are");
	}
}

int prepare_run(struct prepare *p, struct err *err)
{
	bool writes = p->plans[p->n_plans - 1].n && !p->dry_run;

	for (size_t i = 0; i < p->n_jobs; i++) {
		p->jobs[i].after = p->jobs[i].before;
		writes |= p->jobs[i].result == RESULT_NONE;
	}
	if (!writes) {
		persist_tell(p);
		if (!p->dry_run)
			settle_before(p);
		tell_zones(p);
		return 0;
	}
	if (persist_check(p, err))
		return -err->errnum;
	for (size_t i = 0; i < p->n_plans; i++)
		for (size_t k = 0; k < p->plans[i].n; k++)
			p->n_blocks += is_about_a_block(&p->plans[i].steps[k]);
	keep_before(p);
	run_with_signals(p);
	persist_tell(p);
	for (size_t i = 0; i < p->n_jobs; i++) {
		if (p->jobs[i].result == RESULT_NONE) {
			p->jobs[i].result = RESULT_NOT_TRIED;
			p->jobs[i].status = EXIT_RESUMABLE;
		}
		p->jobs[i].after = NULL;
	}
	settle_before(p);
	if (read_again(p, err))
		return -err->errnum;
	tell_zones(p);
	return 0;
}

int prepare_status(struct prepare *p)
{
	struct status_count count = { 0 };

	if (p->n_rest && (p->rest_status != EXIT_DONE || !p->n_without_dax))
		status_count_add(&count, p->rest_status);
	for (size_t i = 0; i < p->n_without_dax; i++)
		status_count_add(&count, EXIT_REFUSED);
	for (size_t i = 0; i < p->n_jobs; i++)
		if (p->jobs[i].result != RESULT_SKIPPED)
			status_count_add(&count, p->jobs[i].status);
	if (p->is_stopped)
		return EXIT_RESUMABLE;
	if (count.failed || count.well)
		return status_count_end(&count);
	if (p->persist && p->goal == PREPARE_UNDO) {
		message_add(p->messages, SEV_INFO, "PERSIST", NULL, "there is no entry of 'prepare-isolation --persist' to be taken out, and no dax device to be made System RAM");
		return EXIT_DONE;
	}
	message_add(p->messages, SEV_ERROR, "NOTHING", NULL,
		    "nothing was done: no dax device with CXL memory is below what was named; 'daxctl list --isolation' shows what there is, 'cxl create-region' makes one");
	return EXIT_PREREQ;
}
