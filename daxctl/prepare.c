// SPDX-License-Identifier: GPL-2.0-only
/* daxctl prepare-isolation: its options and its record.  The work is in prepare_work.c. */
#include <errno.h>
#include <string.h>

#include "cxl/lib/report/record.h"
#include "daxctl/commands.h"
#include "daxctl/prepare.h"
#include "daxctl/record.h"
#include "util/parse.h"
#include "util/size.h"

struct prepare_options {
	struct common_options common;
	bool dry_run, keep_going, undo, persist;
	const char *mode, *timeout, *hotplug, *sysroot;
};

static const struct opt prepare_opts[] = {
	{ "mode", 0, OPT_STRING, offsetof(struct prepare_options, mode), "MODE",
	  "devdax (default), or system-ram: isolation on first, then online" },
	{ "timeout", 0, OPT_STRING, offsetof(struct prepare_options, timeout), "DURATION",
	  "how long a memory block may stay busy, as in 500ms or 90s (default 30s)" },
	{ "keep-going", 0, OPT_FLAG, offsetof(struct prepare_options, keep_going), NULL,
	  "what can be offline goes and stays offline, though another block stays busy" },
	{ "persist", 0, OPT_FLAG, offsetof(struct prepare_options, persist), NULL,
	  "also after a reboot and a hot plug, by a udev rule and the policy file; with --undo: no longer" },
	{ "undo", 0, OPT_FLAG, offsetof(struct prepare_options, undo), NULL,
	  "make the memory again what it was, or System RAM where that is not known" },
	{ "hotplug", 0, OPT_STRING, offsetof(struct prepare_options, hotplug), "DAX",
	  "for the udev rule: the operands are serial numbers; prepare DAX when its memory has one of them, else leave it to the kernel" },
	{ "dry-run", 'n', OPT_FLAG, offsetof(struct prepare_options, dry_run), NULL,
	  "print what would be done, write nothing" },
	SYSROOT_REFUSED(struct prepare_options, sysroot),
	COMMON_OPTIONS(struct prepare_options, "json (default), human or table"),
	{ 0 }
};

static int parse_options(struct prepare *p, const struct prepare_options *o, struct err *err)
{
	bool system_ram = o->mode && !strcmp(o->mode, "system-ram");
	char shown[48];

	p->dry_run = o->dry_run;
	p->keep_going = o->keep_going;
	p->persist = o->persist;
	p->is_hotplug = o->hotplug;
	p->timeout_us = 30000000;
	if (command_refuse_sysroot(o->sysroot, err))
		return -EROFS;
	if (o->mode && !system_ram && strcmp(o->mode, "devdax"))
		return err_set(err, EXIT_USAGE, EINVAL, "'%s' is no mode: use devdax or system-ram", printable(o->mode, shown, sizeof(shown)));
	if (o->undo && o->mode)
		return err_set(err, EXIT_USAGE, EINVAL, "--undo and --mode contradict each other, nothing was done: --undo makes of the memory what it was before");
	if (o->persist && system_ram)
		return err_set(err, EXIT_USAGE, EINVAL, "System RAM needs isolation to be on before it comes online, which no udev rule can see to: --persist is for devdax only, nothing was done");
	if (o->hotplug && (o->mode || o->undo || o->persist))
		return err_set(err, EXIT_USAGE, EINVAL, "--hotplug is for the udev rule and goes with none of --mode, --undo and --persist, nothing was done");
	if (o->timeout && duration_parse(o->timeout, &p->timeout_us))
		return err_set(err, EXIT_USAGE, EINVAL, "'%s' is no duration: use a number with us, ms or s", printable(o->timeout, shown, sizeof(shown)));
	p->goal = o->undo ? PREPARE_UNDO : system_ram ? PREPARE_SYSTEM_RAM : PREPARE_DEVDAX;
	return 0;
}

/* Where CXL is gone, as @ret_why says, what was written for its devices can still be taken out. */
static int read_host(struct prepare *p, bool is_named, struct err *ret_why)
{
	int rc = host_read_dax(&p->host, NULL, ret_why);

	p->has_no_bus = rc == -ENODEV && p->persist && p->goal == PREPARE_UNDO && !is_named;
	if (p->has_no_bus)
		return 0;
	return rc ? rc : dax_view_read(&p->host, &p->view, ret_why);
}

static int prepare(struct prepare *p, const struct prepare_options *o, char **targets, struct err *err)
{
	struct err no_bus;
	int rc = parse_options(p, o, err);

	if (rc)
		return rc;
	rc = read_host(p, *targets, &no_bus);
	if (rc) {
		*err = no_bus;
		return rc;
	}
	rc = o->hotplug ? prepare_hotplug(p, o->hotplug, targets, err) : prepare_select(p, targets, err);
	rc = rc ? rc : prepare_plan(p, err);
	if (!rc && p->has_no_bus && !p->n_rest) {
		*err = no_bus;
		return -ENODEV;
	}
	return rc ? rc : prepare_run(p, err);
}

static struct json_object *record_state(const struct dax_view *view, const struct dax_facts *f)
{
	return f ? record_dax(view, f) : NULL;
}

static struct json_object *record_job(const struct prepare *p, const struct prepare_job *job)
{
	struct json_object *obj = json_object_new_object(), *plan = json_object_new_array();
	const struct dax_facts *b = job->before, *a = job->after;
	bool changed = !a || a->mode != b->mode || a->blocks_online != b->blocks_online || a->memmap != b->memmap;

	for (size_t i = 0; i < p->n_plans; i++)
		for (size_t k = 0; k < p->plans[i].n; k++)
			if (p->plans[i].owner[k] == b)
				json_object_array_add(plan, record_step(&p->plans[i].steps[k]));
	render_add_string(obj, "dax", b->dax->name);
	render_add_string(obj, "region", b->dax->region ? b->dax->region->name : NULL);
	render_add_string(obj, "result", result_names[job->result]);
	render_add(obj, "changed", json_object_new_boolean(changed));
	render_add(obj, "before", record_state(&p->view, b));
	render_add(obj, "after", record_state(a == b ? &p->view : &p->view_after, a));
	render_add(obj, "plan", plan);
	return obj;
}

/* Is anything otherwise than before? */
static bool is_changed(const struct prepare *p)
{
	for (size_t i = 0; i < p->n_plans; i++)
		for (size_t k = 0; k < p->plans[i].n; k++)
			if (p->plans[i].steps[k].state == STEP_DONE)
				return true;
	return false;
}

static const struct render_column prepare_columns[] = {
	{ "DAX", "dax" }, { "REGION", "region" }, { "RESULT", "result" }, { "WAS", "before.mode" }, { "IS", "after.mode" },
	{ "BLOCKS", "after.blocks.total" }, { "ONLINE", "after.blocks.online" }, { "UNFIT BY", "after.checks" },
	{ 0 }
};

static const struct render_table prepare_table = { prepare_columns, record_dax_rows };
static const struct command_output prepare_output = { "daxctl-prepare-isolation/1", "dax", &prepare_table, .changes = true };

static int run_prepare(int argc, char **argv)
{
	struct prepare p = { .host.fs.rootfd = -1, .host_after.fs.rootfd = -1 };
	struct prepare_options o = { 0 };
	struct json_object *list;
	struct command_run run;
	int status = EXIT_DONE;
	struct err err;

	if (!command_begin(&cmd_prepare_isolation, argc, argv, &o, &o.common, &prepare_output, &run, &status))
		return status;
	p.messages = &p.host.messages;
	run.quiet = o.hotplug;	/* udev's log is for what went wrong */
	list = json_object_new_array();
	if (prepare(&p, &o, run.operands, &err)) {
		status = (int)err.status;
		message_add_err(p.messages, status == EXIT_USAGE ? "USAGE" : "HOST", &err);
	} else {
		status = prepare_status(&p);
		for (size_t i = 0; i < p.n_jobs; i++)
			json_object_array_add(list, record_job(&p, &p.jobs[i]));
	}
	if (is_changed(&p))
		run.changed = "daxctl list --isolation";
	status = command_end(&run, status, p.messages, list);
	host_free(&p.host);
	host_free(&p.host_after);
	arena_free(&p.arena);
	return status;
}

const struct command cmd_prepare_isolation = {
	"prepare-isolation", "[TARGET...]", "Bring dax memory into the state that isolation needs.",
	prepare_opts, run_prepare,
};
