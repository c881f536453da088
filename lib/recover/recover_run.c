// SPDX-License-Identifier: GPL-2.0-only
/*
 * Running a recovery: the journal before each step, and what is done when it
 * fails, is stopped or resumed.  See recover.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/iso/backend.h"
#include "lib/iso/health.h"
#include "lib/model/isolation_regs.h"
#include "lib/recover/recover_names.h"
#include "lib/read/pinners.h"
#include "lib/recover/recover_users.h"
#include "lib/txn/step_port.h"
#include "util/parse.h"
#include "util/reserve.h"
#include "util/state.h"
#include "util/stop.h"

/* More than a plan of 16 regions, its journal and three snapshots take. */
#define RESERVE_BYTES (32u << 20)

/* --- journal -------------------------------------------------------------------- */

static int save(struct recover *r, struct err *err)
{
	int rc = journal_write(r->dirfd, &r->journal);

	if (!rc) {
		r->keeps_journal = true;
		return 0;
	}
	return err_set(err, EXIT_REFUSED, -rc, "the journal cannot be written in %.200s: %s", state_path(), err_text(-rc));
}

/* Isolated, with no step ahead that clears it: it was cleared before, or nobody could read that it was. */
static bool is_isolated_again(const struct recover *r)
{
	uint32_t status;

	for (size_t i = 0; i < r->journal.n_steps; i++)
		if (r->journal.steps[i].op == &step_status &&
		    r->journal.steps[i].state != STEP_DONE &&
		    r->journal.steps[i].state != STEP_SKIPPED)
			return false;
	return !iso_read_status(r->host, r->rp, &status) && status & ISO_STATUS_ISOLATED;
}

static int on_begin(struct step_run *run, const struct step *step, struct err *err)
{
	struct recover *r = run->data;

	recover_progress_begin(run, r);
	r->journal.phase = r->planned == STEPS_FENCE ? PHASE_FENCING
						     : recover_phase_of(run->steps, run->at);
	/* what is written to memory or decoders behind an isolated port is lost */
	if (is_isolated_again(r))
		return err_set(err, EXIT_REFUSED, EIO, "%s became isolated again before '%s'", r->rp->name, step->title);
	if (recover_check_newcomers(run, step, err))
		return -err->errnum;
	return save(r, err);
}

/* Does the journal outlive this run, which ended for @errnum?  When something was
 * done, or the host changed ahead of it, or whoever stopped it may want to go on. */
static bool is_kept(const struct recover *r, int errnum)
{
	return r->keeps_journal && (recover_is_begun(r) || errnum == EAGAIN || errnum == EINTR);
}

static const char *state_text(const struct recover *r)
{
	uint32_t status;

	if (iso_read_status(r->host, r->rp, &status))
		return "whether it is isolated is unknown";
	return status & ISO_STATUS_ISOLATED ? "it is isolated" : "its isolation status is clear";
}

/* Did taking the link down and up fail? */
static bool is_about_link(const struct step *s)
{
	return s->op == &step_link || s->op == &step_config || strstr(s->path, "/reset") || strstr(s->path, "/slots/");
}

/* The state now, and what to type next. */
static const char *next_steps_text(const struct recover *r, char *buf, size_t size)
{
	const struct step *s = r->run.at < r->run.n ? &r->run.steps[r->run.at] : NULL;
	const char *name = r->rp->name, *state = state_text(r), *where;
	char devices[160], another[120] = "";
	bool is_other;

	if (!is_kept(r, r->run.errnum)) {
		snprintf(buf, size, "nothing was changed on %s: %s", name, state);
		return buf;
	}
	where = recover_devices_text(r, devices, sizeof(devices), &is_other);
	is_other &= s && s->op == &step_returned;
	if (is_other)
		snprintf(another, sizeof(another), ", with the other device in its place 'cxl recover-port --resume --accept-replacement %.16s'", name);
	else if (s && is_about_link(s))
		snprintf(another, sizeof(another), " (--link-method= takes the link down in another way)");
	snprintf(buf, size, "%s: %s, %s; go on with 'cxl recover-port --resume %s'%s, or give it up with 'cxl recover-port --abandon %s'",
		 name, state, where, name, another, name);
	return buf;
}

/* Does it start over by itself after that failure, or is it given up? */
static bool will_retry(const struct recover *r)
{
	return is_isolated_again(r) ||
	       (r->run.errnum == ETIMEDOUT ? r->is_last_try
					   : r->is_retrying && r->run.errnum != EINTR);
}

static const char *advice(struct step_run *run, char *buf, size_t size)
{
	const struct recover *r = run->data;
	char devices[160];
	bool is_other;

	if (!will_retry(r))
		return next_steps_text(r, buf, size);
	snprintf(buf, size, "%s: %s, %s", r->rp->name, state_text(r), recover_devices_text(r, devices, sizeof(devices), &is_other));
	return buf;
}

/* --- running --------------------------------------------------------------------- */

static const char *find_holders(struct step_run *run)
{
	struct recover *r = run->data;

	return pinners_text(r->host, &r->arena);
}

void recover_set_up_run(struct recover *r)
{
	struct journal *j = &r->journal;

	r->changed_before |= r->run.changed;
	r->run = (struct step_run){
		.fs = r->host->fs,
		.host = r->host,
		.rp = r->rp,
		.messages = r->messages,
		.data = r,
		.resolve = recover_resolve,
		.keep_name = recover_keep_name,
		.name_of = recover_made_name,
		.find_users = recover_find_users,
		.find_holders = find_holders,
		.begin = on_begin,
		.end = recover_progress_end,
		.is_stopped = step_is_stopped,
		.advice = advice,
		.steps = j->steps,
		.n = j->n_steps,
	};
}

/*
 * What the kernel does with new memory, held while kmem gets its own again: the step that holds
 * it tells what it was, and is to be done again by whoever resumes.
 */
static void restore_auto_online(struct recover *r)
{
	struct step *held = NULL;
	char text[32];

	for (size_t i = 0; i < r->journal.n_steps; i++) {
		struct step *s = &r->journal.steps[i];

		bool is_about_it = !strcmp(s->path, AUTO_ONLINE),
		     is_finished = s->state == STEP_DONE || s->state == STEP_SKIPPED;

		if (is_about_it && s->undo)
			held = s;
		else if (is_about_it && is_finished)
			held = NULL;
		if (!is_finished)
			break;	/* the last that can have been begun */
	}
	if (!held || sysfs_read(r->host->fs, AUTO_ONLINE, text, sizeof(text)) <= 0 ||
	    strcmp(text, held->value))
		return;
	held->state = STEP_PLANNED;
	if (sysfs_write(r->host->fs, AUTO_ONLINE, held->undo))
		message_add(r->messages, SEV_WARNING, "POLICY", NULL,
			    "new memory of this host stays offline; type 'echo %s > /" AUTO_ONLINE "'", held->undo);
}

/* What wrote "0" to @path, by whoever resumes. */
static void to_be_done_again(struct recover *r, const char *path)
{
	struct step *off = NULL;

	for (size_t i = 0; i < r->journal.n_steps; i++) {
		struct step *s = &r->journal.steps[i];

		if (strcmp(s->path, path))
			continue;
		if (!strcmp(s->value, "0"))
			off = s;
		else if (s->state == STEP_DONE || s->state == STEP_SKIPPED)
			off = NULL;
	}
	if (off)
		off->state = STEP_PLANNED;
}

static void restore_autoprobe(struct recover *r)
{
	char text[16];

	if (r->journal.dax_autoprobe != 1 ||
	    sysfs_read(r->host->fs, DAX_AUTOPROBE, text, sizeof(text)) != 1 || *text == '1')
		return;
	if (sysfs_write(r->host->fs, DAX_AUTOPROBE, "1"))
		message_add(r->messages, SEV_WARNING, "AUTOPROBE", NULL,
			    "new dax devices of this host are left without driver; type 'echo 1 > /" DAX_AUTOPROBE "'");
	to_be_done_again(r, DAX_AUTOPROBE);
}

/* How the virtual functions of an accelerator's device get their drivers. */
static void restore_vf_autoprobe(struct recover *r)
{
	const struct recipe_accelerator *acc = &r->journal.recipe.accelerator;

	for (size_t i = 0; i < acc->n_functions; i++) {
		const struct recipe_function *f = &acc->functions[i];
		char path[128], text[16];

		snprintf(path, sizeof(path), "sys/bus/pci/devices/%.64s/sriov_drivers_autoprobe", f->address);
		if (!f->numvfs || !f->vf_autoprobe ||
		    sysfs_read(r->host->fs, path, text, sizeof(text)) != 1 || *text == '1')
			continue;
		if (sysfs_write(r->host->fs, path, "1"))
			message_add(r->messages, SEV_WARNING, "AUTOPROBE", f->address,
				    "virtual functions of %s are left without driver; type 'echo 1 > /%s'", f->address, path);
		to_be_done_again(r, path);
	}
}

void recover_restore_held(struct recover *r)
{
	restore_autoprobe(r);
	restore_vf_autoprobe(r);
	restore_auto_online(r);
}

/* What cannot go on says in which state it leaves the port. */
static int left_over(struct recover *r, int rc, struct err *err)
{
	const struct err why = *err;
	char text[500];

	if (!r->rp)
		return err_set(err, why.status, -rc, "%.600s; then go on with 'cxl recover-port --resume %s'", why.text,
			       r->journal.recipe.root_port);
	return err_set(err, why.status, -rc, "%.500s; %s", why.text, next_steps_text(r, text, sizeof(text)));
}

/* From a snapshot of what is there now to a plan with the old recipe. */
static int start_over(struct recover *r, struct err *err)
{
	int rc = recover_read_host(r, err);

	if (!rc && (recover_refuse_unbinding(r, err) || recover_refuse_online(r, err)))
		return -EBUSY;	/* there is no other way on than the one it names */
	if (!rc && recover_refuse_neighbours(r, true, err))
		return -EBUSY;
	rc = rc ? rc : recover_refuse_strange(r, err);
	rc = rc ? rc : recover_replan(r, err);
	return rc ? left_over(r, rc, err) : 0;
}

static int run_once(struct recover *r, struct err *err)
{
	int rc;

	recover_set_up_run(r);
	if (!r->keeps_journal && save(r, err)) {
		const struct err why = *err;

		err_set(err, EXIT_PREREQ, why.errnum, "%.400s; nothing was done; make room there, or name another directory in CXL_STATE_DIR",
			why.text);
		return recover_refuse(r, EXIT_PREREQ, "STATE", err);
	}
	rc = step_run_all(&r->run, err);
	recover_restore_held(r);
	if (rc && r->keeps_journal) {
		struct err failed;

		if (save(r, &failed))
			message_add(r->messages, SEV_ERROR, "JOURNAL", r->rp->name, "%s", failed.text);
	}
	return rc;
}

static int finish(struct recover *r, struct err *err)
{
	int rc;

	recover_report_after(r);
	rc = journal_remove(r->dirfd, r->rp->name);
	r->result = OUTCOME_DONE;
	r->blocker = NULL;
	if (rc)
		return err_set(err, EXIT_REFUSED, -rc, "%s is recovered, but its journal cannot be removed: %s; remove it with 'rm %.200s/%s" JOURNAL_SUFFIX "'",
			       r->rp->name, err_text(-rc), state_path(), r->rp->name);
	r->keeps_journal = false;
	recover_prove(r);
	return 0;
}

/* --- giving up ------------------------------------------------------------------- */

static int give_up(struct recover *r, struct err *err)
{
	const struct err why = *err;

	if (recover_give_up(r, err)) {
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

		if (s->op == &step_users && s->state != STEP_FAILED)
			continue;
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

	r->facts.stays_masked = true;
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
		r->result = rc == -EINTR       ? OUTCOME_STOPPED
			    : r->keeps_journal ? OUTCOME_LEFT
					       : OUTCOME_REFUSED;
		if (rc && rc != -EINTR && link_method_is_masked(r->rp, r->journal.method) &&
		    is_taken_back(r)) {
			rc = try_another_method(r, err);
			if (rc)
				return rc;
			continue;
		}
		if (rc == -EINTR || (rc && !is_isolated_again(r)))
			return rc;
		message_add(r->messages, SEV_WARNING, checks[ID_ISOLATED].id, r->rp->name, "%s became isolated again while it was being recovered: starting over",
			    r->rp->name);
		recover_count_isolation(r, true);
		if (!rc)
			err_set(err, EXIT_REFUSED, EIO, "%s became isolated again", r->rp->name);
		if (r->journal.tries >= RECOVER_MAX_TRIES)
			return give_up(r, err);
		r->journal.tries++;
		r->is_last_try = r->request.task == RECOVER_RESUME &&
				 r->journal.tries >= RECOVER_MAX_TRIES;
		rc = start_over(r, err);
		if (rc)
			return rc;
	}
}

/* Nothing is left to go on with, but what was there before. */
static int stopped_early(struct recover *r, struct err *err)
{
	bool goes_on = r->request.task != RECOVER_BEGIN;

	if (goes_on)
		r->result = OUTCOME_STOPPED;
	return err_set(err, EXIT_RESUMABLE, EINTR, "stopped by a signal before anything %swas done on %s; run the command again",
		       goes_on ? "more " : "", r->rp->name);
}

static int with_signals(struct recover *r, int (*fn)(struct recover *r, struct err *err),
			struct err *err)
{
	struct stop_signals held;
	uint64_t start = clock_now_us();
	int rc;

	memdev_health_prepare();
	memory_reserve(RESERVE_BYTES);
	stop_begin(&held, true);
	rc = stop_is_requested() ? stopped_early(r, err) : fn(r, err);
	stop_end(&held);
	r->took_us = clock_now_us() - start;
	return rc;
}

int recover_execute(struct recover *r, struct err *err)
{
	int rc;

	recover_keep_evidence(r);
	rc = with_signals(r, run_tries, err);
	if (!rc || !r->keeps_journal || is_kept(r, err->errnum))
		return rc;
	if (!journal_remove(r->dirfd, r->rp->name))
		r->keeps_journal = false;
	r->result = OUTCOME_REFUSED;
	if (r->run.at < r->run.n &&
	    (r->run.steps[r->run.at].op == &step_users || err->errnum == EBUSY))
		r->blocker = checks[ID_BUSY].id;
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

	message_add(r->messages, SEV_WARNING, "RESUME", r->rp->name,
		    "%s: what --resume was given beside makes a new plan, of what is there now, which is a first try", r->rp->name);

	if (r->asked->method != LINK_AUTO)
		o->method = r->asked->method;
	if (r->asked->timeout_us)
		o->timeout_us = r->asked->timeout_us;
	o->accept_replacement |= r->asked->accept_replacement;
	o->rebuild &= r->asked->rebuild;
	r->journal.tries = 0;
}

static bool is_device_to_go(const struct journal *j)
{
	for (size_t i = 0; i < j->n_steps; i++)
		if (j->steps[i].op == &step_remove && j->steps[i].state != STEP_DONE &&
		    j->steps[i].state != STEP_SKIPPED)
			return true;
	return false;
}

/*
 * Waiting in vain is a try, too: what does not come about in three times the time that
 * was given does not come about.  @goes_on: a try of the journal's plan, not counted yet.
 */
static int after_timeout(struct recover *r, bool goes_on, struct err *err)
{
	struct journal *j = &r->journal;
	struct err failed;

	j->tries += goes_on;
	if (j->tries >= RECOVER_MAX_TRIES)
		return give_up(r, err);
	if (save(r, &failed))
		message_add(r->messages, SEV_ERROR, "JOURNAL", r->rp->name, "%s", failed.text);
	message_add(r->messages, SEV_WARNING, "RESUME", r->rp->name,
		    "%s: that was try %u of %d, after the last the recovery is given up; with --timeout, to wait longer, it is a first one again",
		    r->rp->name, j->tries, RECOVER_MAX_TRIES);
	return -ETIMEDOUT;
}

static int resume(struct recover *r, struct err *err)
{
	struct journal *j = &r->journal;
	int rc = is_device_to_go(j) ? recover_refuse_strange(r, err) : 0;

	r->planned = STEPS_RECOVER;
	r->keeps_journal = true;
	if (!r->request.dry_run)
		restore_auto_online(r);	/* a kill left it so, and a new plan would take that for the host's own */
	if (rc)
		return left_over(r, rc, err);
	rc = recover_refuse_neighbours(r, false, err);
	if (rc)
		return rc;
	reopen(j);
	recover_take_users_option(r);
	recover_set_up_run(r);
	if (r->asked)
		ask_anew(r);
	if (r->request.dry_run) {
		rc = r->asked || has_to_start_over(r) ? start_over(r, err) : 0;
		r->result = rc ? OUTCOME_REFUSED : OUTCOME_PLANNED;
		return rc;
	}
	if (!r->asked && !has_to_start_over(r)) {
		const unsigned int was = j->tries;

		r->is_retrying = true;
		r->is_last_try = j->tries + 1 >= RECOVER_MAX_TRIES;
		rc = run_tries(r, err);
		r->is_retrying = false;
		/* waiting longer is the administrator's to decide; else something is not as the journal says */
		if (!rc || rc == -EINTR || r->result == OUTCOME_ABANDONED)
			return rc;
		if (err->status == EXIT_TIMEDOUT)
			return after_timeout(r, j->tries == was, err);	/* else it started over, which was counted */
		message_add(r->messages, SEV_WARNING, "RESUME", r->rp->name, "%s; starting over", err->text);
	} else {
		err_set(err, EXIT_REFUSED, EIO, "%s is not as its journal says", r->rp->name);
	}
	if (j->tries >= RECOVER_MAX_TRIES)
		return give_up(r, err);
	j->tries++;
	r->is_last_try = j->tries >= RECOVER_MAX_TRIES;
	rc = start_over(r, err);
	rc = rc ? rc : run_tries(r, err);
	return rc && err->status == EXIT_TIMEDOUT && r->result != OUTCOME_ABANDONED
		       ? after_timeout(r, false, err)
		       : rc;
}

int recover_resume(struct recover *r, struct err *err)
{
	return with_signals(r, resume, err);
}

int recover_abandon(struct recover *r, struct err *err)
{
	return with_signals(r, recover_give_up, err);
}
