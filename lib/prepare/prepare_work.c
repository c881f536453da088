// SPDX-License-Identifier: GPL-2.0-only
/* Doing what is planned, and what became of it: see prepare.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/prepare/isolate.h"
#include "lib/prepare/persist.h"
#include "lib/read/host_read.h"
#include "lib/read/pinners.h"
#include "lib/txn/dax_state.h"
#include "lib/txn/dax_step.h"
#include "util/reserve.h"
#include "util/size.h"
#include "util/stop.h"

/* More than the way there and back take, with libdaxctl and another look at the host. */
#define RESERVE_BYTES (16u << 20)

static bool is_about_a_block(const struct step *s)
{
	return s->op == &step_offline_block || s->op == &step_online_block;
}

static int say_what_begins(struct step_run *run, const struct step *step, struct err *err)
{
	struct prepare *p = run->data;

	(void)err;
	if (p->n_blocks && is_about_a_block(step))
		progress_say(&p->progress, "%zu of %zu memory blocks: %s ...", p->n_blocks_done, p->n_blocks, step->title);
	else
		progress_say(&p->progress, "[%zu/%zu] %s ...", run->at + 1, run->n, step->title);
	return 0;
}

static void count_blocks(struct step_run *run)
{
	struct prepare *p = run->data;

	if (is_about_a_block(&run->steps[run->at]))
		p->n_blocks_done += run->steps[run->at].state == STEP_DONE ||
				    run->steps[run->at].state == STEP_SKIPPED;
}

static const char *block_of(const struct step *s, char *buf, size_t size)
{
	const char *start = strstr(s->path, "/memory/");

	snprintf(buf, size, "%s", start ? start + strlen("/memory/") : s->path);
	buf[strcspn(buf, "/")] = '\0';
	return buf;
}

static bool is_busy(const struct err *err)
{
	return err->errnum == EBUSY || err->errnum == EINTR || err->errnum == EAGAIN ||
	       err->errnum == ETIME;
}

/* Of the memory [@first, @end), as far as the kernel's log says. */
static const char *why_busy(struct prepare *p, uint64_t first, uint64_t end, uint64_t tried_us)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return busy_cause_texts[busy_cause_of(kernel_log_text(&p->log, &p->arena), first / page,
					      end / page, tried_us)];
}

static const char *why_block_busy(struct prepare *p, const struct step *s, const struct err *err)
{
	char block[64];
	uint64_t number = strtoull(block_of(s, block, sizeof(block)) + strlen("memory"), NULL, 10),
		 bytes = p->host->block_bytes;

	return err->errnum == ETIME
		       ? "the other memory blocks took that long"
		       : why_busy(p, number * bytes, (number + 1) * bytes, s->took_us);
}

static const char *why_dax_busy(struct prepare *p, const struct step *s, const struct cxl_dax *d)
{
	uint64_t first = UINT64_MAX, end = 0;

	for (size_t i = 0; i < d->n_ranges; i++) {
		first = d->ranges[i].first < first ? d->ranges[i].first : first;
		end = d->ranges[i].last >= end ? d->ranges[i].last + 1 : end;
	}
	return why_busy(p, first, end, s->took_us);
}

/* What stopped the run at @s (NULL: at isolation): said once, with the state now, and the status it stands for. */
static enum exit_status report_failure(struct prepare *p, const struct step *s,
				       const struct dax_facts *f, const struct err *err,
				       const char *state_now)
{
	const char *name = f ? f->dax->name : "what has no dax device";
	char block[64], time[32];

	if (stop_is_requested()) {
		p->is_stopped = true;
		message_add(p->messages, SEV_ERROR, "INTERRUPTED", name, "%s: a signal ended the command before '%s'; %s; run the command again",
			    name, s ? s->title : "enable isolation", state_now);
		return EXIT_RESUMABLE;
	}
	if (!s) {
		message_add(p->messages, SEV_ERROR, "ISOLATION", name, "%s: %s; %s", name, err->text, state_now);
		return err->status;
	}
	if (s->op == &step_offline_block && is_busy(err)) {
		message_add(
			p->messages, SEV_ERROR, "BUSY", f->dax->name,
			err->errnum == ETIME
				? "%s: %s was not tried, since the %s of --timeout were over: %s; %s; stop what uses the memory%s"
				: "%s: %s stayed busy until the %s of --timeout were over: %s; %s; stop what uses the memory%s",
			name, block_of(s, block, sizeof(block)),
			duration_human(p->timeout_us, time, sizeof(time)),
			why_block_busy(p, s, err),
			state_now,
			p->keep_going
				? " or give it a longer --timeout, then run the command again"
				: ", give it a longer --timeout, or take the others offline with --keep-going");
		return EXIT_TIMEDOUT;
	}
	if (s->op == &step_dax_state && is_busy(err) && !strcmp(s->value, DAX_UNPLUGGED)) {
		message_add(p->messages, SEV_ERROR, "BUSY", name,
			    "%s: its memory stayed busy until the %s of --timeout were over, so none of it was unplugged: %s; %s; stop what uses the memory, give it a longer --timeout, or take offline block by block what can be with --keep-going",
			    name, duration_human(p->timeout_us, time, sizeof(time)),
			    why_dax_busy(p, s, f->dax), state_now);
		return EXIT_TIMEDOUT;
	}
	if (s->op == &step_dax_mode && err->errnum == ENOTEMPTY) {
		message_add(p->messages, SEV_ERROR, "BUSY", name,
			    "%s: its memory came online again and stayed busy, so it was not taken from kmem: no driver would get it before the next boot; %s; stop what brings memory online ('daxctl list --isolation' says what does) and what uses it, then run the command again",
			    name, state_now);
		return EXIT_TIMEDOUT;
	}
	if (s->op == &step_dax_mode && err->errnum == ENOTRECOVERABLE) {
		message_add(p->messages, SEV_ERROR, "LEFT", name,
			    "%s: somebody brought its memory online at the very moment when kmem was taken from it: that memory stays with the kernel, and no driver gets the device before the next boot; %s; 'daxctl list --isolation' says what brings memory online; take the memory offline with 'daxctl prepare-isolation %s', and reboot the host",
			    name, state_now, name);
		return EXIT_REFUSED;
	}
	message_add(p->messages, SEV_ERROR, "STEP", name, "%s: %s; %s", name, err->text, state_now);
	return err->status;
}

/* Jobs of @plan that were not decided yet. */
static void set_results(struct prepare *p, const struct dax_plan *plan, enum outcome result,
			enum exit_status status)
{
	for (size_t i = 0; i < p->n_jobs; i++)
		if (p->jobs[i].result == OUTCOME_NONE && prepare_plan_of(p, &p->jobs[i]) == plan) {
			p->jobs[i].result = result;
			p->jobs[i].status = status;
		}
}

/* The steps before isolation, that, and those behind: -errno with @err, and what stopped it (NULL: isolation). */
static int run_parts(struct prepare *p, const struct dax_plan *plan, struct step_run *run,
		     const struct step **ret_at, struct err *err)
{
	int rc;

	run->n = plan->n_before;
	rc = step_run_all(run, err);
	run->n = plan->n;
	if (!rc && isolation_switch_on(p, plan, err)) {
		*ret_at = NULL;
		return -err->errnum;
	}
	rc = rc ? rc : step_run_all(run, err);
	*ret_at = &run->steps[run->at];
	return rc;
}

/*
 * Last first.  Where memory cannot be taken offline again isolation stays: to switch it under
 * traffic is undefined.  What could not be taken back: so much.
 */
static size_t undo_parts(struct prepare *p, const struct dax_plan *plan, struct step_run *run)
{
	struct step_run behind = *run;
	size_t left;

	behind.steps += plan->n_before;
	behind.n -= plan->n_before;
	left = step_undo_all(&behind);
	if (!left)
		left = !isolation_take_back(p, plan);
	run->n = plan->n_before;
	return left + step_undo_all(run);
}

static void run_whole(struct prepare *p, const struct dax_plan *plan, struct step_run *run)
{
	const struct step *at;
	const struct dax_facts *f;
	enum exit_status status;
	struct err err;
	bool is_back;
	const char *now;

	if (!run_parts(p, plan, run, &at, &err)) {
		set_results(p, plan, OUTCOME_DONE, EXIT_DONE);
		return;
	}
	f = at ? plan->owner[at - plan->steps] : plan->owner[0];
	now = prepare_state_after(p, plan, undo_parts(p, plan, run), &is_back);
	status = report_failure(p, at, f, &err, now);
	if (!f)
		p->rest_status = status;
	set_results(p, plan, is_back ? OUTCOME_UNDONE : OUTCOME_LEFT, status);
}

/* The first steps of @plan, which are about one block each. */
static size_t n_offline_of(const struct dax_plan *plan)
{
	size_t n = 0;

	while (n < plan->n && plan->steps[n].op == &step_offline_block)
		n++;
	return n;
}

/* One block that stays busy may not take the time of the others: @own of @all have that share of what is left. */
static uint64_t share_until(uint64_t end_us, size_t own, size_t all)
{
	uint64_t now = clock_now_us();

	return now < end_us && all ? now + (end_us - now) / all * own : end_us;
}

/* One go at each of the @n blocks that is not offline yet; how many still may go with more time. */
static size_t try_blocks(struct step_run *run, size_t n, uint64_t end_us, struct err *errs)
{
	size_t n_waiting = 0, n_busy = 0;

	for (size_t i = 0; i < n; i++)
		n_waiting += is_busy(&errs[i]);
	for (size_t i = 0; i < n && !stop_is_requested(); i++) {
		struct step_run one = *run;

		if (!is_busy(&errs[i]))
			continue;
		one.steps = run->steps + i;
		one.n = 1;
		one.end_us = share_until(end_us, 1, n_waiting--);
		if (!step_run_all(&one, &errs[i]))
			errs[i] = (struct err){ 0 };
		n_busy += is_busy(&errs[i]);
	}
	return n_busy;
}

/* With --keep-going: what can be offline goes and stays offline, block by block. */
static void run_what_can_be(struct prepare *p, const struct dax_plan *plan, struct step_run *run,
			    uint64_t end_us)
{
	size_t n = n_offline_of(plan), n_failed = 0;
	struct err *errs = arena_alloc(&p->arena, n, sizeof(*errs)), err;
	enum exit_status status = EXIT_DONE;

	if (!errs) {
		err_no_memory(&err, ", nothing was written");
		report_failure(p, &plan->steps[0], plan->owner[0], &err, "nothing was changed");
		set_results(p, plan, OUTCOME_LEFT, EXIT_REFUSED);
		return;
	}
	for (size_t i = 0; i < n; i++)
		errs[i].errnum = EBUSY;		/* not tried yet */
	while (try_blocks(run, n, end_us, errs) && clock_now_us() < end_us && !stop_is_requested())
		;
	for (size_t i = 0; i < n && !(n_failed && stop_is_requested()); i++) {
		if (!errs[i].errnum)
			continue;
		n_failed++;
		status = report_failure(p, &plan->steps[i], plan->owner[i], &errs[i], "what could be taken offline stays so, and the device stays System RAM");
	}
	if (!n_failed && !stop_is_requested()) {
		run_whole(p, plan, run);
		return;
	}
	p->is_stopped |= stop_is_requested();
	set_results(p, plan, OUTCOME_LEFT, n_failed ? status : EXIT_RESUMABLE);
	if (!stop_is_requested()) {	/* what is to be so after the next boot */
		run->steps += plan->n_state;
		run->n -= plan->n_state;
		if (step_run_all(run, &err))
			report_failure(p, &run->steps[run->at], plan->owner[0], &err, "after the next boot the memory is as the kernel wants it");
	}
}

static uint64_t plan_until(const struct prepare *p, size_t first)
{
	size_t all = 0;

	for (size_t i = first; i < p->n_plans; i++)
		all += n_offline_of(&p->plans[i]);
	return share_until(p->end_us, n_offline_of(&p->plans[first]), all);
}

/* Memory is pinned for a while, too: then its driver goes late. */
static void give_time(struct dax_plan *plan, uint64_t timeout_us)
{
	for (size_t i = 0; i < plan->n; i++)
		if (plan->steps[i].op == &step_dax_mode && plan->steps[i].timeout_us < timeout_us)
			plan->steps[i].timeout_us = timeout_us;
}

static const char *find_holders(struct step_run *run)
{
	struct prepare *p = run->data;

	return pinners_text(run->host, &p->arena);
}

static void run_plans(struct prepare *p)
{
	size_t i;

	p->end_us = clock_now_us() + p->timeout_us;
	kernel_log_begin(p->host->fs, &p->log);
	for (i = 0; i < p->n_plans && !stop_is_requested(); i++) {
		struct dax_plan *plan = &p->plans[i];
		struct step_run run = {
			.fs = p->host->fs,
			.host = p->host,
			.messages = p->messages,
			.data = p,
			.begin = say_what_begins,
			.end = count_blocks,
			.is_stopped = step_is_stopped,
			.find_holders = find_holders,
			.end_us = p->end_us,
			.steps = plan->steps,
			.n = plan->n,
		};

		give_time(plan, p->timeout_us);
		if (p->keep_going && i + 1 < p->n_plans)
			run_what_can_be(p, plan, &run, plan_until(p, i));
		else
			run_whole(p, plan, &run);
	}
	kernel_log_end(&p->log);
	if (i == p->n_plans || p->is_stopped)
		return;
	p->is_stopped = true;
	message_add(p->messages, SEV_ERROR, "INTERRUPTED", NULL,
		    "a signal ended the command%s; run the command again", i ? " before it was done with all of it" : " before anything was done");
}

/* A signal also ends the wait for a busy block. */
static void run_with_signals(struct prepare *p)
{
	struct stop_signals held;

	stop_begin(&held, false);
	run_plans(p);
	stop_end(&held);
}

/*
 * What the memory is now is kept while it can still be seen, also where it is to stay so: else
 * --undo could not tell it from what was prepared.  Not what a hot plug made of it.
 */
static int keep_before(struct prepare *p, struct err *err)
{
	for (size_t i = 0; i < p->n_jobs; i++) {
		struct prepare_job *job = &p->jobs[i];
		int rc = 0;

		if (p->goal != PREPARE_UNDO && !p->is_hotplug &&
		    (job->result == OUTCOME_NONE || job->result == OUTCOME_ALREADY))
			rc = before_keep(p, job->before, job->result == OUTCOME_ALREADY);
		job->keeps_before = rc > 0;
		if (rc >= 0)
			continue;
		while (i-- > 0)
			if (p->jobs[i].keeps_before)
				before_forget(p, p->jobs[i].before);
		return err_no_memory(err, ", nothing was changed");
	}
	return 0;
}

static void settle_before(struct prepare *p)
{
	for (size_t i = 0; i < p->n_jobs; i++) {
		const struct prepare_job *job = &p->jobs[i];

		if (job->keeps_before &&
		    (job->result == OUTCOME_UNDONE || job->result == OUTCOME_NOT_TRIED))
			before_forget(p, job->before);
		if (job->was.kind == BEFORE_PREPARED &&
		    (job->result == OUTCOME_DONE || job->result == OUTCOME_ALREADY))
			before_put_back(p, job->before, &job->was);
	}
}

int prepare_run(struct prepare *p, struct err *err)
{
	bool writes = p->plans[p->n_plans - 1].n && !p->dry_run;
	int rc = 0;

	for (size_t i = 0; i < p->n_jobs; i++) {
		p->jobs[i].after = p->jobs[i].before;
		writes |= p->jobs[i].result == OUTCOME_NONE;
	}
	if (!writes) {
		persist_tell(p);
		rc = p->dry_run ? 0 : keep_before(p, err);
		if (rc)
			return rc;
		if (!p->dry_run)
			settle_before(p);
		rc = prepare_last_end(p) ? err_no_memory(err, " after it was found to be so") : 0;
		prepare_report_zones(p);
		return rc;
	}
	if (persist_check(p, err))
		return -err->errnum;
	for (size_t i = 0; i < p->n_plans; i++)
		for (size_t k = 0; k < p->plans[i].n; k++)
			p->n_blocks += is_about_a_block(&p->plans[i].steps[k]);
	rc = keep_before(p, err);
	rc = rc || !prepare_last_begin(p) ? rc : err_no_memory(err, ", nothing was changed");
	if (rc)
		return rc;
	memory_reserve(RESERVE_BYTES);
	run_with_signals(p);
	persist_tell(p);
	for (size_t i = 0; i < p->n_jobs; i++) {
		if (p->jobs[i].result == OUTCOME_NONE) {
			p->jobs[i].status = outcome_set(&p->jobs[i].result, OUTCOME_NOT_TRIED);
		} else if (p->jobs[i].result == OUTCOME_DONE && p->jobs[i].is_partial) {
			p->jobs[i].status = outcome_set(&p->jobs[i].result, OUTCOME_PARTIAL);
		}
		p->jobs[i].after = NULL;
	}
	rc = prepare_read_again(p, err);
	if (rc)
		prepare_add_what_was_done(p, err);
	else
		prepare_check_lasting(p);
	settle_before(p);
	if (prepare_last_end(p) && !rc) {
		rc = err_no_memory(err, "");
		prepare_add_what_was_done(p, err);
	}
	if (!rc)
		prepare_report_zones(p);
	return rc;
}
