// SPDX-License-Identifier: GPL-2.0-only
/* daxctl prepare-isolation: its options and its record.  The work is in prepare_work.c. */
#include <errno.h>
#include <string.h>

#include "config.h"
#include "daxctl/commands.h"
#include "daxctl/dax_record.h"
#include "daxctl/dax_text.h"
#include "daxctl/prepare_layout.h"
#include "lib/kept/kept_read.h"
#include "lib/policy/policy_text.h"
#include "lib/prepare/isolate.h"
#include "lib/read/host_read.h"
#include "lib/report/record.h"
#include "util/parse.h"
#include "util/size.h"

struct prepare_options {
	struct common_options common;
	bool dry_run, keep_going, undo, persist, load;
	const char *mode, *timeout, *hotplug, *sysroot, *split, *align, *progress;
	struct opt_optional policy, wait;
};

static const struct opt prepare_opts[] = {
	{ "mode", 0, OPT_STRING, offsetof(struct prepare_options, mode), "MODE",
	  "devdax (default; famfs stays), famfs, or system-ram: isolation on first, then online", .values = "devdax famfs system-ram" },
	{ "timeout", 0, OPT_STRING, offsetof(struct prepare_options, timeout), "DURATION",
	  "how long the command waits for busy memory blocks in all, as in 500ms or 90s (default 30s)" },
	{ "keep-going", 0, OPT_FLAG, offsetof(struct prepare_options, keep_going), NULL,
	  "what can be offline goes and stays offline, though another block stays busy" },
	{ "persist", 0, OPT_FLAG, offsetof(struct prepare_options, persist), NULL,
	  "also after a reboot and a hot plug, by a udev rule and the policy file; with --undo: no longer" },
	{ "undo", 0, OPT_FLAG, offsetof(struct prepare_options, undo), NULL,
	  "make the memory again what it was before it was prepared; where that is not known it stays" },
	{ "undo-last", 0, OPT_FLAG, offsetof(struct prepare_options, undo), NULL, "the same as --undo" },
	{ "policy", 0, OPT_OPTIONAL, offsetof(struct prepare_options, policy), "FILE",
	  "make the regions and dax devices that the policy file wants (default " POLICY_FILE ")" },
	POLICY_WAIT_OPTION(struct prepare_options, wait),
	{ "split", 0, OPT_STRING, offsetof(struct prepare_options, split), "NAME:SIZE[,NAME:SIZE...]",
	  "cut the region into these dax devices, SIZE as 4GiB, 25% or rest; with --persist the policy file has them, too" },
	{ "align", 0, OPT_STRING, offsetof(struct prepare_options, align), "SIZE",
	  "2MiB (default) or 1GiB: size and place of each device of --split are multiples of it" },
	{ "hotplug", 0, OPT_STRING, offsetof(struct prepare_options, hotplug), "DAX",
	  "for the udev rule: the operands are serial numbers; prepare DAX when its memory has one of them, else leave it to the kernel" },
	{ "load", 0, OPT_FLAG, offsetof(struct prepare_options, load), NULL,
	  "first load the kernel's modules that this needs and that are not loaded" },
	{ "dry-run", 'n', OPT_FLAG, offsetof(struct prepare_options, dry_run), NULL,
	  "print what would be done, write nothing" },
	PROGRESS_OPTION(struct prepare_options, progress),
	SYSROOT_REFUSED(struct prepare_options, sysroot),
	COMMON_OPTIONS(struct prepare_options),
	{ 0 }
};

/* What a layout of memory says itself, or has nothing to do with. */
static int refuse_with_layout(const struct prepare_options *o, struct err *err)
{
	if (o->policy.is_given && o->split)
		return err_set(err, EXIT_USAGE, EINVAL, "--policy and --split contradict each other, nothing was done: one is about the policy file, the other about what the command line says");
	if (o->policy.is_given &&
	    (o->mode || o->undo || o->persist || o->keep_going || o->hotplug || o->timeout))
		return err_set(err, EXIT_USAGE, EINVAL, "--policy goes with --dry-run, --load and --wait alone, nothing was done: what memory is for is in the policy file");
	if (o->split && o->undo)
		return err_set(err, EXIT_USAGE, EINVAL, "--split and --undo contradict each other, nothing was done: 'daxctl prepare-isolation --undo --persist REGION' takes out of the policy file what --split --persist wrote");
	if (o->split && (o->keep_going || o->hotplug || o->timeout))
		return err_set(err, EXIT_USAGE, EINVAL, "--split goes with --align, --mode, --persist, --load and --dry-run, nothing was done: memory that is in use is not cut, so there is nothing to wait for");
	if (o->align && !o->split)
		return err_set(err, EXIT_USAGE, EINVAL, "--align is of the devices that --split makes, nothing was done: it goes with that option alone");
	return 0;
}

static int parse_options(struct prepare *p, const struct prepare_options *o, struct err *err)
{
	bool system_ram = o->mode && !strcmp(o->mode, dax_mode_names[DAX_SYSTEM_RAM]),
	     famfs = o->mode && !strcmp(o->mode, dax_mode_names[DAX_FAMFS]);
	struct policy_wait wait;
	char shown[48], ways[48];

	p->dry_run = o->dry_run;
	p->keep_going = o->keep_going;
	p->persist = o->persist;
	p->is_hotplug = o->hotplug;
	p->timeout_us = 30000000;
	if (command_refuse_sysroot(o->sysroot, err))
		return -EROFS;
	if (o->mode && !system_ram && !famfs && strcmp(o->mode, dax_mode_names[DAX_DEVDAX]))
		return err_set(err, EXIT_USAGE, EINVAL, "'%s' is not a mode: use devdax, system-ram or famfs", printable(o->mode, shown, sizeof(shown)));
	if (o->undo && o->mode)
		return err_set(err, EXIT_USAGE, EINVAL, "--undo and --mode contradict each other, nothing was done: --undo makes of the memory what it was before");
	if (policy_wait_parse(&o->wait, o->policy.is_given, &wait, err))
		return -EINVAL;
	if (refuse_with_layout(o, err))
		return -EINVAL;
	if (o->persist && system_ram && !o->split)
		return err_set(err, EXIT_USAGE, EINVAL, "System RAM needs isolation to be on before it comes online, which no udev rule can see to: --persist is for devdax only, nothing was done");
	if (o->persist && famfs && !o->split)
		return err_set(err, EXIT_USAGE, EINVAL, "the udev rule of --persist makes memory devdax, nothing was done; write mode = famfs of its [dax NAME] into the policy file");
	if (o->hotplug && (o->mode || o->undo || o->persist || o->load))
		return err_set(err, EXIT_USAGE, EINVAL, "--hotplug is for the udev rule and goes with none of --mode, --undo, --persist and --load, nothing was done");
	if (o->timeout && duration_parse(o->timeout, &p->timeout_us))
		return err_set(err, EXIT_USAGE, EINVAL, "'%s' is not a duration: use a number with us, ms or s", printable(o->timeout, shown, sizeof(shown)));
	if (progress_parse(o->progress, false, &p->progress.how, ways, sizeof(ways)))
		return err_set(err, EXIT_USAGE, EINVAL, "'%s' is not a kind of progress: use %s", printable(o->progress, shown, sizeof(shown)), ways);
	if (o->hotplug)
		p->progress.how = PROGRESS_NONE;
	p->famfs = famfs ? TRI_YES : o->mode || o->hotplug ? TRI_NO : TRI_UNKNOWN;
	p->goal = o->undo ? PREPARE_UNDO : system_ram ? PREPARE_SYSTEM_RAM : PREPARE_DEVDAX;
	return 0;
}

/* What drivers the memory is to have; of a layout what it says. */
static unsigned int uses_of(const struct prepare *p, const struct layout *layout)
{
	static const unsigned int of_mode[N_LAYOUT_MODES] = {
		[LAYOUT_SYSTEM_RAM] = USE_SYSTEM_RAM, [LAYOUT_FAMFS] = USE_FAMFS,
	};
	unsigned int uses = USE_CXL | USE_REGION_DAX | USE_DEVDAX;

	for (size_t i = 0; layout && i < layout->n_dax; i++)
		uses |= of_mode[layout->dax[i].mode];
	if (p->famfs == TRI_YES)
		uses |= USE_FAMFS;
	return p->goal == PREPARE_DEVDAX ? uses : uses | USE_SYSTEM_RAM;
}

/* Where CXL is gone, as @ret_why says, what was written for its devices can still be taken out. */
static int read_host(struct prepare *p, bool is_named, struct err *ret_why)
{
	int rc = host_read_dax(&p->reading, NULL, ret_why);

	p->has_no_bus = rc == -ENODEV && p->persist && p->goal == PREPARE_UNDO && !is_named;
	if (p->has_no_bus)
		return 0;
	return rc ? rc : dax_view_read(p->host, &p->view, ret_why);
}

/*
 * udev waits for its rules, and others wait for the device: the rule goes on without
 * the lock, unless whoever has it is making this very device (prepare_hotplug()).
 */
static int take_lock(struct prepare *p, uint64_t wait_us, struct err *err)	/* as host_lock_for_change() */
{
	static const char command[] = "daxctl prepare-isolation";
	struct err none;
	int rc;

	if (p->dry_run)
		return 0;
	if (p->is_hotplug) {
		p->lock = host_lock(command, 0, &p->holder, &none);
		return 0;
	}
	rc = host_lock_for_change(command, wait_us, &p->lock, err);
	p->refused_by = rc < 0 ? "LOCK" : NULL;
	return rc;
}

static void name_devices_in_lock(struct prepare *p)
{
	const char *names = "";

	for (size_t i = 0; names && i < p->n_jobs; i++)
		names = arena_printf(&p->arena, "%s%s%s", names, i ? " " : "", p->jobs[i].before->dax->name);
	host_lock_set_about(p->lock, names ? names : "*");
}

static int prepare(struct prepare *p, const struct prepare_options *o, char **targets,
		   struct err *err)
{
	struct err no_bus;
	int rc = parse_options(p, o, err), no_lock;

	no_lock = rc ? rc : take_lock(p, HOST_LOCK_WAIT_US, err);

	if (no_lock < 0)
		return no_lock;
	rc = o->load ? modules_load(uses_of(p, NULL), p->dry_run, &p->loaded, err) : 0;
	if (rc)
		return rc;
	rc = read_host(p, *targets, &no_bus);
	modules_report(&p->loaded, p->messages);
	if (rc) {
		if (rc == -ENODEV && !o->load)
			modules_offer_load(&no_bus);
		*err = no_bus;
		return rc;
	}
	host_lock_tell_none(no_lock, p->messages);
	rc = p->lock >= 0 && !p->is_hotplug ? prepare_put_back_timeouts(p, err) : 0;
	if (rc)
		return rc;
	if (!o->hotplug && prepare_last_read(p))	/* udev waits for its rules */
		return err_no_memory(err, ", nothing was changed");
	rc = o->hotplug ? prepare_hotplug(p, o->hotplug, targets, err)
			: prepare_select(p, targets, err);
	if (!rc)
		name_devices_in_lock(p);
	if (!rc && p->goal == PREPARE_SYSTEM_RAM)
		rc = kept_read(&p->reading.host, err);
	rc = rc ? rc : prepare_plan(p, err);
	if (!rc && p->has_no_bus && !p->n_rest) {
		*err = no_bus;
		return -ENODEV;
	}
	return rc ? rc : prepare_run(p, err);
}

/* Where it is said what is wanted. */
static int read_wanted(struct prepare *p, const struct prepare_options *o, char **targets,
		       struct layout_make *m, struct err *err)
{
	struct policy policy;
	int rc;

	if (o->split) {
		if (!targets[0] || targets[1])
			return err_set(err, EXIT_USAGE, EINVAL, "--split cuts one region, nothing was done: name it, as in --split=%.60s region0", o->split);
		return 0;
	}
	if (*targets)
		return err_set(err, EXIT_USAGE, EINVAL, "--policy is about all that is in the file, nothing was done: leave the targets out");
	rc = policy_read(m->file, &p->arena, &policy, err);
	rc = rc ? rc : policy_wait(&policy, POLICY_LAYOUT, &m->wait, err);
	m->layout = policy.layout;
	return rc;
}

/* --policy and --split: nothing of the way of single devices. */
static int prepare_layout(struct prepare *p, const struct prepare_options *o, char **targets,
			  struct layout_make *m, struct err *err)
{
	int rc = parse_options(p, o, err), no_lock;

	if (!rc)
		rc = policy_wait_parse(&o->wait, true, &m->wait, err);
	m->file = o->split ? LAYOUT_OF_OPTION : o->policy.value ? o->policy.value : POLICY_FILE;
	rc = rc ? rc : read_wanted(p, o, targets, m, err);
	no_lock = rc ? rc : take_lock(p, policy_lock_wait_us(&m->wait), err);
	if (no_lock < 0)
		return no_lock;
	host_lock_tell_none(no_lock, p->messages);
	host_lock_set_about(p->lock, "*");
	m->dry_run = p->dry_run;
	m->persist.is_wanted = p->persist;
	m->loaded = &p->loaded;
	m->progress = &p->progress;
	rc = o->load ? modules_load(uses_of(p, &m->layout), p->dry_run, &p->loaded, err) : 0;
	modules_report(&p->loaded, p->messages);
	if (rc)
		return rc;
	return layout_make(m, err);
}

static struct json_object *record_state(const struct dax_view *view, const struct dax_facts *f)
{
	return f ? record_dax(view, f) : NULL;
}

static void append_step(const struct step *step, void *plan)
{
	render_append(plan, record_step(step));
}

/* What is about @job: of steps and isolation in the order in which they are run. */
static struct json_object *record_plan(const struct prepare *p, const struct prepare_job *job)
{
	struct json_object *list = render_array();

	for (size_t i = 0; i < p->n_plans; i++) {
		const struct dax_plan *plan = &p->plans[i];

		for (size_t k = 0; k <= plan->n; k++) {
			if (k == plan->n_before && plan == prepare_plan_of(p, job))
				isolation_each_step(p, job, append_step, list);
			if (k < plan->n && plan->owner[k] == job->before)
				append_step(&plan->steps[k], list);
		}
	}
	return list;
}

static struct json_object *record_job(const struct prepare *p, const struct prepare_job *job)
{
	struct json_object *obj = render_object();
	const struct dax_facts *b = job->before, *a = job->after;
	bool changed = !a || a->mode != b->mode || a->blocks_online != b->blocks_online ||
		       a->memmap != b->memmap;

	render_add_string(obj, "dax", b->dax->name);
	render_add_string(obj, "region", b->dax->region ? b->dax->region->name : NULL);
	render_add_string(obj, "result", outcome_descs[job->result].name);
	render_add(obj, "changed", render_boolean(changed));
	render_add(obj, "before", record_state(&p->view, b));
	render_add(obj, "after", record_state(a == b ? &p->view : &p->view_after, a));
	render_add(obj, "plan", record_plan(p, job));
	return obj;
}

static void note_done(const struct step *step, void *is_done)
{
	*(bool *)is_done |= step->state == STEP_DONE;
}

/* Is anything otherwise than before? */
static bool is_changed(const struct prepare *p)
{
	bool changed = false;

	for (size_t i = 0; i < p->n_plans; i++)
		for (size_t k = 0; k < p->plans[i].n; k++)
			note_done(&p->plans[i].steps[k], &changed);
	for (size_t i = 0; i < p->n_jobs; i++)
		isolation_each_step(p, &p->jobs[i], note_done, &changed);
	return changed;
}

/* One device after the other, of targets. */
static int run_targets(struct prepare *p, const struct prepare_options *o, struct command_run *run,
		       struct json_object *members)
{
	struct json_object *list = render_array();
	int status;
	struct err err;

	if (prepare(p, o, run->operands, &err)) {
		status = (int)err.status;
		message_add_err(p->messages, p->refused_by ? p->refused_by : status == EXIT_USAGE ? "USAGE" : "HOST", &err);
	} else {
		status = prepare_status(p);
		for (size_t i = 0; i < p->n_jobs; i++)
			render_append(list, record_job(p, &p->jobs[i]));
	}
	render_add(members, "layout", NULL);
	render_add(members, "dax", list);
	if (is_changed(p))
		run->changed = "daxctl list --isolation";
	return status;
}

/* Parts that were left out, since devices are not there, are a failure beside what is as it shall be. */
static int status_without(const struct layout_make *m, int status)
{
	if (status != EXIT_DONE || !m->n_absent)
		return status;
	return m->layout.n_regions ? EXIT_PARTIAL : EXIT_PREREQ;
}

/* System RAM that @m wants and that is there: by name, ends with NULL; NULL for lack of memory. */
static char **system_ram_of(struct prepare *p, const struct layout_make *m)
{
	char **names = arena_alloc(&p->arena, m->layout.n_dax + 1, sizeof(*names));
	size_t n = 0;

	for (size_t i = 0; names && m->changes && i < m->layout.n_dax; i++)
		if (m->layout.dax[i].mode == LAYOUT_SYSTEM_RAM && m->matches.dax[i].is &&
		    !(names[n++] = arena_strdup(&p->arena, m->matches.dax[i].is->name)))
			return NULL;
	return names;
}

/* It comes online behind its layout, isolation first: the way of --mode=system-ram. */
static int bring_online(struct prepare *p, const struct layout_make *m, char **names,
			struct err *err)
{
	int rc;

	p->host = &m->readings[m->n_read - 1].host;	/* as it is now */
	p->goal = PREPARE_SYSTEM_RAM;
	p->persist = false;
	rc = dax_view_read(p->host, &p->view, err);
	rc = rc || p->lock < 0 ? rc : prepare_put_back_timeouts(p, err);
	if (!rc && prepare_last_read(p))
		rc = err_no_memory(err, ", its memory stays offline");
	rc = rc ? rc : prepare_select(p, names, err);
	rc = rc ? rc : prepare_plan(p, err);
	return rc ? rc : prepare_run(p, err);
}

static int run_system_ram(struct prepare *p, const struct layout_make *m, struct json_object *list)
{
	char **names = m->result == OUTCOME_PLANNED ? NULL : system_ram_of(p, m);
	struct err err;

	if (m->result == OUTCOME_PLANNED || (names && !*names))
		return EXIT_DONE;
	if (names ? bring_online(p, m, names, &err) : err_no_memory(&err, ", its memory stays offline")) {
		message_add_err(p->messages, "HOST", &err);
		return (int)err.status;
	}
	for (size_t i = 0; i < p->n_jobs; i++)
		render_append(list, record_job(p, &p->jobs[i]));
	return prepare_status(p);
}

/* All that a file wants, or --split. */
static int run_layout(struct prepare *p, const struct prepare_options *o, struct command_run *run,
		      struct json_object *members)
{
	struct host_reading readings[LAYOUT_READINGS] = { HOST_UNREAD, HOST_UNREAD, HOST_UNREAD };
	const struct layout_split split = { run->operands[0], o->split, o->align, o->mode };
	struct layout_make m = { .messages = p->messages, .readings = readings,
				 .result = OUTCOME_REFUSED };
	struct json_object *list = render_array();
	int status = EXIT_DONE;
	struct err err;

	m.split = o->split ? &split : NULL;
	if (prepare_layout(p, o, run->operands, &m, &err)) {
		status = (int)err.status;
		message_add_err(p->messages, p->refused_by ? p->refused_by : status == EXIT_USAGE ? "USAGE" : "LAYOUT", &err);
	}
	status = status_without(&m, status);
	tell_layout(&m, status);
	if (status == EXIT_DONE)
		status = run_system_ram(p, &m, list);
	render_add(members, "layout", record_layout(&m));
	render_add(members, "dax", list);
	if (m.result == OUTCOME_DONE || m.is_left || is_changed(p))
		run->changed = "daxctl list --isolation";
	for (size_t i = 0; i < LAYOUT_READINGS; i++)
		host_free(&readings[i]);
	arena_free(&m.arena);
	return status;
}

static struct json_object *record_nothing(void)
{
	struct json_object *members = render_object();

	render_add(members, "layout", NULL);
	render_add(members, "dax", render_array());
	return members;
}

static const struct render_column prepare_columns[] = {
	{ "DAX", "dax" }, { "NAME", "name", .rank = 3 }, { "REGION", "region", .rank = 4 }, { "RESULT", "result" },
	{ "WAS", "before.mode", .rank = 2 }, { "IS", "after.mode" },
	{ "BLOCKS", "after.blocks.total", .rank = 1 }, { "ONLINE", "after.blocks.online" }, { "UNFIT BY", "after.checks" },
	{ 0 }
};

static const struct render_table prepare_table = {
	.columns = prepare_columns,
	.rows = record_prepared_rows,
	.text = &prepare_text,
	.colours = report_colours,
};
static const struct command_output prepare_output = {
	.schema = "daxctl-prepare-isolation/1", .table = &prepare_table, .empty = record_nothing,
};

static int run_prepare(int argc, char **argv)
{
	struct prepare p = { .reading = HOST_UNREAD, .reading_after = HOST_UNREAD, .lock = -1 };
	struct prepare_options o = { 0 };
	struct json_object *members;
	struct command_run run;
	int status = EXIT_DONE;

	if (!command_begin(&cmd_prepare_isolation, argc, argv, &o, &o.common, &run, &status))
		return status;
	p.typed = command_typed(&p.arena, argc, argv);
	p.host = &p.reading.host;
	p.host_after = &p.reading_after.host;
	p.messages = &p.reading.messages;
	run.quiet = o.hotplug;	/* udev's log is for what went wrong */
	members = render_object();
	if (o.policy.is_given || o.split)
		status = run_layout(&p, &o, &run, members);
	else
		status = run_targets(&p, &o, &run, members);
	progress_end(&p.progress);
	host_lock_release(&p.lock);
	status = command_end(&run, status, p.messages, members);
	isolation_free(&p);
	host_free(&p.reading);
	host_free(&p.reading_after);
	arena_free(&p.arena);
	return status;
}

const struct command cmd_prepare_isolation = {
	"prepare-isolation", "[TARGET...]", "Bring dax memory into the state that isolation needs.",
	prepare_opts, run_prepare, .changes = true, .output = &prepare_output,
};
