// SPDX-License-Identifier: GPL-2.0-only
/*
 * Giving a recovery up: the port is left fenced, and what else was taken down for
 * it is named.  See recover.h.
 */
#include <stdio.h>
#include <string.h>

#include "lib/recover/recover_names.h"
#include "lib/recover/recover_users.h"
#include "util/state.h"

/* Was anything carried out, or may the crash have come in the middle of it? */
static bool is_begun(const struct journal *j)
{
	for (size_t i = 0; i < j->n_steps; i++)
		if (j->steps[i].state == STEP_DONE || j->steps[i].state == STEP_FAILED)
			return true;
	return j->n_steps && j->phase != PHASE_PLANNED;
}

static int forget(struct recover *r, const char *now, struct err *err)
{
	int rc = journal_remove(r->dirfd, r->rp->name);

	if (rc)
		return err_set(err, EXIT_REFUSED, -rc, "the journal of %s cannot be removed: %s; remove it with 'rm -r %.200s/%s" JOURNAL_SUFFIX "'",
			       r->rp->name, err_text(-rc), state_path(), r->rp->name);
	r->keeps_journal = false;
	r->result = OUTCOME_ABANDONED;
	message_add(r->messages, SEV_INFO, "ABANDONED", r->rp->name, "the recovery of %s was given up: %s", r->rp->name, now);
	return 0;
}

/* Whether that recovery switched it off only its journal could tell. */
static void report_autoprobe(struct recover *r)
{
	char text[16];

	if (sysfs_read(r->host->fs, DAX_AUTOPROBE, text, sizeof(text)) == 1 && *text == '0')
		message_add(r->messages, SEV_WARNING, "AUTOPROBE", NULL,
			    "new dax devices of this host have no driver, maybe since that recovery; where that is not wanted type 'echo 1 > /" DAX_AUTOPROBE "'");
}

static const char *fence_advice(struct step_run *run, char *buf, size_t size)
{
	const struct recover *r = run->data;

	snprintf(buf, size, "%s is not fenced, its journal is kept; try again with 'cxl recover-port --abandon %s', or reboot the host",
		 r->rp->name, r->rp->name);
	return buf;
}

/* What recover_give_up() would do.  Where nothing had been done it only forgets the journal. */
static int plan_to_abandon(struct recover *r, struct err *err)
{
	struct recover_plan plan = { 0 };
	int rc = 0;

	if (r->journal_state != JOURNAL_STALE &&
	    (r->journal_state != JOURNAL_HERE || is_begun(&r->journal)))
		rc = recover_fence(r, &plan, err);
	if (rc)
		return rc;
	r->journal.steps = plan.steps;
	r->journal.n_steps = plan.n;
	r->planned = STEPS_FENCE;
	r->result = OUTCOME_PLANNED;
	return 0;
}

/* What was taken down for it and is not there again. */
static void report_lost_neighbour(struct recover *r, const struct recipe_region *region)
{
	const char *names = "";

	for (size_t i = 0; names && i < region->ways; i++)
		names = arena_printf(&r->arena, "%s %s", names, r->journal.recipe.devices[region->targets[i].device].name);
	message_add(r->messages, SEV_WARNING, "NEIGHBOUR", region->name, "%s was taken down for the recovery of %s and is not there again; make it with 'cxl create-region -t %s -d %s -w %zu -m%s'",
		    region->name, r->rp->name, region->mode, region->decoder, region->ways, names ? names : " memN");
}

static void report_neighbours(struct recover *r)
{
	const struct recipe *recipe = &r->journal.recipe;

	for (size_t i = 0; i < recipe->n_regions; i++) {
		const struct recipe_region *region = &recipe->regions[i];
		const char *made = recover_name_of(&r->journal, region->name);
		char path[128];

		if (!region->neighbour)
			continue;
		snprintf(path, sizeof(path), "sys/bus/cxl/devices/%.60s", made ? made : region->name);
		if (!sysfs_exists(r->host->fs, path))
			report_lost_neighbour(r, region);
	}
}

/* No memory of the port can be used: its half made regions go, its devices lose their driver. */
int recover_give_up(struct recover *r, struct err *err)
{
	struct recover_plan plan;
	int rc = 0;

	if (r->request.dry_run)
		return plan_to_abandon(r, err);
	if (r->journal_state == JOURNAL_STALE)
		return forget(r, "the host was rebooted since, nothing else was touched", err);
	if (r->planned != STEPS_RECOVER && r->journal_state == JOURNAL_HERE &&
	    !is_begun(&r->journal))
		return forget(r, "nothing had been done", err);
	if (r->planned == STEPS_RECOVER || r->journal_state == JOURNAL_HERE)
		recover_restore_held(r);
	else
		report_autoprobe(r);
	if (recover_has_changed(r))
		rc = recover_read_host(r, err);
	rc = rc ? rc : recover_refuse_unbinding(r, err);
	rc = rc ? rc : recover_refuse_online(r, err);
	rc = rc ? rc : recover_refuse_held_functions(r, err);
	rc = rc ? rc : recover_fence(r, &plan, err);
	if (rc)
		return rc;
	if (r->planned != STEPS_RECOVER) {
		r->journal.steps = plan.steps;
		r->journal.n_steps = plan.n;
		r->planned = STEPS_FENCE;
	}
	recover_set_up_run(r);
	r->run.steps = plan.steps;
	r->run.n = plan.n;
	r->run.is_stopped = NULL;
	r->run.begin = NULL;
	r->run.advice = fence_advice;
	rc = step_run_all(&r->run, err);
	r->result = OUTCOME_LEFT;
	if (!rc)
		report_neighbours(r);
	return rc ? rc : forget(r, "its memory cannot be used until it is recovered or the host is rebooted", err);
}
