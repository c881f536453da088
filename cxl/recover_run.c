// SPDX-License-Identifier: GPL-2.0-only
/*
 * Running a recovery: the journal before each step, progress after it, and what
 * is done when it fails, is stopped, resumed or given up.  See recover.h.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cxl/lib/change/step_port.h"
#include "cxl/lib/recover/health.h"
#include "cxl/lib/report/record.h"
#include "cxl/recover.h"
#include "util/render.h"
#include "util/reserve.h"
#include "util/size.h"
#include "util/stop.h"

/* More than a plan of 16 regions, its journal and three snapshots take. */
#define RESERVE_BYTES (32u << 20)

static bool is_stopped(struct step_run *run)
{
	(void)run;
	return stop_is_requested();
}

/* --- progress ------------------------------------------------------------------- */

static void progress_json(const struct step_run *run, const struct step *s)
{
	struct json_object *obj = json_object_new_object();
	const char *text;

	render_add_string(obj, "schema", "cxl-recover-progress/1");
	render_add_u64(obj, "step", true, run->at + 1);
	render_add_u64(obj, "steps", true, run->n);
	render_add_string(obj, "op", s->op->name);
	render_add_string(obj, "title", s->title);
	render_add_string(obj, "state", step_state_names[s->state]);
	render_add_u64(obj, "took_us", true, s->took_us);
	text = json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text)
		fprintf(stderr, "%s\n", text);
	json_object_put(obj);
}

static bool shows_lines(const struct recover *r)
{
	return r->progress == PROGRESS_AUTO && isatty(STDERR_FILENO);
}

/* What may take long is named before it ends. */
static void line_begin(struct recover *r)
{
	const struct step_run *run = &r->run;

	if (!r->is_line_begun)
		fprintf(stderr, "[%zu/%zu] %s ...", run->at + 1, run->n, run->steps[run->at].title);
	r->is_line_begun = true;
}

static void line_end(struct recover *r, const struct step *s)
{
	line_begin(r);
	fprintf(stderr, " %s %.1f s\n", s->state == STEP_SKIPPED ? "already so" : step_state_names[s->state], (double)s->took_us / 1e6);
	r->is_line_begun = false;
}

static void on_end(struct step_run *run)
{
	struct recover *r = run->data;
	const struct step *s = &run->steps[run->at];

	if (r->progress == PROGRESS_JSON)
		progress_json(run, s);
	else if (shows_lines(r))
		line_end(r, s);
}

/* --- journal -------------------------------------------------------------------- */

static int save(struct recover *r, struct err *err)
{
	int rc = journal_write(r->dirfd, &r->journal);

	if (!rc) {
		r->keeps_journal = true;
		return 0;
	}
	return err_set(err, EXIT_REFUSED, -rc, "the journal cannot be written: %s", strerror(-rc));
}

/* Isolated again after its status was cleared. */
static bool is_isolated_again(const struct recover *r)
{
	uint32_t status;

	for (size_t i = 0; i < r->journal.n_steps; i++)
		if (r->journal.steps[i].op == &step_status &&
		    (r->journal.steps[i].state == STEP_DONE || r->journal.steps[i].state == STEP_SKIPPED))
			return !registers_read_status(r->host, r->rp, &status) && status & ISO_STATUS_ISOLATED;
	return false;
}

static int on_begin(struct step_run *run, const struct step *step, struct err *err)
{
	struct recover *r = run->data;

	if (shows_lines(r))
		line_begin(r);
	r->journal.is_running = true;
	/* what is written to memory or decoders behind an isolated port is lost */
	if (is_isolated_again(r))
		return err_set(err, EXIT_REFUSED, EIO, "%s became isolated again before '%s'", r->rp->name, step->title);
	return save(r, err);
}

/* Did taking the link down and up fail? */
static bool is_about_link(const struct step *s)
{
	return s->op == &step_link || s->op == &step_config || strstr(s->path, "/reset") || strstr(s->path, "/slots/");
}

static const char *advice(struct step_run *run, char *buf, size_t size)
{
	const struct recover *r = run->data;
	const char *name = r->rp->name;
	uint32_t status;
	int rc = registers_read_status(r->host, r->rp, &status);
	const char *state = rc ? "whether it is isolated is unknown" : status & ISO_STATUS_ISOLATED ? "it is isolated" :
			    "its isolation status is clear";

	if (r->keeps_journal || r->resume)
		snprintf(buf, size, "%s: %s, its devices are %s; go on with 'cxl recover-port --resume %s'%s, or give it up with 'cxl recover-port --abandon %s'",
			 name, state, recover_are_devices_there(r) ? "there" : "removed", name,
			 run->at < run->n && is_about_link(&run->steps[run->at]) ? " (--link-method= takes the link down in another way)" : "",
			 name);
	else
		snprintf(buf, size, "nothing was changed on %s: %s", name, state);
	return buf;
}

/* --- running --------------------------------------------------------------------- */

static void set_up_run(struct recover *r)
{
	struct journal *j = &r->journal;

	r->run = (struct step_run){
		.fs = &r->host->fs, .host = r->host, .rp = r->rp, .messages = r->messages, .data = r,
		.resolve = recover_resolve, .begin = on_begin, .end = on_end, .is_stopped = is_stopped, .advice = advice,
		.steps = j->steps, .n = j->n_steps,
	};
}

/* New dax devices of the whole host have no driver while a region is being made
 * again: not longer than this run, however it ends. */
static void restore_autoprobe(struct recover *r)
{
	const char *path = "sys/bus/dax/drivers_autoprobe";
	struct step *off = NULL;
	char text[16];

	if (r->journal.dax_autoprobe != 1 || sysfs_read(&r->host->fs, path, text, sizeof(text)) != 1 || *text == '1')
		return;
	if (sysfs_write(&r->host->fs, path, "1"))
		message_add(r->messages, SEV_WARNING, "AUTOPROBE", NULL,
			    "new dax devices of this host are left without driver; type 'echo 1 > /%s'", path);
	/* to be done again by whoever resumes */
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

/* From a snapshot of what is there now to a plan with the old recipe. */
static int start_over(struct recover *r, struct err *err)
{
	int rc = recover_read_host(r, err);

	return rc ? rc : recover_replan(r, err);
}

static int run_once(struct recover *r, struct err *err)
{
	int rc;

	set_up_run(r);
	rc = r->keeps_journal ? 0 : save(r, err);
	rc = rc ? rc : step_run_all(&r->run, err);
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
	if (rc)
		return err_set(err, EXIT_REFUSED, -rc, "%s is recovered, but its journal cannot be removed: %s; type 'cxl recover-port --abandon %s'",
			       r->rp->name, strerror(-rc), r->rp->name);
	r->keeps_journal = false;
	return 0;
}

static int give_up(struct recover *r, struct err *err)
{
	const struct err why = *err;

	if (recover_abandon(r, err))
		return -EIO;
	return err_set(err, why.status == EXIT_RESUMABLE ? EXIT_REFUSED : why.status, why.errnum,
		       "%.600s; that was try %u of %d, so the recovery was given up: the port is left fenced, its memory cannot be used",
		       why.text, r->journal.tries, RECOVER_MAX_TRIES);
}

/* Did the run fail before anything was taken down?  Then put back the little there was. */
static bool is_taken_back(struct recover *r)
{
	for (size_t i = 0; i < r->journal.n_steps; i++) {
		const struct step *s = &r->journal.steps[i];

		if (s->op != &step_config && s->state != STEP_PLANNED)
			return false;
		if (s->op != &step_config)
			break;
	}
	if (step_undo_all(&r->run) || journal_remove(r->dirfd, r->rp->name))
		return false;
	r->keeps_journal = r->run.changed = false;
	return true;
}

static bool tries_masks(const struct recover *r)
{
	return r->journal.method == LINK_DISABLE || r->journal.method == LINK_SUBORDINATE;
}

/* A port that stays masked, found out by trying: is there another way? */
static int try_another_method(struct recover *r, struct err *err)
{
	r->stays_masked = true;
	return recover_replan(r, err);
}

/* Until it is done, stopped, or failed in a way that starting over does not help. */
static int run_tries(struct recover *r, struct err *err)
{
	for (;;) {
		int rc = run_once(r, err);

		if (!rc && !is_isolated_again(r))
			return finish(r, err);
		r->result = rc == -EINTR ? RECOVER_STOPPED : RECOVER_FAILED;
		if (rc && rc != -EINTR && tries_masks(r) && is_taken_back(r)) {
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

	/* before the first write there is nothing to resume, unless the host changed
	 * meanwhile: the journal knows how it was */
	if (!rc || !r->keeps_journal || r->run.changed || err->errnum == EAGAIN || r->result == RECOVER_ABANDONED)
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

static int resume(struct recover *r, struct err *err)
{
	struct journal *j = &r->journal;
	int rc;

	r->is_planned = r->keeps_journal = true;
	for (size_t i = 0; i < j->n_steps; i++)
		if (j->steps[i].state == STEP_FAILED)
			j->steps[i].state = STEP_PLANNED;
	set_up_run(r);
	if (r->asks_anew)
		ask_anew(r);
	if (!r->asks_anew && !has_to_start_over(r)) {
		rc = run_tries(r, err);
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
		return err_set(err, EXIT_REFUSED, -rc, "the journal of %s cannot be removed: %s", r->rp->name, strerror(-rc));
	r->keeps_journal = false;
	r->result = RECOVER_ABANDONED;
	message_add(r->messages, SEV_INFO, "ABANDONED", r->rp->name, "the recovery of %s was given up: %s", r->rp->name, now);
	return 0;
}

/* No memory of the port can be used: its half made regions go, its devices lose their driver. */
static int abandon(struct recover *r, struct err *err)
{
	struct recover_plan plan;
	int rc = 0;

	if (!r->is_planned && r->journal_state == JOURNAL_HERE && !is_begun(&r->journal))
		return forget(r, "nothing had been done", err);
	if (r->is_planned || r->journal_state == JOURNAL_HERE)
		restore_autoprobe(r);
	if (r->run.changed)
		rc = recover_read_host(r, err);
	rc = rc ? rc : recover_fence(r, &plan, err);
	if (rc)
		return rc;
	set_up_run(r);
	r->run.steps = plan.steps;
	r->run.n = plan.n;
	r->run.is_stopped = NULL;
	r->run.begin = NULL;
	r->run.advice = NULL;
	rc = step_run_all(&r->run, err);
	if (rc)
		message_add(r->messages, SEV_WARNING, "FENCE", r->rp->name, "%s could not be fenced altogether: %s", r->rp->name, err->text);
	return forget(r, "its memory cannot be used until it is recovered or the host is rebooted", err);
}

int recover_abandon(struct recover *r, struct err *err)
{
	set_up_run(r);
	return abandon(r, err);
}
