// SPDX-License-Identifier: GPL-2.0-only
/* cxl recover-port: options and output.  The work is in the other files of recover.h. */
#include "lib/recover/recover_names.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cxl/common.h"
#include "cxl/texts.h"
#include "lib/iso/backend.h"
#include "lib/model/consent.h"
#include "lib/read/host_read.h"
#include "lib/read/modules.h"
#include "lib/report/record.h"
#include "util/array.h"
#include "util/lock.h"
#include "util/parse.h"
#include "util/size.h"

struct recover_command {
	struct common_options common;
	bool dry_run, resume, abandon, no_rebuild, with_neighbours, accept_move, accept_replacement,
		force_healthy, load;
	const char *timeout, *link_method, *progress, *users, *users_grace, *driver_consent;
	const char *sysroot;
	struct opt_list overrides;
	struct recover_options asked;	/* with --resume: what was not asked for is LINK_AUTO, true, false, 0 */
};

static const struct opt recover_opts[] = {
	{ "dry-run", 'n', OPT_FLAG, offsetof(struct recover_command, dry_run), NULL, "print every step, write nothing" },
	{ "resume", 0, OPT_FLAG, offsetof(struct recover_command, resume), NULL, "go on where an earlier recovery ended" },
	{ "abandon", 0, OPT_FLAG, offsetof(struct recover_command, abandon), NULL,
	  "give an earlier recovery up: leave the port fenced, forget the journal" },
	{ "no-rebuild", 0, OPT_FLAG, offsetof(struct recover_command, no_rebuild), NULL,
	  "bring port and devices back, but make no region again" },
	{ "with-neighbours", 0, OPT_FLAG, offsetof(struct recover_command, with_neighbours), NULL,
	  "take idle regions of other ports that are in the way down, too, and make them again" },
	{ "accept-move", 0, OPT_FLAG, offsetof(struct recover_command, accept_move), NULL,
	  "a region may come back at another address of its window" },
	{ "timeout", 0, OPT_STRING, offsetof(struct recover_command, timeout), "DURATION",
	  "how long link and devices may take to return, each (default 30s)" },
	{ "link-method", 0, OPT_STRING, offsetof(struct recover_command, link_method), "METHOD",
	  "how the link is taken down: auto (default), cxl_bus, forced, reset_subordinate, link-disable, slot-power or none",
	  .values = "auto cxl_bus forced reset_subordinate link-disable slot-power none" },
	{ "accept-replacement", 0, OPT_FLAG, offsetof(struct recover_command, accept_replacement), NULL,
	  "a device with another serial number in the same place will do" },
	{ "users", 0, OPT_STRING, offsetof(struct recover_command, users), "HOW",
	  "processes that use the memory: refuse (default: the command refuses), terminate (SIGTERM; who does not end is named, and the "
	  "command refuses) or kill (SIGKILL after that)",
	  .values = "refuse terminate kill" },
	{ "users-grace", 0, OPT_STRING, offsetof(struct recover_command, users_grace), "DURATION",
	  "how long they have after SIGTERM (default 10s)" },
	{ "driver-consent", 0, OPT_STRING, offsetof(struct recover_command, driver_consent), "DRIVER",
	  "the driver of the accelerator below may be taken off the device and given it back" },
	{ "force-healthy", 0, OPT_FLAG, offsetof(struct recover_command, force_healthy), NULL,
	  "take down and up a port that is not isolated" },
	{ "load", 0, OPT_FLAG, offsetof(struct recover_command, load), NULL,
	  "first load the kernel's modules that this needs and that are not loaded" },
	{ "override", 0, OPT_LIST, offsetof(struct recover_command, overrides), "CHECK-ID",
	  "do it in spite of this one check: ISO-PMEM (the contents of persistent regions are lost) or ISO-PCI-DEVICE (ordinary "
	  "PCI devices go down, too)" },
	{ "progress", 0, OPT_STRING, offsetof(struct recover_command, progress), "HOW",
	  "on standard error: auto (default: the step on a terminal, gone at the end), lines (one each, in a pipe, too), json or none",
	  .values = "auto lines json none" },
	SYSROOT_REFUSED(struct recover_command, sysroot),
	COMMON_OPTIONS(struct recover_command),
	{ 0 }
};

/* --- options ---------------------------------------------------------------------- */

/* Into @ret what was asked for about users of the memory. */
static int parse_users(const struct recover_command *o, struct recover_options *ret,
		       struct err *err)
{
	int users = o->users ? name_index(users_end_names, o->users) : USERS_REFUSE;
	char shown[48];

	if ((o->resume || o->abandon) && (o->users || o->users_grace))
		return err_set(err, EXIT_USAGE, EINVAL, "--users belongs to a new recovery, nothing was done; %s goes by the journal",
			       o->resume ? "--resume" : "--abandon");
	if (users < 0)
		return err_set(err, EXIT_USAGE, EINVAL, "'%s' is not a way to deal with users, nothing was done: use refuse, terminate or kill",
			       printable(o->users, shown, sizeof(shown)));
	ret->says_users = o->users;
	ret->says_grace = o->users_grace;
	ret->users = (enum users_end)users;
	ret->users_grace_us = USERS_GRACE_US;
	if (o->users_grace && duration_parse(o->users_grace, &ret->users_grace_us))
		return err_set(err, EXIT_USAGE, EINVAL, "'%s' is not a duration: write for example --users-grace=10s",
			       printable(o->users_grace, shown, sizeof(shown)));
	return 0;
}

static int parse_consent(const struct recover_command *o, struct recover_options *ret,
			 struct err *err)
{
	char shown[48];

	ret->driver_consent = o->driver_consent;
	if (o->driver_consent && (o->resume || o->abandon))
		return err_set(err, EXIT_USAGE, EINVAL, "--driver-consent belongs to a new recovery, nothing was done; %s goes by the journal",
			       o->resume ? "--resume" : "--abandon");
	if (o->driver_consent && !consent_is_driver_name(o->driver_consent))
		return err_set(err, EXIT_USAGE, EINVAL, "'%s' is not the name of a driver, nothing was done: write for example --driver-consent=sfc",
			       printable(o->driver_consent, shown, sizeof(shown)));
	return 0;
}

static bool may_override(const char *id)
{
	const struct check *check = check_by_id(id);

	return check && check->recovery_override;
}

static int parse_options(struct recover *r, struct recover_command *o, char **operands,
			 struct err *err)
{
	int method = o->link_method ? link_method_parse(o->link_method) : LINK_AUTO;
	uint64_t timeout_us = RECOVER_TIMEOUT_US;
	char shown[48], ways[48];

	if (command_refuse_sysroot(o->sysroot, err))
		return -EROFS;
	if (!operands[0] || operands[1])
		return err_set(err, EXIT_USAGE, EINVAL, "one root port is recovered at a time, nothing was done; name it by its PCI address, as 'cxl list --isolation' shows it");
	if (o->resume && o->abandon)
		return err_set(err, EXIT_USAGE, EINVAL, "--resume and --abandon exclude each other, nothing was done");
	if ((o->resume &&
	     (o->force_healthy || o->overrides.n || o->with_neighbours || o->accept_move)) ||
	    (o->abandon &&
	     (o->no_rebuild || o->with_neighbours || o->accept_move || o->link_method ||
	      o->force_healthy || o->timeout || o->accept_replacement || o->overrides.n)))
		return err_set(err, EXIT_USAGE, EINVAL, "%s, nothing was done",
			       o->resume ? "--resume accepts only --link-method, --timeout, --accept-replacement and --no-rebuild; everything else comes from the journal" :
					   "--abandon takes no other option about the recovery");
	if (o->no_rebuild && (o->with_neighbours || o->accept_move))
		return err_set(err, EXIT_USAGE, EINVAL, "--no-rebuild makes no region again, so %s has no meaning with it, nothing was done",
			       o->with_neighbours ? "--with-neighbours" : "--accept-move");
	if (method < 0)
		return err_set(err, EXIT_USAGE, EINVAL, "'%s' is not a link method: use auto, cxl_bus, forced, reset_subordinate, link-disable, slot-power or none",
			       printable(o->link_method, shown, sizeof(shown)));
	if (o->timeout && (duration_parse(o->timeout, &timeout_us) || !timeout_us))
		return err_set(err, EXIT_USAGE, EINVAL, "'%s' is not a duration: write for example --timeout=10s",
			       printable(o->timeout, shown, sizeof(shown)));
	if (progress_parse(o->progress, true, &r->progress.how, ways, sizeof(ways)))
		return err_set(err, EXIT_USAGE, EINVAL, "'%s' is not a kind of progress: use %s",
			       printable(o->progress, shown, sizeof(shown)), ways);
	for (size_t i = 0; i < o->overrides.n; i++)
		if (!may_override(o->overrides.v[i]))
			return err_set(err, EXIT_USAGE, EINVAL, "--override=%s: only ISO-PMEM and ISO-PCI-DEVICE can be overridden here, nothing was done",
				       printable(o->overrides.v[i], shown, sizeof(shown)));
	r->request.dry_run = o->dry_run;
	r->request.task = o->abandon ? RECOVER_ABANDON : o->resume ? RECOVER_RESUME : RECOVER_BEGIN;
	r->request.force_healthy = o->force_healthy;
	r->request.load = o->load;
	o->asked = (struct recover_options){ .method = (enum link_method)method,
					     .rebuild = !o->no_rebuild,
					     .accept_replacement = o->accept_replacement,
					     .timeout_us = o->timeout ? timeout_us : 0 };
	if (o->resume && (o->link_method || o->timeout || o->accept_replacement || o->no_rebuild))
		r->asked = &o->asked;
	r->request.overrides = o->overrides;
	r->journal.options = (struct recover_options){ .method = (enum link_method)method,
						       .rebuild = !o->no_rebuild,
						       .accept_replacement = o->accept_replacement,
						       .with_neighbours = o->with_neighbours,
						       .accept_move = o->accept_move,
						       .timeout_us = timeout_us };
	if (parse_users(o, &r->journal.options, err))
		return -EINVAL;
	return parse_consent(o, &r->journal.options, err);
}

/* --- output ----------------------------------------------------------------------- */

static struct json_object *devices_json(struct recover *r)
{
	struct json_object *list = render_array();

	for (size_t i = 0; i < r->journal.recipe.n_devices; i++) {
		const struct recipe_device *d = &r->journal.recipe.devices[i];
		struct json_object *obj = render_object();
		char now[64];
		struct err err;

		render_add_string(obj, "was", d->name);
		render_add_string(obj, "now", r->result == OUTCOME_DONE && !recover_resolve(&r->run, d->name, now, sizeof(now), &err) ?
				  now : NULL);
		render_add_hex(obj, "serial", d->serial.known, d->serial.v);
		render_add(obj, "below", render_boolean(d->below));
		render_append(list, obj);
	}
	return list;
}

static struct json_object *dax_json(const struct recover *r, const struct recipe_region *region,
				    size_t k)
{
	struct json_object *obj = render_object(), *parts = render_array();
	const struct recipe_dax *d = &region->dax[k];
	uint64_t bytes = 0;
	char now[64];

	for (size_t i = 0; i < d->n_parts; i++) {
		struct json_object *part = render_object();

		render_add_hex(part, "offset", true, d->parts[i].offset);
		render_add_u64(part, "size", true, d->parts[i].bytes);
		render_append(parts, part);
		bytes += d->parts[i].bytes;
	}
	render_add_string(obj, "was", d->name);
	render_add_string(obj, "now", r->result == OUTCOME_DONE ? recover_dax_now(r, region, k, now, sizeof(now)) : NULL);
	render_add_string(obj, "name", d->policy_name);
	render_add_u64(obj, "size", true, bytes);
	render_add_u64(obj, "align", d->align, d->align);
	render_add_string(obj, "driver", strcmp(d->driver, STEP_NO_DRIVER) ? d->driver : NULL);
	render_add(obj, "parts", parts);
	return obj;
}

static struct json_object *regions_json(const struct recover *r)
{
	struct json_object *list = render_array();

	for (size_t i = 0; i < r->journal.recipe.n_regions; i++) {
		const struct recipe_region *region = &r->journal.recipe.regions[i];
		struct json_object *obj = render_object(), *dax = render_array();

		for (size_t k = 0; k < region->n_dax; k++)
			render_append(dax, dax_json(r, region, k));
		render_add_string(obj, "was", region->name);
		render_add_string(obj, "now", r->result == OUTCOME_DONE ? recover_name_of(&r->journal, region->name) : NULL);
		render_add_string(obj, "decoder", region->decoder);
		render_add_string(obj, "uuid", region->uuid);
		render_add_u64(obj, "size", true, region->size_bytes);
		render_add_u64(obj, "ways", true, region->ways);
		render_add(obj, "neighbour", render_boolean(region->neighbour));
		render_add_hex(obj, "resource", true, region->address);
		render_add_hex(obj, "new_resource", !region->lost && (r->journal.options.rebuild || region->neighbour), region->place);
		render_add(obj, "dax", dax);
		render_append(list, obj);
	}
	return list;
}

/* What its driver was taken off, and given back; null where there is none. */
static struct json_object *accelerator_json(const struct recipe_accelerator *acc)
{
	struct json_object *obj, *functions;

	if (!acc->address)
		return NULL;
	obj = render_object();
	functions = render_array();
	render_add_string(obj, "address", acc->address);
	render_add_string(obj, "driver", acc->driver);
	for (size_t i = 0; i < acc->n_functions; i++) {
		struct json_object *f = render_object();

		render_add_string(f, "function", acc->functions[i].address);
		render_add_string(f, "driver", acc->functions[i].driver);
		render_add_string(f, "physical_function", acc->functions[i].physical);
		render_append(functions, f);
	}
	render_add(obj, "functions", functions);
	return obj;
}

/* Steps as they were run: names that are known by now in their places. */
static struct json_object *step_json(struct recover *r, const struct step *s)
{
	char path[PATH_MAX], value[512], after[256];
	struct step shown = *s;
	struct err err;

	if (s->op == &step_create && s->state == STEP_DONE && recover_created_by(&r->journal, s))
		shown.value = recover_created_by(&r->journal, s);
	else if (r->run.resolve && s->state == STEP_DONE) {
		if (!step_resolve(&r->run, s->path, path, sizeof(path), &err))
			shown.path = path;
		if (!step_resolve(&r->run, s->value, value, sizeof(value), &err))
			shown.value = value;
		if (!step_resolve(&r->run, s->expect_after, after, sizeof(after), &err))
			shown.expect_after = after;
	}
	return record_step(&shown);
}

static struct json_object *record_recovery(struct recover *r)
{
	struct json_object *obj = render_object(), *plan = render_array(), *times = render_array();
	const struct journal *j = &r->journal;
	const struct cxl_root_port *rp = r->rp;

	for (size_t i = 0; r->planned != STEPS_NONE && i < j->n_steps; i++) {
		struct json_object *t = render_object();

		render_append(plan, step_json(r, &j->steps[i]));
		render_add_string(t, "title", j->steps[i].title);
		render_add_u64(t, "took_us", true, j->steps[i].took_us);
		render_append(times, t);
	}
	render_add_string(obj, "root_port", rp->name);
	render_add_string(obj, "host_bridge", rp->bridge ? rp->bridge->name : NULL);
	render_add_string(obj, "bus", rp->bridge && rp->bridge->bus ? rp->bridge->bus->name : NULL);
	render_add_string(obj, "result", outcome_descs[r->result].name);
	render_add(obj, "changed", render_boolean(recover_has_changed(r)));
	render_add_string(obj, "blocker", r->blocker);
	render_add_string(obj, "link_method", r->planned == STEPS_RECOVER ? link_method_names[j->method] : NULL);
	render_add_u64(obj, "tries", r->planned == STEPS_RECOVER, j->tries);
	render_add(obj, "before", record_control(&r->before));
	render_add(obj, "after", record_control(&r->after));
	render_add(obj, "devices", devices_json(r));
	render_add(obj, "regions", regions_json(r));
	render_add(obj, "accelerator", accelerator_json(&j->recipe.accelerator));
	render_add(obj, "plan", plan);
	render_add(obj, "times", times);
	render_add_u64(obj, "took_us", true, r->took_us);
	return obj;
}

static void drop_what_is_put_right(struct recover *r)
{
	for (size_t i = 0; i < r->journal.recipe.n_regions; i++)
		messages_drop(r->messages, "HUSK", r->journal.recipe.regions[i].name);
	for (size_t i = 0; i < r->journal.recipe.n_devices; i++)
		messages_drop(r->messages, "UNBOUND", r->journal.recipe.devices[i].name);
}

static int end(struct command_run *run, struct recover *r, int rc, const struct err *err)
{
	struct json_object *list = render_array();
	int status = rc ? (int)err->status : EXIT_DONE;

	if (rc)
		message_add_err(r->messages, r->blocker ? r->blocker : err->status == EXIT_USAGE ? "USAGE" : "RECOVER", err);
	if (r->rp) {
		struct cxl_root_port now = *r->rp;

		recover_count_end(r);
		if (recover_has_changed(r) && !iso_refresh(r->host, &now))
			r->after = iso_control(&now.iso);
		render_append(list, record_recovery(r));
	}
	if (r->result == OUTCOME_DONE)
		drop_what_is_put_right(r);
	if (recover_has_changed(r))
		run->changed = "cxl list --isolation";
	progress_end(&r->progress);
	status = command_end(run, status, r->messages, list);
	host_lock_release(&r->lock);
	if (r->dirfd >= 0)
		close(r->dirfd);
	for (size_t i = 0; i < r->n_hosts; i++)
		host_free(r->hosts[i]);
	messages_free(r->messages);
	arena_free(&r->arena);
	return status;
}

/* What cannot be a root port's name is wrong on a host that cannot be read, too. */
static int read_host(struct recover *r, const char *target, struct err *err)
{
	int rc = recover_read_host(r, err);
	char shown[48];
	uint64_t key;

	if (!rc || rc == -ENOMEM || parse_pci_address(target, &key))
		return rc;
	err_set(err, EXIT_USAGE, EINVAL, "'%s' is not the address of a root port, nothing was done; name one as in 'cxl recover-port 0000:0c:00.0' ('cxl list --isolation' shows them)",
		printable(target, shown, sizeof(shown)));
	err_target(err, target);
	return -EINVAL;
}

static int recover(struct recover *r, struct recover_command *o, char **operands,
		   struct err *err)
{
	struct modules_loaded loaded = { .n = 0 };
	int rc = parse_options(r, o, operands, err);
	uint64_t key;

	if (!rc && o->load && parse_pci_address(operands[0], &key))
		rc = modules_load(USE_CXL | USE_REGION_DAX | USE_DEVDAX, o->dry_run, &loaded, err);
	rc = rc ? rc : read_host(r, operands[0], err);
	if (rc == -ENODEV && !o->load)
		modules_offer_load(err);
	rc = rc ? rc : recover_open(r, operands[0], err);
	modules_report(&loaded, r->messages);
	if (rc)
		return rc;
	if (r->request.task != RECOVER_BEGIN && r->journal_state != JOURNAL_STALE)
		rc = recover_refuse_checks(r, err);
	if (rc)
		return rc;
	if (r->request.task == RECOVER_ABANDON)
		return recover_abandon(r, err);
	if (r->request.task == RECOVER_RESUME)
		return recover_resume(r, err);
	rc = recover_prepare(r, err);
	if (rc)
		return rc;
	if (!r->request.dry_run)
		return recover_execute(r, err);
	r->result = OUTCOME_PLANNED;
	return 0;
}

static int run_recover(int argc, char **argv)
{
	struct messages messages = { 0 };
	struct recover r = { .messages = &messages, .dirfd = -1, .lock = -1,
			     .result = OUTCOME_REFUSED };
	struct recover_command o = { 0 };
	struct command_run run;
	int status = EXIT_DONE, rc;
	struct err err;

	if (command_begin(&cmd_recover_port, argc, argv, &o, &o.common, &run, &status)) {
		rc = recover(&r, &o, run.operands, &err);
		status = end(&run, &r, rc, &err);
	}
	opt_list_free(&o.overrides);
	return status;
}

static const struct render_column recover_columns[] = {
	{ "ROOT PORT", "root_port" }, { "BRIDGE", "host_bridge", .rank = 9 }, { "RESULT", "result" }, { "CHANGED", "changed", .rank = 3 },
	{ "BLOCKER", "blocker" }, { "LINK METHOD", "link_method", .rank = 2 }, { "TRIES", "tries", .rank = 4 }, { "TOOK", "took_us", .rank = 1 },
	{ "ISOLATION", "after.mem.isolation" }, { "TIMEOUT", "after.mem.timeout.enabled", .rank = 5 },
	{ 0 }
};

static const struct render_table recover_table = {
	.columns = recover_columns,
	.rows = root_port_rows,
	.text = &recover_text,
	.colours = report_colours,
};
static const struct command_output recover_output = { "cxl-recover-port/1", "root_ports", &recover_table };

const struct command cmd_recover_port = {
	"recover-port", "PORT", "Bring a root port back after isolation without a reboot.", recover_opts, run_recover,
	.changes = true, .output = &recover_output,
};
