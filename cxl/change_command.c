// SPDX-License-Identifier: GPL-2.0-only
/*
 * What enable-isolation, disable-isolation and set-timeout have in common as
 * commands: from options to the work in change.c, and its record.
 */
#include "cxl/change_command.h"
#include "cxl/texts.h"

#include <errno.h>

#include "lib/change/change_last.h"
#include "lib/kept/kept_read.h"
#include "lib/policy/layout_resolve.h"
#include "lib/read/host_read.h"
#include "lib/read/modules.h"
#include "lib/report/record.h"
#include "util/lock.h"

static void add_plan(struct json_object *list, const struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		render_append(list, record_step(&plan->steps[i]));
}

/* What cannot be read any more need not have changed. */
static bool is_changed(const struct job *job, const struct iso_control *after)
{
	for (int f = 0; f < N_ISO_FIELDS; f++)
		if (job->before.v[f] != after->v[f] &&
		    (after->v[f] >= 0 || job->change.run.changed))
			return true;
	return false;
}

/* The settings that were asked for and not made, by their path in "control". */
static struct json_object *record_left_out(const struct job *job)
{
	struct json_object *list = render_array();

	for (int f = 0; f < N_ISO_FIELDS; f++)
		if (job->left_out[f])
			render_append(list, render_string(iso_fields[f].path));
	return list;
}

static struct json_object *record_job(const struct job *job)
{
	const struct cxl_root_port *rp = job->rp;
	struct json_object *obj = render_object();
	struct iso_control after = iso_control(&rp->iso);
	struct json_object *plan = render_array();

	render_add_string(obj, "root_port", rp->name);
	render_add_string(obj, "host_bridge", rp->bridge ? rp->bridge->name : NULL);
	render_add_string(obj, "bus", rp->bridge && rp->bridge->bus ? rp->bridge->bus->name : NULL);
	render_add_string(obj, "result", outcome_descs[job->result].name);
	render_add(obj, "changed", render_boolean(is_changed(job, &after)));
	render_add(obj, "before", record_control(&job->before));
	render_add(obj, "after", record_control(&after));
	render_add_string(obj, "containment", containment_names[containment_worst(&job->checks.now)]);
	render_add(obj, "containment_by_cause", record_by_cause(&job->checks.now));
	render_add_string(obj, "containment_if_enabled", containment_names[containment_worst(&job->checks.if_enabled)]);
	render_add(obj, "left_out", record_left_out(job));
	render_add(obj, "blockers", record_findings(&job->checks, FINDING_BLOCKS));
	render_add(obj, "limits", record_findings(&job->checks, FINDING_LIMITS));
	render_add(obj, "notes", record_findings(&job->checks, FINDING_NOTES));
	render_add(obj, "untold", record_untold(&job->checks));
	add_plan(plan, &job->made);
	add_plan(plan, &job->change.plan);
	render_add(obj, "plan", plan);
	return obj;
}

static const struct render_column change_columns[] = {
	{ "ROOT PORT", "root_port" }, { "BRIDGE", "host_bridge", .rank = 9 }, { "RESULT", "result" }, { "CHANGED", "changed", .rank = 4 },
	{ "ISOLATION", "after.mem.isolation" }, { "TIMEOUT", "after.mem.timeout.enabled", .rank = 2 },
	{ "RANGE", "after.mem.timeout.range", .rank = 6 }, { "CACHE", "after.cache.isolation", "after.cache.isolation", .rank = 5 },
	{ "CONTAINMENT", "containment" }, { "IF ENABLED", "containment_if_enabled", .rank = 3 },
	{ "BLOCKERS", "blockers", .rank = 1 }, { "LIMITS", "limits", .rank = 7 }, { "LEFT OUT", "left_out", "left_out", .rank = 5 },
	{ 0 }
};

const struct render_table change_table = {
	.columns = change_columns,
	.rows = root_port_rows,
	.text = &change_text,
	.colours = report_colours,
};

/*
 * The file is refused whole: what it says of memory has to fit to the host, too.  Only a card that
 * is gone keeps no other port without isolation: as a section that nothing here has the name of.
 */
static int check_layout(struct change *c, const struct policy_wait *wait, bool has_targets,
			struct err *err)
{
	struct wanted_layout wanted;
	struct layout_facts facts;
	const struct policy_wait none = { .is_asked = wait->is_asked };	/* of it */
	struct layout rest;
	size_t n_absent;
	int rc;

	if (!c->file || !c->file->layout.n_regions)
		return 0;
	rest = c->file->layout;
	rc = policy_wait_end(&none, &c->file->layout, c->host, has_targets ? NULL : c->messages,
			     &c->arena, &rest, &n_absent, err);
	c->n_missing += n_absent;
	rc = rc ? rc : layout_facts_read(c->host, &facts, err);
	rc = rc ? rc : layout_resolve(&rest, &facts, &c->arena, &wanted, err);
	c->refused_by = rc ? "POLICY" : NULL;
	if (rc != -ENODEV)
		return rc;
	message_add(c->messages, SEV_ERROR, "POLICY", NULL, "%s", err->text);
	c->n_missing++;
	return 0;
}

/* With the lock held, or in a dry run.  @no_lock: why there is none, an errno. */
static int apply(struct change *c, struct host_reading *reading, const struct change_options *o,
		 char **targets, int no_lock, struct err *err)
{
	struct modules_loaded loaded = { .n = 0 };
	int rc = o->load ? modules_load(USE_CXL, c->dry_run, &loaded, err) : 0;

	if (!rc) {
		rc = host_read(reading, NULL, err);
		modules_report(&loaded, c->messages);
		if (rc == -ENODEV && o->has_load && !o->load)
			modules_offer_load(err);
	}
	rc = rc ? rc : kept_read(&reading->host, err);
	host_lock_tell_none(no_lock, c->messages);
	rc = rc ? rc : check_layout(c, &o->wait, *targets, err);
	rc = rc || c->dry_run ? rc : change_put_back(&c->host, c->messages, err);
	rc = rc || !change_last_read(c) ? rc : err_no_memory(err, ", nothing was written");
	rc = rc ? rc : change_select(c, targets, err);
	rc = rc ? rc : change_plan(c, err);
	rc = rc || c->dry_run || !c->during ? rc : change_hold(c, err);
	return rc ? rc : change_run(c, err);
}

int change_apply(struct change *c, struct host_reading *reading, const struct change_options *o,
		 char **targets, struct err *err)
{
	int rc = command_refuse_sysroot(o->sysroot, err);

	if (rc)
		return rc;
	c->dry_run = o->dry_run;
	c->registers = o->registers;
	c->cache = o->cache;
	c->best_effort = o->best_effort;
	c->undo_last = o->undo_last;
	if (!*targets && !c->file)
		return err_set(err, EXIT_USAGE, EINVAL, "no target was named, nothing was done; name a root port, memN, regionN, portN, root0 or all");
	if (c->file && policy_wait(c->file, POLICY_SECTIONS, &o->wait, err))
		return -EINTR;
	if (!c->dry_run) {
		rc = host_lock_for_change(c->command, policy_lock_wait_us(&o->wait), &c->lock, err);
		c->refused_by = rc < 0 ? "LOCK" : NULL;
	}
	rc = rc < 0 ? rc : apply(c, reading, o, targets, rc, err);
	host_lock_release(&c->lock);
	return rc;
}

int change_end(const struct command_run *run, struct change *c, struct host_reading *reading,
	       int status, const struct err *failed)
{
	struct json_object *list = render_array();
	struct command_run end = *run;

	if (failed) {
		status = (int)failed->status;
		message_add_err(c->messages, c->refused_by ? c->refused_by : status == EXIT_USAGE ? "USAGE" : "HOST", failed);
	} else {
		for (size_t i = 0; i < c->n_jobs; i++)
			render_append(list, record_job(&c->jobs[i]));
	}
	if (change_is_changed(c) && !c->restoring)
		end.changed = "cxl list --isolation";
	status = command_end(&end, status, c->messages, list);
	host_free(reading);
	arena_free(&c->arena);
	return status;
}
