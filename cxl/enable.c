// SPDX-License-Identifier: GPL-2.0-only
/*
 * cxl enable-isolation and disable-isolation: check, plan, apply, verify, for
 * each root port; those that one region ties together as one.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cxl/common.h"
#include "cxl/lib/exec.h"
#include "cxl/lib/record.h"
#include "util/parse.h"

struct change_options {
	struct common_options common;
	bool dry_run;
	const char *sysroot;	/* taken only to say why not */
	const char *require, *timeout;
	struct opt_list overrides;
};

#define CHANGE_OPTIONS \
	{ "dry-run", 'n', OPT_FLAG, offsetof(struct change_options, dry_run), NULL, \
	  "print what would be written, write nothing" }, \
	{ "override", 0, OPT_LIST, offsetof(struct change_options, overrides), "CHECK-ID", \
	  "do it in spite of this one check (repeatable; see cxl explain)" }, \
	{ "sysroot", 0, OPT_STRING, offsetof(struct change_options, sysroot), "DIR", \
	  "refused: a capture cannot be changed" }, \
	COMMON_OPTIONS(struct change_options, "json (default) or human")

static const struct opt enable_opts[] = {
	{ "require", 0, OPT_STRING, offsetof(struct change_options, require), "LEVEL",
	  "safe (default), debug, contain or recover: what must be reached, else refuse" },
	{ "timeout", 0, OPT_STRING, offsetof(struct change_options, timeout), "WHAT",
	  "also set the timeout: A to D2, a duration, default, on or off (default: leave it)" },
	CHANGE_OPTIONS,
	{ 0 }
};

static const struct opt disable_opts[] = { CHANGE_OPTIONS, { 0 } };

enum result { RESULT_SKIPPED, RESULT_REFUSED, RESULT_ALREADY, RESULT_PLANNED,
	      RESULT_DONE, RESULT_FAILED, RESULT_ROLLED_BACK, RESULT_NONE };
static const char *const result_names[] = {
	[RESULT_SKIPPED] = "skipped", [RESULT_REFUSED] = "refused", [RESULT_ALREADY] = "already",
	[RESULT_PLANNED] = "planned", [RESULT_DONE] = "done", [RESULT_FAILED] = "failed",
	[RESULT_ROLLED_BACK] = "rolled-back",
};

/* One selected root port on its way through the command. */
struct job {
	struct cxl_root_port *rp;
	bool named;
	enum result result;
	enum exit_status status;	/* of this port alone */
	struct check_result checks;
	struct exec_port exec;
	struct json_object *before;
	size_t group;			/* jobs with one number succeed or fail together */
};

struct change {
	struct cxl_host *host;
	struct messages *messages;
	struct arena arena;
	bool disabling, dry_run;
	struct plan_goal goal;
	struct check_policy policy;
	bool *enabling;			/* per host->root_ports[] */
	struct job *jobs;
	size_t n_jobs;
};

static int no_memory(struct err *err)
{
	return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory, nothing was written");
}

static int parse_policy(struct change *c, const struct change_options *o, struct err *err)
{
	int require = o->require ? require_parse(o->require) : REQUIRE_SAFE;
	char shown[48];

	if (require < 0)
		return err_set(err, EXIT_USAGE, EINVAL, "'%s' is no level: use --require=safe, debug, contain or recover",
			       printable(o->require, shown, sizeof(shown)));
	for (size_t i = 0; i < o->overrides.n; i++) {
		const struct check *check = check_by_id(o->overrides.v[i]);

		if (!check)
			return err_set(err, EXIT_USAGE, EINVAL, "--override=%s names no check; 'cxl explain' lists them",
				       printable(o->overrides.v[i], shown, sizeof(shown)));
		if (check->kind == CHECK_CANNOT)
			return err_set(err, EXIT_USAGE, EINVAL, "%s cannot be overridden: %s", check->id, check->title);
	}
	c->policy = (struct check_policy){ (enum require)require, &o->overrides };
	c->dry_run = o->dry_run;
	c->goal.isolation = tri_of(!c->disabling);
	return o->timeout ? timeout_parse(o->timeout, &c->goal.timeout, err) : 0;
}

static int select_jobs(struct change *c, char **targets, struct err *err)
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
			.group = c->n_jobs, .before = record_control(&host->root_ports[i].iso),
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
	} else if (!refuse_timeout(c, job)) {
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
		warn_of_reboot(c, job);
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

/* The one thing a v1 kernel clears that no attribute brings back. */
static void note_interrupt(struct change *c, const struct cxl_root_port *rp, uint32_t old_ctrl)
{
	if (rp->iso.regs.capable && old_ctrl & ~rp->iso.regs.ctrl & ISO_CTRL_INTERRUPT)
		message_add(c->messages, SEV_WARNING, "INTERRUPT", rp->name,
			    "%s: the kernel also cleared the interrupt enable, for which it has no attribute: until the next boot it will not notice an isolation by interrupt, only by the errors of what reads the memory",
			    rp->name);
}

static int run_group(struct change *c, size_t group, struct err *err)
{
	struct exec_port *ports = arena_alloc(&c->arena, c->n_jobs, sizeof(*ports));
	struct job **jobs = arena_alloc(&c->arena, c->n_jobs, sizeof(struct job *));
	enum exec_outcome outcome;
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
	rc = exec_plans(c->host, ports, n, &outcome, c->messages, err);
	if (rc)
		message_add(c->messages, SEV_ERROR, outcome == EXEC_LEFT ? "LEFT" :
			    outcome == EXEC_ROLLED_BACK ? "ROLLED-BACK" : "UNCHANGED", err->target, "%s%s",
			    err->text, outcome == EXEC_ROLLED_BACK ? "; isolation and timeout were put back as they were" :
			    outcome == EXEC_UNCHANGED ? "; nothing was changed" : "");
	for (size_t i = 0; i < n; i++) {
		uint32_t ctrl = jobs[i]->rp->iso.regs.ctrl;

		jobs[i]->exec = ports[i];
		jobs[i]->result = !rc ? RESULT_DONE :
			ports[i].changed && outcome == EXEC_ROLLED_BACK ? RESULT_ROLLED_BACK : RESULT_FAILED;
		jobs[i]->status = rc ? err->status : EXIT_DONE;
		if (iso_refresh(c->host, jobs[i]->rp) || run_checks(c, jobs[i]))
			return no_memory(err);
		note_interrupt(c, jobs[i]->rp, ctrl);
	}
	return 0;
}

static struct json_object *expect_json(const struct iso_control *control)
{
	const struct timeout_range *r = control->range < 0 ? NULL : timeout_by_value((unsigned int)control->range);
	struct json_object *obj = json_object_new_object();

	render_add(obj, "isolation", control->isolation == TRI_UNKNOWN ? NULL :
		   json_object_new_boolean(control->isolation == TRI_YES));
	render_add(obj, "timeout", control->timeout == TRI_UNKNOWN ? NULL :
		   json_object_new_boolean(control->timeout == TRI_YES));
	render_add_string(obj, "range", r ? r->name : NULL);
	return obj;
}

static struct json_object *plan_json(const struct plan *plan)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_step *step = &plan->steps[i];
		struct json_object *obj = json_object_new_object();
		char path[512];

		snprintf(path, sizeof(path), "/%s", step->path);
		render_add_string(obj, "op", "write");
		render_add_string(obj, "path", path);
		render_add_string(obj, "value", step->text);
		render_add(obj, "expect_before", expect_json(&step->expect_before));
		render_add(obj, "expect_after", expect_json(&step->expect_after));
		render_add_string(obj, "undo", *step->undo ? step->undo : NULL);
		render_add_u64(obj, "timeout_us", true, step->timeout_us);
		render_add_string(obj, "when", step_when_names[step->when]);
		render_add_string(obj, "state", step_state_names[step->state]);
		json_object_array_add(list, obj);
	}
	return list;
}

static struct json_object *record_job(const struct job *job)
{
	const struct cxl_root_port *rp = job->rp;
	struct json_object *obj = json_object_new_object(), *after = record_control(&rp->iso);

	render_add_string(obj, "root_port", rp->name);
	render_add_string(obj, "host_bridge", rp->bridge ? rp->bridge->name : NULL);
	render_add_string(obj, "bus", rp->bridge && rp->bridge->bus ? rp->bridge->bus->name : NULL);
	render_add_string(obj, "result", result_names[job->result]);
	render_add(obj, "changed", json_object_new_boolean(!json_object_equal(job->before, after)));
	render_add(obj, "before", job->before);
	render_add(obj, "after", after);
	render_add_string(obj, "containment", containment_names[job->checks.now]);
	render_add_string(obj, "containment_if_enabled", containment_names[job->checks.if_enabled]);
	render_add(obj, "blockers", record_findings(&job->checks, FINDING_BLOCKS));
	render_add(obj, "limits", record_findings(&job->checks, FINDING_LIMITS));
	render_add(obj, "notes", record_findings(&job->checks, FINDING_NOTES));
	render_add(obj, "plan", plan_json(&job->exec.plan));
	return obj;
}

/* 0 all well; the failures' own status when they agree and nothing succeeded;
 * EXIT_PARTIAL when some succeeded; EXIT_PREREQ when nothing was there to do. */
static int overall_status(struct change *c)
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
	if (failed)
		return well ? EXIT_PARTIAL : status;
	if (well)
		return EXIT_DONE;
	message_add(c->messages, SEV_ERROR, "NOTHING", NULL,
		    "nothing was done: no root port among the targets is both populated and capable of isolation (-v says why each was left out)");
	return EXIT_PREREQ;
}

static int apply(struct change *c, const struct change_options *o, char **targets, struct err *err)
{
	int rc = parse_policy(c, o, err);

	if (rc)
		return rc;
	if (o->sysroot)
		return err_set(err, EXIT_USAGE, EROFS, "a capture cannot be changed, nothing was done; drop --sysroot, or try it out with 'cxl-sim run --host %.200s --kernel v1-fixed -- cxl ...'",
			       o->sysroot);
	if (!*targets)
		return err_set(err, EXIT_USAGE, EINVAL, "no target was named, nothing was done; name a root port, memN, regionN, portN, root0 or all");
	rc = host_read(c->host, NULL, err);
	if (!rc)
		rc = select_jobs(c, targets, err);
	if (!rc)
		rc = decide(c, err);
	if (!rc)
		rc = plan_jobs(c, err);
	if (rc)
		return rc;
	group_jobs(c);
	for (size_t i = 0; i < c->n_jobs; i++) {
		struct err group_err;

		rc = run_group(c, i, &group_err);
		if (rc == -ENOMEM) {
			*err = group_err;
			return rc;
		}
	}
	return 0;
}

/* From the first write to the last word the command is not interrupted: a few
 * seconds at most, and no port is left half way without a word. */
static void block_signals(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, old);
}

static int run_change(const struct command *cmd, bool disabling, const char *schema, int argc, char **argv)
{
	struct cxl_host host = { .fs.rootfd = -1 };
	struct change c = { .host = &host, .messages = &host.messages, .disabling = disabling };
	struct change_options o = { 0 };
	struct command_run run;
	struct json_object *list;
	int status = EXIT_DONE;
	struct err err;
	sigset_t old;

	if (!command_begin(cmd, argc, argv, &o, &o.common, NULL, &run, &status))
		goto out;
	block_signals(&old);
	list = json_object_new_array();
	if (apply(&c, &o, run.operands, &err)) {
		status = (int)err.status;
		message_add_err(c.messages, status == EXIT_USAGE ? "USAGE" : "HOST", &err);
		for (size_t i = 0; i < c.n_jobs; i++)
			json_object_put(c.jobs[i].before);
	} else {
		for (size_t i = 0; i < c.n_jobs; i++)
			json_object_array_add(list, record_job(&c.jobs[i]));
		status = overall_status(&c);
	}
	status = command_end(&run, schema, status, c.messages, "root_ports", list);
	sigprocmask(SIG_SETMASK, &old, NULL);
	host_free(&host);
	arena_free(&c.arena);
out:
	opt_list_free(&o.overrides);
	return status;
}

static int run_enable(int argc, char **argv)
{
	return run_change(&cmd_enable_isolation, false, "cxl-enable-isolation/1", argc, argv);
}

static int run_disable(int argc, char **argv)
{
	return run_change(&cmd_disable_isolation, true, "cxl-disable-isolation/1", argc, argv);
}

const struct command cmd_enable_isolation = {
	"enable-isolation", "TARGET...", "Enable CXL.mem isolation on root ports, when that is safe.",
	enable_opts, run_enable,
};

const struct command cmd_disable_isolation = {
	"disable-isolation", "TARGET...", "Disable CXL.mem isolation on root ports.",
	disable_opts, run_disable,
};
