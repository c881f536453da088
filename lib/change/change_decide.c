// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which of the selected root ports a change leaves out or refuses, and why:
 * the first half of change.h.  Nothing is written here.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "lib/change/change_last.h"
#include "lib/iso/backend.h"
#include "lib/kept/temporary.h"
#include "lib/model/isolation_regs.h"

/* Will the command leave isolation on, without a write to it? */
static int judge_stays(struct change *c, const struct job *job, bool *ret)
{
	struct plan plan;

	*ret = c->kind == CHANGE_ENABLE;
	if (!*ret)
		return 0;
	if (plan_make(job->rp, &job->goal, c->registers, &c->arena, &plan))
		return -ENOMEM;
	for (size_t i = 0; i < plan.n; i++)
		if (setting_of(&plan.steps[i])->field == ISO_MEM_ISOLATION ||
		    setting_of(&plan.steps[i])->field == ISO_CACHE_ISOLATION)
			*ret = false;
	return 0;
}

int change_check(struct change *c, struct job *job)
{
	const struct iso_control effect = plan_goal_effect(&job->rp->iso, &job->goal, c->registers);
	struct check_context ctx = {
		.host = c->host,
		.enabling = c->enabling,
		.registers = c->registers,
		.cache = job->cache,
		.changing = true,
		.sets_timeout = c->kind == CHANGE_TIMEOUT,
		.goal = c->kind == CHANGE_ENABLE ? &effect : NULL,
	};

	if (judge_stays(c, job, &ctx.isolation_stays))
		return -ENOMEM;
	return check_run(&ctx, job->rp, &c->arena, true, &job->checks);
}

/* Can the port do nothing of what is asked for, in hardware?  Why not, for after its name. */
static const char *incapable(struct change *c, const struct job *job)
{
	const struct finding *f = check_find(&job->checks, ID_CAP);
	const struct iso_registers *regs = &job->rp->iso.regs;
	const struct iso_field_desc *timeout = &iso_fields[iso_enable_of(c->cache)];

	if (c->kind != CHANGE_TIMEOUT || !regs->capable)
		return f && f->answer == ANSWER_FAILS ? f->text : NULL;
	return regs->cap & timeout->cap ? NULL : arena_printf(&c->arena, "it does not support %s", timeout->feature);
}

/* Why nothing with memory is below @rp. */
static const char *why_empty(struct change *c, const struct cxl_root_port *rp)
{
	if (root_port_is_empty(rp) && rp->n_pci_functions)
		return arena_printf(&c->arena, "what is below it is an ordinary PCI device: %s", root_port_functions_text(rp, &c->arena));
	if (root_port_endpoints(rp))
		return "what is connected below it has no CXL.mem (CXL.cache: --cache --registers, or name the root port itself)";
	return rp->link.up == TRI_YES ? "no device is known below it, though its link is up; 'echo 1 > /sys/bus/pci/rescan' looks for one" :
		"nothing is connected below it";
}

/* A group stands for the root ports that matter in it. */
static bool skip(struct change *c, struct job *job)
{
	const char *why = incapable(c, job), *code = checks[ID_CAP].id, *name = job->rp->name;
	/* a device with CXL.cache only has no memdev */
	bool is_empty = !job->rp->n_memdevs && !(job->cache && job->rp->link.up == TRI_YES);

	if (job->named)
		return false;
	if (!why && !job->rp->present) {
		code = "PCI";
		why = "its PCI device is gone";
	} else if (!why && is_empty &&
		   !(c->kind == CHANGE_DISABLE && iso_is_on(&job->rp->iso) == TRI_YES)) {
		code = "EMPTY";
		why = why_empty(c, job->rp);
	}
	if (!why)
		return false;
	message_add(c->messages, SEV_INFO, code, name, "%s is left out: %s", name, why);
	job->why_skipped = why;
	job->result = OUTCOME_SKIPPED;
	c->enabling[job->rp - c->host->root_ports] = false;
	return true;
}

/*
 * Why @field cannot be written on this port, as what is said after the port's
 * name; NULL when it can.
 */
static const char *why_not(struct change *c, const struct job *job, enum iso_field field)
{
	const struct iso_registers *regs = &job->rp->iso.regs;
	const struct iso_field_desc *desc = &iso_fields[field];
	const struct timeout_range *range =
		desc->is_range ? timeout_by_value((unsigned int)job->goal.v[field]) : NULL;
	uint32_t known, cap = iso_cap(&job->rp->iso, &known);
	unsigned int groups = field == ISO_CACHE_RANGE ? ISO_CAP_CACHE_RANGES(cap) :
			      ISO_CAP_MEM_RANGES(cap);
	char supported[64];

	if (regs->capable && !(regs->cap & desc->cap))
		return arena_printf(
			&c->arena, "does not support %s%s", desc->feature,
			c->kind == CHANGE_TIMEOUT && !c->cache && regs->cap & ISO_CAP_CACHE_TIMEOUT
				? " (--cache --registers sets that of CXL.cache)"
			: field == ISO_MEM_ISOLATION && regs->cap & ISO_CAP_CACHE_ISOLATION
				? " (--cache --registers isolates CXL.cache)"
				: "");
	/* a capability is read as a whole, or of CXL.mem's timeout what the kernel tells */
	if (range && (regs->capable || (field == ISO_MEM_RANGE && ISO_CAP_MEM_RANGES(known))) &&
	    !timeout_range_is_supported(range, groups)) {
		timeout_groups_text(groups, supported, sizeof(supported));
		return arena_printf(&c->arena, "does not support timeout range %s%s; it supports: default%s%s", range->name,
				    c->cache ? " for CXL.cache" : "", *supported ? " " : "", supported);
	}
	if (iso_field_by_kernel(&job->rp->iso, field))
		return NULL;
	if (!c->registers)
		return arena_printf(&c->arena, "has no kernel attribute for %s; add --registers to write the port's register", desc->name);
	return regs->capable ? NULL :
		arena_printf(&c->arena, "cannot be controlled by register: %s",
			     regs->reason ? regs->reason : "it has no such capability");
}

/* What the port has not is off. */
static bool is_incapable_of(const struct job *job, enum iso_field field)
{
	return job->rp->iso.regs.valid &&
	       !(job->rp->iso.regs.capable && job->rp->iso.regs.cap & iso_fields[field].cap);
}

/*
 * Was @field asked for, in so many words?  A protocol is not meant where the port
 * cannot do it and no device below speaks it: of a group CXL.cache, with --cache CXL.mem.
 */
static bool is_asked_for(const struct job *job, enum iso_field field)
{
	bool is_cache = iso_fields[field].cap &
			(ISO_CAP_CACHE_TIMEOUT | ISO_CAP_CACHE_ISOLATION | ISO_CAP_CACHE_LINK_DOWN);
	enum tri speaks = is_cache ? root_port_speaks_cache(job->rp)
				   : root_port_speaks_mem(job->rp);

	if (speaks == TRI_NO &&
	    (is_cache ? !job->named : job->cache && root_port_endpoints(job->rp)) &&
	    is_incapable_of(job, field))
		return false;
	return !job->auto_timeout || !iso_is_timeout(field);
}

/* Is @field the enable of a timeout of which the kernel sets the range, and nothing else? */
static bool has_range_alone(const struct change *c, const struct job *job, enum iso_field field)
{
	return field == iso_enable_of(c->cache) && !iso_field_by_kernel(&job->rp->iso, field) &&
	       iso_field_by_kernel(&job->rp->iso, iso_range_of(c->cache));
}

/*
 * May the change be made without @field?  With --cache one of the two protocols
 * is enough (ISO-CAP has seen to that).  What is an extra to isolation is asked of
 * a port that was named itself, unless the best that can be done is enough; a
 * timeout that nobody asked for is never.
 */
static bool may_go_without(const struct change *c, const struct job *job, enum iso_field field)
{
	bool is_timeout = iso_is_timeout(field);

	if (c->kind == CHANGE_TIMEOUT)
		return has_range_alone(c, job, field) && !c->during &&
		       job->goal.v[iso_range_of(c->cache)] >= 0 &&
		       iso_control(&job->rp->iso).v[field] < 0;
	if (!is_asked_for(job, field))
		return true;
	if (field == ISO_MEM_ISOLATION)
		return job->cache;
	return job->best_effort || (!is_timeout && (!job->named || !job->goal.v[field]));
}

static void go_without(struct change *c, struct job *job, enum iso_field field, const char *why)
{
	bool is_short = is_asked_for(job, field) && !job->best_effort,
	     by_itself = job->auto_timeout && iso_is_timeout(field);

	message_add(c->messages, is_short ? SEV_ERROR : by_itself ? SEV_INFO : SEV_WARNING, "SETTING", job->rp->name, "%s %s; the rest is done without it%s",
		    job->rp->name, why, !is_short ? "" : c->kind == CHANGE_TIMEOUT ? ", and whether it is on cannot be told" :
		    " (--best-effort takes that for success)");
	job->left_out[field] = is_asked_for(job, field);
	job->goal.v[field] = -1;
}

/* Is all that was asked for there? */
static bool refuse_settings(struct change *c, struct job *job)
{
	const struct iso_control now = iso_control(&job->rp->iso);

	for (int f = 0; f < N_ISO_FIELDS; f++) {
		const char *why = job->goal.v[f] < 0 ? NULL : why_not(c, job, (enum iso_field)f);

		if (!why)
			continue;
		/* who asks for nothing else is told that it is not there */
		if ((c->kind != CHANGE_TIMEOUT || has_range_alone(c, job, (enum iso_field)f)) &&
		    (now.v[f] == job->goal.v[f] ||
		     (!job->goal.v[f] && is_incapable_of(job, (enum iso_field)f)))) {
			job->goal.v[f] = -1;	/* it is so already */
			continue;
		}
		if (may_go_without(c, job, (enum iso_field)f)) {
			go_without(c, job, (enum iso_field)f, why);
			continue;
		}
		job->status = EXIT_PREREQ;
		message_add(c->messages, SEV_ERROR,
			    iso_fields[f].cap & (ISO_CAP_MEM_TIMEOUT | ISO_CAP_CACHE_TIMEOUT)
				    ? "TIMEOUT"
				    : "SETTING",
			    job->rp->name, "%s %s; nothing was written, %s", job->rp->name, why,
			    change_state_now(c, job));
		return true;
	}
	return false;
}

/* What nobody asked for in so many words, and cannot be done unread. */
static void report_unread_timeout(struct change *c, struct job *job)
{
	const struct iso_control now = iso_control(&job->rp->iso);

	if (job->auto_timeout && c->kind == CHANGE_ENABLE && now.v[ISO_MEM_TIMEOUT] < 0 &&
	    iso_has_timeout(&job->rp->iso) != TRI_NO)
		message_add(c->messages, SEV_WARNING, "TIMEOUT", job->rp->name,
			    "%s: whether its timeout is on cannot be read, so it is left as it is; try 'cxl set-timeout %s on'", job->rp->name,
			    job->rp->name);
}

/* What cannot be read cannot be verified, nor put back. */
static bool refuse_unreadable(struct change *c, struct job *job)
{
	struct iso_control now = iso_settings(&job->rp->iso, c->registers);

	for (int f = 0; f < N_ISO_FIELDS; f++) {
		char name[ISO_PLACE_BYTES];
		const char *attr;

		if (job->goal.v[f] < 0 || now.v[f] >= 0 ||
		    !iso_field_by_kernel(&job->rp->iso, (enum iso_field)f))
			continue;
		attr = job->rp->iso.kernel.backend->place(job->rp, (enum iso_field)f, name);
		job->status = EXIT_REFUSED;
		message_add(c->messages, SEV_ERROR, "ATTRIBUTE", job->rp->name,
			    "%s: %s cannot be read, so a change could not be verified; nothing was written, %s; try 'cat /%s/%s'",
			    job->rp->name, attr, change_state_now(c, job), job->rp->path, attr);
		return true;
	}
	return false;
}

/*
 * A timeout may be set whatever the memory is used for: only what makes it
 * impossible, an isolated port, and (where the kernel drops the isolation enable
 * on the way) what forbids to switch isolation off stand against it.
 */
const struct finding *change_timeout_blocker(const struct job *job)
{
	const struct iso_state *iso = &job->rp->iso;
	bool drops_isolation = iso_has_quirk(iso, ISO_QUIRK_CLEARS_OTHERS) &&
		iso_is_on(iso) == TRI_YES && job->goal.v[ISO_MEM_RANGE] >= 0 &&
		job->goal.v[ISO_MEM_RANGE] != iso_control(iso).v[ISO_MEM_RANGE];

	for (size_t i = 0; i < job->checks.n; i++) {
		const struct finding *f = &job->checks.v[i];

		if (!finding_counts(f))
			continue;
		/* what no attribute sets is refused field by field, see why_not() */
		if (f->check == &checks[ID_ABI] && iso->kernel.backend)
			continue;
		if (finding_kind(f) == CHECK_CANNOT
			    ? f->check != &checks[ID_CAP] || !iso->regs.capable
			    : !check_is_overridden(&job->policy, f->check) &&
				      f->answer == ANSWER_FAILS &&
				      (f->check == &checks[ID_ISOLATED] ||
				       (drops_isolation && f->check->guards_disable)))
			return f;
	}
	return NULL;
}

/* "--require=recover", or "--require=mem_timeout:contain": what asks for the level of @cause. */
static const char *level_text(struct change *c, const struct check_policy *policy, enum cause cause)
{
	const char *start = c->file ? "require = " : "--require=";
	const char *text = !policy->levels || policy->levels[cause] < 0 ?
		arena_printf(&c->arena, "%s%s", start, require_names[policy->require]) :
		arena_printf(&c->arena, "%s%s:%s", start, cause_names[cause], containment_names[policy->levels[cause]]);

	return text ? text : "more";
}

/* Where @f only follows from the refusal of another root port: the status of that; else @status. */
static enum exit_status status_of(const struct job *job, const struct finding *f,
				  enum exit_status status)
{
	for (const struct job *other = job->group; f->check == &checks[ID_INTERLEAVE] && other;
	     other = other->next)
		if (other->result == OUTCOME_REFUSED)
			return other->status;
	return status;
}

/* Who needs @t: whoever set it, while that runs; else others, whose numbers are in no file. */
static const char *needed_by(struct change *c, const struct kept_temporary *t)
{
	const char *text = kill((pid_t)t->pid, 0) && errno == ESRCH ? NULL :
		arena_printf(&c->arena, "until '%s' ends (cxl set-timeout --while, process %llu)", t->command, (unsigned long long)t->pid);

	return text ? text : "by 'cxl set-timeout --while'";
}

static bool is_as_set(const struct kept_temporary *t, const struct iso_control *c)
{
	return c->v[iso_range_of(t->cache)] == t->set_range &&
	       c->v[iso_enable_of(t->cache)] == t->set_enabled;
}

/* The setting that somebody else needs as it is, and that @job would change; NULL: none. */
static const struct kept_temporary *needed_by_others(const struct change *c, const struct job *job)
{
	for (int i = 0; i < 2; i++) {
		const struct kept_temporary *t = job->rp->kept.temporary[i];

		if (!t || !t->is_held || temporary_is_own(t) ||
		    (c->during && is_as_set(t, &job->goal)))
			continue;
		if (job->goal.v[iso_range_of(i)] >= 0 || job->goal.v[iso_enable_of(i)] >= 0)
			return t;
	}
	return NULL;
}

/* Does a check or the required level forbid the change? */
static bool refuse(struct change *c, struct job *job)
{
	const struct check_policy *policy = &job->policy;
	const struct finding *f = c->kind == CHANGE_TIMEOUT ? change_timeout_blocker(job) :
		check_blocker(&job->checks, policy, c->kind == CHANGE_DISABLE);
	const struct kept_temporary *t = needed_by_others(c, job);
	const char *name = job->rp->name;
	enum cause cause;

	if (change_last_refuses(c, job)) {
		/* it was said */
	} else if (t) {
		job->status = EXIT_NEGATIVE;
		message_add(c->messages, SEV_ERROR, "TEMPORARY", name,
			    "%s: its %stimeout is set for a while, %s, and was not touched; nothing was written, %s; wait for the end of that%s",
			    name, t->cache ? "CXL.cache " : "", needed_by(c, t), change_state_now(c, job),
			    job->auto_timeout ? ", or leave the timeout as it is with --timeout=keep" : "");
	} else if (f) {
		job->status = status_of(
			job, f, finding_kind(f) == CHECK_CANNOT ? EXIT_PREREQ : EXIT_NEGATIVE);
		message_add(c->messages, SEV_ERROR, f->check->id, name,
			    "%s: %s: %s; nothing was written, %s; remedy: %s", name, f->check->id,
			    f->text, change_state_now(c, job), f->remedy);
	} else if (c->kind == CHANGE_ENABLE &&
		   check_level_too_low(&job->checks, policy, &f, &cause)) {
		enum containment level = check_level_wanted(policy, cause);
		const char *remedies = check_remedies(&job->checks, f, level - 1, cause, policy,
						      &c->arena);

		job->status = EXIT_NEGATIVE;
		message_add(
			c->messages, SEV_ERROR, f->check->id, name,
			"%s: containment would be %s for %s, and %s was asked for (%s: %s); nothing was written, %s; remedy: %s",
			name, job->checks.after.v[cause] < 0 ? "unknown" : containment_names[job->checks.after.v[cause]], cause_names[cause],
			level_text(c, policy, cause), f->check->id, f->text,
			change_state_now(c, job), remedies ? remedies : f->remedy);
	} else if (!refuse_settings(c, job) && !refuse_unreadable(c, job)) {
		report_unread_timeout(c, job);
		return false;
	}
	job->result = OUTCOME_REFUSED;
	c->enabling[job->rp - c->host->root_ports] = false;
	return true;
}

/*
 * ISO_QUIRK_CLEARS_OTHERS drops isolation when it writes a range, and puts it back: not under
 * traffic.  A range that nobody asked for is left as it is then.
 */
static int spare_traffic(struct change *c, struct job *job)
{
	const struct finding *busy = check_find(&job->checks, ID_BUSY);

	if (!busy || !finding_counts(busy) || !job->auto_timeout ||
	    job->goal.v[ISO_MEM_RANGE] < 0 || iso_is_on(&job->rp->iso) != TRI_YES)
		return 0;
	job->goal.v[ISO_MEM_RANGE] = -1;
	return change_check(c, job);
}

/*
 * What one port's refusal means for others (interleaved regions), and what has to be
 * left out for the level that is reached, is seen by checking again until nobody and
 * nothing drops out any more.
 */
int change_decide(struct change *c)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < c->n_jobs; i++) {
			struct job *job = &c->jobs[i];
			struct iso_control asked;

			if (job->result != OUTCOME_NONE)
				continue;
			if (change_check(c, job))
				return -ENOMEM;
			if (skip(c, job)) {
				again = true;
				continue;
			}
			if (spare_traffic(c, job))
				return -ENOMEM;
			asked = job->goal;
			again |= refuse(c, job) || !iso_control_equal(&asked, &job->goal);
		}
	}
	return 0;
}

/* One of the group was refused: the others that would change are left alone. */
static void refuse_group(struct change *c, struct job *first)
{
	const struct job *refused = first;

	while (refused && refused->result != OUTCOME_REFUSED)
		refused = refused->next;
	for (struct job *job = first; refused && job; job = job->next) {
		if (job->result != OUTCOME_NONE && job->result != OUTCOME_PLANNED)
			continue;
		job->result = OUTCOME_REFUSED;
		job->status = refused->status;
		job->change.plan.n = 0;
		c->enabling[job->rp - c->host->root_ports] = false;
		message_add(c->messages, SEV_ERROR, "TIED", job->rp->name,
			    "%s: a region ties it to %s, which was refused; nothing was written, %s; name it alone to change only this one",
			    job->rp->name, refused->rp->name, change_state_now(c, job));
	}
}

void change_refuse_tied(struct change *c)
{
	for (size_t i = 0; i < c->n_jobs; i++)
		if (c->jobs[i].group == &c->jobs[i])
			refuse_group(c, &c->jobs[i]);
}
