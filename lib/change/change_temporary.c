// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timeouts that are set for a while, by several at a time and by those who ended
 * without putting them back: see change.h, and lib/change/temporary.h for the files.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/change/change.h"
#include "lib/kept/kept_read.h"
#include "lib/kept/temporary.h"
#include "util/cleanup.h"
#include "util/parse.h"
#include "util/state.h"

/* --- of this command ------------------------------------------------------------------ */

static char *make_text(struct change *c, const struct job *job)
{
	char boot[64];
	const struct kept_temporary t = {
		.root_port = job->rp->name,
		.cache = c->cache,
		.boot_id = kept_boot_id(c->host, boot, sizeof(boot)),
		.pid = (uint64_t)getpid(),
		.command = c->during,
		.registers = c->registers,
		.was_range = job->before.v[iso_range_of(c->cache)],
		.was_enabled = job->before.v[iso_enable_of(c->cache)],
		.set_range = job->goal.v[iso_range_of(c->cache)],
		.set_enabled = job->goal.v[iso_enable_of(c->cache)],
	};

	return temporary_text(&t);
}

/* A setting that was made for a while: what it was, and is since. */
struct temporary_setting {
	enum iso_field field;
	int was, set;
};

enum { N_TEMPORARY_SETTINGS = 2 };

static void settings_of(const struct kept_temporary *t, struct temporary_setting *ret)
{
	ret[0] = (struct temporary_setting){ iso_range_of(t->cache), t->was_range, t->set_range };
	ret[1] = (struct temporary_setting){ iso_enable_of(t->cache), t->was_enabled,
					     t->set_enabled };
}

/*
 * What was there before it is what everybody returns to; of one that nobody could put
 * back yet as far as it is still so, also where @job itself leaves it alone.
 */
static void return_to(struct job *job, const struct kept_temporary *t)
{
	struct temporary_setting settings[N_TEMPORARY_SETTINGS];

	settings_of(t, settings);
	for (size_t i = 0; i < N_TEMPORARY_SETTINGS; i++) {
		const struct temporary_setting *s = &settings[i];

		if (!t->is_held && job->before.v[s->field] != s->set)
			continue;
		job->before.v[s->field] = s->was;
		if (job->goal.v[s->field] < 0)
			job->goal.v[s->field] = s->set;
	}
}

static int hold(struct change *c, struct job *job, int dir)
{
	const struct kept_temporary *t = job->rp->kept.temporary[c->cache];
	_cleanup_free_ char *text = NULL;
	char file[96];
	int fd;

	if (t && t->is_held && temporary_is_own(t))
		return 0;	/* the outer one sees to it */
	temporary_file(job->rp->name, c->cache, file, sizeof(file));
	if (t)
		return_to(job, t);
	if (t && t->is_held) {
		fd = state_hold(dir, file);
	} else {
		text = make_text(c, job);
		fd = text ? state_write_held(dir, file, text) : -ENOMEM;
	}
	if (fd < 0)
		return fd;
	job->is_held = true;
	job->held_fd = fd;
	return 0;
}

int change_hold(struct change *c, struct err *err)
{
	_cleanup_close_ int dir = -1;
	int rc = 0;

	if (c->lock < 0)	/* no lock, no file: that was said */
		return 0;
	dir = state_open(true, err);
	if (dir < 0)
		return dir;
	for (size_t i = 0; !rc && i < c->n_jobs; i++)
		if (c->jobs[i].result == OUTCOME_NONE || c->jobs[i].result == OUTCOME_ALREADY)
			rc = hold(c, &c->jobs[i], dir);
	if (!rc)
		return 0;
	change_let_go(c, true);
	return err_set(err, EXIT_PREREQ, -rc, "what the timeouts were cannot be written down in %.200s: %s; nothing was done; make room there, or name another directory in CXL_STATE_DIR",
		       state_path(), err_text(-rc));
}

/* Do others hold the file of @job, too?  -errno when that cannot be told. */
static int is_needed_by_others(const struct change *c, const struct job *job, int dir)
{
	char file[96];

	temporary_file(job->rp->name, c->cache, file, sizeof(file));
	return dir < 0 ? dir : state_is_held(dir, file, job->held_fd);
}

void change_ask_others(struct change *c)
{
	struct err none;
	_cleanup_close_ int dir = state_open(false, &none);

	for (size_t i = 0; i < c->n_jobs; i++) {
		struct job *job = &c->jobs[i];

		if (!job->is_held)
			continue;
		job->is_needed = is_needed_by_others(c, job, dir) > 0;
		if (job->is_needed)
			message_add(c->messages, SEV_INFO, "TEMPORARY", job->rp->name,
				    "%s: its timeout stays as it is: another 'cxl set-timeout --while' still needs it so, and puts it back as it was when it ends",
				    job->rp->name);
		else if (job->result == OUTCOME_ALREADY)	/* it was set by one that has ended before */
			job->result = OUTCOME_DONE;
	}
}

static bool is_as_before(const struct job *job, bool cache)
{
	const struct iso_control now = iso_control(&job->rp->iso);
	enum iso_field range = iso_range_of(cache), enable = iso_enable_of(cache);

	return now.v[range] == job->before.v[range] && now.v[enable] == job->before.v[enable];
}

/* What is as it was needs nobody any more. */
static void forget(struct change *c, const struct job *job, int dir)
{
	char file[96];

	if (is_needed_by_others(c, job, dir))
		return;
	temporary_file(job->rp->name, c->cache, file, sizeof(file));
	if (state_remove(dir, file))
		message_add(c->messages, SEV_WARNING, "TEMPORARY", job->rp->name, "%.200s/%s cannot be removed; remove it", state_path(), file);
}

void change_let_go(struct change *c, bool unchanged)
{
	struct err none;
	_cleanup_close_ int dir = state_open(false, &none);

	for (size_t i = 0; i < c->n_jobs; i++) {
		struct job *job = &c->jobs[i];

		if (!job->is_held)
			continue;
		if (unchanged || job->status == EXIT_DONE || is_as_before(job, c->cache))
			forget(c, job, dir);
		close(job->held_fd);
		job->is_held = false;
	}
}

/* --- of those who are gone --------------------------------------------------------------- */

/* Only what is still as it was set goes back; false when nothing is. */
static bool take_goal(const struct kept_temporary *t, const struct cxl_root_port *rp,
		      struct job *ret)
{
	const struct iso_control now = iso_control(&rp->iso);
	struct temporary_setting settings[N_TEMPORARY_SETTINGS];
	bool any = false;

	settings_of(t, settings);
	ret->before = now;
	ret->goal = iso_control_unknown;
	for (size_t i = 0; i < N_TEMPORARY_SETTINGS; i++) {
		enum iso_field f = settings[i].field;

		if (settings[i].set < 0 || settings[i].was < 0 ||
		    settings[i].was == settings[i].set || now.v[f] != settings[i].set)
			continue;
		ret->before.v[f] = settings[i].was;
		ret->goal.v[f] = settings[i].set;
		any = true;
	}
	return any;
}

/* *@host: as it is read before, and after. */
static int put_back(const struct cxl_host **host, const struct cxl_root_port *rp,
		    const struct kept_temporary *t, struct messages *messages, bool *ret_done,
		    struct err *err)
{
	struct change c = { .host = *host,
			    .messages = messages,
			    .kind = CHANGE_TIMEOUT,
			    .registers = t->registers,
			    .cache = t->cache,
			    .goal = iso_control_unknown,
			    .n_jobs = 1,
			    .lock = -1 };
	struct job *job = arena_alloc(&c.arena, 1, sizeof(*job));
	bool any = false;
	int rc = 0;

	c.jobs = job;
	c.enabling = arena_alloc(&c.arena, c.host->n_root_ports, sizeof(*c.enabling));
	if (!job || !c.enabling)
		rc = err_no_memory(err, ", nothing was written");
	if (!rc) {
		*job = (struct job){ .rp = rp, .group = job, .named = true, .result = OUTCOME_DONE, .change.rp = rp,
				     .was_isolated = iso_isolated(&rp->iso) == TRI_YES };
		any = take_goal(t, rp, job);
		rc = any ? change_restore(&c, err) : 0;
	}
	*ret_done = !rc && (!any || job->status == EXIT_DONE);
	if (!rc && any && *ret_done)
		message_add(
			messages, SEV_WARNING, "TEMPORARY", rp->name,
			"%s: its timeout was still as '%s' (process %llu) had it for a while, which ended without putting it back: that was done now, %s",
			rp->name, t->command, (unsigned long long)t->pid,
			change_state_now(&c, job));
	*host = c.host;
	arena_free(&c.arena);
	return rc;
}

/* With the file of @t, which is done with, the snapshot loses it, too. */
static int forget_file(const struct cxl_host **host, const struct kept_temporary *t,
		       struct err *err)
{
	struct err none;
	_cleanup_close_ int dir = state_open(false, &none);
	const struct cxl_host *now;
	char file[96];

	temporary_file(t->root_port, t->cache, file, sizeof(file));
	if (dir < 0 || state_remove(dir, file))
		return 0;
	now = kept_without_temporary(*host, t);
	if (!now)
		return err_no_memory(err, ", nothing was written");
	*host = now;
	return 0;
}

int change_put_back(const struct cxl_host **host, struct messages *messages, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < (*host)->n_root_ports; i++)
		for (int k = 0; !rc && k < 2; k++) {
			const struct cxl_root_port *rp = &(*host)->root_ports[i];
			const struct kept_temporary *t = rp->kept.temporary[k];
			bool done = false;

			if (!t || t->is_held)
				continue;
			rc = put_back(host, rp, t, messages, &done, err);
			if (!rc && done)
				rc = forget_file(host, t, err);
		}
	return rc;
}
