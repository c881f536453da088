// SPDX-License-Identifier: GPL-2.0-only
/*
 * From targets to changed root ports: see change.h.  Those that one region ties
 * together are refused, changed and put back as one.
 */
#include "cxl/change.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "cxl/lib/record.h"
#include "util/render.h"

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

int change_select(struct change *c, char **targets, struct err *err)
{
	struct cxl_host *host = c->host;
	struct target_set set;

	c->enabling = arena_alloc(&c->arena, host->n_root_ports, sizeof(*c->enabling));
	c->jobs = arena_alloc(&c->arena, host->n_root_ports, sizeof(*c->jobs));
	if (!c->enabling || !c->jobs || target_set_init(host, &c->arena, false, &set))
		return no_memory(err);
	for (; *targets; targets++) {
		int rc = target_add(host, *targets, TARGET_ANY, &set, err);

		if (rc)
			return rc;
	}
	for (size_t i = 0; i < host->n_root_ports; i++) {
		if (!set.root_ports[i])
			continue;
		c->enabling[i] = !c->disabling;
		c->jobs[c->n_jobs] = (struct job){
			.rp = &host->root_ports[i], .named = set.named[i], .result = RESULT_NONE,
			.group = c->n_jobs, .ctrl_before = host->root_ports[i].iso.regs.ctrl,
			.was_isolated = iso_isolated(&host->root_ports[i].iso) == TRI_YES,
			.before = record_control(&host->root_ports[i].iso),
		};
		c->jobs[c->n_jobs].exec.rp = c->jobs[c->n_jobs].rp;
		c->n_jobs++;
	}
	return 0;
}

static int run_checks(struct change *c, struct job *job)
{
	struct check_context ctx = { c->host, c->enabling };

	return check_run(&ctx, job->rp, &c->arena, true, &job->checks);
}

static const struct finding *find(const struct check_result *result, const char *id)
{
	for (size_t i = 0; i < result->n; i++)
		if (!strcmp(result->v[i].check->id, id))
			return &result->v[i];
	return NULL;
}

/* A group stands for the root ports that matter in it. */
static bool skip(struct change *c, struct job *job)
{
	const struct finding *f = find(&job->checks, "ISO-CAP");
	const char *name = job->rp->name;

	if (job->named)
		return false;
	if (f)
		message_add(c->messages, SEV_INFO, f->check->id, name, "%s is left out: %s", name, f->text);
	else if (!job->rp->present)
		message_add(c->messages, SEV_INFO, "PCI", name, "%s is left out: its PCI device is gone", name);
	else if (!job->rp->n_memdevs && !(c->disabling && iso_control(&job->rp->iso).isolation == TRI_YES))
		message_add(c->messages, SEV_INFO, "EMPTY", name, "%s is left out: nothing is connected below it", name);
	else
		return false;
	job->result = RESULT_SKIPPED;
	c->enabling[job->rp - c->host->root_ports] = false;
	return true;
}

static const char *state_now(const struct job *job)
{
	static const char *const words[] = { [TRI_NO] = "off", [TRI_YES] = "on" };
	enum tri t = iso_control(&job->rp->iso).isolation;

	return t == TRI_UNKNOWN ? "as it was (it cannot be read)" : words[t];
}

/* A timeout that the port does not have. */
static bool refuse_timeout(struct change *c, struct job *job)
{
	const struct iso_registers *regs = &job->rp->iso.regs;
	const struct timeout_range *range = c->goal.timeout.range;
	const char *name = job->rp->name;
	char supported[64];

	if (!regs->capable || c->goal.timeout.kind == TIMEOUT_KEEP || c->goal.timeout.kind == TIMEOUT_OFF)
		return false;
	timeout_groups_text(ISO_CAP_MEM_RANGES(regs->cap), supported, sizeof(supported));
	if (!(regs->cap & ISO_CAP_MEM_TIMEOUT))
		message_add(c->messages, SEV_ERROR, "TIMEOUT", name,
			    "%s has no CXL.mem timeout; nothing was written, isolation is %s; leave out --timeout",
			    name, state_now(job));
	else if (range && !timeout_range_is_supported(range, ISO_CAP_MEM_RANGES(regs->cap)))
		message_add(c->messages, SEV_ERROR, "TIMEOUT", name,
			    "%s does not support timeout range %s; nothing was written, isolation is %s; it supports: default%s%s",
			    name, range->name, state_now(job), *supported ? " " : "", supported);
	else
		return false;
	job->status = EXIT_PREREQ;
	return true;
}

/* What cannot be read cannot be verified, nor put back. */
static bool refuse_unreadable(struct change *c, struct job *job)
{
	struct iso_control now = iso_control(&job->rp->iso);
	const char *attr = now.isolation == TRI_UNKNOWN ? "isolation_ctrl" :
		c->goal.timeout.kind != TIMEOUT_KEEP && now.timeout == TRI_UNKNOWN ? "timeout_ctrl" :
		c->goal.timeout.kind == TIMEOUT_RANGE && now.range < 0 ? "timeout_range" : NULL;

	if (!attr)
		return false;
	job->status = EXIT_REFUSED;
	message_add(c->messages, SEV_ERROR, "ATTRIBUTE", job->rp->name,
		    "%s: cxl_isolation/%s cannot be read, so a change could not be verified; nothing was written, isolation is %s; try 'cat /%s/cxl_isolation/%s'",
		    job->rp->name, attr, state_now(job), job->rp->path, attr);
	return true;
}

/* Does a check or the required level forbid the change? */
static bool refuse(struct change *c, struct job *job)
{
	const struct finding *f = check_blocker(&job->checks, &c->policy, c->disabling);
	const char *name = job->rp->name;

	if (f) {
		job->status = f->check->kind == CHECK_CANNOT ? EXIT_PREREQ : EXIT_NEGATIVE;
		message_add(c->messages, SEV_ERROR, f->check->id, name,
			    "%s: %s: %s; nothing was written, isolation is %s; remedy: %s", name, f->check->id,
			    f->text, state_now(job), f->remedy);
	} else if (!c->disabling && check_level_too_low(&job->checks, &c->policy, &f)) {
		job->status = EXIT_NEGATIVE;
		message_add(c->messages, SEV_ERROR, f->check->id, name,
			    "%s: containment would be %s, and --require=%s was asked for (%s: %s); nothing was written, isolation is %s; remedy: %s",
			    name, containment_names[job->checks.if_enabled], require_names[c->policy.require],
			    f->check->id, f->text, state_now(job), f->remedy);
	} else if (!refuse_timeout(c, job) && !refuse_unreadable(c, job)) {
		return false;
	}
	job->result = RESULT_REFUSED;
	c->enabling[job->rp - c->host->root_ports] = false;
	return true;
}

/*
 * What one port's refusal means for others (interleaved regions) is seen by
 * checking again until nobody drops out any more.
 */
static int decide(struct change *c, struct err *err)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < c->n_jobs; i++) {
			struct job *job = &c->jobs[i];

			if (job->result != RESULT_NONE)
				continue;
			if (run_checks(c, job))
				return no_memory(err);
			again |= skip(c, job) || refuse(c, job);
		}
	}
	return 0;
}

/* Would you rather reboot? */
static void warn_of_reboot(struct change *c, const struct job *job)
{
	const struct finding *worst = check_worst_cap(&job->checks);

	if (c->disabling || !worst || job->checks.if_enabled > CONTAINMENT_DEBUG)
		return;
	message_add(c->messages, SEV_WARNING, "REBOOT", job->rp->name,
		    "%s: a failure of this port can at best be logged before the host goes down (containment %s, %s: %s): would you rather reboot? To raise it: %s",
		    job->rp->name, containment_names[job->checks.if_enabled], worst->check->id, worst->text,
		    worst->remedy);
}

static int plan_jobs(struct change *c, struct err *err)
{
	for (size_t i = 0; i < c->n_jobs; i++) {
		struct job *job = &c->jobs[i];

		if (job->result != RESULT_NONE)
			continue;
		if (plan_make(job->rp, &c->goal, &c->arena, &job->exec.plan))
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

/* One of the group was refused: the others that would change are left alone. */
static void refuse_tied(struct change *c)
{
	for (size_t i = 0; i < c->n_jobs; i++) {
		const struct job *refused = &c->jobs[i];

		for (size_t k = 0; refused->result == RESULT_REFUSED && k < c->n_jobs; k++) {
			struct job *job = &c->jobs[k];

			if (job->group != refused->group || (job->result != RESULT_NONE && job->result != RESULT_PLANNED))
				continue;
			job->result = RESULT_REFUSED;
			job->status = refused->status;
			job->exec.plan.n = 0;
			c->enabling[job->rp - c->host->root_ports] = false;
			message_add(c->messages, SEV_ERROR, "TIED", job->rp->name,
				    "%s: a region ties it to %s, which was refused; nothing was written, isolation is %s; name it alone to change only this one",
				    job->rp->name, refused->rp->name, state_now(job));
		}
	}
}

int change_plan(struct change *c, struct err *err)
{
	int rc;

	group_jobs(c);
	rc = decide(c, err);
	if (!rc)
		rc = plan_jobs(c, err);
	if (rc)
		return rc;
	refuse_tied(c);
	for (size_t i = 0; i < c->n_jobs; i++)
		if (c->jobs[i].result != RESULT_REFUSED && c->jobs[i].result != RESULT_SKIPPED)
			warn_of_reboot(c, &c->jobs[i]);
	return 0;
}

/* The one thing a v1 kernel clears that no attribute brings back. */
static void note_interrupt(struct change *c, const struct job *job)
{
	const struct cxl_root_port *rp = job->rp;

	if (rp->iso.regs.capable && job->ctrl_before & ~rp->iso.regs.ctrl & ISO_CTRL_INTERRUPT)
		message_add(c->messages, SEV_WARNING, "INTERRUPT", rp->name,
			    "%s: the kernel also cleared the interrupt enable, for which it has no attribute: until the next boot it will not notice an isolation by interrupt, only by the errors of what reads the memory",
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
		    "%s: the port became isolated during the change: its memory is lost and its traffic is dropped; isolation is %s; stop what uses the memory and see 'cxl explain ISO-ISOLATED'",
		    job->rp->name, state_now(job));
}

/* What is left half way is said: one of the region's ports still isolates. */
static void note_half(struct change *c, const struct job *job)
{
	for (size_t i = 0; c->disabling && i < job->rp->n_regions; i++) {
		const struct cxl_region *r = job->rp->regions[i];

		for (size_t k = 0; k < r->n_root_ports; k++) {
			if (r->root_ports[k] == job->rp || iso_control(&r->root_ports[k]->iso).isolation != TRI_YES)
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

static int run_group(struct change *c, size_t group, struct err *err)
{
	struct exec_port *ports = arena_alloc(&c->arena, c->n_jobs, sizeof(*ports));
	struct job **jobs = arena_alloc(&c->arena, c->n_jobs, sizeof(struct job *));
	bool left = false, changed = false;
	size_t n = 0;
	int rc;

	if (!ports || !jobs)
		return no_memory(err);
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
			    "%s%s", err->text, left ? "" : changed ?
			    "; isolation and timeout were put back as they were" : "; nothing was changed");
	return 0;
}

static volatile sig_atomic_t stop_requested;

static void request_stop(int sig)
{
	(void)sig;
	stop_requested = 1;
}

/* A signal ends the command between two groups, never in the middle of one. */
static int run_groups(struct change *c, struct err *err)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	const struct sigaction stop = { .sa_handler = request_stop, .sa_flags = SA_RESTART };
	struct sigaction old[3];
	int rc = 0;

	for (size_t i = 0; i < 3; i++)
		sigaction(signals[i], &stop, &old[i]);
	for (size_t i = 0; !rc && !stop_requested && i < c->n_jobs; i++)
		rc = run_group(c, i, err);
	for (size_t i = 0; i < 3; i++)
		sigaction(signals[i], &old[i], NULL);
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
			return no_memory(err);
	}
	for (size_t i = 0; i < c->n_jobs; i++) {
		struct job *job = &c->jobs[i];

		if (job->result != RESULT_SKIPPED && run_checks(c, job))
			return no_memory(err);
		if (!job->tried)
			continue;
		note_interrupt(c, job);
		note_isolated(c, job);
		note_half(c, job);
	}
	return 0;
}

/* 0 all well; the failures' own status when they agree and nothing succeeded;
 * EXIT_PARTIAL when some succeeded; EXIT_PREREQ when nothing was there to do. */
int change_status(struct change *c)
{
	size_t well = 0, failed = 0;
	int status = EXIT_DONE;

	for (size_t i = 0; i < c->n_jobs; i++) {
		const struct job *job = &c->jobs[i];

		if (job->result == RESULT_SKIPPED)
			continue;
		if (job->status == EXIT_DONE) {
			well++;
			continue;
		}
		status = !failed || status == (int)job->status ? (int)job->status : EXIT_NEGATIVE;
		failed++;
	}
	if (c->interrupted) {
		message_add(c->messages, SEV_ERROR, "INTERRUPTED", NULL,
			    "a signal ended the command: what was begun was finished, the root ports marked not-tried were left alone; run the command again for them");
		return EXIT_RESUMABLE;
	}
	if (failed)
		return well ? EXIT_PARTIAL : status;
	if (well)
		return EXIT_DONE;
	if (!c->n_jobs)
		message_add(c->messages, SEV_ERROR, "NOTHING", NULL,
			    "nothing was done: no root port is above what was named (a device that is gone, or directly below its host bridge); 'cxl list --isolation' shows what is attached where");
	else
		message_add(c->messages, SEV_ERROR, "NOTHING", NULL,
			    "nothing was done: no root port among the targets is both populated and capable of isolation (-v says why each was left out)");
	return EXIT_PREREQ;
}
