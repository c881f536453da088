// SPDX-License-Identifier: GPL-2.0-only
/* Acting on root ports that fail: see act.h. */
#include "lib/act/act.h"

#include <errno.h>
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
#include "lib/act/act_say.h"
#include "lib/act/act_work.h"
#include "lib/act/hook.h"
#include "lib/kept/evidence.h"
#include "lib/kept/kept_read.h"
#include "lib/report/problem.h"
#include "util/clock.h"
#include "util/parse.h"
#include "util/render.h"
#include "util/state.h"

enum {
	US_PER_S = 1000000,
	RETRY_US = 2 * US_PER_S,	/* what waits for another command, or a policy that is put right */
	DOWN_US = 10 * US_PER_S,	/* for so long a link that is down is one that fails just now */
	SETTLE_US = US_PER_S,		/* a problem that goes away by itself is none: a command may be at it */
};

/* What this process knows of a root port. */
struct known {
	struct known *next;
	char root_port[64];
	pid_t worker;		/* 0: none, */
	bool is_ending;		/* which was asked to stop */
	bool is_about_problem;	/* it runs on-problem, of a port in service */
	uint64_t back_at;	/* seconds since 1970: somebody brought it back meanwhile, 0: nobody */
	uint64_t evidence;	/* of this failure, where its file cannot be written; 0: none */
	bool is_checked;	/* its programs were looked at */
	bool is_new;		/* its file was not looked at yet */
	bool was_isolated;	/* when that was */
	bool was_in_service;	/* this process has seen it so */
	bool is_pending;	/* to be looked at again, */
	uint64_t again_us;	/* by then */
	int containment;	/* as its file has it, */
	int lower;		/* and a lower one that it seems to have come to, */
	uint64_t lower_us;	/* since when */
	char problems[256];	/* at the last look, */
	uint64_t problems_us;	/* since when */
	bool is_said;		/* that it is isolated */
	char said[256];		/* why nothing can be done, so that it is said once */
};

struct act {
	int dirfd;
	struct known *known;
	char said[POLICY_ON_PROBLEM - POLICY_ON_ISOLATED + 1][512];	/* of programs, which may be those of many root ports */
};

struct act *act_new(struct err *err)
{
	struct act *act;
	int dirfd;

	if (geteuid()) {
		err_set(err, EXIT_PREREQ, EPERM, "--act keeps evidence, runs programs and recovers root ports, which needs root; nothing was done");
		return NULL;
	}
	dirfd = state_open(true, err);
	if (dirfd < 0)
		return NULL;
	act = calloc(1, sizeof(*act));
	if (act)
		act->dirfd = dirfd;
	else {
		close(dirfd);
		err_no_memory(err, "");
	}
	return act;
}

/* --- what is known ---------------------------------------------------------------------- */

static struct known *find(struct act *act, const char *root_port)
{
	struct known *k = act->known;

	while (k && strcmp(k->root_port, root_port) != 0)
		k = k->next;
	if (k || !(k = calloc(1, sizeof(*k))))
		return k;
	snprintf(k->root_port, sizeof(k->root_port), "%s", root_port);
	k->is_new = true;
	k->containment = k->lower = -1;
	k->next = act->known;
	act->known = k;
	return k;
}

static void look_later(struct known *k, uint64_t us)
{
	k->is_pending = true;
	k->again_us = clock_now_us() + us;
}

static void say_once(struct known *k, const char *text)
{
	char said[sizeof(k->said)];

	snprintf(said, sizeof(said), "%s", text);
	if (strcmp(said, k->said) != 0)
		act_say(LOG_ERR, k->root_port, "%s", text);
	snprintf(k->said, sizeof(k->said), "%s", said);
}

/* Has the process that acts on it ended?  Its file says how far it came. */
static void reap(struct known *k)
{
	int status;

	if (!k->worker || waitpid(k->worker, &status, WNOHANG) != k->worker)
		return;
	if (WIFSIGNALED(status))
		act_say(LOG_ERR, k->root_port, "what acted on it was ended by signal %d; it goes on where that was", WTERMSIG(status));
	k->worker = 0;
	k->is_ending = k->is_about_problem = false;
	look_later(k, WIFEXITED(status) && WEXITSTATUS(status) == ACT_WORK_LATER ? RETRY_US : 0);
}

bool act_is_due(struct act *act)
{
	bool is_due = false;

	for (struct known *k = act->known; k; k = k->next) {
		reap(k);
		is_due |= k->is_pending && clock_now_us() >= k->again_us;
	}
	return is_due;
}

/* --- problems ------------------------------------------------------------------------------ */

/* Ids, parted by blanks. */
static void list_problems(const struct cxl_root_port *rp, const struct check_result *result,
			  char *buf, size_t size)
{
	size_t n = 0;

	*buf = '\0';
	for (size_t i = 0; i < n_problems && n < size; i++)
		if (problems[i].applies(rp, result))
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? " " : "", problems[i].id);
}

/* Is one of @now not among @told? */
static bool has_more(const char *now, const char *told)
{
	for (const char *at = now; *at; at += strcspn(at, " "), at += strspn(at, " ")) {
		char id[64];

		snprintf(id, sizeof(id), "%.*s", (int)strcspn(at, " "), at);
		if (!has_word(told, strlen(told), id))
			return true;
	}
	return false;
}

/* --- one root port ---------------------------------------------------------------------------- */

struct look {
	struct act *act;
	struct known *k;
	struct act_work w;
	struct json_object *events;	/* of the port, NULL: nothing is heard of them */
	bool is_isolated;
	int containment;	/* now */
};

static void start(struct look *l)
{
	pid_t pid = act_work_start(&l->w);

	l->w.lock = -1;
	if (pid < 0) {
		say_once(l->k, "nothing can be run for it: no process can be made; it is tried again");
		look_later(l->k, RETRY_US);
	} else {
		l->k->worker = pid;
	}
}

static bool write_state(struct look *l)
{
	struct err err;

	if (!act_state_write(l->act->dirfd, l->k->root_port, &l->w.state, &err))
		return true;
	say_once(l->k, err.text);
	look_later(l->k, RETRY_US);
	return false;
}

/* It has just failed: before anything else what there is of it is kept. */
static void begin_event(struct look *l)
{
	const struct cxl_host *host = l->w.host;
	struct act_state *s = &l->w.state;
	unsigned long number;
	char boot[64];
	struct err err;

	s->evidence = l->k->evidence;
	if (s->evidence) {
		/* it was said, too */
	} else if (evidence_keep(l->act->dirfd, host, l->w.rp, l->events, &number, &err)) {
		act_say(LOG_ERR, l->k->root_port, "%s", err.text);
	} else {
		s->evidence = l->k->evidence = number;
		act_say(LOG_NOTICE, l->k->root_port, "evidence %lu is kept; 'cxl isolation-status --evidence=%lu' shows it", number, number);
	}
	s->failed_at = (uint64_t)time(NULL);
	s->phase = ACT_HOOK;
	s->attempts = 0;
	s->problem_told = false;
	s->text = NULL;
	s->boot_id = arena_strdup(host->arena, kept_boot_id(host, boot, sizeof(boot)));
	if (!l->k->is_said)
		act_say(LOG_CRIT, l->k->root_port, "it is isolated; its containment was %s", s->containment < 0 ? "not known" : containment_names[s->containment]);
	l->k->is_said = true;
}

/* A failure that was there already: where it is, or what became of it meanwhile. */
static bool go_on(struct look *l)
{
	struct act_state *s = &l->w.state;

	if (!l->is_isolated && s->phase == ACT_LEFT)
		look_later(l->k, RETRY_US);	/* somebody is at it */
	if (iso_isolated(&l->w.rp->iso) == TRI_NO && s->phase != ACT_AFTER &&
	    !act_has_journal(l->w.host, l->w.rp)) {
		s->phase = ACT_AFTER;
		s->attempts = 0;
		s->recovered_at = (uint64_t)time(NULL);
		s->text = "it is not isolated any more";
		return write_state(l);
	}
	return s->phase != ACT_LEFT || !s->problem_told;
}

/* Is it being recovered, with others or by itself? */
static bool is_in_journal(const struct look *l)
{
	const struct kept *kept = &l->w.host->kept;

	for (size_t i = 0; i < kept->n_journals; i++)
		if (!strcmp(kept->journals[i].root_port, l->k->root_port) ||
		    act_journal_has(&kept->journals[i], l->k->root_port))
			return true;
	return false;
}

/* What is about to fail, or is taken down and up, looks worse at once: that is not what it was before. */
static bool may_be_failing(struct look *l)
{
	struct known *k = l->k;
	bool is_down = l->w.rp->link.up == TRI_NO || iso_isolated(&l->w.rp->iso) != TRI_NO;
	uint64_t settle_us = is_down || is_in_journal(l) ? DOWN_US : SETTLE_US;

	if (l->containment > k->containment)
		return false;
	if (k->lower != l->containment) {
		k->lower = l->containment;
		k->lower_us = clock_now_us();
	}
	return clock_now_us() - k->lower_us < settle_us;
}

/* In service: what a failure would end in is to be known when there is one. */
static void note_containment(struct look *l)
{
	l->k->containment = l->w.state.containment;
	l->k->was_in_service = true;
	if (l->containment == l->k->containment) {
		l->k->lower = -1;
		return;
	}
	if (may_be_failing(l)) {
		look_later(l->k, SETTLE_US);
		return;
	}
	l->k->lower = -1;
	l->w.state.containment = l->containment;
	if (write_state(l))
		l->k->containment = l->containment;
}

static void look_at_problems(struct look *l)
{
	struct act_state *s = &l->w.state;
	const char *told = s->problems;

	if (!strcmp(told, l->k->problems))
		return;
	s->problems = l->k->problems;
	if (!has_more(l->k->problems, told) || !act_program(&l->w.wish, POLICY_ON_PROBLEM)) {
		write_state(l);
		return;
	}
	if (l->w.host->kept.n_journals || clock_now_us() - l->k->problems_us < SETTLE_US) {
		look_later(l->k, SETTLE_US);
		return;
	}
	l->w.problem = l->k->problems;
	start(l);
	l->k->is_about_problem = l->k->worker;
}

/* What would not be run is said while there is time to put it right. */
static void check_programs(struct look *l)
{
	for (enum policy_key key = POLICY_ON_ISOLATED; key <= POLICY_ON_PROBLEM; key++) {
		const char *program = act_program(&l->w.wish, key);
		char *said = l->act->said[key - POLICY_ON_ISOLATED];
		const size_t size = sizeof(l->act->said[0]);
		struct err err;

		if (!program || l->k->is_checked ||
		    !hook_check(policy_key_names[key], program, &err) ||
		    !strncmp(err.text, said, size - 1))
			continue;
		act_say(LOG_ERR, l->k->root_port, "%s", err.text);
		snprintf(said, size, "%.*s", (int)size - 1, err.text);
	}
	l->k->is_checked = true;
}

static void look_at_port(struct look *l)
{
	struct act_state *s = &l->w.state;
	struct err err;

	l->k->is_pending = false;
	if (act_state_read(l->act->dirfd, l->k->root_port, l->w.host->arena, s, &err)) {
		say_once(l->k, err.text);
		look_later(l->k, RETRY_US);
		return;
	}
	act_follow_clock(l->w.host, s);
	if (s->phase != ACT_IDLE && l->k->back_at && l->is_isolated) {
		s->recovered_at = l->k->back_at;
		s->containment = -1;
		s->phase = ACT_IDLE;
	}
	l->k->back_at = 0;
	if (s->phase == ACT_IDLE && l->is_isolated) {
		/* what was seen by another monitor, some time ago, may not have been so any more */
		if (!l->k->was_in_service && !act_state_is_fresh(l->act->dirfd, l->k->root_port))
			s->containment = -1;
		begin_event(l);
		if (!write_state(l))
			return;
	} else if (s->phase == ACT_IDLE) {
		note_containment(l);
	}
	if (act_policy(l->w.host, l->w.rp, &l->w.wish, &err)) {
		say_once(l->k, err.text);
		look_later(l->k, RETRY_US);
		return;
	}
	l->k->said[0] = '\0';
	check_programs(l);
	if (s->phase == ACT_IDLE)
		look_at_problems(l);
	else if (go_on(l))
		start(l);
}

/* Is there anything to do about it?  Its file is looked at only then. */
static bool has_moved(struct look *l, const char *listed)
{
	struct known *k = l->k;
	bool has_other = strcmp(listed, k->problems) != 0;

	if (has_other) {
		snprintf(k->problems, sizeof(k->problems), "%s", listed);
		k->problems_us = clock_now_us();
	}
	if (k->worker)
		return false;
	return k->is_new || has_other || (k->is_pending && clock_now_us() >= k->again_us) ||
	       l->is_isolated != k->was_isolated ||
	       (!l->is_isolated && l->containment != k->containment);
}

/*
 * What it does is about a failure that is over when the port was back meanwhile, or about a port in service:
 * the next failure has to be seen as one.
 */
static void watch_worker(struct look *l)
{
	struct known *k = l->k;

	if (!k->worker)
		return;
	if (iso_isolated(&l->w.rp->iso) == TRI_NO && !act_has_journal(l->w.host, l->w.rp))
		k->back_at = (uint64_t)time(NULL);
	if (l->is_isolated && (k->back_at || k->is_about_problem) && !k->is_ending)
		k->is_ending = !kill(k->worker, SIGTERM);
}

static void say_no_lock(struct look *l)
{
	char text[256];

	snprintf(text, sizeof(text), "%snothing can be kept of it in %.100s: %s; nothing is done about it until that is put right", l->is_isolated ? "it is isolated, and " : "",
		 state_path(), err_text(-l->w.lock));
	say_once(l->k, text);
}

static void look_at(struct act *act, const struct cxl_host *host, const struct cxl_root_port *rp,
		    const struct check_result *result, struct json_object *events)
{
	struct look l = { .act = act, .k = find(act, rp->name), .events = events,
			  .w = { .dirfd = act->dirfd, .lock = -1, .host = host, .rp = rp },
			  .is_isolated = iso_isolated(&rp->iso) == TRI_YES,
			  .containment = (int)containment_worst(&result->now) };
	char listed[sizeof(l.k->problems)];

	if (!l.k)
		return;
	reap(l.k);
	if (iso_isolated(&rp->iso) == TRI_NO) {
		l.k->evidence = 0;
		l.k->is_said = false;
	}
	watch_worker(&l);
	if (l.k->was_in_service && !l.is_isolated && l.containment == l.k->containment)
		act_state_confirm(act->dirfd, rp->name);
	list_problems(rp, result, listed, sizeof(listed));
	if (!has_moved(&l, listed))
		return;
	l.w.lock = act_lock(act->dirfd, rp->name);
	if (l.w.lock < 0) {	/* another one acts on it: one that outlived its monitor, say */
		if (l.w.lock != -EWOULDBLOCK)
			say_no_lock(&l);
		look_later(l.k, RETRY_US);
		return;
	}
	l.k->is_new = false;
	l.k->was_isolated = l.is_isolated;
	look_at_port(&l);
	if (l.w.lock >= 0)
		close(l.w.lock);
}

void act_look(struct act *act, const struct cxl_host *host, const bool *root_ports,
	      const struct check_result *results, struct json_object *events)
{
	struct json_object *none = events ? render_array() : NULL;

	for (size_t i = 0; i < host->n_root_ports; i++) {
		const struct cxl_root_port *rp = &host->root_ports[i];
		struct json_object *of_port = json_object_object_get(events, rp->name);

		if (root_ports[i])
			look_at(act, host, rp, &results[i], of_port ? of_port : none);
	}
	json_object_put(none);
}

/* Asked to stop: what a failure would end in is not watched from now on. */
static void forget_containment(struct act *act, struct known *k)
{
	struct arena a = { 0 };
	struct act_state s;
	struct err err;
	int lock = k->was_in_service ? act_lock(act->dirfd, k->root_port) : -1;

	if (lock >= 0 && !act_state_read(act->dirfd, k->root_port, &a, &s, &err) &&
	    s.phase == ACT_IDLE && s.containment >= 0) {
		s.containment = -1;
		if (act_state_write(act->dirfd, k->root_port, &s, &err))
			act_say(LOG_ERR, k->root_port, "%s", err.text);
	}
	if (lock >= 0)
		close(lock);
	arena_free(&a);
}

void act_free(struct act *act)
{
	if (!act)
		return;
	for (struct known *k = act->known; k; k = k->next)
		if (k->worker)
			kill(k->worker, SIGTERM);
	while (act->known) {
		struct known *k = act->known;

		while (k->worker && waitpid(k->worker, NULL, 0) < 0 && errno == EINTR)
			;
		forget_containment(act, k);
		act->known = k->next;
		free(k);
	}
	close(act->dirfd);
	free(act);
}
