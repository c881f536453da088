// SPDX-License-Identifier: GPL-2.0-only
/* Running steps: see step.h.  What each operation does is in step_ops.c and step_port.c. */
#include "cxl/lib/change/step.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util/parse.h"

const char *const step_state_names[N_STEP_STATES] = {
	[STEP_PLANNED] = "planned", [STEP_DONE] = "done", [STEP_SKIPPED] = "skipped",
	[STEP_FAILED] = "failed", [STEP_UNDONE] = "undone",
};

const char *const step_when_names[N_STEP_WHENS] = {
	[STEP_ALWAYS] = "always", [STEP_IF_NEEDED] = "if-needed", [STEP_IF_STUCK] = "if-stuck",
};

const struct step_op *step_op_by_name(const char *name)
{
	const struct step_op *const *const tables[] = { step_ops, step_port_ops };

	for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++)
		for (const struct step_op *const *op = tables[t]; *op; op++)
			if (!strcmp((*op)->name, name))
				return *op;
	return NULL;
}

uint64_t step_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* 1 ms at first, then twice as long each time, 100 ms at most. */
void step_pause(uint64_t *wait_us)
{
	struct timespec t;

	*wait_us = *wait_us ? 2 * *wait_us : 1000;
	if (*wait_us > 100000)
		*wait_us = 100000;
	t = (struct timespec){ .tv_nsec = (long)(*wait_us * 1000) };
	nanosleep(&t, NULL);
}

bool step_text_equal(const char *a, const char *b)
{
	uint64_t x, y;

	return !strcmp(a, b) || (!parse_u64(a, &x) && !parse_u64(b, &y) && x == y);
}

/* --- names ------------------------------------------------------------------ */

static int too_long(const char *text, struct err *err)
{
	return err_set(err, EXIT_REFUSED, ENAMETOOLONG, "a name in '%.200s' is too long", text);
}

int step_resolve(struct step_run *run, const char *text, char *buf, size_t size, struct err *err)
{
	size_t n = 0;

	for (const char *p = text; *p;) {
		size_t plain = strcspn(p, "{"), len = strcspn(p + plain, "}");
		char name[128];
		int rc;

		if (n + plain >= size)
			return too_long(text, err);
		memcpy(buf + n, p, plain);
		n += plain;
		p += plain;
		if (!*p)
			break;
		if (!p[len] || len >= sizeof(name))
			return too_long(text, err);
		memcpy(name, p + 1, len - 1);
		name[len - 1] = '\0';
		rc = run->resolve ? run->resolve(run, name, buf + n, size - n, err) :
			err_set(err, EXIT_REFUSED, ENOENT, "nothing is known as '%s'", name);
		if (rc)
			return rc;
		n += strlen(buf + n);
		p += len + 1;
	}
	buf[n] = '\0';
	return 0;
}

/* steps[i] with its texts as they are now; they live in @run. */
static int resolve_step(struct step_run *run, size_t i, struct step *ret, struct err *err)
{
	const struct step *s = &run->steps[i];
	int rc;

	*ret = *s;
	ret->path = run->path;
	ret->value = run->value;
	ret->expect_before = run->before;
	ret->expect_after = run->after;
	run->is[0] = '\0';
	rc = step_resolve(run, s->path, run->path, sizeof(run->path), err);
	rc = rc ? rc : step_resolve(run, s->value, run->value, sizeof(run->value), err);
	rc = rc ? rc : step_resolve(run, s->expect_before ? s->expect_before : "", run->before, sizeof(run->before), err);
	return rc ? rc : step_resolve(run, s->expect_after, run->after, sizeof(run->after), err);
}

/* --- looking ---------------------------------------------------------------- */

/* What is there, into run->is: also why it cannot be read. */
static void look(struct step_run *run, const struct step *step)
{
	int rc = step->op->read ? step->op->read(run, step, run->is, sizeof(run->is)) : 0;
	const char *name = rc ? strerrorname_np(-rc) : NULL;

	if (!step->op->read)
		run->is[0] = '\0';
	else if (rc == -ENOENT)
		snprintf(run->is, sizeof(run->is), STEP_ABSENT);
	else if (rc)
		snprintf(run->is, sizeof(run->is), "unreadable (%s)", name ? name : "unknown error");
}

static bool is_as(const struct step_run *run, const char *expected)
{
	return *expected && step_text_equal(run->is, expected);
}

static bool is_to_stop(struct step_run *run)
{
	return run->is_stopped && run->is_stopped(run);
}

/* Look until it is as @expected, at most @timeout_us. */
static bool look_for(struct step_run *run, const struct step *step, const char *expected, uint64_t timeout_us)
{
	uint64_t start = step_now_us(), wait = 0;

	for (;;) {
		look(run, step);
		if (!step->op->read || !*expected || is_as(run, expected))
			return true;
		/* where nothing was done nothing has to be finished */
		if (step_now_us() - start >= timeout_us || (!step->op->run && is_to_stop(run)))
			return false;
		step_pause(&wait);
	}
}

/* --- one step --------------------------------------------------------------- */

static int failed(struct step_run *run, const struct step *step, enum exit_status status, int errnum,
		  const char *what, struct err *err)
{
	char advice[500] = "", read[640] = "";

	run->steps[run->at].state = STEP_FAILED;
	run->errnum = errnum;
	if (step->op->read && *step->expect_after && *run->is)
		snprintf(read, sizeof(read), "; /%.200s: expected %.120s, it is %.120s", step->path, step->expect_after, run->is);
	return err_set(err, status, errnum, "step %zu of %zu (%s) failed: %s%s%s%s", run->at + 1, run->n,
		       step->title, what, read, run->advice ? "; " : "",
		       run->advice ? run->advice(run, advice, sizeof(advice)) : "");
}

static enum exit_status status_of(int errnum)
{
	return errnum == EACCES || errnum == EPERM ? EXIT_PREREQ :
	       errnum == ETIMEDOUT ? EXIT_TIMEDOUT : EXIT_REFUSED;
}

static int write_failed(struct step_run *run, const struct step *step, int errnum, struct err *err)
{
	enum exit_status status = status_of(errnum);
	char what[600];

	if (status == EXIT_PREREQ && geteuid())
		snprintf(what, sizeof(what), "%s in /%.300s needs root (%s)", *step->value ? step->value : "access", step->path,
			 strerror(errnum));
	else if (step->op->explain && (errnum == EIO || errnum == EBUSY))
		step->op->explain(step, what, sizeof(what));
	else
		snprintf(what, sizeof(what), "the kernel refused %s%s/%.300s: %s", *step->value ? step->value : "",
			 *step->value ? " in " : "", step->path, strerror(errnum));
	return failed(run, step, status, errnum, what, err);
}

/* Before anything is done: is what the plan was made for still there? */
static bool look_before(struct step_run *run, const struct step *step)
{
	/* a reader that was interrupted looks again */
	for (int i = 0; i < 3; i++) {
		uint64_t wait = 0;

		look(run, step);
		if (!step->op->read || is_as(run, step->expect_after) || !*step->expect_before ||
		    is_as(run, step->expect_before))
			return true;
		step_pause(&wait);
	}
	return false;
}

static void go_on_without(struct step_run *run, const struct err *err)
{
	if (run->messages)
		message_add(run->messages, SEV_WARNING, "STEP", NULL, "%s; the rest is done without it", err->text);
	run->steps[run->at].state = STEP_SKIPPED;
}

static int stopped(struct step_run *run, const char *when, struct err *err)
{
	char advice[500] = "";

	run->errnum = EINTR;
	return err_set(err, EXIT_RESUMABLE, EINTR, "stopped %s step %zu of %zu (%s); %s", when, run->at + 1, run->n,
		       run->steps[run->at].title,
		       run->advice ? run->advice(run, advice, sizeof(advice)) : "what was begun was finished");
}

/* Nothing was done, and what was waited for is not there. */
static int waited_in_vain(struct step_run *run, const struct step *step, struct err *err)
{
	char what[400] = "what was waited for did not come about in time";

	if (step->op->explain)
		step->op->explain(step, what, sizeof(what));
	if (step->op->is_for_others)
		return failed(run, step, EXIT_RESUMABLE, EINTR, what, err);
	return is_to_stop(run) ? stopped(run, "in", err) : failed(run, step, EXIT_TIMEDOUT, ETIMEDOUT, what, err);
}

static int carry_out(struct step_run *run, const struct step *step, struct err *err)
{
	int rc;
	bool so;
	char what[400];

	run->steps[run->at].tried = true;
	rc = step->op->run ? step->op->run(run, step) : 0;
	/* what was interrupted or cut short may have been done all the same; a probe that was
	 * deferred is EAGAIN to whoever bound (drivers/base/dd.c), and tried again by the kernel */
	so = look_for(run, step, step->expect_after, rc && rc != -EAGAIN ? 0 : step->timeout_us);
	run->changed |= step->op->run != NULL;
	if (rc && !(step->op->read && *step->expect_after && so))
		return write_failed(run, step, -rc, err);
	if (so || !*step->expect_after)
		return 0;
	if (!step->op->run)
		return waited_in_vain(run, step, err);
	snprintf(what, sizeof(what), "%.80s was accepted, but it did not read back as expected in time", step->value);
	return failed(run, step, EXIT_REFUSED, EIO, what, err);
}

static int run_step(struct step_run *run, struct err *err)
{
	struct step *s = &run->steps[run->at], now;
	uint64_t start = step_now_us();
	int rc = resolve_step(run, run->at, &now, err);
	bool expected;

	if (rc) {
		const struct err why = *err;

		return failed(run, s, why.status, why.errnum, why.text, err);
	}
	expected = look_before(run, &now);
	if (!expected && s->when == STEP_IF_NEEDED) {
		s->state = STEP_SKIPPED;
		return 0;
	}
	if (!expected) {
		char what[400];

		snprintf(what, sizeof(what), "nothing was written for it, since it is neither as before (%.100s) nor as after", now.expect_before);
		return failed(run, &now, EXIT_REFUSED, EAGAIN, what, err);
	}
	if (now.op->run && is_as(run, now.expect_after)) {
		s->state = STEP_SKIPPED;
		return 0;
	}
	if (run->begin && run->begin(run, &now, err)) {
		const struct err why = *err;

		return failed(run, &now, why.status, why.errnum, why.text, err);
	}
	rc = carry_out(run, &now, err);
	s->took_us = step_now_us() - start;
	if (!rc)
		s->state = STEP_DONE;
	else if (now.op->is_optional && s->state == STEP_FAILED) {
		go_on_without(run, err);
		rc = 0;
	}
	return rc;
}

static bool is_finished(const struct step *s)
{
	return s->state == STEP_DONE || s->state == STEP_SKIPPED;
}

int step_run_all(struct step_run *run, struct err *err)
{
	for (run->at = 0; run->at < run->n; run->at++) {
		int rc;

		if (is_finished(&run->steps[run->at]))
			continue;
		if (is_to_stop(run))
			return stopped(run, "before", err);
		rc = run_step(run, err);
		if (run->end)
			run->end(run);
		if (rc)
			return rc;
	}
	return 0;
}

int step_is_so(struct step_run *run, size_t i, bool *ret, struct err *err)
{
	struct step now;
	int rc = resolve_step(run, i, &now, err);

	if (rc)
		return rc;
	look(run, &now);
	*ret = now.op->read && is_as(run, now.expect_after);
	return 0;
}

/* --- taking back ------------------------------------------------------------ */

static bool undo_step(struct step_run *run)
{
	struct step *s = &run->steps[run->at], now;
	struct err err;

	if (!s->undo || resolve_step(run, run->at, &now, &err))
		return false;
	look(run, &now);
	if (s->state == STEP_FAILED && is_as(run, now.expect_before))
		return true;	/* it had no effect */
	if (now.op->undo) {
		if (now.op->undo(run, &now))
			return false;
	} else {
		now.value = now.undo;
		if (!now.op->run || now.op->run(run, &now))
			return false;
	}
	if (*now.expect_before && !look_for(run, &now, now.expect_before, s->timeout_us))
		return false;
	s->state = STEP_UNDONE;
	return true;
}

size_t step_undo_all(struct step_run *run)
{
	size_t left = 0;

	for (size_t i = run->n; i-- > 0;) {
		/* a step that failed may have done its work all the same, unless nothing was written for it */
		if (run->steps[i].state != STEP_DONE && (run->steps[i].state != STEP_FAILED || !run->steps[i].tried))
			continue;
		run->at = i;
		if (!run->steps[i].op->run && run->steps[i].state == STEP_DONE)
			continue;	/* it only waited */
		if (!undo_step(run) && run->steps[i].state == STEP_DONE)
			left++;
		if (run->end)
			run->end(run);
	}
	return left;
}
