// SPDX-License-Identifier: GPL-2.0-only
/* Acting on one root port, phase by phase: see act_work.h. */
#include "lib/act/act_work.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "lib/act/act_decide.h"
#include "lib/act/act_event.h"
#include "lib/act/act_recover.h"
#include "lib/act/act_say.h"
#include "lib/kept/count.h"
#include "lib/kept/kept_read.h"
#include "lib/model/isolation_regs.h"
#include "lib/read/host_read.h"
#include "util/clock.h"

enum {
	MAX_ATTEMPTS = 3,	/* of a phase, kills of this process among them */
	US_PER_MS = 1000, LOOK_MS = 100,
};

/* Each returns one of these. */
enum next { NEXT_PHASE, NEXT_END, NEXT_LATER };

static volatile sig_atomic_t stop_requested;

static void request_stop(int sig)
{
	(void)sig;
	stop_requested = 1;
}

static bool is_stopped(void)
{
	return stop_requested;
}

int act_policy(const struct cxl_host *host, const struct cxl_root_port *rp,
	       struct policy_wish *ret, struct err *err)
{
	struct policy policy;
	int rc = kept_policy(host, &policy, err);

	*ret = (struct policy_wish){ 0 };
	if (rc == -ENOENT)
		return 0;
	return rc ? rc : policy_of_root_port(&policy, rp, ret, err);
}

/* --- state ---------------------------------------------------------------------------- */

/* What cannot be kept is not begun: after a kill nobody would know of it. */
static enum next write_state(struct act_work *w)
{
	struct err err;

	if (!act_state_write(w->dirfd, w->rp->name, &w->state, &err))
		return NEXT_PHASE;
	act_say(LOG_ERR, w->rp->name, "%s; it is tried again, and nothing more done about it until then", err.text);
	return NEXT_LATER;
}

static enum next go_to(struct act_work *w, enum act_phase phase, const char *text)
{
	w->state.phase = phase;
	w->state.attempts = 0;
	w->state.text = text;
	return write_state(w);
}

/* False: it was begun too often. */
static bool begin(struct act_work *w, enum next *ret)
{
	w->state.attempts++;
	*ret = write_state(w);
	return w->state.attempts <= MAX_ATTEMPTS;
}

/* What is kept of the past follows a clock that was set. */
void act_follow_clock(const struct cxl_host *host, struct act_state *s)
{
	char boot[64];
	const char *boot_id = arena_strdup(host->arena, kept_boot_id(host, boot, sizeof(boot)));

	if (boot_id)
		act_state_follow_clock(s, boot_id, clock_booted_at());
}

static uint64_t now_s(void)
{
	return (uint64_t)time(NULL);
}

/* The host as it is by now takes the place of what it was. */
static int look_again(struct act_work *w)
{
	struct host_reading *reading = arena_alloc(w->host->arena, 1, sizeof(*reading));
	const struct cxl_root_port *rp = NULL;
	struct err err;
	int rc = reading ? host_read(reading, NULL, &err) : err_no_memory(&err, "");

	rc = rc ? rc : kept_read(&reading->host, &err);
	if (!rc) {
		rp = host_root_port(&reading->host, w->rp->name);
		rc = rp ? act_policy(&reading->host, rp, &w->wish, &err) : err_set(&err, EXIT_REFUSED, ENODEV, "it is gone");
	}
	if (rc) {
		act_say(LOG_ERR, w->rp->name, "%s; it is looked at again", err.text);
		return rc;
	}
	w->host = &reading->host;
	w->rp = rp;
	act_follow_clock(w->host, &w->state);
	return 0;
}

static bool is_back(const struct act_work *w)
{
	return iso_isolated(&w->rp->iso) == TRI_NO && !act_has_journal(w->host, w->rp);
}

static enum next tell(struct act_work *w, enum act_kind kind, enum policy_key key,
		      const char *text)
{
	const struct act_event event = { kind, key, text };

	if (!act_program(&w->wish, key) || !act_event_may_run(w->rp, key, &w->state))
		return NEXT_PHASE;
	if (write_state(w) != NEXT_PHASE)
		return NEXT_LATER;
	if (act_event_run(w->host, w->rp, &w->wish, &event, &w->state, is_stopped, NULL))
		return NEXT_END;
	return NEXT_PHASE;
}

/* --- phases --------------------------------------------------------------------------- */

static enum next leave(struct act_work *w, const char *text)
{
	act_say(LOG_CRIT, w->rp->name, "it is left isolated: %s", text);
	w->state.problem_told = false;
	return go_to(w, ACT_LEFT, text);
}

/* Nobody is asked while it waits, but somebody is told, once. */
static enum next wait_for_others(struct act_work *w, const char *text)
{
	if (w->state.problem_told)
		return NEXT_LATER;
	act_say(LOG_ERR, w->rp->name, "it is not recovered yet: %s", text);
	if (tell(w, ACT_PROBLEM, POLICY_ON_PROBLEM, text) == NEXT_PHASE) {
		w->state.problem_told = true;
		write_state(w);
	}
	return NEXT_LATER;
}

static enum next come_back(struct act_work *w, const char *text)
{
	act_say(LOG_NOTICE, w->rp->name, "%s", text);
	w->state.recovered_at = now_s();
	return go_to(w, ACT_AFTER, text);
}

static const char *what_is_lost(const struct cxl_root_port *rp)
{
	const struct iso_registers *regs = &rp->iso.regs;

	return regs->capable && !(regs->status & ISO_STATUS_MEM_ISOLATION) ?
		       "the root port is isolated: what a device below had in its cache is lost" :
		       "the root port is isolated: the memory below it is lost";
}

static enum next do_hook(struct act_work *w)
{
	enum next next;

	if (!begin(w, &next))
		act_say(LOG_ERR, w->rp->name, "on-isolated was begun %d times and did not come to its end; it goes on without", MAX_ATTEMPTS);
	else if (next == NEXT_PHASE)
		next = tell(w, ACT_ISOLATED, POLICY_ON_ISOLATED, what_is_lost(w->rp));
	if (next != NEXT_PHASE)
		return next;
	return go_to(w, ACT_DECIDE, NULL);
}

/* --- root ports that one region ties together ----------------------------------------------- */

/* Is it in the middle of being brought back without anybody being asked? */
static bool is_recovering(struct act_work *w, const char *root_port, bool *ret_is_left)
{
	struct act_state s;
	struct err none;
	bool is_known = !act_state_read(w->dirfd, root_port, w->host->arena, &s, &none);

	*ret_is_left = !is_known || s.phase == ACT_LEFT;
	return is_known && s.phase == ACT_RECOVER;
}

/* The journal of one that stopped, since what it makes again lies below this port, too. */
static const struct kept_journal *tied_journal(struct act_work *w)
{
	const struct kept *kept = &w->host->kept;
	bool is_left;

	for (size_t i = 0; i < kept->n_journals; i++)
		if (strcmp(kept->journals[i].root_port, w->rp->name) != 0 &&
		    act_journal_has(&kept->journals[i], w->rp->name) &&
		    is_recovering(w, kept->journals[i].root_port, &is_left))
			return &kept->journals[i];
	return NULL;
}

/* The other way round: an isolated port which this one's recovery needs first; NULL: none. */
static const struct cxl_root_port *needed_port(struct act_work *w)
{
	const struct kept_journal *j = act_journal(w->host, w->rp);

	for (size_t i = 0; j && i < w->host->n_root_ports; i++) {
		const struct cxl_root_port *other = &w->host->root_ports[i];

		if (other != w->rp && act_journal_has(j, other->name) &&
		    iso_isolated(&w->rp->iso) == TRI_NO && iso_isolated(&other->iso) == TRI_YES)
			return other;
	}
	return NULL;
}

/* For metrics: nothing waits for it, nothing depends on it. */
static void note_isolation(struct act_work *w)
{
	int rc = iso_isolated(&w->rp->iso) == TRI_YES ?
		count_isolation(w->dirfd, w->host, w->rp) : 0;

	if (rc)
		act_say(LOG_WARNING, w->rp->name, "this isolation is not counted: %s", err_text(-rc));
}

static enum next do_decide(struct act_work *w)
{
	const char *text = NULL;

	if (look_again(w))
		return NEXT_LATER;
	note_isolation(w);
	if (is_back(w))
		return come_back(w, "it was brought back by somebody else");
	switch (act_decide(w->host, w->rp, &w->wish, &w->state, now_s(), tied_journal(w), &text)) {
	case ACT_GO:
		act_times_add(&w->state.recoveries, now_s());
		w->state.problem_told = false;
		return go_to(w, ACT_RECOVER, NULL);
	case ACT_WAIT:
		return wait_for_others(w, text);
	case ACT_LEAVE:
		return leave(w, text);
	case ACT_NOT_ASKED:
		act_say(LOG_NOTICE, w->rp->name, "%s", text);
		w->state.problem_told = true;
		break;
	}
	return go_to(w, ACT_LEFT, text);
}

/* What `cxl recover-port` came to. */
static enum next judge(struct act_work *w, const struct act_recovered *r)
{
	const char *why = *r->text ? arena_strdup(w->host->arena, r->text) : NULL;

	if (r->status == EXIT_DONE)
		return come_back(w, arena_printf(w->host->arena, "it was recovered in %g s", (double)(r->took_us / US_PER_MS) / 1000));
	if (r->is_locked) {	/* that was no attempt */
		w->state.attempts--;
		write_state(w);
		return NEXT_LATER;
	}
	if (is_stopped() || look_again(w))
		return NEXT_LATER;
	if (needed_port(w)) {
		act_say(LOG_NOTICE, w->rp->name, "%s; it goes on by itself after that", why ? why : "it waits");
		return go_to(w, ACT_RECOVER, NULL);
	}
	if (is_back(w))	/* by one that outlived whoever ran it */
		return come_back(w, "it was recovered");
	if (r->status != EXIT_RESUMABLE && r->status != EXIT_TIMEDOUT &&
	    r->status < EXIT_NO_PROGRAM)
		return leave(w, arena_printf(w->host->arena, "cxl recover-port ended with exit status %d: %s", (int)r->status, why ? why : "it did not say why"));
	act_say(LOG_ERR, w->rp->name, "cxl recover-port ended with exit status %d: %s", (int)r->status, why ? why : "it did not say why");
	w->state.text = why;
	return NEXT_PHASE;
}

static enum next recover(struct act_work *w)
{
	bool has_journal = act_has_journal(w->host, w->rp);
	enum act_way way = has_journal ? ACT_RESUME : ACT_BEGIN;
	struct act_recovered result;
	char boot[64];
	struct err err;

	if (has_journal && w->state.boot_id &&
	    strcmp(w->state.boot_id, kept_boot_id(w->host, boot, sizeof(boot))) != 0)
		way = ACT_ABANDON;
	if (act_recover(w->host->fs, w->rp->name, way, way == ACT_BEGIN ? w->state.evidence : 0,
			is_stopped, &result, &err))
		return leave(w, arena_strdup(w->host->arena, err.text));
	if (way != ACT_ABANDON || result.status != EXIT_DONE)
		return judge(w, &result);
	if (look_again(w))
		return NEXT_LATER;
	return is_back(w) ? come_back(w, "the host was rebooted before its recovery came to an end: that was given up; what the policy file has of its memory is made by cxl-isolation.service") :
			    NEXT_PHASE;
}

/* Whoever acts on that port brings it back meanwhile, unless it is left. */
static enum next wait_for_tied(struct act_work *w, const struct cxl_root_port *other)
{
	bool is_left;

	is_recovering(w, other->name, &is_left);
	if (!is_left)
		return NEXT_LATER;
	return leave(w, arena_printf(w->host->arena, "what it makes again lies below %s, too, which is isolated and left so; type 'cxl recover-port %s' and 'cxl recover-port --resume %s'", other->name,
				     other->name, w->rp->name));
}

static enum next do_recover(struct act_work *w)
{
	const struct cxl_root_port *other;
	const char *text = w->state.text;
	enum next next = NEXT_LATER;
	int lock;

	while ((lock = act_lock(w->dirfd, ACT_RECOVERING)) == -EWOULDBLOCK && !is_stopped())
		poll(NULL, 0, LOOK_MS);
	if (lock < 0)
		return NEXT_LATER;
	if (look_again(w))
		goto out;
	if (is_back(w)) {
		next = come_back(w, "it was recovered");
		goto out;
	}
	switch (act_decide(w->host, w->rp, &w->wish, &w->state, now_s(), tied_journal(w), &text)) {
	case ACT_GO:
		break;
	case ACT_WAIT:
		next = wait_for_others(w, text);
		goto out;
	default:
		next = leave(w, text);
		goto out;
	}
	other = needed_port(w);
	if (other) {
		next = wait_for_tied(w, other);
		goto out;
	}
	if (!begin(w, &next))
		next = leave(w, arena_printf(w->host->arena, "its recovery was begun %d times and did not come to its end%s%s; type 'cxl recover-port%s %s'", MAX_ATTEMPTS,
					     text ? ": " : "", text ? text : "", act_has_journal(w->host, w->rp) ? " --resume" : "", w->rp->name));
	else if (next == NEXT_PHASE)
		next = recover(w);
out:
	close(lock);
	return next;
}

static enum next do_after(struct act_work *w)
{
	const char *text = w->state.text ? w->state.text : "the root port is back";
	enum next next;

	if (!begin(w, &next))
		act_say(LOG_ERR, w->rp->name, "on-recovered was begun %d times and did not come to its end; it is not run again", MAX_ATTEMPTS);
	else if (next == NEXT_PHASE)
		next = look_again(w) ? NEXT_LATER :
				       tell(w, ACT_RECOVERED, POLICY_ON_RECOVERED, text);
	if (next != NEXT_PHASE)
		return next;
	if (iso_isolated(&w->rp->iso) == TRI_NO)
		count_back(w->dirfd, w->host, w->rp);
	w->state.problem_told = false;
	w->state.evidence = 0;
	w->state.boot_id = NULL;
	return go_to(w, ACT_IDLE, NULL) == NEXT_PHASE ? NEXT_END : NEXT_LATER;
}

static enum next do_left(struct act_work *w)
{
	enum next next;

	if (w->state.problem_told)
		return NEXT_END;
	next = tell(w, ACT_PROBLEM, POLICY_ON_PROBLEM, w->state.text);
	if (next != NEXT_PHASE)
		return next;
	w->state.problem_told = true;
	return write_state(w) == NEXT_PHASE ? NEXT_END : NEXT_LATER;
}

static enum next do_problem(struct act_work *w)
{
	const char *text = arena_printf(w->host->arena, "something is wrong with the root port: %s", w->problem);
	enum next next;

	act_say(LOG_WARNING, w->rp->name, "%s", text);
	next = tell(w, ACT_PROBLEM, POLICY_ON_PROBLEM, text);
	if (next == NEXT_PHASE)
		next = write_state(w);
	return next == NEXT_PHASE ? NEXT_END : next;
}

static enum next (*const phases[N_ACT_PHASES])(struct act_work *) = {
	[ACT_IDLE] = do_problem, [ACT_HOOK] = do_hook, [ACT_DECIDE] = do_decide,
	[ACT_RECOVER] = do_recover, [ACT_AFTER] = do_after, [ACT_LEFT] = do_left,
};

/* --- the process ------------------------------------------------------------------------ */

static void __attribute__((noreturn)) work(struct act_work *w)
{
	const struct sigaction stop = { .sa_handler = request_stop };
	const struct sigaction standard = { .sa_handler = SIG_DFL };
	sigset_t none;
	enum next next = NEXT_PHASE;

	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGCHLD, &standard, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	while (!is_stopped() && next == NEXT_PHASE)
		next = phases[w->state.phase](w);
	_exit(next == NEXT_LATER ? ACT_WORK_LATER : 0);
}

pid_t act_work_start(struct act_work *w)
{
	pid_t pid = fork();

	if (!pid)
		work(w);
	close(w->lock);
	return pid < 0 ? -errno : pid;
}
