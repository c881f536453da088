// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way back from a timeout that was set for a while: see change.h.  What
 * happened in the meantime is looked at again: the port may be isolated, gone,
 * in use, or set otherwise by somebody else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "lib/change/change.h"
#include "lib/read/host_read.h"

static int no_memory(struct err *err)
{
	return err_no_memory(err, ": the timeout was not put back as it was; see 'cxl list --isolation', then use 'cxl set-timeout'");
}

static bool is_restored(const struct job *job)
{
	return job->restores;
}

/* Read again what stands against a change: the ports themselves, and who uses their memory. */
static int look_again(struct change *c, struct err *err)
{
	const struct cxl_host *now;
	bool any, *wanted = change_ports(c, is_restored, &any);

	no_memory(err);	/* unless it is said where */
	if (!wanted || !any)
		return wanted ? 0 : -ENOMEM;
	now = host_look_again(c->host, wanted, err);
	if (!now)
		return -ENOMEM;
	change_move_to(c, now);
	return 0;
}

/* Only what was changed goes back; true when something is to be done. */
static bool set_goal_to_original(struct change *c, struct job *job)
{
	struct iso_control now = iso_control(&job->rp->iso);
	bool differs = false;

	for (int f = 0; f < N_ISO_FIELDS; f++) {
		if (job->goal.v[f] < 0)
			continue;
		if (iso_is_reserved((enum iso_field)f, job->before.v[f])) {
			message_add(
				c->messages, SEV_WARNING, "RESERVED", job->rp->name,
				"%s: %s held 0x%x before, which no range has and which cannot be written again; it stays as it is now",
				job->rp->name, iso_fields[f].name, (unsigned int)job->before.v[f]);
			job->goal.v[f] = -1;
			continue;
		}
		if (now.v[f] >= 0 && now.v[f] != job->goal.v[f] && now.v[f] != job->before.v[f])
			message_add(
				c->messages, SEV_WARNING, "RESTORE", job->rp->name,
				"%s: %s was changed to %s by somebody else meanwhile, and is put back to %s as well: set it again where that was meant to last",
				job->rp->name, iso_fields[f].name,
				setting_value_text((enum iso_field)f, now.v[f]),
				setting_value_text((enum iso_field)f, job->before.v[f]));
		job->goal.v[f] = job->before.v[f];
		differs |= now.v[f] != job->before.v[f];
	}
	return differs;
}

static int prepare(struct change *c, struct job *job, struct err *err)
{
	const struct finding *f;

	if (change_check(c, job))
		return no_memory(err);
	if (!set_goal_to_original(c, job))
		return 0;
	job->made = job->change.plan;
	job->change = (struct port_change){ .rp = job->rp };
	f = change_timeout_blocker(job);
	if (f) {
		job->status = outcome_set(&job->result, OUTCOME_LEFT);
		message_add(c->messages, SEV_ERROR, f->check->id, job->rp->name,
			    "%s: its timeout was not put back: %s: %s; remedy: %s", job->rp->name, f->check->id, f->text, f->remedy);
		return 0;
	}
	if (plan_make(job->rp, &job->goal, c->registers, &c->arena, &job->change.plan))
		return no_memory(err);
	job->result = OUTCOME_NONE;
	return 0;
}

/* "cxl set-timeout 0000:0c:00.0 B2 && cxl set-timeout 0000:0c:00.0 off": what does it by hand. */
static const char *by_hand(struct change *c, const struct job *job)
{
	enum iso_field range = iso_range_of(c->cache);
	int on = job->goal.v[iso_enable_of(c->cache)];
	const struct timeout_range *r =
		job->goal.v[range] < 0 ? NULL : timeout_by_value((unsigned int)job->goal.v[range]);
	const char *command = arena_printf(&c->arena, "cxl set-timeout%s%s %s", c->cache ? " --cache" : "",
					   c->registers ? " --registers" : "", job->rp->name);

	if (!r)
		return arena_printf(&c->arena, "%s %s", command, on ? "on" : "off");
	return on ? arena_printf(&c->arena, "%s %s", command, r->name) :
		arena_printf(&c->arena, "%s %s && %s off", command, r->name, command);
}

/* The port can fail otherwise while it gets back what it had. */
static bool is_back(const struct job *job)
{
	struct iso_control now = iso_control(&job->rp->iso);

	for (int f = 0; f < N_ISO_FIELDS; f++)
		if (job->goal.v[f] >= 0 && now.v[f] != job->goal.v[f])
			return false;
	return true;
}

static void report_left(struct change *c, struct job *job)
{
	enum iso_field enable = iso_enable_of(c->cache);
	bool is_known = iso_control(&job->rp->iso).v[enable] >= 0;

	/* put back to what it was for the command is not back */
	if (job->result == OUTCOME_UNDONE)
		job->result = OUTCOME_LEFT;
	message_add(c->messages, SEV_ERROR, "RESTORE", job->rp->name,
		    "%s: %s as it was before the command ran; when what stands against it is gone: %s", job->rp->name,
		    is_known ? arena_printf(&c->arena, "%s, not", change_state_now(c, job)) :
		    "the timeout cannot be read, and need not be", by_hand(c, job));
}

int change_restore(struct change *c, struct err *err)
{
	int rc;

	c->restoring = true;
	for (size_t i = 0; i < c->n_jobs; i++) {
		struct job *job = &c->jobs[i];

		job->tried = false;
		job->restores = job->result == OUTCOME_DONE && !job->is_needed;
	}
	rc = look_again(c, err);
	for (size_t i = 0; !rc && i < c->n_jobs; i++)
		if (c->jobs[i].restores)
			rc = prepare(c, &c->jobs[i], err);
	if (!rc)
		rc = change_run(c, err);
	for (size_t i = 0; !rc && i < c->n_jobs; i++)
		if (c->jobs[i].restores && c->jobs[i].status != EXIT_DONE && !is_back(&c->jobs[i]))
			report_left(c, &c->jobs[i]);
	return rc;
}
