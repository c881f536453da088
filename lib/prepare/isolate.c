// SPDX-License-Identifier: GPL-2.0-only
/* Isolation as a part of preparing System RAM: see isolate.h. */
#include "lib/prepare/isolate.h"

#include <errno.h>
#include <string.h>

#include "lib/change/change_last.h"
#include "lib/kept/kept_read.h"
#include "lib/kept/temporary.h"
#include "lib/read/host_read.h"
#include "util/cleanup.h"
#include "util/state.h"
#include "util/stop.h"

#define UNTOUCHED ", isolation was left as it is"

static struct isolation_part *part_of(const struct prepare *p, const struct dax_plan *plan)
{
	return p->isolation ? &p->isolation[plan - p->plans] : NULL;
}

static bool is_in(const struct prepare *p, const struct prepare_job *job,
		  const struct dax_plan *plan)
{
	return job->result == OUTCOME_NONE && prepare_plan_of(p, job) == plan;
}

static bool is_above(const struct cxl_region *r, const char *root_port)
{
	for (size_t i = 0; i < r->n_root_ports; i++)
		if (!strcmp(r->root_ports[i]->name, root_port))
			return true;
	return false;
}

bool isolation_is_on(const struct dax_facts *f)
{
	const struct cxl_region *r = f->dax->region;

	for (size_t i = 0; i < r->n_root_ports; i++)
		if (iso_is_on(&r->root_ports[i]->iso) != TRI_YES)
			return false;
	return r->n_root_ports;
}

static void begin(struct prepare *p, const struct cxl_host *host, struct change *c)
{
	*c = (struct change){ .host = host,
			      .messages = p->messages,
			      .kind = CHANGE_ENABLE,
			      .command = "cxl enable-isolation",
			      .by = BY_ENABLE,
			      .typed = p->typed,
			      .within_prepare = true,
			      .require = REQUIREMENT_NONE,
			      .goal = iso_control_unknown,
			      .lock = -1 };
	c->goal.v[ISO_MEM_ISOLATION] = 1;
}

/* Per c->host->root_ports[]: isolation is off there, above a job of @plan.  NULL: none. */
static int find_ports(struct prepare *p, const struct dax_plan *plan, struct change *c, bool **ret,
		      struct err *err)
{
	const struct cxl_host *host = c->host;
	bool *ports = arena_alloc(&c->arena, host->n_root_ports, sizeof(*ports));

	*ret = NULL;
	if (!ports)
		return err_no_memory(err, UNTOUCHED);
	for (size_t i = 0; i < p->n_jobs; i++) {
		const struct cxl_region *r = p->jobs[i].before->dax->region;

		for (size_t k = 0; is_in(p, &p->jobs[i], plan) && k < r->n_root_ports; k++) {
			const char *name = r->root_ports[k]->name;
			const struct cxl_root_port *rp = host_root_port(host, name);

			if (!rp)
				return err_set(err, EXIT_REFUSED, ENODEV, "%s is gone" UNTOUCHED, name);
			if (iso_is_on(&rp->iso) == TRI_YES)
				continue;
			ports[rp - host->root_ports] = true;
			*ret = ports;
		}
	}
	return 0;
}

/* Nothing to do: no jobs. */
static int plan_change(struct prepare *p, const struct dax_plan *plan, struct change *c,
		       struct err *err)
{
	bool *ports;
	int rc = find_ports(p, plan, c, &ports, err);

	if (rc || !ports)
		return rc;
	rc = change_last_read(c) ? err_no_memory(err, UNTOUCHED) : 0;
	rc = rc ? rc : change_select_ports(c, ports, err);
	return rc ? rc : change_plan(c, err);
}

/* --- before --------------------------------------------------------------------------- */

/* System RAM below @rp that is to stay online: none of @plan's. */
static const struct dax_facts *find_staying(const struct prepare *p, const struct dax_plan *plan,
					    const struct cxl_root_port *rp)
{
	for (size_t i = 0; i < rp->n_dax; i++) {
		const struct dax_facts *f = &p->view.v[rp->dax[i] - p->host->dax];
		bool goes = false;

		for (size_t k = 0; k < p->n_jobs; k++)
			goes |= p->jobs[k].before == f && is_in(p, &p->jobs[k], plan);
		if (f->blocks_online && !goes)
			return f;
	}
	return NULL;
}

/* Would isolation be refused above @job?  Then so is @job. */
static void refuse(struct prepare *p, const struct dax_plan *plan, struct prepare_job *job)
{
	const struct change *c = &part_of(p, plan)->planned;
	const char *id = checks[ID_MEM_ONLINE].id;

	for (size_t i = 0; i < c->n_jobs && is_in(p, job, plan); i++) {
		const struct job *port = &c->jobs[i];
		const struct dax_facts *stays;

		if (!is_above(job->before->dax->region, port->rp->name))
			continue;
		stays = find_staying(p, plan, port->rp);
		if (port->result == OUTCOME_REFUSED)
			prepare_refuse_job(p, job, port->status, "ISOLATION",
					   arena_printf(&p->arena, "isolation of %s cannot be switched on, for the reason said before", port->rp->name));
		else if (stays)
			prepare_refuse_job(p, job, EXIT_NEGATIVE, id,
					   arena_printf(&p->arena, "%s: %s below %s would stay online as System RAM, and isolation is switched on only while nothing is; %s",
							id, stays->dax->name, port->rp->name, p->keep_going ? "leave out --keep-going" : "name both"));
	}
}

/*
 * The writes depend on the settings alone, so they can be planned now.  Of the checks those fail
 * now that the steps before are there for: what else is online below is looked for by itself.
 */
static int plan_part(struct prepare *p, const struct dax_plan *plan, struct err *err)
{
	struct isolation_part *part = part_of(p, plan);
	int rc;

	part->passes = (struct opt_list){ arena_alloc(&p->arena, 2, sizeof(char *)), 2 };
	if (!part->passes.v)
		return err_no_memory(err, ", nothing was written");
	part->passes.v[0] = checks[ID_MEM_ONLINE].id;
	part->passes.v[1] = checks[ID_MEMMAP].id;
	begin(p, p->host, &part->planned);
	part->planned.dry_run = true;
	part->planned.overrides = &part->passes;
	rc = plan_change(p, plan, &part->planned, err);
	for (size_t i = 0; !rc && i < p->n_jobs; i++)
		refuse(p, plan, &p->jobs[i]);
	return rc;
}

int isolation_plan(struct prepare *p, struct err *err)
{
	int rc = 0;

	p->isolation = arena_alloc(&p->arena, p->n_plans, sizeof(*p->isolation));
	if (!p->isolation)
		return err_no_memory(err, ", nothing was written");
	for (size_t i = 0; i < p->n_plans; i++)
		host_reading_init(&p->isolation[i].reading);
	for (size_t i = 0; !rc && i + 1 < p->n_plans; i++)
		rc = plan_part(p, &p->plans[i], err);
	return rc;
}

/* --- the part itself -------------------------------------------------------------------- */

static int not_done(struct change *c, struct err *err)
{
	const struct job *job = c->jobs;
	int status = change_status(c);

	if (status == EXIT_DONE)
		return 0;
	while (job->status == EXIT_DONE && job + 1 < c->jobs + c->n_jobs)
		job++;
	return err_set(err, (enum exit_status)status, ECANCELED, "isolation of %s could not be switched on, for the reason said before", job->rp->name);
}

int isolation_switch_on(struct prepare *p, const struct dax_plan *plan, struct err *err)
{
	struct isolation_part *part = part_of(p, plan);
	int rc;

	if (!part || !part->planned.n_jobs)
		return 0;
	if (stop_is_requested())
		return err_set(err, EXIT_RESUMABLE, EINTR, "stopped by a signal");
	begin(p, &part->reading.host, &part->on);
	rc = host_read(&part->reading, NULL, err);
	rc = rc ? rc : kept_read(&part->reading.host, err);
	rc = rc ? rc : plan_change(p, plan, &part->on, err);
	if (rc || !part->on.n_jobs)
		return rc;
	rc = change_run(&part->on, err);
	return rc ? rc : not_done(&part->on, err);
}

/* --- the way back ------------------------------------------------------------------------- */

static bool is_changed(const struct job *job)
{
	return job->change.outcome == OUTCOME_DONE && job->change.run.changed;
}

static void mark_undone(struct change *c)
{
	for (size_t i = 0; i < c->n_jobs; i++)
		for (size_t k = 0; is_changed(&c->jobs[i]) && k < c->jobs[i].change.plan.n; k++)
			if (c->jobs[i].change.plan.steps[k].state == STEP_DONE)
				c->jobs[i].change.plan.steps[k].state = STEP_UNDONE;
}

/* From a later snapshot of what @on was made from; what @on kept is in memory still. */
static int take_back(struct prepare *p, struct change *on, bool *ports, struct err *err)
{
	const struct cxl_host *now = host_look_again(on->host, ports, err);
	struct change back;
	int rc;

	begin(p, now, &back);
	back.undo_last = true;
	back.is_way_back = true;
	rc = now && !last_changes_copy(&on->last, &back.arena, &back.last) ? 0 : err_no_memory(err, "");
	rc = rc ? rc : change_select_ports(&back, ports, err);
	rc = rc ? rc : change_plan(&back, err);
	rc = rc ? rc : change_run(&back, err);
	if (!rc && change_status(&back) == EXIT_DONE)
		change_last_forget(on);
	else if (!rc)
		rc = err_set(err, EXIT_REFUSED, ECANCELED, "for the reason said before");
	arena_free(&back.arena);
	return rc;
}

bool isolation_take_back(struct prepare *p, const struct dax_plan *plan)
{
	struct isolation_part *part = part_of(p, plan);
	bool any, *ports;
	struct err err;
	int rc;

	if (!part || !part->on.n_jobs)
		return true;
	ports = change_ports(&part->on, is_changed, &any);
	if (ports && !any)
		return true;
	rc = ports ? take_back(p, &part->on, ports, &err) : err_no_memory(&err, "");
	if (rc)
		message_add(p->messages, SEV_ERROR, "ROLLBACK", NULL, "isolation could not be taken back: %s", err.text);
	else
		mark_undone(&part->on);
	return !rc;
}

/* --- what came of it ---------------------------------------------------------------------- */

/* Is what was known of @job otherwise @now, on a port that was written to? */
static bool is_otherwise(const struct job *job, const struct iso_control *now)
{
	for (int f = 0; job->tried && f < N_ISO_FIELDS; f++)
		if (job->before.v[f] >= 0 && now->v[f] != job->before.v[f])
			return true;
	return false;
}

const char *isolation_differs(struct prepare *p, const struct dax_plan *plan,
			      const struct cxl_host *now)
{
	struct isolation_part *part = part_of(p, plan);
	const char *text = NULL;
	char is[256];

	for (size_t i = 0; part && i < part->on.n_jobs; i++) {
		const struct job *job = &part->on.jobs[i];
		const struct cxl_root_port *rp = host_root_port(now, job->rp->name);
		struct iso_control control = rp ? iso_control(&rp->iso) : iso_control_unknown;
		unsigned int shown = job->change.plan.shown;

		if (is_otherwise(job, &control))
			text = arena_printf(&p->arena, "%s%s%s has %s now", text ? text : "", text ? ", " : "", job->rp->name,
					    setting_control_text(shown, &control, is, sizeof(is)));
	}
	return text;
}

/* What was run, or (where nothing was) was to be. */
static const struct change *change_shown(const struct isolation_part *part)
{
	for (size_t i = 0; i < part->on.n_jobs; i++)
		if (part->on.jobs[i].tried)
			return &part->on;
	return &part->planned;
}

void isolation_each_step(const struct prepare *p, const struct prepare_job *job,
			 void (*fn)(const struct step *step, void *data), void *data)
{
	const struct isolation_part *part = part_of(p, prepare_plan_of(p, job));
	const struct change *c = part ? change_shown(part) : NULL;

	for (size_t i = 0; c && i < c->n_jobs; i++)
		for (size_t k = 0; is_above(job->before->dax->region, c->jobs[i].rp->name) &&
				   k < c->jobs[i].change.plan.n; k++)
			fn(&c->jobs[i].change.plan.steps[k], data);
}

void isolation_free(struct prepare *p)
{
	for (size_t i = 0; p->isolation && i < p->n_plans; i++) {
		arena_free(&p->isolation[i].planned.arena);
		arena_free(&p->isolation[i].on.arena);
		host_free(&p->isolation[i].reading);
	}
}

/* --- timeouts that were set for a while ------------------------------------------------- */

static int take_any(const char *name, void *data)
{
	(void)name;
	(void)data;
	return 1;
}

int prepare_put_back_timeouts(struct prepare *p, struct err *err)
{
	struct err none;
	_cleanup_close_ int dir = state_open(false, &none);
	struct host_reading reading = HOST_UNREAD;
	const struct cxl_host *host = &reading.host;
	int rc = dir < 0 ? 0 : state_each(dir, TEMPORARY_SUFFIX, take_any, NULL);

	if (rc != 1)
		return 0;
	if (!host_read(&reading, NULL, &none))	/* else whoever reads the host next says why not */
		rc = kept_read(&reading.host, err);
	rc = rc == 1 ? 0 : rc;
	rc = rc ? rc : change_put_back(&host, p->messages, err);
	host_free(&reading);
	return rc;
}
