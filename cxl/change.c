// SPDX-License-Identifier: GPL-2.0-only
/*
 * From targets to changed root ports: see change.h.  Those that one region ties
 * together are refused, changed and put back as one.
 */
#include "cxl/change.h"

#include <errno.h>
#include <string.h>

#include "cxl/lib/snapshot/target.h"
#include "util/stop.h"

const char *const result_names[] = {
	[RESULT_SKIPPED] = "skipped", [RESULT_REFUSED] = "refused", [RESULT_ALREADY] = "already",
	[RESULT_PLANNED] = "planned", [RESULT_DONE] = "done", [RESULT_FAILED] = "failed",
	[RESULT_ROLLED_BACK] = "rolled-back",
	[RESULT_NOT_TRIED] = "not-tried",
};

static int no_memory(struct err *err)
{
	return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory, nothing was written");
}

static int no_memory_midway(struct err *err)
{
	return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory while the root ports were being changed; 'cxl list --isolation' shows what they have now");
}

static void add_job(struct change *c, size_t i, bool is_named, const struct policy_wish *wish)
{
	struct cxl_root_port *rp = &c->host->root_ports[i];
	const struct policy_setting *require = wish ? &wish->settings[POLICY_REQUIRE] : NULL;
	struct job *job = &c->jobs[c->n_jobs];

	c->enabling[i] = c->kind == CHANGE_ENABLE;
	*job = (struct job){
		.rp = rp, .named = is_named, .result = RESULT_NONE, .group = c->n_jobs,
		.goal = wish ? policy_goal(wish) : c->goal,
		.require = !wish ? c->policy.require : require->line ? (enum require)require->value : REQUIRE_SAFE,
		.cache = wish ? wish->settings[POLICY_CACHE].value : c->cache,
		.was_isolated = iso_isolated(&rp->iso) == TRI_YES, .before = iso_control(&rp->iso),
	};
	job->exec.rp = rp;
	c->n_jobs++;
}

/* What the policy file says of root port @i, if anything. */
static int add_by_policy(struct change *c, size_t i, bool is_target, bool is_named, struct err *err)
{
	const struct cxl_root_port *rp = &c->host->root_ports[i];
	struct policy_wish wish;
	int rc = policy_of_root_port(c->file, rp, &wish, err);

	if (rc)
		return rc;
	if (wish.applies)
		add_job(c, i, wish.is_named || (is_target && is_named), &wish);
	else if (is_target)
		message_add(c->messages, is_named ? SEV_WARNING : SEV_INFO, "POLICY", rp->name,
			    "%s is left out: %s says nothing about it", rp->name, c->file->file);
	return 0;
}

static void note_missing(struct change *c)
{
	for (size_t i = 0; i < c->file->n; i++) {
		const struct policy_section *s = &c->file->sections[i];

		if (policy_section_is_there(s, c->host))
			continue;
		c->n_missing++;
		message_add(c->messages, SEV_ERROR, "POLICY", s->name,
			    "%s:%u: nothing on this host is [%s], so nothing was done for it; 'cxl list --isolation' shows what there is",
			    c->file->file, s->line, s->name);
	}
	if (!c->file->n)
		message_add(c->messages, SEV_WARNING, "POLICY", NULL, "%s has no section, so nothing was to be done",
			    c->file->file);
}

int change_select(struct change *c, char **targets, struct err *err)
{
	struct cxl_host *host = c->host;
	bool is_target = *targets;
	struct target_set set;
	int rc = 0;

	c->enabling = arena_alloc(&c->arena, host->n_root_ports, sizeof(*c->enabling));
	c->jobs = arena_alloc(&c->arena, host->n_root_ports, sizeof(*c->jobs));
	if (!c->enabling || !c->jobs || target_set_init(host, &c->arena, !is_target, &set))
		return no_memory(err);
	for (; !rc && *targets; targets++) {
		rc = target_add(host, *targets, TARGET_ANY, &set, err);
		rc = rc ? rc : target_is_known(host, *targets, err);
	}
	for (size_t i = 0; !rc && i < host->n_root_ports; i++)
		if (set.root_ports[i] && c->file)
			rc = add_by_policy(c, i, is_target, set.named[i], err);
		else if (set.root_ports[i])
			add_job(c, i, set.named[i], NULL);
	if (!rc && c->file && !is_target)
		note_missing(c);
	return rc;
}

/* Would you rather reboot? */
static void warn_of_reboot(struct change *c, const struct job *job)
{
	const struct finding *worst = check_worst_cap(&job->checks);
	const char *remedies;

	if (c->kind != CHANGE_ENABLE || !worst || job->checks.if_enabled > CONTAINMENT_DEBUG)
		return;
	remedies = check_remedies(&job->checks, worst, CONTAINMENT_DEBUG, NULL, &c->arena);
	message_add(c->messages, SEV_WARNING, "REBOOT", job->rp->name,
		    "%s: a failure of this port can at best be logged before the host goes down (containment %s, %s: %s): would you rather reboot? To raise it: %s",
		    job->rp->name, containment_names[job->checks.if_enabled], worst->check->id, worst->text,
		    remedies ? remedies : worst->remedy);
}

static int plan_jobs(struct change *c, struct err *err)
{
	for (size_t i = 0; i < c->n_jobs; i++) {
		struct job *job = &c->jobs[i];

		if (job->result != RESULT_NONE)
			continue;
		if (plan_make(job->rp, &job->goal, c->registers, &c->arena, &job->exec.plan))
			return no_memory(err);
		if (plan_is_empty(&job->exec.plan))
			job->result = RESULT_ALREADY;
		else if (c->dry_run)
			job->result = RESULT_PLANNED;
	}
	return 0;
}

static struct job *job_of(struct change *c, const struct cxl_root_port *rp)
{
	for (size_t i = 0; i < c->n_jobs; i++)
		if (c->jobs[i].rp == rp)
			return &c->jobs[i];
	return NULL;
}

/* Give every two jobs that share a region the same group. */
static void group_jobs(struct change *c)
{
	for (size_t r = 0; r < c->host->n_regions; r++) {
		const struct cxl_region *region = &c->host->regions[r];
		struct job *first = NULL;

		for (size_t k = 0; k < region->n_root_ports; k++) {
			struct job *job = job_of(c, region->root_ports[k]);
			size_t old = job ? job->group : 0;

			if (!job)
				continue;
			if (!first)
				first = job;
			for (size_t i = 0; i < c->n_jobs; i++)
				if (c->jobs[i].group == old)
					c->jobs[i].group = first->group;
		}
	}
}

int change_plan(struct change *c, struct err *err)
{
	int rc;

	group_jobs(c);
	rc = change_decide(c) ? no_memory(err) : 0;
	if (!rc)
		rc = plan_jobs(c, err);
	if (rc)
		return rc;
	change_refuse_tied(c);
	for (size_t i = 0; i < c->n_jobs; i++)
		if (c->jobs[i].result != RESULT_REFUSED && c->jobs[i].result != RESULT_SKIPPED)
			warn_of_reboot(c, &c->jobs[i]);
	return 0;
}

/* The one thing a v1 kernel clears that no attribute brings back. */
static void note_interrupt(struct change *c, const struct job *job)
{
	const struct cxl_root_port *rp = job->rp;

	if (job->before.v[ISO_INTERRUPT] == 1 && iso_control(&rp->iso).v[ISO_INTERRUPT] == 0)
		message_add(c->messages, SEV_WARNING, "INTERRUPT", rp->name,
			    "%s: the kernel also cleared the interrupt enable, for which it has no attribute: until the next boot it will not notice an isolation by interrupt, only by the errors of what reads the memory; with --registers it would have been kept",
			    rp->name);
}

/* Enabling on a link that is failing isolates the port at once. */
static void note_isolated(struct change *c, struct job *job)
{
	if (job->was_isolated || iso_isolated(&job->rp->iso) != TRI_YES)
		return;
	job->result = RESULT_FAILED;
	job->status = EXIT_REFUSED;
	message_add(c->messages, SEV_ERROR, "ISO-ISOLATED", job->rp->name,
		    "%s: the port became isolated during the change: its memory is lost and its traffic is dropped; %s; stop what uses the memory and see 'cxl explain ISO-ISOLATED'",
		    job->rp->name, change_state_now(c, job));
}

/* What is left half way is said: one of the region's ports still isolates. */
static void note_half(struct change *c, const struct job *job)
{
	for (size_t i = 0; c->kind == CHANGE_DISABLE && i < job->rp->n_regions; i++) {
		const struct cxl_region *r = job->rp->regions[i];

		for (size_t k = 0; k < r->n_root_ports; k++) {
			if (r->root_ports[k] == job->rp || iso_is_on(&r->root_ports[k]->iso) != TRI_YES)
				continue;
			message_add(c->messages, SEV_WARNING, "ISO-INTERLEAVE", job->rp->name,
				    "%s: %s also lies below %s, which still isolates: a failure there takes the region down, one here resets the host; 'cxl disable-isolation %s' does both",
				    job->rp->name, r->name, r->root_ports[k]->name, r->name);
		}
	}
}

static void judge(struct job *job, const struct exec_port *port, const struct err *err)
{
	static const enum result results[] = {
		[EXEC_DONE] = RESULT_DONE, [EXEC_UNCHANGED] = RESULT_FAILED, [EXEC_NOT_TRIED] = RESULT_NOT_TRIED,
		[EXEC_ROLLED_BACK] = RESULT_ROLLED_BACK, [EXEC_LEFT] = RESULT_FAILED,
	};

	job->exec = *port;
	job->tried = true;
	job->result = results[port->outcome];
	job->status = port->outcome == EXEC_DONE ? EXIT_DONE : err->status;
}

/* What a failed group is left in.  A failed restoring is taken back to what it was to end. */
static const char *aftermath(const struct change *c, bool left, bool changed)
{
	if (left)
		return "";
	if (c->restoring)
		return "; its timeout stays as it was for the command";
	return changed ? "; isolation and timeout were put back as they were" : "; nothing was changed";
}

static int run_group(struct change *c, size_t group, struct err *err)
{
	struct exec_port *ports = arena_alloc(&c->arena, c->n_jobs, sizeof(*ports));
	struct job **jobs = arena_alloc(&c->arena, c->n_jobs, sizeof(struct job *));
	bool left = false, changed = false;
	size_t n = 0;
	int rc;

	if (!ports || !jobs)
		return no_memory_midway(err);
	for (size_t i = 0; i < c->n_jobs; i++)
		if (c->jobs[i].group == group && c->jobs[i].result == RESULT_NONE) {
			jobs[n] = &c->jobs[i];
			ports[n++] = c->jobs[i].exec;
		}
	if (!n)
		return 0;
	rc = exec_plans(c->host, ports, n, c->messages, err);
	for (size_t i = 0; i < n; i++) {
		left |= ports[i].outcome == EXEC_LEFT;
		changed |= ports[i].changed;
		judge(jobs[i], &ports[i], err);
	}
	if (rc)
		message_add(c->messages, SEV_ERROR, left ? "LEFT" : changed ? "ROLLED-BACK" : "UNCHANGED", err->target,
			    "%s%s", err->text, aftermath(c, left, changed));
	return 0;
}

/* A signal ends the command between two groups, never in the middle of one. */
static int run_groups(struct change *c, struct err *err)
{
	struct stop_signals held;
	int rc = 0;

	stop_begin(&held, true);
	for (size_t i = 0; !rc && !stop_is_requested() && i < c->n_jobs; i++)
		rc = run_group(c, i, err);
	stop_end(&held);
	return rc;
}

int change_run(struct change *c, struct err *err)
{
	int rc = run_groups(c, err);

	if (rc)
		return rc;
	for (size_t i = 0; i < c->n_jobs; i++) {
		struct job *job = &c->jobs[i];

		if (job->result == RESULT_NONE) {
			c->interrupted = true;
			job->result = RESULT_NOT_TRIED;
			job->status = EXIT_RESUMABLE;
		}
		if (job->result != RESULT_DONE && job->result != RESULT_ALREADY && job->result != RESULT_PLANNED)
			c->enabling[job->rp - c->host->root_ports] = false;
		if (job->tried && iso_refresh(c->host, job->rp))
			return no_memory_midway(err);
	}
	for (size_t i = 0; i < c->n_jobs; i++) {
		struct job *job = &c->jobs[i];

		if (job->result != RESULT_SKIPPED && change_check(c, job))
			return no_memory_midway(err);
		if (!job->tried)
			continue;
		note_interrupt(c, job);
		note_isolated(c, job);
		note_half(c, job);
	}
	return 0;
}

static void note_all_skipped(struct change *c)
{
	const char *name = c->jobs[0].rp->name, *why = c->jobs[0].why_skipped;

	if (c->n_jobs > 1)
		message_add(c->messages, SEV_ERROR, "NOTHING", NULL,
			    "nothing was done: each of the %zu root ports meant is left out: %s, since %s; -v says why the others", c->n_jobs, name, why);
	else
		message_add(c->messages, SEV_ERROR, "NOTHING", NULL, "nothing was done: %s is left out: %s", name, why);
}

/* As status_count_end(); EXIT_PREREQ when nothing was there to do. */
int change_status(struct change *c)
{
	struct status_count count = { 0 };

	for (size_t i = 0; i < c->n_missing; i++)
		status_count_add(&count, EXIT_PREREQ);
	for (size_t i = 0; i < c->n_jobs; i++)
		if (c->jobs[i].result != RESULT_SKIPPED)
			status_count_add(&count, c->jobs[i].status);
	if (c->interrupted) {
		message_add(c->messages, SEV_ERROR, "INTERRUPTED", NULL,
			    "a signal ended the command: what was begun was finished, the root ports marked not-tried were left alone; run the command again for them");
		return EXIT_RESUMABLE;
	}
	if (count.failed || count.well || (c->file && !c->file->n))
		return status_count_end(&count);
	if (!c->n_jobs)
		message_add(c->messages, SEV_ERROR, "NOTHING", NULL,
			    "nothing was done: no root port is above what was named (a device that is gone, or directly below its host bridge); 'cxl list --isolation' shows what is attached where");
	else
		note_all_skipped(c);
	return EXIT_PREREQ;
}

bool change_is_changed(const struct change *c)
{
	for (size_t i = 0; i < c->n_jobs; i++)
		if (c->jobs[i].exec.changed)
			return true;
	return false;
}
