// SPDX-License-Identifier: GPL-2.0-only
/*
 * Execution of plans: see exec.h.
 *
 * After each write all settings are read back.  A write that changed
 * more than it should (posted v1) is said and put right by the steps that
 * follow; what counts is the state at the end.
 */
#include "cxl/lib/change/exec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void read_after(struct cxl_host *host, struct exec_port *p)
{
	p->after = iso_settings_read(host, p->rp, p->plan.registers);
}

/* Somebody else changed the port since it was read: the checks no longer hold. */
static int check_before(struct cxl_host *host, struct exec_port *p, struct err *err)
{
	char was[256], is[256];

	read_after(host, p);
	if (iso_control_equal(&p->after, &p->plan.before))
		return 0;
	for (int f = 0; f < N_ISO_FIELDS; f++)
		if (p->after.v[f] < 0 && p->plan.before.v[f] >= 0)
			return err_set(err, EXIT_REFUSED, EIO,
				       "%s of %s could be read before and cannot now; see 'cxl list --isolation %s' and the kernel log",
				       iso_fields[f].name, p->rp->name, p->rp->name);
	return err_set(err, EXIT_REFUSED, EAGAIN,
		       "%s changed while the command was running (%s before, %s now); run the command again",
		       p->rp->name, plan_control_text(&p->plan, &p->plan.before, was, sizeof(was)), plan_control_text(&p->plan, &p->after, is, sizeof(is)));
}

/* Why a write did not go through and what to do, by what was written to: the first that fits. */
static const struct refusal {
	bool by_register;
	int errnum;		/* 0: any */
	const char *text;
} refusals[] = {
	{ true, EPERM, "kernel lockdown forbids access to the port's registers: boot without lockdown to write them" },
	{ true, EINVAL, "a driver owns the port's registers exclusively: only that driver can write them" },
	{ true, EIO, "the port does not answer, it may be suspended or gone: look for it with lspci" },
	{ true, 0, "what was written to is the port's register, not an attribute of the kernel" },
	{ false, EPERM, "a security policy of this system forbids it: see the kernel log" },
	{ false, EACCES, "a security policy of this system forbids it: see the kernel log" },
	{ false, ENOENT, "the kernel took its attributes away, the port may be gone: look for it with lspci" },
	{ false, 0, "see the kernel log for why" },
};

static const char *refusal_text(const struct plan_step *step, int errnum)
{
	size_t i = 0;

	if (!step->by_register && errnum == EINVAL && iso_fields[step->field].is_range)
		return "the port does not support this range, or the kernel does not: try another";
	while (refusals[i].by_register != step->by_register || (refusals[i].errnum && refusals[i].errnum != errnum))
		i++;
	return refusals[i].text;
}

static int write_failed(const struct exec_port *p, const struct plan_step *step, int errnum, struct err *err)
{
	enum exit_status status = errnum == EACCES || errnum == EPERM ? EXIT_PREREQ :
		errnum == ETIMEDOUT ? EXIT_TIMEDOUT : EXIT_REFUSED;
	char is[256];

	plan_control_text(&p->plan, &p->after, is, sizeof(is));
	if (status == EXIT_TIMEDOUT)
		return err_set(err, status, errnum, "the kernel gave up on %s in /%s: the root port stayed busy (RP Busy) with what was under way; %s has %s; wait until nothing uses the memory, then try again",
			       step->text, step->path, p->rp->name, is);
	if (status == EXIT_PREREQ && geteuid())
		return err_set(err, status, errnum, "writing %s to /%s needs root (%s); %s has %s; run the command as root",
			       step->text, step->path, strerror(errnum), p->rp->name, is);
	return err_set(err, status, errnum, "%s %s in /%s: %s; %s has %s; %s",
		       step->by_register ? "could not write" : "the kernel refused", step->text, step->path, strerror(errnum),
		       p->rp->name, is, refusal_text(step, errnum));
}

/* Is isolation not as it shall be, in spite of the write that should do it? */
static bool is_stuck(const struct exec_port *p)
{
	return p->after.v[ISO_MEM_ISOLATION] != p->plan.goal.v[ISO_MEM_ISOLATION];
}

/* What the write did not do, and what it did beside. */
static void note_side_effects(const struct exec_port *p, const struct plan_step *step,
			      const struct iso_control *before, struct messages *messages)
{
	const char *what = iso_fields[step->field].name, *name = p->rp->name, *attr = strrchr(step->path, '/') + 1;
	int now = p->after.v[step->field];
	char others[512] = "";

	if (step->when == STEP_IF_STUCK) {
		if (!is_stuck(p))
			message_add(messages, SEV_WARNING, "READ-BACK", name,
				    "%s: isolation is %s now: on this kernel writing %s to %s clears the whole control register; what is known of the rest is put back",
				    name, p->after.v[ISO_MEM_ISOLATION] == TRI_YES ? "on" : "off", step->text, attr);
		return;
	}
	if (now < 0)
		message_add(messages, SEV_WARNING, "READ-BACK", name,
			    "%s: %s was accepted in %s, but %s cannot be read back", name, step->text, attr, what);
	else if (now != step->value)
		message_add(messages, SEV_WARNING, "READ-BACK", name,
			    "%s: %s was accepted in %s, but %s still reads %d: %s",
			    name, step->text, attr, what, now, p->rp->iso.kernel.posted_v1 && !step->by_register ?
			    "a defect of the posted v1 kernel, or firmware kept control" : "firmware kept control");
	for (int f = 0; f < N_ISO_FIELDS; f++) {
		int was = before->v[f], is = p->after.v[f];
		size_t n = strlen(others);

		if (f != (int)step->field && was != is && is >= 0)
			snprintf(others + n, sizeof(others) - n, "%s%s (from %d to %d)", n ? " and " : "",
				 iso_fields[f].name, was, is);
	}
	if (*others)
		message_add(messages, SEV_WARNING, "READ-BACK", name,
			    "%s: writing %s to %s also changed %s, %s; what is known of it is put back",
			    name, step->text, attr, others, step->by_register ? "which firmware or a driver did" :
			    "as the posted v1 kernel does");
}

static int write_step(struct cxl_host *host, const struct plan_step *step)
{
	const struct iso_field_desc *desc = &iso_fields[step->field];

	if (step->by_register)
		return registers_write_ctrl(host, step->rp, desc->mask, (uint32_t)step->value << desc->shift);
	return sysfs_write(&host->fs, step->path, step->text);
}

static int run_step(struct cxl_host *host, struct exec_port *p, struct plan_step *step,
		    struct messages *messages, struct err *err)
{
	struct iso_control before = p->after;
	int rc;

	if (step->when == STEP_IF_STUCK ? !is_stuck(p) : p->after.v[step->field] == step->value) {
		step->state = STEP_SKIPPED;
		return 0;
	}
	rc = write_step(host, step);
	read_after(host, p);
	p->changed |= !iso_control_equal(&before, &p->after);
	if (rc) {
		step->state = STEP_FAILED;
		return write_failed(p, step, -rc, err);
	}
	p->changed = true;
	note_side_effects(p, step, &before, messages);
	step->state = p->after.v[step->field] == step->value ? STEP_DONE : STEP_FAILED;
	return 0;
}

static bool is_all_by_register(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		if (!plan->steps[i].by_register)
			return false;
	return true;
}

static int run_port(struct cxl_host *host, struct exec_port *p, struct messages *messages, struct err *err)
{
	char want[256], is[256];

	for (size_t i = 0; i < p->plan.n; i++) {
		int rc = run_step(host, p, &p->plan.steps[i], messages, err);

		if (rc)
			return rc;
	}
	if (iso_control_equal(&p->after, &p->plan.goal))
		return 0;
	return err_set(err, EXIT_REFUSED, EIO,
		       "%s did not take the change: asked for %s, it now has %s; %sfirmware kept control of it ('cxl explain ISO-FW-OWNED')",
		       p->rp->name, plan_control_text(&p->plan, &p->plan.goal, want, sizeof(want)),
		       plan_control_text(&p->plan, &p->after, is, sizeof(is)),
		       is_all_by_register(&p->plan) ? "the port cannot do this or " : "the kernel cannot do this or ");
}

/* Bring a port back to what it had: range first, it may clear the enables. */
static bool roll_back(struct cxl_host *host, struct exec_port *p, struct messages *messages)
{
	struct err failed;

	read_after(host, p);
	for (size_t i = 0; i < N_ISO_FIELDS; i++) {
		enum iso_field field = plan_order[i];
		struct plan_step undo;

		if (p->plan.before.v[field] < 0 || iso_is_reserved(field, p->plan.before.v[field]) ||
		    plan_step_init(p->rp, field, p->plan.before.v[field], &host->arena, &undo))
			continue;
		if (run_step(host, p, &undo, messages, &failed))
			message_add(messages, SEV_ERROR, "ROLLBACK", p->rp->name, "%s", failed.text);
		for (size_t k = 0; undo.state == STEP_DONE && k < p->plan.n; k++)
			if (p->plan.steps[k].field == field && p->plan.steps[k].state == STEP_DONE)
				p->plan.steps[k].state = STEP_UNDONE;
	}
	/* what cannot be read now is not known to be back */
	for (int f = 0; f < N_ISO_FIELDS; f++)
		if (p->plan.before.v[f] >= 0 && p->after.v[f] != p->plan.before.v[f])
			return false;
	return true;
}

/* After a failure: every port that was touched. */
static void roll_back_all(struct cxl_host *host, struct exec_port *ports, size_t n, struct messages *messages)
{
	char is[256];

	for (size_t i = n; i-- > 0;) {
		struct exec_port *p = &ports[i];

		if (!p->changed)
			continue;
		if (roll_back(host, p, messages)) {
			p->outcome = EXEC_ROLLED_BACK;
			continue;
		}
		p->outcome = EXEC_LEFT;
		message_add(messages, SEV_ERROR, "ROLLBACK", p->rp->name,
			    "%s could not be brought back to what it had; it now has %s; look at it with 'cxl list --isolation %s'",
			    p->rp->name, plan_control_text(&p->plan, &p->after, is, sizeof(is)), p->rp->name);
	}
}

int exec_plans(struct cxl_host *host, struct exec_port *ports, size_t n, struct messages *messages,
	       struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		ports[i].outcome = EXEC_NOT_TRIED;
	for (size_t i = 0; !rc && i < n; i++) {
		rc = check_before(host, &ports[i], err);
		if (rc)
			ports[i].outcome = EXEC_UNCHANGED;
		if (rc)
			err_target(err, ports[i].rp->name);
	}
	for (size_t i = 0; !rc && i < n; i++) {
		rc = run_port(host, &ports[i], messages, err);
		ports[i].outcome = rc ? EXEC_UNCHANGED : EXEC_DONE;
		if (rc)
			err_target(err, ports[i].rp->name);
	}
	if (rc)
		roll_back_all(host, ports, n, messages);
	return rc;
}
