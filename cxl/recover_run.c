// SPDX-License-Identifier: GPL-2.0-only
/*
 * Running a recovery: the journal before each step, and what is done when it
 * fails, is stopped, resumed or given up.  See recover.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cxl/lib/change/step_port.h"
#include "cxl/lib/recover/health.h"
#include "cxl/recover.h"
#include "util/reserve.h"
#include "util/state.h"
#include "util/stop.h"

/* More than a plan of 16 regions, its journal and three snapshots take. */
#define RESERVE_BYTES (32u << 20)

#define AUTOPROBE "sys/bus/dax/drivers_autoprobe"

static bool is_stopped(struct step_run *run)
{
	(void)run;
	return stop_is_requested();
}

/* --- journal -------------------------------------------------------------------- */

static int save(struct recover *r, struct err *err)
{
	int rc = journal_write(r->dirfd, &r->journal);

	if (!rc) {
		r->keeps_journal = true;
		return 0;
	}
	return err_set(err, EXIT_REFUSED, -rc, "the journal cannot be written in %.200s: %s", state_path(), strerror(-rc));
}

/* Isolated, with no step ahead that clears it: it was cleared before, or nobody could read that it was. */
static bool is_isolated_again(const struct recover *r)
{
	uint32_t status;

	for (size_t i = 0; i < r->journal.n_steps; i++)
		if (r->journal.steps[i].op == &step_status && r->journal.steps[i].state != STEP_DONE &&
		    r->journal.steps[i].state != STEP_SKIPPED)
			return false;
	return !registers_read_status(r->host, r->rp, &status) && status & ISO_STATUS_ISOLATED;
}

static int on_begin(struct step_run *run, const struct step *step, struct err *err)
{
	struct recover *r = run->data;

	recover_progress_begin(run, r);
	r->journal.is_running = true;
	/* what is written to memory or decoders behind an isolated port is lost */
	if (is_isolated_again(r))
		return err_set(err, EXIT_REFUSED, EIO, "%s became isolated again before '%s'", r->rp->name, step->title);
	return save(r, err);
}

/* Does the journal outlive this run, which ended for @errnum?  When something was
 * done, or the host changed ahead of it, or whoever stopped it may want to go on. */
static bool is_kept(const struct recover *r, int errnum)
{
	return r->keeps_journal && (recover_is_begun(r) || errnum == EAGAIN || errnum == EINTR);
}

/* Where the devices are; *@ret: all that are to be there, if not the same. */
static const char *devices_text(const struct recover *r, char *buf, size_t size, bool *ret_all)
{
	size_t n = recover_count_devices(r), all = 0;

	for (size_t i = 0; i < r->journal.recipe.n_devices; i++)
		all += r->journal.recipe.devices[i].below;
	snprintf(buf, size, "%zu of its %zu devices are there", n, all);
	*ret_all = n && n >= all;
	return !n ? "its devices are removed" : n >= all ? "its devices are there" : buf;
}

static const char *state_text(const struct recover *r)
{
	uint32_t status;

	if (registers_read_status(r->host, r->rp, &status))
		return "whether it is isolated is unknown";
	return status & ISO_STATUS_ISOLATED ? "it is isolated" : "its isolation status is clear";
}

/* Did taking the link down and up fail? */
static bool is_about_link(const struct step *s)
{
	return s->op == &step_link || s->op == &step_config || strstr(s->path, "/reset") || strstr(s->path, "/slots/");
}

/* The state now, and what to type next. */
static const char *way_on(const struct recover *r, char *buf, size_t size)
{
	const struct step *s = r->run.at < r->run.n ? &r->run.steps[r->run.at] : NULL;
	const char *name = r->rp->name, *state = state_text(r), *where;
	char devices[64], another[120] = "";
	bool is_other;

	if (!is_kept(r, r->run.errnum)) {
		snprintf(buf, size, "nothing was changed on %s: %s", name, state);
		return buf;
	}
	where = devices_text(r, devices, sizeof(devices), &is_other);
	is_other &= s && s->op == &step_returned;
	if (is_other)
		snprintf(another, sizeof(another), ", with the other device in its place 'cxl recover-port --resume --accept-replacement %.16s'", name);
	else if (s && is_about_link(s))
		snprintf(another, sizeof(another), " (--link-method= takes the link down in another way)");
	snprintf(buf, size, "%s: %s, %s; go on with 'cxl recover-port --resume %s'%s, or give it up with 'cxl recover-port --abandon %s'",
		 name, state, is_other ? "another device is there" : where, name, another, name);
	return buf;
}

/* Does it start over by itself after that failure, or is it given up? */
static bool is_not_the_end(const struct recover *r)
{
	return is_isolated_again(r) || (r->is_retrying && r->run.errnum != ETIMEDOUT && r->run.errnum != EINTR);
}

static const char *advice(struct step_run *run, char *buf, size_t size)
{
	const struct recover *r = run->data;

	if (!is_not_the_end(r))
		return way_on(r, buf, size);
	snprintf(buf, size, "%s: %s", r->rp->name, state_text(r));
	return buf;
}

/* --- running --------------------------------------------------------------------- */

static void set_up_run(struct recover *r)
{
	struct journal *j = &r->journal;

	r->changed_before |= r->run.changed;
	r->run = (struct step_run){
		.fs = &r->host->fs, .host = r->host, .rp = r->rp, .messages = r->messages, .data = r,
		.resolve = recover_resolve, .begin = on_begin, .end = recover_progress_end, .is_stopped = is_stopped, .advice = advice,
		.steps = j->steps, .n = j->n_steps,
	};
}

/* New dax devices of the whole host have no driver while a region is being made
 * again: not longer than this run, however it ends. */
static void restore_autoprobe(struct recover *r)
{
	struct step *off = NULL;
	char text[16];

	if (r->journal.dax_autoprobe != 1 || sysfs_read(&r->host->fs, AUTOPROBE, text, sizeof(text)) != 1 || *text == '1')
		return;
	if (sysfs_write(&r->host->fs, AUTOPROBE, "1"))
		message_add(r->messages, SEV_WARNING, "AUTOPROBE", NULL,
			    "new dax devices of this host are left without driver; type 'echo 1 > /" AUTOPROBE "'");
	/* to be done again by whoever resumes */
	for (size_t i = 0; i < r->journal.n_steps; i++) {
		struct step *s = &r->journal.steps[i];

		if (strcmp(s->path, AUTOPROBE))
			continue;
		if (!strcmp(s->value, "0"))
			off = s;
		else if (s->state == STEP_DONE || s->state == STEP_SKIPPED)
			off = NULL;
	}
	if (off)
		off->state = STEP_PLANNED;
}

/* What cannot go on says in which state it leaves the port. */
static int left_over(struct recover *r, int rc, struct err *err)
{
	const struct err why = *err;
	char text[500];

	if (!r->rp)
		return err_set(err, why.status, -rc, "%.600s; then go on with 'cxl recover-port --resume %s'", why.text,
			       r->journal.recipe.root_port);
	return err_set(err, why.status, -rc, "%.500s; %s", why.text, way_on(r, text, sizeof(text)));
}

/* From a snapshot of what is there now to a plan with the old recipe. */
static int start_over(struct recover *r, struct err *err)
{
	int rc = recover_read_host(r, err);

	if (!rc && recover_refuse_online(r, err))
		return -EBUSY;	/* there is no other way on than the one it names */
	rc = rc ? rc : recover_refuse_strange(r, err);
	rc = rc ? rc : recover_replan(r, err);
	return rc ? left_over(r, rc, err) : 0;
}

static int run_once(struct recover *r, struct err *err)
{
	int rc;

	set_up_run(r);
	if (!r->keeps_journal && save(r, err)) {
		const struct err why = *err;

		err_set(err, EXIT_PREREQ, why.errnum, "%.400s; nothing was done; make room there, or name another directory in CXL_STATE_DIR",
			why.text);
		return recover_refuse(r, EXIT_PREREQ, "STATE", err);
	}
	rc = step_run_all(&r->run, err);
	restore_autoprobe(r);
	if (rc && r->keeps_journal) {
		struct err failed;

		if (save(r, &failed))
			message_add(r->messages, SEV_ERROR, "JOURNAL", r->rp->name, "%s", failed.text);
	}
	return rc;
}

/* What the rebuilt regions did not get back. */
static void compare_addresses(struct recover *r)
{
	for (size_t i = 0; i < r->journal.recipe.n_regions; i++) {
		const struct recipe_region *region = &r->journal.recipe.regions[i];
		const char *now = recover_name_of(&r->journal, region->name);
		char path[128], text[32];

		if (!now)
			continue;
		snprintf(path, sizeof(path), "sys/bus/cxl/devices/%.60s/resource", now);
		if (sysfs_read(&r->host->fs, path, text, sizeof(text)) < 0)
			continue;
		snprintf(path, sizeof(path), "0x%llx", (unsigned long long)region->address);
		if (!step_text_equal(path, text))
			message_add(r->messages, SEV_INFO, "ADDRESS", now, "%s is at %s now, %s was at %s", now, text, region->name, path);
	}
}

static int finish(struct recover *r, struct err *err)
{
	int rc;

	compare_addresses(r);
	rc = journal_remove(r->dirfd, r->rp->name);
	r->result = RECOVER_DONE;
	r->blocker = NULL;
	if (rc)
		return err_set(err, EXIT_REFUSED, -rc, "%s is recovered, but its journal cannot be removed: %s; remove it with 'rm %.200s/%s" JOURNAL_SUFFIX "'",
			       r->rp->name, strerror(-rc), state_path(), r->rp->name);
	r->keeps_journal = false;
	return 0;
}

/* --- giving up ------------------------------------------------------------------- */

/* Was anything carried out, or may the crash have come in the middle of it? */
static bool is_begun(const struct journal *j)
{
	for (size_t i = 0; i < j->n_steps; i++)
		if (j->steps[i].state == STEP_DONE || j->steps[i].state == STEP_FAILED)
			return true;
	return j->n_steps && j->is_running;
}

static int forget(struct recover *r, const char *now, struct err *err)
{
	int rc = journal_remove(r->dirfd, r->rp->name);

	if (rc)
		return err_set(err, EXIT_REFUSED, -rc, "the journal of %s cannot be removed: %s; remove it with 'rm -r %.200s/%s" JOURNAL_SUFFIX "'",
			       r->rp->name, strerror(-rc), state_path(), r->rp->name);
	r->keeps_journal = false;
	r->result = RECOVER_ABANDONED;
	message_add(r->messages, SEV_INFO, "ABANDONED", r->rp->name, "the recovery of %s was given up: %s", r->rp->name, now);
	return 0;
}

/* Whether that recovery switched it off only its journal could tell. */
static void tell_autoprobe(struct recover *r)
{
	char text[16];

	if (sysfs_read(&r->host->fs, AUTOPROBE, text, sizeof(text)) == 1 && *text == '0')
		message_add(r->messages, SEV_WARNING, "AUTOPROBE", NULL,
			    "new dax devices of this host have no driver, maybe since that recovery; where that is not wanted type 'echo 1 > /" AUTOPROBE "'");
}

static const char *fence_advice(struct step_run *run, char *buf, size_t size)
{
	const struct recover *r = run->data;

	snprintf(buf, size, "%s is not fenced, its journal is kept; try again with 'cxl recover-port --abandon %s', or reboot the host",
		 r->rp->name, r->rp->name);
	return buf;
}

/* What abandon() would do.  Where nothing had been done it only forgets the journal. */
static int plan_to_abandon(struct recover *r, struct err *err)
{
	struct recover_plan plan = { 0 };
	int rc = 0;

	if (!r->is_other_boot && (r->journal_state != JOURNAL_HERE || is_begun(&r->journal)))
		rc = recover_fence(r, &plan, err);
	if (rc)
		return rc;
	r->journal.steps = plan.steps;
	r->journal.n_steps = plan.n;
	r->is_fencing = true;
	r->result = RECOVER_PLANNED;
	return 0;
}

/* No memory of the port can be used: its half made regions go, its devices lose their driver. */
static int abandon(struct recover *r, struct err *err)
{
	struct recover_plan plan;
	int rc = 0;

	if (r->dry_run)
		return plan_to_abandon(r, err);
	if (r->is_other_boot)
		return forget(r, "the host was rebooted since, nothing else was touched", err);
	if (!r->is_planned && r->journal_state == JOURNAL_HERE && !is_begun(&r->journal))
		return forget(r, "nothing had been done", err);
	if (r->is_planned || r->journal_state == JOURNAL_HERE)
		restore_autoprobe(r);
	else
		tell_autoprobe(r);
	if (recover_has_changed(r))
		rc = recover_read_host(r, err);
	rc = rc ? rc : recover_refuse_online(r, err);
	rc = rc ? rc : recover_fence(r, &plan, err);
	if (rc)
		return rc;
	if (!r->is_planned) {
		r->journal.steps = plan.steps;
		r->journal.n_steps = plan.n;
		r->is_fencing = true;
	}
	set_up_run(r);
	r->run.steps = plan.steps;
	r->run.n = plan.n;
	r->run.is_stopped = NULL;
	r->run.begin = NULL;
	r->run.advice = fence_advice;
	rc = step_run_all(&r->run, err);
	r->result = RECOVER_FAILED;
	return rc ? rc : forget(r, "its memory cannot be used until it is recovered or the host is rebooted", err);
}

static int give_up(struct recover *r, struct err *err)
{
	const struct err why = *err;

	if (abandon(r, err)) {
		message_add(r->messages, SEV_ERROR, "RECOVER", r->rp->name, "%s; that was try %u of %d, so the recovery was given up", why.text,
			    r->journal.tries, RECOVER_MAX_TRIES);
		return -EIO;
	}
	return err_set(err, why.status == EXIT_RESUMABLE ? EXIT_REFUSED : why.status, why.errnum,
		       "%.600s; that was try %u of %d, so the recovery was given up: the port is left fenced, its memory cannot be used",
		       why.text, r->journal.tries, RECOVER_MAX_TRIES);
}

/* Did this try fail in what it did before taking anything down?  Then that little is put back. */
static bool is_taken_back(struct recover *r)
{
	if (!r->run.changed)
		return false;	/* something else is the matter: the port was not even asked */
	for (size_t i = 0; i < r->journal.n_steps; i++) {
		const struct step *s = &r->journal.steps[i];

		if (s->op != &step_config && s->state != STEP_PLANNED)
			return false;
		if (s->op != &step_config)
			break;
	}
	if (step_undo_all(&r->run))
		return false;
	r->run.changed = false;
	return true;
}

/* A port that stays masked, found out by trying: is there another way? */
static int try_another_method(struct recover *r, struct err *err)
{
	int rc;

	r->stays_masked = true;
	rc = recover_replan(r, err);
	if (!rc)
		message_add(r->messages, SEV_INFO, "LINK-METHOD", r->rp->name, "%s stays masked, which was found out by trying: its link is taken down by %s",
			    r->rp->name, link_method_names[r->journal.method]);
	return rc && recover_is_begun(r) ? left_over(r, rc, err) : rc;
}

/* Until it is done, stopped, or failed in a way that starting over does not help. */
static int run_tries(struct recover *r, struct err *err)
{
	for (;;) {
		int rc = run_once(r, err);

		if (!rc && !is_isolated_again(r))
			return finish(r, err);
		r->result = rc == -EINTR ? RECOVER_STOPPED : r->keeps_journal ? RECOVER_FAILED : RECOVER_REFUSED;
		if (rc && rc != -EINTR && link_method_is_masked(r->rp, r->journal.method) && is_taken_back(r)) {
			rc = try_another_method(r, err);
			if (rc)
				return rc;
			continue;
		}
		if (rc == -EINTR || (rc && !is_isolated_again(r)))
			return rc;
		message_add(r->messages, SEV_WARNING, "ISO-ISOLATED", r->rp->name, "%s became isolated again while it was being recovered: starting over",
			    r->rp->name);
		if (!rc)
			err_set(err, EXIT_REFUSED, EIO, "%s became isolated again", r->rp->name);
		if (r->journal.tries >= RECOVER_MAX_TRIES)
			return give_up(r, err);
		r->journal.tries++;
		rc = start_over(r, err);
		if (rc)
			return rc;
	}
}

static int with_signals(struct recover *r, int (*fn)(struct recover *r, struct err *err), struct err *err)
{
	struct stop_signals held;
	uint64_t start = step_now_us();
	int rc;

	memdev_health_prepare();
	memory_reserve(RESERVE_BYTES);
	stop_begin(&held, true);
	rc = fn(r, err);
	stop_end(&held);
	r->took_us = step_now_us() - start;
	return rc;
}

int recover_execute(struct recover *r, struct err *err)
{
	int rc = with_signals(r, run_tries, err);

	if (!rc || !r->keeps_journal || is_kept(r, err->errnum))
		return rc;
	if (!journal_remove(r->dirfd, r->rp->name))
		r->keeps_journal = false;
	r->result = RECOVER_REFUSED;
	return rc;
}

/* --- resuming -------------------------------------------------------------------- */

/* Is a step that was done before the crash undone by what happened since? */
static bool has_to_start_over(struct recover *r)
{
	if (is_isolated_again(r))
		return true;
	for (size_t i = 0; i < r->journal.n_steps; i++) {
		struct step *s = &r->journal.steps[i];
		struct err err;
		bool so;

		if (s->op != &step_returned || (s->state != STEP_DONE && s->state != STEP_SKIPPED))
			continue;
		if (step_is_so(&r->run, i, &so, &err) || !so)
			return true;	/* a device that had returned is gone again */
	}
	return false;
}

/* What failed is tried again; what has not returned has to be looked for again. */
static void reopen(struct journal *j)
{
	struct step *rescan = NULL;

	for (size_t i = 0; i < j->n_steps; i++) {
		struct step *s = &j->steps[i];

		if (s->state == STEP_FAILED)
			s->state = STEP_PLANNED;
		if (s->op == &step_rescan)
			rescan = s;
		if (s->op == &step_returned && s->state == STEP_PLANNED && rescan)
			rescan->state = STEP_PLANNED;
	}
}

/* Another way than the journal's is a first try. */
static void ask_anew(struct recover *r)
{
	struct recover_options *o = &r->journal.options;

	if (r->asked.method != LINK_AUTO)
		o->method = r->asked.method;
	if (r->asked.timeout_us)
		o->timeout_us = r->asked.timeout_us;
	o->accept_replacement |= r->asked.accept_replacement;
	o->rebuild &= r->asked.rebuild;
	r->journal.tries = 0;
}

static bool is_device_to_go(const struct journal *j)
{
	for (size_t i = 0; i < j->n_steps; i++)
		if (j->steps[i].op == &step_remove && j->steps[i].state != STEP_DONE && j->steps[i].state != STEP_SKIPPED)
			return true;
	return false;
}

static int resume(struct recover *r, struct err *err)
{
	struct journal *j = &r->journal;
	int rc = is_device_to_go(j) ? recover_refuse_strange(r, err) : 0;

	r->is_planned = r->keeps_journal = true;
	if (rc)
		return left_over(r, rc, err);
	reopen(j);
	set_up_run(r);
	if (r->asks_anew)
		ask_anew(r);
	if (r->dry_run) {
		rc = r->asks_anew || has_to_start_over(r) ? start_over(r, err) : 0;
		r->result = rc ? RECOVER_REFUSED : RECOVER_PLANNED;
		return rc;
	}
	if (!r->asks_anew && !has_to_start_over(r)) {
		r->is_retrying = true;
		rc = run_tries(r, err);
		r->is_retrying = false;
		/* waiting longer is the administrator's to decide; else something is not as the journal says */
		if (!rc || rc == -EINTR || err->status == EXIT_TIMEDOUT || r->result == RECOVER_ABANDONED)
			return rc;
		message_add(r->messages, SEV_WARNING, "RESUME", r->rp->name, "%s; starting over", err->text);
	} else {
		err_set(err, EXIT_REFUSED, EIO, "%s is not as its journal says", r->rp->name);
	}
	if (j->tries >= RECOVER_MAX_TRIES)
		return give_up(r, err);
	j->tries++;
	rc = start_over(r, err);
	return rc ? rc : run_tries(r, err);
}

int recover_resume(struct recover *r, struct err *err)
{
	return with_signals(r, resume, err);
}

int recover_abandon(struct recover *r, struct err *err)
{
	return with_signals(r, abandon, err);
}
