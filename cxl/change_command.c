// SPDX-License-Identifier: GPL-2.0-only
/*
 * What enable-isolation, disable-isolation and set-timeout have in common as
 * commands: from options to the work in change.c, and its record.
 */
#include "cxl/change_command.h"

#include <errno.h>

#include "cxl/lib/report/record.h"

static void add_plan(struct json_object *list, const struct plan *plan, struct arena *a)
{
	struct step step;

	for (size_t i = 0; i < plan->n; i++)
		if (!plan_step_record(plan, &plan->steps[i], a, &step))
			json_object_array_add(list, record_step(&step));
}

/* What cannot be read any more need not have changed. */
static bool is_changed(const struct job *job, const struct iso_control *after)
{
	for (int f = 0; f < N_ISO_FIELDS; f++)
		if (job->before.v[f] != after->v[f] && (after->v[f] >= 0 || job->exec.changed))
			return true;
	return false;
}

static struct json_object *record_job(const struct job *job, struct arena *a)
{
	const struct cxl_root_port *rp = job->rp;
	struct json_object *obj = json_object_new_object();
	struct iso_control after = iso_control(&rp->iso);
	struct json_object *plan = json_object_new_array();

	render_add_string(obj, "root_port", rp->name);
	render_add_string(obj, "host_bridge", rp->bridge ? rp->bridge->name : NULL);
	render_add_string(obj, "bus", rp->bridge && rp->bridge->bus ? rp->bridge->bus->name : NULL);
	render_add_string(obj, "result", result_names[job->result]);
	render_add(obj, "changed", json_object_new_boolean(is_changed(job, &after)));
	render_add(obj, "before", record_control(&job->before));
	render_add(obj, "after", record_control(&after));
	render_add_string(obj, "containment", containment_names[job->checks.now]);
	render_add_string(obj, "containment_if_enabled", containment_names[job->checks.if_enabled]);
	render_add(obj, "blockers", record_findings(&job->checks, FINDING_BLOCKS));
	render_add(obj, "limits", record_findings(&job->checks, FINDING_LIMITS));
	render_add(obj, "notes", record_findings(&job->checks, FINDING_NOTES));
	add_plan(plan, &job->made, a);
	add_plan(plan, &job->exec.plan, a);
	render_add(obj, "plan", plan);
	return obj;
}

int change_apply(struct change *c, const struct change_options *o, char **targets, struct err *err)
{
	int rc = command_refuse_sysroot(o->sysroot, err);

	if (rc)
		return rc;
	c->dry_run = o->dry_run;
	c->registers = o->registers;
	c->cache = o->cache;
	if (!*targets && !c->file)
		return err_set(err, EXIT_USAGE, EINVAL, "no target was named, nothing was done; name a root port, memN, regionN, portN, root0 or all");
	rc = host_read(c->host, NULL, err);
	if (!rc)
		rc = change_select(c, targets, err);
	if (!rc)
		rc = change_plan(c, err);
	if (!rc)
		rc = change_run(c, err);
	return rc;
}

int change_end(const struct command_run *run, struct change *c, int status, const struct err *failed)
{
	struct json_object *list = json_object_new_array();
	struct command_run end = *run;

	if (failed) {
		status = (int)failed->status;
		message_add_err(c->messages, status == EXIT_USAGE ? "USAGE" : "HOST", failed);
	} else {
		for (size_t i = 0; i < c->n_jobs; i++)
			json_object_array_add(list, record_job(&c->jobs[i], &c->arena));
	}
	if (change_is_changed(c) && !c->restoring)
		end.changed = "cxl list --isolation";
	status = command_end(&end, status, c->messages, list);
	host_free(c->host);
	arena_free(&c->arena);
	return status;
}
