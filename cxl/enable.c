// SPDX-License-Identifier: GPL-2.0-only
/*
 * cxl enable-isolation and disable-isolation: options and output.  The work is
 * in change.c.
 */
#include <errno.h>
#include <stdio.h>

#include "cxl/change.h"
#include "cxl/common.h"
#include "cxl/lib/record.h"
#include "util/parse.h"

struct change_options {
	struct common_options common;
	bool dry_run;
	const char *sysroot;	/* taken only to say why not */
	const char *require, *timeout;
	struct opt_list overrides;
};

#define CHANGE_OPTIONS \
	{ "dry-run", 'n', OPT_FLAG, offsetof(struct change_options, dry_run), NULL, \
	  "print what would be written, write nothing" }, \
	{ "override", 0, OPT_LIST, offsetof(struct change_options, overrides), "CHECK-ID", \
	  "do it in spite of this one check (repeatable; see cxl explain)" }, \
	{ "sysroot", 0, OPT_STRING, offsetof(struct change_options, sysroot), "DIR", \
	  "refused: a capture cannot be changed" }, \
	COMMON_OPTIONS(struct change_options, "json (default) or human")

static const struct opt enable_opts[] = {
	{ "require", 0, OPT_STRING, offsetof(struct change_options, require), "LEVEL",
	  "safe (default), debug, contain or recover: what must be reached, else refuse" },
	{ "timeout", 0, OPT_STRING, offsetof(struct change_options, timeout), "WHAT",
	  "also set the timeout: A to D2, a duration, default, on or off (default: leave it)" },
	CHANGE_OPTIONS,
	{ 0 }
};

static const struct opt disable_opts[] = { CHANGE_OPTIONS, { 0 } };

static int parse_policy(struct change *c, const struct change_options *o, struct err *err)
{
	int require = o->require ? require_parse(o->require) : REQUIRE_SAFE;
	char shown[48];

	if (require < 0)
		return err_set(err, EXIT_USAGE, EINVAL, "'%s' is no level: use --require=safe, debug, contain or recover",
			       printable(o->require, shown, sizeof(shown)));
	for (size_t i = 0; i < o->overrides.n; i++) {
		const struct check *check = check_by_id(o->overrides.v[i]);

		if (!check)
			return err_set(err, EXIT_USAGE, EINVAL, "--override=%s names no check; 'cxl explain' lists them",
				       printable(o->overrides.v[i], shown, sizeof(shown)));
		if (check->kind == CHECK_CANNOT)
			return err_set(err, EXIT_USAGE, EINVAL, "%s cannot be overridden: %s", check->id, check->title);
	}
	c->policy = (struct check_policy){ (enum require)require, &o->overrides };
	c->dry_run = o->dry_run;
	c->goal.isolation = tri_of(!c->disabling);
	return o->timeout ? timeout_parse(o->timeout, &c->goal.timeout, err) : 0;
}

static struct json_object *expect_json(const struct iso_control *control)
{
	const struct timeout_range *r = control->range < 0 ? NULL : timeout_by_value((unsigned int)control->range);
	struct json_object *obj = json_object_new_object();

	render_add(obj, "isolation", control->isolation == TRI_UNKNOWN ? NULL :
		   json_object_new_boolean(control->isolation == TRI_YES));
	render_add(obj, "timeout", control->timeout == TRI_UNKNOWN ? NULL :
		   json_object_new_boolean(control->timeout == TRI_YES));
	render_add_string(obj, "range", r ? r->name : NULL);
	return obj;
}

static struct json_object *plan_json(const struct plan *plan)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < plan->n; i++) {
		const struct plan_step *step = &plan->steps[i];
		struct json_object *obj = json_object_new_object();
		char path[512];

		snprintf(path, sizeof(path), "/%s", step->path);
		render_add_string(obj, "op", "write");
		render_add_string(obj, "path", path);
		render_add_string(obj, "value", step->text);
		render_add(obj, "expect_before", expect_json(&step->expect_before));
		render_add(obj, "expect_after", expect_json(&step->expect_after));
		render_add_string(obj, "undo", *step->undo ? step->undo : NULL);
		render_add_u64(obj, "timeout_us", true, step->timeout_us);
		render_add_string(obj, "when", step_when_names[step->when]);
		render_add_string(obj, "state", step_state_names[step->state]);
		json_object_array_add(list, obj);
	}
	return list;
}

static struct json_object *record_job(const struct job *job)
{
	const struct cxl_root_port *rp = job->rp;
	struct json_object *obj = json_object_new_object(), *after = record_control(&rp->iso);

	render_add_string(obj, "root_port", rp->name);
	render_add_string(obj, "host_bridge", rp->bridge ? rp->bridge->name : NULL);
	render_add_string(obj, "bus", rp->bridge && rp->bridge->bus ? rp->bridge->bus->name : NULL);
	render_add_string(obj, "result", result_names[job->result]);
	render_add(obj, "changed", json_object_new_boolean(!json_object_equal(job->before, after)));
	render_add(obj, "before", job->before);
	render_add(obj, "after", after);
	render_add_string(obj, "containment", containment_names[job->checks.now]);
	render_add_string(obj, "containment_if_enabled", containment_names[job->checks.if_enabled]);
	render_add(obj, "blockers", record_findings(&job->checks, FINDING_BLOCKS));
	render_add(obj, "limits", record_findings(&job->checks, FINDING_LIMITS));
	render_add(obj, "notes", record_findings(&job->checks, FINDING_NOTES));
	render_add(obj, "plan", plan_json(&job->exec.plan));
	return obj;
}

static int apply(struct change *c, const struct change_options *o, char **targets, struct err *err)
{
	int rc = parse_policy(c, o, err);

	if (rc)
		return rc;
	if (o->sysroot)
		return err_set(err, EXIT_USAGE, EROFS, "a capture cannot be changed, nothing was done; drop --sysroot, or try it out with 'cxl-sim run --host %.200s --kernel v1-fixed -- cxl ...'",
			       o->sysroot);
	if (!*targets)
		return err_set(err, EXIT_USAGE, EINVAL, "no target was named, nothing was done; name a root port, memN, regionN, portN, root0 or all");
	rc = o->common.output ? render_check_output(o->common.output, err) : 0;
	if (!rc)
		rc = host_read(c->host, NULL, err);
	if (!rc)
		rc = change_select(c, targets, err);
	if (!rc)
		rc = change_plan(c, err);
	if (!rc)
		rc = change_run(c, err);
	return rc;
}

static bool is_changed(const struct change *c)
{
	for (size_t i = 0; i < c->n_jobs; i++)
		if (c->jobs[i].exec.changed)
			return true;
	return false;
}

static int run_change(const struct command *cmd, bool disabling, const struct command_output *output,
		      int argc, char **argv)
{
	struct cxl_host host = { .fs.rootfd = -1 };
	struct change c = { .host = &host, .messages = &host.messages, .disabling = disabling };
	struct change_options o = { 0 };
	struct command_run run;
	struct json_object *list;
	int status = EXIT_DONE, wanted;
	struct err err;

	if (!command_begin(cmd, argc, argv, &o, &o.common, output, &run, &status))
		goto out;
	list = json_object_new_array();
	if (apply(&c, &o, run.operands, &err)) {
		status = (int)err.status;
		message_add_err(c.messages, status == EXIT_USAGE ? "USAGE" : "HOST", &err);
		for (size_t i = 0; i < c.n_jobs; i++)
			json_object_put(c.jobs[i].before);
	} else {
		for (size_t i = 0; i < c.n_jobs; i++)
			json_object_array_add(list, record_job(&c.jobs[i]));
		status = change_status(&c);
	}
	wanted = status;
	status = command_end(&run, status, c.messages, list);
	if (status != wanted && is_changed(&c))
		fprintf(stderr, "cxl %s: the change itself was made before that; see 'cxl list --isolation'\n", cmd->name);
	host_free(&host);
	arena_free(&c.arena);
out:
	opt_list_free(&o.overrides);
	return status;
}

static int run_enable(int argc, char **argv)
{
	static const struct command_output output = { "cxl-enable-isolation/1", "root_ports", NULL };

	return run_change(&cmd_enable_isolation, false, &output, argc, argv);
}

static int run_disable(int argc, char **argv)
{
	static const struct command_output output = { "cxl-disable-isolation/1", "root_ports", NULL };

	return run_change(&cmd_disable_isolation, true, &output, argc, argv);
}

const struct command cmd_enable_isolation = {
	"enable-isolation", "TARGET...", "Enable CXL.mem isolation on root ports, when that is safe.",
	enable_opts, run_enable,
};

const struct command cmd_disable_isolation = {
	"disable-isolation", "TARGET...", "Disable CXL.mem isolation on root ports.",
	disable_opts, run_disable,
};
