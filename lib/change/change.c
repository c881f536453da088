// SPDX-License-Identifier: GPL-2.0-only
/*
 * From targets to changed root ports: see change.h.  Those that one region ties
 * together are refused, changed and put back as one.
 */
#include "lib/change/change_last.h"

#include <errno.h>
#include <string.h>

#include "lib/iso/backend.h"
#include "lib/model/target.h"
#include "lib/read/host_read.h"
#include "util/size.h"
#include "util/stop.h"

static void add_job(struct change *c, size_t i, bool is_named, const struct policy_wish *wish)
{
	const struct cxl_root_port *rp = &c->host->root_ports[i];
	const struct requirement nothing = REQUIREMENT_NONE;
	const struct policy_setting *settings = wish ? wish->settings : NULL;
	struct job *job = &c->jobs[c->n_jobs];

	c->enabling[i] = c->kind == CHANGE_ENABLE;
	*job = (struct job){
		.rp = rp,
		.named = is_named,
		.group = job,
		.goal = wish ? policy_goal(wish, rp) : c->goal,
		.require = !wish			   ? c->require
			   : settings[POLICY_REQUIRE].line ? settings[POLICY_REQUIRE].require
							   : nothing,
		.cache = wish ? settings[POLICY_CACHE].value : c->cache,
		.best_effort = c->best_effort || (wish && settings[POLICY_BEST_EFFORT].value),
		.auto_timeout = wish ? policy_is_auto_timeout(wish)
				     : c->timeout.kind == TIMEOUT_AUTO,
		.was_isolated = iso_isolated(&rp->iso) == TRI_YES,
		.before = iso_control(&rp->iso),
	};
	job->change.rp = rp;
	job->policy = (struct check_policy){ requirement_plain(&job->require), job->require.level,
					     c->overrides };
	if (job->auto_timeout) {
		plan_goal_auto(&job->goal, &rp->iso, false);
		if (job->cache)
			plan_goal_auto(&job->goal, &rp->iso, true);
	}
	if (c->undo_last)
		change_undo_aim(c, job);
	change_last_go_on(c, job);
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

static void report_missing(struct change *c)
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
		message_add(c->messages, SEV_WARNING, "POLICY", NULL, "%s has no section%s, so nothing was to be done", c->file->file,
			    c->file->layout.n_regions ? " for root ports, as [all] is one" : "");
}

static int add_jobs(struct change *c, bool *ports, bool *named, bool is_target, struct err *err)
{
	size_t n = c->host->n_root_ports;
	int rc = 0;

	c->enabling = arena_alloc(&c->arena, n, sizeof(*c->enabling));
	c->jobs = arena_alloc(&c->arena, n, sizeof(*c->jobs));
	if (!c->enabling || !c->jobs)
		return err_no_memory(err, ", nothing was written");
	if (c->undo_last)
		change_undo_expand(c, ports, named);
	for (size_t i = 0; !rc && i < n; i++)
		if (ports[i] && c->file)
			rc = add_by_policy(c, i, is_target, named[i], err);
		else if (ports[i])
			add_job(c, i, named[i], NULL);
	if (!rc && c->file && !is_target)
		report_missing(c);
	if (c->undo_last)
		change_undo_judge(c);
	return rc;
}

int change_select(struct change *c, char **targets, struct err *err)
{
	bool is_target = *targets;
	struct target_set set;
	int rc = 0;

	if (target_set_init(c->host, &c->arena, !is_target, &set))
		return err_no_memory(err, ", nothing was written");
	for (; !rc && *targets; targets++) {
		rc = target_add(c->host, *targets, TARGET_ANY, &set, err);
		rc = rc ? rc : target_is_known(c->host, *targets, err);
	}
	return rc ? rc : add_jobs(c, set.root_ports, set.named, is_target, err);
}

int change_select_ports(struct change *c, bool *ports, struct err *err)
{
	return add_jobs(c, ports, ports, true, err);
}

static int plan_jobs(struct change *c, struct err *err)
{
	for (size_t i = 0; i < c->n_jobs; i++) {
		struct job *job = &c->jobs[i];

		if (job->result != OUTCOME_NONE)
			continue;
		if (plan_make(job->rp, &job->goal, c->registers, &c->arena, &job->change.plan))
			return err_no_memory(err, ", nothing was written");
		if (plan_is_empty(&job->change.plan) && change_left_any_out(job) &&
		    !job->best_effort) {
			job->result = OUTCOME_REFUSED;
			job->status = EXIT_PREREQ;
		} else if (plan_is_empty(&job->change.plan))
			job->result = OUTCOME_ALREADY;
		else if (c->dry_run)
			job->result = OUTCOME_PLANNED;
	}
	return 0;
}

static struct job *job_of(struct change *c, const struct cxl_root_port *rp)
{
	for (size_t lo = 0, hi = c->n_jobs; lo < hi;) {	/* in the order of the root ports */
		size_t mid = (lo + hi) / 2;

		if (c->jobs[mid].rp == rp)
			return &c->jobs[mid];
		if (rp < c->jobs[mid].rp)
			hi = mid;
		else
			lo = mid + 1;
	}
	return NULL;
}

/* The first of those that @job is tied to, as far as that is known. */
static struct job *first_of(struct job *job)
{
	while (job->group != job) {
		job->group = job->group->group;
		job = job->group;
	}
	return job;
}

static void tie(struct job *a, struct job *b)
{
	a = first_of(a);
	b = first_of(b);
	if (a < b)
		b->group = a;
	else
		a->group = b;
}

/* Every two jobs that share a region are in one group. */
static void group_jobs(struct change *c)
{
	for (size_t r = 0; r < c->host->n_regions; r++) {
		const struct cxl_region *region = &c->host->regions[r];
		struct job *first = NULL;

		for (size_t k = 0; k < region->n_root_ports; k++) {
			struct job *job = job_of(c, region->root_ports[k]);

			if (job && first)
				tie(first, job);
			first = first ? first : job;
		}
	}
	for (size_t i = c->n_jobs; i-- > 0;) {
		struct job *job = &c->jobs[i];

		job->group = first_of(job);
		if (job->group == job)
			continue;
		job->next = job->group->next;
		job->group->next = job;
	}
}

int change_plan(struct change *c, struct err *err)
{
	int rc;

	group_jobs(c);
	rc = change_decide(c) ? err_no_memory(err, ", nothing was written") : 0;
	if (!rc)
		rc = plan_jobs(c, err);
	if (rc)
		return rc;
	change_refuse_tied(c);
	return 0;
}

static void judge(struct job *job, const struct port_change *port, const struct err *err)
{
	job->change = *port;
	job->tried = true;
	job->result = port->outcome;
	if (job->result == OUTCOME_DONE && change_left_any_out(job))
		job->result = OUTCOME_PARTIAL;
	job->status = port->outcome == OUTCOME_DONE ? EXIT_DONE : err->status;
}

/* Was it a timeout that nobody asked for on which @port failed? */
static bool failed_beside(const struct job *job, const struct port_change *port)
{
	for (size_t i = 0; job->auto_timeout && i < port->plan.n; i++)
		if (port->plan.steps[i].state == STEP_FAILED)
			return iso_is_timeout(setting_of(&port->plan.steps[i])->field);
	return false;
}

/* What a failed group is left in.  If restoring fails, the port keeps the temporary value. */
static const char *aftermath(const struct change *c, bool left, bool changed)
{
	if (left)
		return "";
	if (c->restoring)
		return "; its timeout stays as it was for the command";
	return changed ? "; isolation and timeout were put back as they were" : "; nothing was changed";
}

static int run_group(struct change *c, struct job *first, struct err *err)
{
	bool left = false, changed = false, beside = false;
	struct port_change *ports;
	struct job **jobs;
	size_t n = 0;
	int rc;

	for (struct job *job = first; job; job = job->next)
		n += job->result == OUTCOME_NONE;
	if (!n)
		return 0;
	ports = arena_alloc(&c->arena, n, sizeof(*ports));
	jobs = arena_alloc(&c->arena, n, sizeof(struct job *));
	if (!ports || !jobs)
		return err_no_memory(err, " while the root ports were being changed; 'cxl list --isolation' shows what they have now");
	n = 0;
	for (struct job *job = first; job; job = job->next)
		if (job->result == OUTCOME_NONE) {
			jobs[n] = job;
			ports[n++] = job->change;
		}
	rc = group_run(c->host, ports, n, &c->arena, c->messages, err);
	for (size_t i = 0; i < n; i++) {
		left |= ports[i].outcome == OUTCOME_LEFT;
		changed |= ports[i].run.changed;
		beside |= failed_beside(jobs[i], &ports[i]);
		judge(jobs[i], &ports[i], err);
	}
	if (rc)
		message_add(c->messages, SEV_ERROR, left ? "LEFT" : changed ? "ROLLED-BACK" : "UNCHANGED", err->target,
			    "%s%s%s", err->text, aftermath(c, left, changed),
			    beside ? "; --timeout=keep leaves the timeout as it is" : "");
	return 0;
}

/* A signal ends the command between two groups, never in the middle of one. */
static int run_groups(struct change *c, struct err *err)
{
	struct stop_signals held;
	int rc = 0;

	stop_begin(&held, true);
	for (size_t i = 0; !rc && i < c->n_jobs && (c->is_way_back || !stop_is_requested()); i++)
		if (c->jobs[i].group == &c->jobs[i])
			rc = run_group(c, &c->jobs[i], err);
	stop_end(&held);
	return rc;
}

void change_move_to(struct change *c, const struct cxl_host *host)
{
	for (size_t i = 0; i < c->n_jobs; i++) {
		struct job *job = &c->jobs[i];

		job->rp = &host->root_ports[job->rp - c->host->root_ports];
		job->change.rp = job->rp;
	}
	c->host = host;
}

bool *change_ports(struct change *c, bool (*is_in)(const struct job *job), bool *ret_any)
{
	bool *ports = arena_alloc(&c->arena, c->host->n_root_ports, sizeof(*ports));

	*ret_any = false;
	for (size_t i = 0; ports && i < c->n_jobs; i++) {
		bool is = is_in(&c->jobs[i]);

		ports[c->jobs[i].rp - c->host->root_ports] = is;
		*ret_any |= is;
	}
	return ports;
}

static bool is_tried(const struct job *job)
{
	return job->tried;
}

/* What the root ports have now on which anything was tried. */
static int read_tried(struct change *c)
{
	const struct cxl_host *now;
	bool any, *tried = change_ports(c, is_tried, &any);

	if (!tried || !any)
		return tried ? 0 : -ENOMEM;
	now = host_read_settings(c->host, tried);
	if (!now)
		return -ENOMEM;
	change_move_to(c, now);
	return 0;
}

int change_run(struct change *c, struct err *err)
{
	int rc = change_last_begin(c) ? err_no_memory(err, ", nothing was written") : 0;

	rc = rc ? rc : run_groups(c, err);
	if (rc)
		return rc;
	change_last_end(c);
	for (size_t i = 0; i < c->n_jobs; i++) {
		struct job *job = &c->jobs[i];

		if (job->result == OUTCOME_NONE) {
			c->interrupted = true;
			job->status = outcome_set(&job->result, OUTCOME_NOT_TRIED);
		}
		if (!outcome_descs[job->result].is_as_asked)
			c->enabling[job->rp - c->host->root_ports] = false;
	}
	if (read_tried(c))
		return err_no_memory(err, " while the root ports were being changed; 'cxl list --isolation' shows what they have now");
	for (size_t i = 0; i < c->n_jobs; i++) {
		struct job *job = &c->jobs[i];

		if ((job->result != OUTCOME_SKIPPED || c->undo_last) && change_check(c, job))
			return err_no_memory(err, " while the root ports were being changed; 'cxl list --isolation' shows what they have now");
		if (!job->tried)
			continue;
		change_report_tried(c, job);
	}
	change_report_end(c);
	return 0;
}

static void report_all_skipped(struct change *c)
{
	const char *name = c->jobs[0].rp->name, *why = c->jobs[0].why_skipped;

	if (c->n_jobs > 1)
		message_add(c->messages, SEV_ERROR, "NOTHING", NULL,
			    "nothing was done: each of the %zu root ports meant is left out: %s, since %s; -v says why the others", c->n_jobs, name, why);
	else
		message_add(c->messages, SEV_ERROR, "NOTHING", NULL, "nothing was done: %s is left out: %s", name, why);
}

bool change_left_any_out(const struct job *job)
{
	for (int f = 0; f < N_ISO_FIELDS; f++)
		if (job->left_out[f])
			return true;
	return false;
}

/* Less was, or would be, done than was asked for, and nobody said that this is well. */
static bool is_short(const struct job *job)
{
	return (job->result == OUTCOME_PARTIAL || job->result == OUTCOME_PLANNED) &&
	       change_left_any_out(job) && !job->best_effort;
}

/* As status_count_end(); EXIT_PREREQ when nothing was there to do. */
int change_status(struct change *c)
{
	struct status_count count = { 0 };

	for (size_t i = 0; i < c->n_missing; i++)
		status_count_add(&count, EXIT_PREREQ);
	for (size_t i = 0; i < c->n_jobs; i++)
		if (c->jobs[i].result != OUTCOME_SKIPPED)
			status_count_add(&count, c->jobs[i].status);
	for (size_t i = 0; i < c->n_jobs; i++)	/* of one root port some was done and some not */
		if (is_short(&c->jobs[i]))
			status_count_add(&count, EXIT_PREREQ);
	if (c->interrupted && c->within_prepare)
		return EXIT_RESUMABLE;	/* whose sentence has it */
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
		report_all_skipped(c);
	return EXIT_PREREQ;
}

bool change_is_changed(const struct change *c)
{
	for (size_t i = 0; i < c->n_jobs; i++)
		if (c->jobs[i].change.run.changed)
			return true;
	return false;
}
