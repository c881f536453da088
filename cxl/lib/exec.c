// SPDX-License-Identifier: GPL-2.0-only
/*
 * Execution of plans: see exec.h.
 *
 * After each write all three attributes are read back.  A write that changed
 * more than it should (posted v1) is said and put right by the steps that
 * follow; what counts is the state at the end.
 */
#include "cxl/lib/exec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "isolation on, timeout off, range B2" into @buf, which is returned. */
static const char *control_text(const struct iso_control *c, char *buf, size_t size)
{
	static const char *const tri[] = { [TRI_NO] = "off", [TRI_YES] = "on" };
	const struct timeout_range *r = c->range < 0 ? NULL : timeout_by_value((unsigned int)c->range);

	snprintf(buf, size, "isolation %s, timeout %s, range %s",
		 c->isolation == TRI_UNKNOWN ? "unknown" : tri[c->isolation],
		 c->timeout == TRI_UNKNOWN ? "unknown" : tri[c->timeout], r ? r->name : "unknown");
	return buf;
}

static void read_after(struct cxl_host *host, struct exec_port *p)
{
	struct iso_kernel k;

	iso_kernel_read_control(host, p->rp, &k);
	p->after = k.control;
}

/* Somebody else changed the port since it was read: the checks no longer hold. */
static int check_before(struct cxl_host *host, struct exec_port *p, struct err *err)
{
	char was[80], is[80];

	read_after(host, p);
	if (iso_control_equal(&p->after, &p->plan.before))
		return 0;
	return err_set(err, EXIT_REFUSED, EAGAIN,
		       "%s changed while the command was running (%s before, %s now), so nothing was written; run the command again",
		       p->rp->name, control_text(&p->plan.before, was, sizeof(was)), control_text(&p->after, is, sizeof(is)));
}

static int write_failed(const struct exec_port *p, const struct plan_step *step, int errnum, struct err *err)
{
	enum exit_status status = errnum == EACCES || errnum == EPERM ? EXIT_PREREQ :
		errnum == ETIMEDOUT ? EXIT_TIMEDOUT : EXIT_REFUSED;
	char is[80];

	control_text(&p->after, is, sizeof(is));
	if (status == EXIT_TIMEDOUT)
		return err_set(err, status, errnum, "the kernel gave up on %s in /%s: the root port stayed busy (RP Busy) with what was under way; %s has %s; wait until nothing uses the memory and run the command again",
			       step->text, step->path, p->rp->name, is);
	if (status == EXIT_PREREQ && geteuid())
		return err_set(err, status, errnum, "writing %s to /%s needs root (%s); %s has %s; run the command as root",
			       step->text, step->path, strerror(errnum), p->rp->name, is);
	return err_set(err, status, errnum, "the kernel refused %s in /%s: %s; %s has %s; %s",
		       step->text, step->path, strerror(errnum), p->rp->name, is, status == EXIT_PREREQ ?
		       "a security policy of this system forbids it: see the kernel log" :
		       "see the kernel log for why, then run the command again");
}

/* What the write did not do, and what it did beside. */
static void note_side_effects(const struct exec_port *p, const struct plan_step *step,
			      const struct iso_control *before, struct messages *messages)
{
	static const char *const names[N_FIELDS] = {
		[FIELD_RANGE] = "the timeout range", [FIELD_TIMEOUT] = "the timeout enable",
		[FIELD_ISOLATION] = "the isolation enable",
	};
	const char *attr = strrchr(step->path, '/') + 1, *name = p->rp->name;
	int now = control_field(&p->after, step->field);
	char others[160] = "";

	if (step->when == STEP_IF_STUCK) {
		if (p->after.isolation == p->plan.goal.isolation)
			message_add(messages, SEV_WARNING, "READ-BACK", name,
				    "%s: isolation is %s now: on this kernel writing %s to %s clears the whole control register; what is known of the rest is put back",
				    name, p->after.isolation == TRI_YES ? "on" : "off", step->text, attr);
		return;
	}
	if (now < 0)
		message_add(messages, SEV_WARNING, "READ-BACK", name,
			    "%s: the kernel accepted %s in %s, but %s cannot be read back", name, step->text, attr, names[step->field]);
	else if (now != step->value)
		message_add(messages, SEV_WARNING, "READ-BACK", name,
			    "%s: the kernel accepted %s in %s, but %s still reads %d: %s",
			    name, step->text, attr, names[step->field], now, p->rp->iso.kernel.posted_v1 ?
			    "a defect of the posted v1 kernel, or firmware kept control" : "firmware kept control");
	for (int f = 0; f < N_FIELDS; f++) {
		int was = control_field(before, (enum step_field)f), is = control_field(&p->after, (enum step_field)f);
		size_t n = strlen(others);

		if (f != (int)step->field && was != is && is >= 0)
			snprintf(others + n, sizeof(others) - n, "%s%s (from %d to %d)", n ? " and " : "", names[f], was, is);
	}
	if (*others)
		message_add(messages, SEV_WARNING, "READ-BACK", name,
			    "%s: writing %s to %s also changed %s, as the posted v1 kernel does; what is known of it is put back",
			    name, step->text, attr, others);
}

static int run_step(struct cxl_host *host, struct exec_port *p, struct plan_step *step,
		    struct messages *messages, struct err *err)
{
	struct iso_control before = p->after;
	int rc;

	if (step->when == STEP_IF_STUCK ? p->after.isolation == p->plan.goal.isolation :
	    control_field(&p->after, step->field) == step->value) {
		step->state = STEP_SKIPPED;
		return 0;
	}
	rc = sysfs_write(&host->fs, step->path, step->text);
	read_after(host, p);
	p->changed |= !iso_control_equal(&before, &p->after);
	if (rc) {
		step->state = STEP_FAILED;
		return write_failed(p, step, -rc, err);
	}
	p->changed = true;
	note_side_effects(p, step, &before, messages);
	step->state = control_field(&p->after, step->field) == step->value ? STEP_DONE : STEP_FAILED;
	return 0;
}

static int run_port(struct cxl_host *host, struct exec_port *p, struct messages *messages, struct err *err)
{
	char want[80], is[80];

	for (size_t i = 0; i < p->plan.n; i++) {
		int rc = run_step(host, p, &p->plan.steps[i], messages, err);

		if (rc)
			return rc;
	}
	if (iso_control_equal(&p->after, &p->plan.goal))
		return 0;
	return err_set(err, EXIT_REFUSED, EIO,
		       "%s did not take the change: asked for %s, it now has %s; the kernel cannot do this or firmware kept control of it ('cxl explain ISO-FW-OWNED')",
		       p->rp->name, control_text(&p->plan.goal, want, sizeof(want)), control_text(&p->after, is, sizeof(is)));
}

/* Bring a port back to what it had: range first, it may clear the enables. */
static bool roll_back(struct cxl_host *host, struct exec_port *p, struct messages *messages)
{
	static const enum step_field order[] = { FIELD_RANGE, FIELD_TIMEOUT, FIELD_ISOLATION };
	struct err failed;

	read_after(host, p);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		struct plan_step undo = {
			.rp = p->rp, .field = order[i], .value = control_field(&p->plan.before, order[i]),
			.path = plan_field_path(p->rp, order[i], &host->arena), .when = STEP_IF_NEEDED,
		};

		if (undo.value < 0 || !undo.path)
			continue;
		snprintf(undo.text, sizeof(undo.text), "%d", undo.value);
		if (run_step(host, p, &undo, messages, &failed))
			message_add(messages, SEV_ERROR, "ROLLBACK", p->rp->name, "%s", failed.text);
		for (size_t k = 0; undo.state == STEP_DONE && k < p->plan.n; k++)
			if (p->plan.steps[k].field == order[i] && p->plan.steps[k].state == STEP_DONE)
				p->plan.steps[k].state = STEP_UNDONE;
	}
	/* what cannot be read now is not known to be back */
	for (int f = 0; f < N_FIELDS; f++)
		if (control_field(&p->plan.before, (enum step_field)f) >= 0 &&
		    control_field(&p->after, (enum step_field)f) != control_field(&p->plan.before, (enum step_field)f))
			return false;
	return true;
}

/* After a failure: every port that was touched. */
static void roll_back_all(struct cxl_host *host, struct exec_port *ports, size_t n, struct messages *messages)
{
	char is[80];

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
			    p->rp->name, control_text(&p->after, is, sizeof(is)), p->rp->name);
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
