// SPDX-License-Identifier: GPL-2.0-only
/* Steps on the isolation settings of a root port: see setting_step.h. */
#include "lib/txn/setting_step.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/model/timeout.h"

/* --- as text ---------------------------------------------------------------- */

const char *setting_value_text(enum iso_field field, int value)
{
	if (value < 0)
		return "unknown";
	if (!iso_fields[field].is_range)
		return value ? "on" : "off";
	return iso_is_reserved(field, value) ? "reserved" : timeout_by_value((unsigned int)value)->name;
}

const char *setting_control_text(unsigned int shown, const struct iso_control *c, char *buf,
				 size_t size)
{
	static const enum iso_field order[N_ISO_FIELDS] = {
		ISO_MEM_ISOLATION,   ISO_MEM_TIMEOUT,	ISO_MEM_RANGE,	 ISO_MEM_LINK_DOWN,
		ISO_CACHE_ISOLATION, ISO_CACHE_TIMEOUT, ISO_CACHE_RANGE, ISO_CACHE_LINK_DOWN,
		ISO_ERR_COR,	     ISO_INTERRUPT,
	};
	size_t n = 0;

	*buf = '\0';
	for (size_t i = 0; i < N_ISO_FIELDS && n < size; i++)
		if (shown & 1u << order[i])
			n += (size_t)snprintf(buf + n, size - n, "%s%s %s", n ? ", " : "", iso_fields[order[i]].label,
					      setting_value_text(order[i], c->v[order[i]]));
	return buf;
}

static const char *text_after(const struct setting_run *run, char *buf, size_t size)
{
	return setting_control_text(run->shown, &run->after, buf, size);
}

/* --- looking ---------------------------------------------------------------- */

void setting_read(const struct cxl_host *host, struct setting_run *run)
{
	run->after = iso_settings_read(host, run->rp, run->registers);
}

/* Before a step what is there is compared with what was left, after it that is what is left. */
static int read_settings(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	struct setting_run *s = run->data;

	(void)step;
	snprintf(buf, size, "-");
	if (run->steps[run->at].tried) {
		setting_read(run->host, s);
		return 0;
	}
	s->now = s->is_fresh || s->is_way_back ? s->after
					       : iso_settings_read(run->host, s->rp, s->registers);
	s->is_fresh = false;
	return 0;
}

int setting_check_unchanged(const struct setting_run *run, struct err *err)
{
	const char *name = run->rp->name;
	char was[256], is[256];

	if (iso_control_equal(&run->now, &run->after))
		return 0;
	for (int f = 0; f < N_ISO_FIELDS; f++)
		if (run->now.v[f] < 0 && run->after.v[f] >= 0)
			return err_set(err, EXIT_REFUSED, EIO,
				       "%s of %s could be read before and cannot now; see 'cxl list --isolation %s' and the kernel log",
				       iso_fields[f].name, name, name);
	return err_set(err, EXIT_REFUSED, EAGAIN,
		       "%s changed while the command was running (%s before, %s now); run the command again", name,
		       text_after(run, was, sizeof(was)),
		       setting_control_text(run->shown, &run->now, is, sizeof(is)));
}

static int is_ready(struct step_run *run, const struct step *step, struct err *err)
{
	(void)step;
	return setting_check_unchanged(run->data, err);
}

/* Is isolation not as it shall be, in spite of the write that should do it? */
static bool is_stuck(const struct setting_run *run)
{
	return run->after.v[ISO_MEM_ISOLATION] != run->goal.v[ISO_MEM_ISOLATION];
}

/* A way around a defect is needed only while what it works around is there. */
static bool is_so(struct step_run *run, const struct step *step)
{
	const struct setting_run *s = run->data;
	const struct setting *set = setting_of(step);

	if (step->when == STEP_IF_STUCK && !run->steps[run->at].tried)
		return !is_stuck(s);
	return s->after.v[set->field] == set->value;
}

/* --- writing ---------------------------------------------------------------- */

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

static const char *refusal_text(const struct setting *set, int errnum)
{
	size_t i = 0;

	if (!set->by_register && errnum == set->backend->range_refused &&
	    iso_fields[set->field].is_range)
		return "the port does not support this range, or the kernel does not: try another";
	while (refusals[i].by_register != set->by_register ||
	       (refusals[i].errnum && refusals[i].errnum != errnum))
		i++;
	return refusals[i].text;
}

static int write_failed(const struct setting_run *run, const struct step *step, int errnum,
			struct err *err)
{
	enum exit_status status = step_status_of(errnum);
	const char *name = run->rp->name;
	char is[256];

	text_after(run, is, sizeof(is));
	if (status == EXIT_TIMEDOUT)
		return err_set(err, status, errnum, "the kernel gave up on %s in /%s: the root port stayed busy (RP Busy) with what was under way; %s has %s; wait until nothing uses the memory, then try again",
			       step->value, step->path, name, is);
	if (status == EXIT_PREREQ && geteuid())
		return err_set(err, status, errnum, "writing %s to /%s needs root (%s); %s has %s; run the command as root",
			       step->value, step->path, err_text(errnum), name, is);
	return err_set(err, status, errnum, "%s %s in /%s: %s; %s has %s; %s",
		       setting_of(step)->by_register ? "could not write" : "the kernel refused", step->value, step->path, err_text(errnum),
		       name, is, refusal_text(setting_of(step), errnum));
}

static int write_setting(struct step_run *run, const struct step *step, struct err *err)
{
	struct setting_run *s = run->data;
	const struct setting *set = setting_of(step);
	int rc = set->backend->write(run->host, set->rp, set->field, set->value);

	s->changed |= !rc;
	if (!rc)
		return 0;
	s->now = s->after;
	setting_read(run->host, s);
	s->changed |= !iso_control_equal(&s->now, &s->after);
	return write_failed(s, step, -rc, err);
}

/* --- what came of it -------------------------------------------------------- */

/* Some kernels, and a write to a register, change more than is asked for: else others did. */
static bool may_change_more(const struct setting_run *run, const struct setting *set)
{
	return iso_has_quirk(&run->rp->iso, ISO_QUIRK_CLEARS_OTHERS) || set->by_register;
}

/* What the write did not do. */
static void report_not_taken(struct step_run *run, const struct step *step)
{
	const struct setting_run *s = run->data;
	const struct setting *set = setting_of(step);
	const char *name = s->rp->name, *attr = strrchr(step->path, '/') + 1,
		   *what = iso_fields[set->field].name,
		   *kernel = iso_kernel_backend(s->rp)->title;
	bool is_defective = !set->by_register &&
			    iso_has_quirk(&s->rp->iso, ISO_QUIRK_CLEARS_OTHERS);
	int now = s->after.v[set->field];

	if (now < 0)
		message_add(run->messages, SEV_WARNING, "READ-BACK", name,
			    "%s: %s was accepted in %s, but %s cannot be read back", name, step->value, attr, what);
	else if (now != set->value)
		message_add(run->messages, SEV_WARNING, "READ-BACK", name,
			    "%s: %s was accepted in %s, but %s still reads %d: %s%s%sfirmware kept control",
			    name, step->value, attr, what, now, is_defective ? "a defect of the " : "",
			    is_defective ? kernel : "", is_defective ? " kernel, or " : "");
}

/* What it did beside. */
static void report_others(struct step_run *run, const struct step *step)
{
	const struct setting_run *s = run->data;
	const struct setting *set = setting_of(step);
	const char *name = s->rp->name, *attr = strrchr(step->path, '/') + 1;
	char others[512] = "";

	for (int f = 0; f < N_ISO_FIELDS; f++) {
		int was = s->now.v[f], is = s->after.v[f];
		size_t n = strlen(others);

		if (f != (int)set->field && was != is && is >= 0 && may_change_more(s, set))
			snprintf(others + n, sizeof(others) - n, "%s%s (from %d to %d)", n ? " and " : "",
				 iso_fields[f].name, was, is);
	}
	if (*others)
		message_add(run->messages, SEV_WARNING, "READ-BACK", name,
			    "%s: writing %s to %s also changed %s, %s%s%s; what is known of it is put back",
			    name, step->value, attr, others, set->by_register ? "which firmware or a driver did" : "as the ",
			    set->by_register ? "" : iso_kernel_backend(s->rp)->title, set->by_register ? "" : " kernel does");
}

static void report_effect(struct step_run *run, const struct step *step)
{
	const struct setting_run *s = run->data;
	const char *name = s->rp->name;

	if (step->when != STEP_IF_STUCK) {
		report_not_taken(run, step);
		report_others(run, step);
	} else if (!is_stuck(s)) {
		message_add(run->messages, SEV_WARNING, "READ-BACK", name,
			    "%s: isolation is %s now: on this kernel writing %s to %s clears the whole control register; what is known of the rest is put back",
			    name, s->after.v[ISO_MEM_ISOLATION] == TRI_YES ? "on" : "off", step->value,
			    strrchr(step->path, '/') + 1);
	}
}

static int check_alone(const struct setting_run *run, const struct step *step, struct err *err)
{
	const struct setting *set = setting_of(step);
	char is[256];

	for (int f = 0; !may_change_more(run, set) && f < N_ISO_FIELDS; f++)
		if (f != (int)set->field && run->now.v[f] != run->after.v[f] &&
		    run->now.v[f] >= 0 && run->after.v[f] >= 0)
			return err_set(err, EXIT_REFUSED, EAGAIN,
				       "somebody else changed %s of %s while %s was written to /%s; it now has %s; run the command again",
				       iso_fields[f].name, run->rp->name, step->value, step->path,
				       text_after(run, is, sizeof(is)));
	return 0;
}

static int check_goal(const struct step_run *run, struct err *err)
{
	const struct setting_run *s = run->data;
	bool all_by_register = true;
	char want[256], is[256];

	if (iso_control_equal(&s->after, &s->goal))
		return 0;
	for (size_t i = 0; i < run->n; i++)
		all_by_register &= setting_of(&run->steps[i])->by_register;
	return err_set(err, EXIT_REFUSED, EIO,
		       "%s did not take the change: asked for %s, it now has %s; %sfirmware kept control of it ('cxl explain ISO-FW-OWNED')",
		       s->rp->name, setting_control_text(s->shown, &s->goal, want, sizeof(want)),
		       text_after(s, is, sizeof(is)),
		       all_by_register ? "the port cannot do this or " : "the kernel cannot do this or ");
}

static int settled(struct step_run *run, const struct step *step, struct err *err)
{
	const struct setting_run *s = run->data;
	int rc = 0;

	if (run->steps[run->at].state != STEP_SKIPPED) {
		report_effect(run, step);
		rc = s->is_way_back ? 0 : check_alone(s, step, err);
	}
	return rc || s->is_way_back || run->at + 1 < run->n ? rc : check_goal(run, err);
}

static const struct step_judge judge = { .ready = is_ready, .is_so = is_so, .settled = settled };

const struct step_op step_attribute = {
	.name = "attribute", .recorded_as = "write", .run = write_setting, .read = read_settings, .judge = &judge,
};
const struct step_op step_register = {
	.name = "register", .run = write_setting, .read = read_settings, .judge = &judge,
};
