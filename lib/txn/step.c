// SPDX-License-Identifier: GPL-2.0-only
/* Running steps: see step.h.  What each operation does is in step_ops.c and step_port.c. */
#include "lib/txn/step_run.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/model/host.h"
#include "util/parse.h"
#include "util/stop.h"

enum { APPEAR_US = 1000000 };

const char *const step_state_names[N_STEP_STATES] = {
	[STEP_PLANNED] = "planned", [STEP_DONE] = "done", [STEP_SKIPPED] = "skipped",
	[STEP_FAILED] = "failed", [STEP_UNDONE] = "undone",
};

const char *const step_when_names[N_STEP_WHENS] = {
	[STEP_ALWAYS] = "always", [STEP_IF_NEEDED] = "if-needed", [STEP_IF_STUCK] = "if-stuck",
};

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
		snprintf(run->is, sizeof(run->is), STEP_UNREADABLE " (%s)", name ? name : "unknown error");
}

static bool is_as(const struct step_run *run, const char *expected)
{
	return *expected && step_text_equal(run->is, expected);
}

/* Is what @step should bring about so, as was read last? */
static bool is_so(struct step_run *run, const struct step *step)
{
	return step->op->judge ? step->op->judge->is_so(run, step) : is_as(run, step->expect_after);
}

bool step_is_to_stop(struct step_run *run)
{
	return run->is_stopped && run->is_stopped(run);
}

bool step_is_stopped(struct step_run *run)
{
	(void)run;
	return stop_is_requested();
}

typedef void (*again_fn)(struct step_run *run, const struct step *step);

/* Look until it is as @expected, at most @timeout_us; @again helps, see step_op. */
static bool look_for(struct step_run *run, const struct step *step, const char *expected,
		     uint64_t timeout_us, again_fn again)
{
	uint64_t start = clock_now_us(), wait = 0;

	for (unsigned int looks = 1;; looks++) {
		look(run, step);
		if (!step->op->read || !*expected || is_as(run, expected))
			return true;
		/* where nothing was done nothing has to be finished */
		if (clock_now_us() - start >= timeout_us ||
		    (!step->op->run && step_is_to_stop(run)))
			return false;
		step_pause(&wait);
		if (again && looks >= step->op->patience && !(looks & (looks - 1)))
			again(run, step);
	}
}

/*
 * How long to look for what run() did.  What was interrupted or cut short may have been
 * done all the same; a probe that was deferred is EAGAIN to whoever bound (drivers/base/dd.c),
 * and tried again by the kernel.  What has only just appeared may not be known to its bus
 * (ENODEV), nor its port to the CXL core (ENXIO), for a moment.
 */
static uint64_t time_to_look(const struct step *step, int rc)
{
	if (!rc || rc == -EAGAIN)
		return step->timeout_us;
	if ((!step->op->again && !step->op->undo) || (rc != -ENODEV && rc != -ENXIO))
		return 0;
	return step->timeout_us < APPEAR_US ? step->timeout_us : APPEAR_US;
}

/* --- one step --------------------------------------------------------------- */

static int failed(struct step_run *run, const struct step *step, enum exit_status status,
		  int errnum, const char *what, struct err *err)
{
	char advice[500] = "", read[640] = "";
	/* where the rest is done without it nothing has to be typed */
	bool advises = run->advice && !step->op->is_optional;

	run->steps[run->at].state = STEP_FAILED;
	run->errnum = errnum;
	if (step->op->read && *step->expect_after && *run->is)
		snprintf(read, sizeof(read), "; /%.200s: expected %.120s, it is %.120s", step->path, step->expect_after, run->is);
	return err_set(err, status, errnum, "step %zu of %zu (%s) failed: %s%s%s%s", run->at + 1, run->n,
		       step->title, what, read, advises ? "; " : "",
		       advises ? run->advice(run, advice, sizeof(advice)) : "");
}

enum exit_status step_status_of(int errnum)
{
	return errnum == EACCES || errnum == EPERM ? EXIT_PREREQ :
	       errnum == ETIMEDOUT ? EXIT_TIMEDOUT : EXIT_REFUSED;
}

static int write_failed(struct step_run *run, const struct step *step, int errnum, struct err *err)
{
	enum exit_status status = step_status_of(errnum);
	char what[600];

	if (status == EXIT_PREREQ && geteuid())
		snprintf(what, sizeof(what), "%s in /%.300s needs root (%s)", *step->value ? step->value : "access", step->path,
			 err_text(errnum));
	else if (step->op->explain && (errnum == EIO || errnum == EBUSY))
		step->op->explain(step, what, sizeof(what));
	else
		snprintf(what, sizeof(what), "the kernel refused %s%s/%.300s: %s", *step->value ? step->value : "",
			 *step->value ? " in " : "", step->path, err_text(errnum));
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
static int wait_timed_out(struct step_run *run, const struct step *step, struct err *err)
{
	char what[400] = "what was waited for did not come about in time";

	if (step->op->explain)
		step->op->explain(step, what, sizeof(what));
	if (step->op->is_for_others)
		return failed(run, step, EXIT_RESUMABLE, EINTR, what, err);
	return step_is_to_stop(run) ? stopped(run, "in", err) : failed(run, step, EXIT_TIMEDOUT, ETIMEDOUT, what, err);
}

static int carry_out(struct step_run *run, const struct step *step, struct err *err)
{
	struct err why = { 0 };
	int rc;
	bool so;
	char what[400];

	run->steps[run->at].tried = true;
	rc = step->op->run ? step->op->run(run, step, &why) : 0;
	run->changed |= step->op->run && !step->op->is_no_change;
	if (rc && *why.text) {
		*run->is = '\0';	/* it says itself what is there */
		return failed(run, step, why.status, -rc, why.text, err);
	}
	so = look_for(run, step, step->expect_after, time_to_look(step, rc), step->op->again);
	if (rc == -ENOTRECOVERABLE || (rc && !(step->op->read && *step->expect_after && so)))
		return write_failed(run, step, -rc, err);
	if (so || !*step->expect_after)
		return 0;
	if (!step->op->run)
		return wait_timed_out(run, step, err);
	snprintf(what, sizeof(what), "%.80s was accepted, but it did not read back as expected in time", step->value);
	return failed(run, step, EXIT_REFUSED, EIO, what, err);
}

static int fail_for(struct step_run *run, const struct step *step, struct err *err)
{
	const struct err why = *err;

	return failed(run, step, why.status, why.errnum, why.text, err);
}

/* Is @step to be carried out?  Else it is skipped, or has failed: -errno with @err. */
static int is_due(struct step_run *run, const struct step *now, bool *ret, struct err *err)
{
	struct step *s = &run->steps[run->at];
	char what[400];

	*ret = false;
	if (!look_before(run, now)) {
		if (s->when == STEP_IF_NEEDED) {
			s->state = STEP_SKIPPED;
			return 0;
		}
		snprintf(what, sizeof(what), "nothing was written for it, since it is neither as before (%.100s) nor as after", now->expect_before);
		return failed(run, now, EXIT_REFUSED, EAGAIN, what, err);
	}
	if (now->op->run && is_so(run, now)) {
		s->state = STEP_SKIPPED;
		return 0;
	}
	*ret = true;
	return run->begin && run->begin(run, now, err) ? fail_for(run, now, err) : 0;
}

/* The same where the operation judges, see struct step_judge. */
static int try_judged(struct step_run *run, const struct step *now, struct err *err)
{
	const struct step_judge *judge = now->op->judge;
	struct step *s = &run->steps[run->at];
	int rc;

	s->tried = false;
	look(run, now);
	rc = judge->ready(run, now, err);
	if (rc)
		return rc;
	if (judge->is_so(run, now)) {
		s->state = STEP_SKIPPED;
		return judge->settled(run, now, err);
	}
	rc = run->begin ? run->begin(run, now, err) : 0;
	if (rc)
		return rc;
	s->tried = true;
	s->state = STEP_FAILED;
	rc = now->op->run(run, now, err);
	if (rc)
		return rc;
	look(run, now);
	s->state = judge->is_so(run, now) ? STEP_DONE : STEP_FAILED;
	return judge->settled(run, now, err);
}

static int try_step(struct step_run *run, struct err *err)
{
	struct step *s = &run->steps[run->at], now;
	uint64_t start = clock_now_us();
	bool is_due_now;
	int rc;

	if (resolve_step(run, run->at, &now, err))
		return fail_for(run, s, err);
	if (now.op->judge)
		return try_judged(run, &now, err);
	rc = is_due(run, &now, &is_due_now, err);
	if (rc || !is_due_now)
		return rc;
	rc = carry_out(run, &now, err);
	s->took_us = clock_now_us() - start;
	if (!rc)
		s->state = STEP_DONE;
	return rc;
}

static int run_step(struct step_run *run, struct err *err)
{
	const struct step *s = &run->steps[run->at];
	int rc = try_step(run, err);

	if (!rc || !s->op->is_optional || s->state != STEP_FAILED)
		return rc;
	go_on_without(run, err);
	return 0;
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
		if (step_is_to_stop(run))
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
	*ret = now.op->read && is_so(run, &now);
	return 0;
}

/* --- taking back ------------------------------------------------------------ */

static void undo_again(struct step_run *run, const struct step *step)
{
	step->op->undo(run, step);
}

static bool is_word_in(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; (p = strstr(p, word)); p += n)
		if ((p == text || p[-1] == '/') && (!p[n] || p[n] == '/'))
			return true;
	return false;
}

static bool names(const struct step *step, const char *name)
{
	return is_word_in(step->path, name) || is_word_in(step->value, name);
}

/* Is @step about the dax device that hangs?  The region above it cannot go either, nor what was only made in this run. */
static bool is_hung(const struct step_run *run, const struct step *step)
{
	if (!*run->hung)
		return false;
	for (size_t i = 0; run->host && i < run->host->n_dax; i++) {
		const struct cxl_dax *d = &run->host->dax[i];

		if (!strcmp(d->name, run->hung))
			return names(step, d->name) || (d->region && names(step, d->region->name));
	}
	return true;
}

static bool undo_step(struct step_run *run)
{
	struct step *s = &run->steps[run->at], now;
	uint64_t timeout_us;
	struct err err;
	int rc;

	if (!s->undo || resolve_step(run, run->at, &now, &err) || is_hung(run, &now))
		return false;
	look(run, &now);
	if (s->state == STEP_FAILED && is_as(run, now.expect_before))
		return true;	/* it had no effect */
	/* what somebody else has made of it since is not ours to take back */
	if (s->state == STEP_DONE && now.op->read && *now.expect_after &&
	    !is_as(run, now.expect_after)) {
		if (!is_as(run, now.expect_before))
			return false;
		s->state = STEP_UNDONE;
		return true;
	}
	if (now.op->undo) {
		rc = now.op->undo(run, &now);
	} else {
		now.value = now.undo;
		rc = now.op->run ? now.op->run(run, &now, &err) : -EOPNOTSUPP;
	}
	timeout_us = time_to_look(&now, rc);
	if (rc && (!timeout_us || !now.op->read || !*now.expect_before))
		return false;	/* nothing tells that it was done all the same */
	if (*now.expect_before && !look_for(run, &now, now.expect_before, timeout_us,
					    now.op->undo ? undo_again : now.op->again))
		return false;
	s->state = STEP_UNDONE;
	return true;
}

size_t step_undo_all(struct step_run *run)
{
	size_t left = 0;

	for (size_t i = run->n; i-- > 0;) {
		/* a step that failed may have done its work all the same, unless nothing was written for it */
		if (run->steps[i].state != STEP_DONE &&
		    (run->steps[i].state != STEP_FAILED || !run->steps[i].tried))
			continue;
		run->at = i;
		if (!run->steps[i].op->run && run->steps[i].state == STEP_DONE)
			continue;	/* it only waited */
		if (run->steps[i].op->is_no_change)
			continue;
		if (!undo_step(run) && run->steps[i].state == STEP_DONE)
			left++;
		if (run->end)
			run->end(run);
	}
	return left;
}
