// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was changed last on the root ports: see lib/kept/last_change.h.  A command that was
 * ended in the middle is finished by the same one, or taken back by its --undo-last; so is
 * one that came to its end.
 */
#include <errno.h>
#include <unistd.h>

#include "lib/change/change_last.h"

/* Without it nothing is kept, which was said. */
static bool has_lock(const struct change *c)
{
	return c->lock >= 0 || c->within_prepare;
}

int change_last_read(struct change *c)
{
	const char *why;

	if (last_changes_read(c->host, &c->arena, &c->last, &why))
		return -ENOMEM;
	if (why && has_lock(c))
		message_add(c->messages, SEV_WARNING, "LAST", NULL, "%s: what was changed before is not known, nor whether it was finished, and --undo-last cannot take it back", why);
	return 0;
}

/* --- a change that was not finished --------------------------------------------- */

static bool is_disturbing(const struct job *job)
{
	return iso_has_quirk(&job->rp->iso, ISO_QUIRK_CLEARS_OTHERS);
}

/* Does @job ask for what @l did?  What is so by now need not be asked for again. */
static bool is_same(const struct change *c, const struct last_change *l, const struct job *job)
{
	const struct iso_control now = iso_control(&job->rp->iso);

	for (int f = 0; f < N_ISO_FIELDS; f++)
		if (job->goal.v[f] >= 0 ? job->goal.v[f] != l->set.v[f]
					: l->asked.v[f] >= 0 && now.v[f] != l->asked.v[f])
			return false;
	return l->by == c->by;
}

static struct last_change *of(const struct change *c, const struct job *job, bool by_prepare)
{
	return last_change_of(&c->last, c->host, job->rp, by_prepare);
}

static const struct last_change *unfinished(const struct change *c, const struct job *job,
					    bool by_prepare)
{
	const struct last_change *l = of(c, job, by_prepare);

	return l && !l->is_finished ? l : NULL;
}

/* Also what the kernel had cleared beside, and was not put back any more. */
void change_last_go_on(struct change *c, struct job *job)
{
	const struct last_change *l = unfinished(c, job, false);
	const struct iso_control now = iso_control(&job->rp->iso);

	if (!l || c->undo_last || !is_disturbing(job) || !is_same(c, l, job))
		return;
	for (int f = 0; f < N_ISO_FIELDS; f++)
		if (job->goal.v[f] < 0 && l->set.v[f] >= 0 && now.v[f] != l->set.v[f] &&
		    (l->registers || iso_field_by_kernel(&job->rp->iso, (enum iso_field)f)))
			job->goal.v[f] = l->set.v[f];
}

const char *last_change_refusal(const struct last_change *l, struct arena *a)
{
	char undo[128];

	return arena_printf(a, "'%s' was ended before it was done with it; run that again to finish it, or '%s' to put back what was there",
			    l->typed, last_change_undo_text(l, undo, sizeof(undo)));
}

bool change_last_refuses(struct change *c, struct job *job)
{
	const struct last_change *l = c->within_prepare ? NULL : unfinished(c, job, true);

	if (!l) {
		l = unfinished(c, job, false);
		if (!l || c->undo_last || is_same(c, l, job))
			return false;
	}
	job->status = EXIT_REFUSED;
	message_add(c->messages, SEV_ERROR, "UNFINISHED", job->rp->name, "%s: %s; nothing was written, %s", job->rp->name,
		    last_change_refusal(l, &c->arena), change_state_now(c, job));
	return true;
}

/* --- keeping it --------------------------------------------------------------------- */

static bool is_kept(const struct change *c)
{
	return has_lock(c) && !c->dry_run && !c->restoring && !c->during;
}

static void write_down(struct change *c, const char *consequence)
{
	int rc = last_changes_write(c->host, &c->last);

	if (rc && (rc != -EACCES || !geteuid()))	/* else nothing is written either */
		message_add(c->messages, SEV_WARNING, "LAST", NULL, "what is changed cannot be written down (%s): %s", err_text(-rc), consequence);
}

/* Is @job on its way, or done with what was left of it? */
static bool is_begun(const struct change *c, const struct job *job)
{
	return job->result == OUTCOME_NONE ||
	       (job->result == OUTCOME_ALREADY && (c->undo_last || unfinished(c, job, false)));
}

/* Above those of earlier runs: what they changed is not of one group with what this one does. */
static uint64_t first_group(const struct last_changes *all)
{
	uint64_t most = 0;

	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].root_port && all->v[i].group > most)
			most = all->v[i].group;
	return most + 1;
}

int change_last_begin(struct change *c)
{
	const uint64_t group = first_group(&c->last);
	bool any = false;

	if (!is_kept(c))
		return 0;
	if (!c->typed || last_changes_copy(&c->last, &c->arena, &c->last_before))
		return -ENOMEM;
	for (size_t i = 0; i < c->n_jobs; i++) {
		const struct job *job = &c->jobs[i];
		const struct last_change *l = unfinished(c, job, false);
		struct last_change now = {
			.root_port = job->rp->name, .by = c->by, .typed = c->typed,
			.registers = c->registers, .cache = c->cache,
			.was = l ? l->was : job->change.plan.before,
			.set = job->change.plan.goal, .asked = job->goal,
			.group = l ? l->group : group + (uint64_t)(job->group - c->jobs),
		};

		any |= is_begun(c, job);
		if (job->result != OUTCOME_NONE)
			continue;
		if (c->undo_last)
			of(c, job, false)->is_finished = false;
		else
			last_change_put(&c->last, c->host, job->rp, &now);
	}
	if (any)
		write_down(c, "--undo-last will not know of it");
	c->is_kept = any;
	return 0;
}

/* As it was before: nothing came of it. */
static void forget(struct change *c, const struct job *job)
{
	const struct last_change *old = last_change_of(&c->last_before, c->host, job->rp, false);

	last_change_drop(&c->last, c->host, job->rp, false);
	if (old)
		last_change_put(&c->last, c->host, job->rp, old);
}

void change_last_forget(struct change *c)
{
	for (size_t i = 0; i < c->n_jobs; i++)
		if (c->jobs[i].tried)
			forget(c, &c->jobs[i]);
	write_down(c, "--undo-last takes back less than it might");
}

void change_last_end(struct change *c)
{
	if (!c->is_kept)
		return;
	for (size_t i = 0; i < c->n_jobs; i++) {
		const struct job *job = &c->jobs[i];
		struct last_change *l = of(c, job, false);
		bool is_done = outcome_descs[job->result].is_made;

		if (!l || (!job->tried && !is_begun(c, job)))
			continue;
		if (is_done && c->undo_last)
			last_change_drop(&c->last, c->host, job->rp, false);
		else if (is_done || job->change.outcome == OUTCOME_LEFT)
			l->is_finished = true;
		else
			forget(c, job);
	}
	write_down(c, "the next command takes it for unfinished; the same command again, or --undo-last, mends that");
	c->is_kept = false;
}

/* --- taking it back ----------------------------------------------------------------- */

void change_undo_expand(struct change *c, bool *selected, bool *named)
{
	for (size_t i = 0; i < c->host->n_root_ports; i++) {
		const struct cxl_root_port *rp = &c->host->root_ports[i];
		const struct last_change *l = last_change_of(&c->last, c->host, rp, false);

		for (size_t k = 0; l && selected[i] && l->by == c->by && k < c->last.n; k++) {
			const struct last_change *other = &c->last.v[k];
			size_t at;

			if (!other->root_port || other->by != l->by || other->group != l->group)
				continue;
			rp = host_root_port(c->host, other->root_port);
			at = (size_t)(rp - c->host->root_ports);
			selected[at] = true;
			named[at] |= named[i];
		}
	}
}

static void leave_out(struct change *c, struct job *job, const struct last_change *l)
{
	const char *name = job->rp->name, *why;
	char undo[128];

	if (!l)
		why = arena_printf(&c->arena, "no change that '%s' made since the last boot is known", c->command);
	else
		why = arena_printf(&c->arena, "its last change was '%s', which '%s' takes back", l->typed,
				   last_change_undo_text(l, undo, sizeof(undo)));
	why = why ? why : "no such change is known";
	if (!job->named) {
		message_add(c->messages, SEV_INFO, "LAST", name, "%s is left out: %s", name, why);
		job->why_skipped = why;
		job->result = OUTCOME_SKIPPED;
		return;
	}
	message_add(c->messages, SEV_ERROR, "LAST", name, "%s: %s; nothing was written, %s", name, why, change_state_now(c, job));
	job->result = OUTCOME_REFUSED;
	job->status = EXIT_PREREQ;
}

/* What @field is to be again; -1: it stays, since it is so, or since that is not this command's doing. */
static int back_to(struct change *c, const struct job *job, const struct last_change *l,
		   enum iso_field field)
{
	int was = l->was.v[field], now = iso_control(&job->rp->iso).v[field];
	const char *name = job->rp->name;

	if (was < 0 || now == was || l->set.v[field] < 0)
		return -1;
	if (iso_is_reserved(field, was)) {
		message_add(c->messages, SEV_WARNING, "RESERVED", name,
			    "%s: %s held 0x%x before, which no range has and which cannot be written again; it stays as it is now",
			    name, iso_fields[field].name, (unsigned int)was);
		return -1;
	}
	if (now == l->set.v[field] || (!l->is_finished && is_disturbing(job)))
		return was;
	message_add(c->messages, SEV_WARNING, "LAST", name,
		    "%s: %s was changed to %s by somebody else since, and stays so (it was %s before '%s')", name, iso_fields[field].name,
		    setting_value_text(field, now), setting_value_text(field, was), l->typed);
	return -1;
}

void change_undo_aim(struct change *c, struct job *job)
{
	const struct last_change *l = of(c, job, false);

	job->goal = iso_control_unknown;
	job->auto_timeout = false;
	if (!l || l->by != c->by) {
		leave_out(c, job, l);
		return;
	}
	c->registers |= l->registers;
	c->cache |= l->cache;
	job->cache = l->cache;
	for (int f = 0; f < N_ISO_FIELDS; f++)
		job->goal.v[f] = back_to(c, job, l, (enum iso_field)f);
}

/* What is taken back is checked as what it comes to. */
void change_undo_judge(struct change *c)
{
	int on = -1;

	for (size_t i = 0; i < c->n_jobs; i++) {
		const struct iso_control *goal = &c->jobs[i].goal;

		on = goal->v[ISO_MEM_ISOLATION] > on ? goal->v[ISO_MEM_ISOLATION] : on;
		on = goal->v[ISO_CACHE_ISOLATION] > on ? goal->v[ISO_CACHE_ISOLATION] : on;
	}
	c->kind = on < 0 ? CHANGE_TIMEOUT : on ? CHANGE_ENABLE : CHANGE_DISABLE;
	for (size_t i = 0; i < c->n_jobs; i++)
		c->enabling[c->jobs[i].rp - c->host->root_ports] =
			c->kind == CHANGE_ENABLE && c->jobs[i].result == OUTCOME_NONE;
}
