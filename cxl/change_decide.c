// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which of the selected root ports a change leaves out or refuses, and why:
 * the first half of change.h.  Nothing is written here.
 */
#include <errno.h>
#include <string.h>

#include "cxl/change.h"

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
		if (plan.steps[i].field == ISO_MEM_ISOLATION || plan.steps[i].field == ISO_CACHE_ISOLATION)
			*ret = false;
	return 0;
}

int change_check(struct change *c, struct job *job)
{
	struct check_context ctx = {
		.host = c->host, .enabling = c->enabling, .registers = c->registers, .cache = job->cache, .changing = true,
	};

	if (judge_stays(c, job, &ctx.isolation_stays))
		return -ENOMEM;
	return check_run(&ctx, job->rp, &c->arena, true, &job->checks);
}

static const struct finding *find(const struct check_result *result, const char *id)
{
	for (size_t i = 0; i < result->n; i++)
		if (!strcmp(result->v[i].check->id, id))
			return &result->v[i];
	return NULL;
}

/* Can the port do nothing of what is asked for, in hardware?  Why not, for after its name. */
static const char *incapable(struct change *c, const struct job *job)
{
	const struct finding *f = find(&job->checks, "ISO-CAP");
	const struct iso_registers *regs = &job->rp->iso.regs;
	const struct iso_field_desc *timeout = &iso_fields[c->cache ? ISO_CACHE_TIMEOUT : ISO_MEM_TIMEOUT];

	if (c->kind != CHANGE_TIMEOUT || !regs->capable)
		return f ? f->text : NULL;
	return regs->cap & timeout->cap ? NULL : arena_printf(&c->arena, "it does not support %s", timeout->feature);
}

/* Why nothing with memory is below @rp. */
static const char *why_empty(const struct cxl_root_port *rp)
{
	if (root_port_endpoints(rp))
		return "what is connected below it has no CXL.mem (CXL.cache: --cache --registers, or name the root port itself)";
	return rp->link.up == TRI_YES ? "no device is known below it, though its link is up; 'echo 1 > /sys/bus/pci/rescan' looks for one" :
		"nothing is connected below it";
}

/* A group stands for the root ports that matter in it. */
static bool skip(struct change *c, struct job *job)
{
	const char *why = incapable(c, job), *code = "ISO-CAP", *name = job->rp->name;
	/* a device with CXL.cache only has no memdev */
	bool is_empty = !job->rp->n_memdevs && !(job->cache && job->rp->link.up == TRI_YES);

	if (job->named)
		return false;
	if (!why && !job->rp->present) {
		code = "PCI";
		why = "its PCI device is gone";
	} else if (!why && is_empty && !(c->kind == CHANGE_DISABLE && iso_is_on(&job->rp->iso) == TRI_YES)) {
		code = "EMPTY";
		why = why_empty(job->rp);
	}
	if (!why)
		return false;
	message_add(c->messages, SEV_INFO, code, name, "%s is left out: %s", name, why);
	job->why_skipped = why;
	job->result = RESULT_SKIPPED;
	c->enabling[job->rp - c->host->root_ports] = false;
	return true;
}

static const char *on_or_off(int v)
{
	return v < 0 ? "as it was (it cannot be read)" : v ? "on" : "off";
}

const char *change_state_now(struct change *c, const struct job *job)
{
	struct iso_control now = iso_control(&job->rp->iso);
	enum iso_field range = c->cache ? ISO_CACHE_RANGE : ISO_MEM_RANGE;
	const struct timeout_range *r = now.v[range] < 0 ? NULL : timeout_by_value((unsigned int)now.v[range]);
	const char *text;

	if (c->kind != CHANGE_TIMEOUT)
		text = arena_printf(&c->arena, "isolation is %s", on_or_off(now.v[ISO_MEM_ISOLATION]));
	else
		text = arena_printf(&c->arena, "the %stimeout is %s%s%s%s", c->cache ? "CXL.cache " : "",
				    on_or_off(now.v[c->cache ? ISO_CACHE_TIMEOUT : ISO_MEM_TIMEOUT]),
				    r ? " (range " : "", r ? r->name : "", r ? ")" : "");
	return text ? text : "the state is as it was";
}

/*
 * Why @field cannot be written on this port, as what is said after the port's
 * name; NULL when it can.
 */
static const char *why_not(struct change *c, const struct job *job, enum iso_field field)
{
	const struct iso_registers *regs = &job->rp->iso.regs;
	const struct iso_field_desc *desc = &iso_fields[field];
	const struct timeout_range *range = desc->is_range ? timeout_by_value((unsigned int)job->goal.v[field]) : NULL;
	unsigned int groups = field == ISO_CACHE_RANGE ? ISO_CAP_CACHE_RANGES(regs->cap) : ISO_CAP_MEM_RANGES(regs->cap);
	char supported[64];

	if (regs->capable && !(regs->cap & desc->cap))
		return arena_printf(&c->arena, "does not support %s%s", desc->feature,
				    c->kind == CHANGE_TIMEOUT && !c->cache && regs->cap & ISO_CAP_CACHE_TIMEOUT ?
				    " (--cache --registers sets that of CXL.cache)" : "");
	if (range && regs->capable && !timeout_range_is_supported(range, groups)) {
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

/*
 * May the change be made without @field?  With --cache one of the two protocols
 * is enough (ISO-CAP has seen to that); what is an extra to isolation matters
 * only on a port that was named itself, and when it is to be switched on.
 */
static bool may_go_without(const struct change *c, const struct job *job, enum iso_field field)
{
	if (c->kind == CHANGE_TIMEOUT || iso_fields[field].is_range || field == ISO_MEM_TIMEOUT)
		return false;
	if (field == ISO_MEM_ISOLATION)
		return job->cache;
	return !job->named || !job->goal.v[field];
}

/* Is all that was asked for there? */
static bool refuse_settings(struct change *c, struct job *job)
{
	for (int f = 0; f < N_ISO_FIELDS; f++) {
		const char *why = job->goal.v[f] < 0 ? NULL : why_not(c, job, (enum iso_field)f);

		if (!why)
			continue;
		if (may_go_without(c, job, (enum iso_field)f)) {
			message_add(c->messages, job->goal.v[f] ? SEV_WARNING : SEV_INFO, "SETTING", job->rp->name,
				    "%s %s; the rest is done without it", job->rp->name, why);
			job->goal.v[f] = -1;
			continue;
		}
		job->status = EXIT_PREREQ;
		message_add(c->messages, SEV_ERROR, iso_fields[f].cap & (ISO_CAP_MEM_TIMEOUT | ISO_CAP_CACHE_TIMEOUT) ?
			    "TIMEOUT" : "SETTING", job->rp->name,
			    "%s %s; nothing was written, %s", job->rp->name, why, change_state_now(c, job));
		return true;
	}
	return false;
}

/* What cannot be read cannot be verified, nor put back. */
static bool refuse_unreadable(struct change *c, struct job *job)
{
	struct iso_control now = iso_settings(&job->rp->iso, c->registers);

	for (int f = 0; f < N_ISO_FIELDS; f++) {
		const char *attr = iso_fields[f].attr;

		if (job->goal.v[f] < 0 || now.v[f] >= 0 || !attr)
			continue;
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
const struct finding *change_timeout_blocker(const struct change *c, const struct job *job)
{
	const struct iso_state *iso = &job->rp->iso;
	bool drops_isolation = iso->kernel.posted_v1 && iso_is_on(iso) == TRI_YES && job->goal.v[ISO_MEM_RANGE] >= 0 &&
		job->goal.v[ISO_MEM_RANGE] != iso_control(iso).v[ISO_MEM_RANGE];

	for (size_t i = 0; i < job->checks.n; i++) {
		const struct finding *f = &job->checks.v[i];

		if (f->check->kind == CHECK_CANNOT ? strcmp(f->check->id, "ISO-CAP") || !iso->regs.capable :
		    !check_is_overridden(&c->policy, f->check) &&
		    (!strcmp(f->check->id, "ISO-ISOLATED") || (drops_isolation && f->check->guards_disable)))
			return f;
	}
	return NULL;
}

/* Does a check or the required level forbid the change? */
static bool refuse(struct change *c, struct job *job)
{
	const struct check_policy policy = { job->require, c->policy.overrides };
	const struct finding *f = c->kind == CHANGE_TIMEOUT ? change_timeout_blocker(c, job) :
		check_blocker(&job->checks, &policy, c->kind == CHANGE_DISABLE);
	const char *name = job->rp->name;

	if (f) {
		job->status = f->check->kind == CHECK_CANNOT ? EXIT_PREREQ : EXIT_NEGATIVE;
		message_add(c->messages, SEV_ERROR, f->check->id, name,
			    "%s: %s: %s; nothing was written, %s; remedy: %s", name, f->check->id,
			    f->text, change_state_now(c, job), f->remedy);
	} else if (c->kind == CHANGE_ENABLE && check_level_too_low(&job->checks, &policy, &f)) {
		const char *remedies = check_remedies(&job->checks, f, check_level_below(&policy), &policy, &c->arena);

		job->status = EXIT_NEGATIVE;
		message_add(c->messages, SEV_ERROR, f->check->id, name,
			    "%s: containment would be %s, and %s%s was asked for (%s: %s); nothing was written, %s; remedy: %s",
			    name, containment_names[job->checks.if_enabled], c->file ? "require = " : "--require=", require_names[job->require],
			    f->check->id, f->text, change_state_now(c, job), remedies ? remedies : f->remedy);
	} else if (!refuse_settings(c, job) && !refuse_unreadable(c, job)) {
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
int change_decide(struct change *c)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < c->n_jobs; i++) {
			struct job *job = &c->jobs[i];

			if (job->result != RESULT_NONE)
				continue;
			if (change_check(c, job))
				return -ENOMEM;
			again |= skip(c, job) || refuse(c, job);
		}
	}
	return 0;
}

/* One of the group was refused: the others that would change are left alone. */
void change_refuse_tied(struct change *c)
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
				    "%s: a region ties it to %s, which was refused; nothing was written, %s; name it alone to change only this one",
				    job->rp->name, refused->rp->name, change_state_now(c, job));
		}
	}
}
