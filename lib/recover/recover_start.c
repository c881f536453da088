// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a recovery starts: which port, whose journal, and the plan.  What is
 * refused before anything is written is in recover_refuse.c.  See recover.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/change/change.h"
#include "lib/kept/kept_names.h"
#include "lib/kept/kept_read.h"
#include "lib/model/consent.h"
#include "lib/model/isolation_regs.h"
#include "lib/model/rebuild.h"
#include "lib/model/target.h"
#include "lib/read/host_read.h"
#include "lib/read/modules.h"
#include "lib/recover/recover_users.h"
#include "util/lock.h"
#include "util/parse.h"
#include "util/size.h"
#include "util/state.h"

/* What was said about the host that was read last is this run's to say. */
static void take_messages(struct recover *r)
{
	*r->messages = *r->host->messages;
	*r->host->messages = (struct messages){ 0 };
}

/* A later snapshot of the same host takes the place of the one that @r has. */
static void move_to(struct recover *r, const struct cxl_host *host)
{
	r->rp = &host->root_ports[r->rp - r->host->root_ports];
	r->host = host;
}

int recover_read_host(struct recover *r, struct err *err)
{
	const char *name = r->rp ? r->rp->name : NULL;
	struct host_reading *reading = r->n_hosts < RECOVER_MAX_READS
					       ? arena_alloc(&r->arena, 1, sizeof(*reading))
					       : NULL;
	int rc;

	if (!reading)
		return err_no_memory(err, ", nothing was written");
	r->hosts[r->n_hosts++] = reading;
	rc = host_read(reading, NULL, err);
	rc = rc ? rc : kept_read(&reading->host, err);
	if (rc)
		return rc;
	r->host = &reading->host;
	if (!name) {
		take_messages(r);
		return 0;
	}
	r->rp = host_root_port(r->host, name);
	return r->rp ? 0 : err_set(err, EXIT_REFUSED, ENODEV, "root port %s is gone; bring it back with 'echo 1 > /sys/bus/pci/rescan'", name);
}

/* --- the port ------------------------------------------------------------------- */

/* A root port that does not exist any more can leave a journal behind, which only its file's name tells of. */
static int explain_stale_journal(const struct recover *r, const char *target, struct err *err)
{
	const struct err why = *err;
	struct err none;
	char file[96];
	char *text = NULL;
	int dirfd = r->request.task != RECOVER_BEGIN ? state_open(false, &none) : -ENOENT;

	journal_file(target, file, sizeof(file));
	if (dirfd >= 0 && !strchr(target, '/') && !state_read(dirfd, file, &text))
		err_set(err, why.status, why.errnum, "%.500s; a recovery of that name left its journal: forget it with 'rm %.200s/%s'", why.text,
			state_path(), file);
	free(text);
	if (dirfd >= 0)
		close(dirfd);
	return -why.errnum;
}

/* A known device that is not a root port: name the one above it. */
static int not_a_root_port(struct recover *r, const char *target, struct err *err)
{
	const char *above = NULL;
	struct target_set set;
	int rc;

	if (target_set_init(r->host, &r->arena, false, &set))
		return err_no_memory(err, ", nothing was written");
	rc = target_add(r->host, target, TARGET_ANY, &set, err);
	if (rc)
		return explain_stale_journal(r, target, err);
	for (size_t i = 0; i < r->host->n_root_ports; i++)
		if (set.root_ports[i])
			above = above ? "" : r->host->root_ports[i].name;
	err_set(err, EXIT_USAGE, EINVAL, "%s is not a root port, nothing was done; one root port is recovered at a time%s%s%s", target,
		above && *above ? ": cxl recover-port " : ", by its PCI address", above ? above : "",
		above && *above ? "" : " ('cxl list --isolation' shows them)");
	err_target(err, target);
	return -EINVAL;
}

static int find_port(struct recover *r, const char *target, struct err *err)
{
	uint64_t key;

	r->rp = parse_pci_address(target, &key) ? host_root_port(r->host, target) : NULL;
	if (!r->rp)
		return not_a_root_port(r, target, err);
	if (r->rp->present)
		return 0;
	return err_set(err, EXIT_PREREQ, ENODEV,
		       "%s: its PCI device is gone, nothing was done; bring it back with 'echo 1 > /sys/bus/pci/rescan', then run the command again",
		       r->rp->name);
}

/* --- journal -------------------------------------------------------------------- */

static const char *boot_id(struct recover *r)
{
	char text[64];

	return arena_strdup(&r->arena, kept_boot_id(r->host, text, sizeof(text)));
}

static int take_lock(struct recover *r, struct err *err)
{
	if (r->request.dry_run)
		return 0;
	r->lock = host_lock("cxl recover-port", HOST_LOCK_WAIT_US, NULL, err);
	return r->lock < 0 ? recover_refuse(r, err->status, "LOCK", err) : 0;
}

/* Dax devices below these ports are this recovery's to make. */
static void name_ports_in_lock(struct recover *r)
{
	const struct recipe *recipe = &r->journal.recipe;
	const char *names = r->rp->name;

	for (size_t i = 0; names && i < recipe->n_root_ports; i++)
		names = arena_printf(&r->arena, "%s %s", names, recipe->root_ports[i]);
	host_lock_set_about(r->lock, names ? names : "*");
}

/* A journal that says nothing, but is there. */
static void report_unusable(const struct recover *r, struct err *err)
{
	const char *name = r->rp->name;
	char version[48];

	if (r->journal_state == JOURNAL_DAMAGED)
		err_set(err, EXIT_NEGATIVE, EINVAL,
			"the journal of an earlier recovery of %s (%.200s/%s" JOURNAL_SUFFIX ") is damaged, so nothing was done; give that recovery up with 'cxl recover-port --abandon %s', then look at 'cxl list --isolation' and start again",
			name, state_path(), name, name);
	else
		err_set(err, EXIT_NEGATIVE, EINVAL,
			"the journal of an earlier recovery of %s (%.200s/%s" JOURNAL_SUFFIX
			") was written by another version of this program (%s), so nothing was done; finish that recovery with the version that began it, or give it up with 'cxl recover-port --abandon %s'",
			name, state_path(), name,
			printable(r->journal.version, version, sizeof(version)), name);
}

static int judge_journal(struct recover *r, struct err *err)
{
	bool is_here = r->journal_state == JOURNAL_HERE, is_none = r->journal_state == JOURNAL_NONE;
	const char *name = r->rp->name, *id = boot_id(r);

	if (!id)
		return err_no_memory(err, ", nothing was written");
	if (is_here && strcmp(id, r->journal.boot_id))
		r->journal_state = JOURNAL_STALE;
	if (!is_here)
		r->journal.boot_id = id;
	if (is_none ? r->request.task == RECOVER_BEGIN
		    : r->request.task == RECOVER_ABANDON ||
			      (r->request.task == RECOVER_RESUME &&
				    r->journal_state == JOURNAL_HERE))
		return 0;
	if (is_none)
		err_set(err, EXIT_NEGATIVE, ENOENT, "%s has no recovery to %s: there is no journal of it in %.200s", name,
			r->request.task == RECOVER_RESUME ? "resume" : "abandon", state_path());
	else if (!is_here)
		report_unusable(r, err);
	else if (r->journal_state == JOURNAL_STALE)
		err_set(err, EXIT_NEGATIVE, ESTALE,
			"an earlier recovery of %s was begun before this host was rebooted, so nothing was done; forget it with 'cxl recover-port --abandon %s', which touches nothing else then; regions that it had taken down have to be created again",
			name, name);
	else
		err_set(err, EXIT_NEGATIVE, EEXIST,
			"an earlier recovery of %s did not come to its end, so nothing was done; finish it with 'cxl recover-port --resume %s', or give it up with 'cxl recover-port --abandon %s'",
			name, name, name);
	return recover_refuse(r, EXIT_NEGATIVE, checks[ID_JOURNAL].id, err);
}

int recover_open(struct recover *r, const char *target, struct err *err)
{
	bool begins = !r->request.dry_run && r->request.task == RECOVER_BEGIN;
	const struct cxl_host *host;
	int rc = find_port(r, target, err);

	if (rc)
		return rc;
	r->before = r->after = iso_control(&r->rp->iso);
	if (geteuid()) {
		err_set(err, EXIT_PREREQ, EPERM, "recovering %s needs root, nothing was done; run the command as root", r->rp->name);
		return recover_refuse(r, EXIT_PREREQ, "PRIVILEGE", err);
	}
	r->dirfd = state_open(begins, err);
	if (r->dirfd == -ENOENT && !begins)
		return judge_journal(r, err);	/* nothing was ever recovered here */
	if (r->dirfd < 0)
		return recover_refuse(r, EXIT_PREREQ, "STATE", err);
	rc = take_lock(r, err);
	rc = rc ? rc
		: journal_read(r->dirfd, r->rp->name, &r->arena, &r->journal, &r->journal_state,
			       err);
	rc = rc ? rc : judge_journal(r, err);
	if (rc || r->request.dry_run)
		return rc;
	name_ports_in_lock(r);
	/* what was there before the lock was held may have been another command's work */
	rc = recover_read_host(r, err);
	if (rc)
		return rc;
	messages_free(r->messages);
	take_messages(r);
	host = r->host;
	rc = change_put_back(&host, r->messages, err);
	if (rc)
		return rc;
	move_to(r, host);
	r->before = r->after = iso_control(&r->rp->iso);
	return 0;
}

/* --- the plan -------------------------------------------------------------------- */

static int read_facts(struct recover *r, struct err *err)
{
	struct sysfs_names names;
	char text[32];
	int rc;
	const struct cxl_host *host = host_read_link_ways(r->host, r->rp, &rc);

	if (!host)
		return err_set(err, EXIT_REFUSED, -rc, "/%s cannot be listed: %s; nothing was written", r->rp->path, strerror(-rc));
	move_to(r, host);
	r->facts = (struct recover_facts){ .dax_autoprobe = -1,
					   .stays_masked = r->facts.stays_masked };
	rc = sysfs_list(host->fs, &r->arena, "sys/bus/cxl", NULL, &names);
	for (size_t i = 0; !rc && i < names.n; i++)
		r->facts.flush |= !strcmp(names.v[i], "flush");
	if (sysfs_read(host->fs, DAX_AUTOPROBE, text, sizeof(text)) == 1 &&
	    (*text == '0' || *text == '1'))
		r->facts.dax_autoprobe = *text - '0';
	r->facts.has_memmap = sysfs_read(host->fs, MEMMAP_PARAMETER, text, sizeof(text)) > 0 && strcmp(text, "N");
	if (sysfs_read(host->fs, AUTO_ONLINE, text, sizeof(text)) > 0 &&
	    strcmp(text, STEP_OFFLINE)) {
		r->facts.auto_online = arena_strdup(&r->arena, text);
		if (!r->facts.auto_online)
			return err_no_memory(err, ", nothing was written");
	}
	r->facts.made = r->journal.names;
	r->facts.n_made = r->journal.n_names;
	return 0;
}

static int refuse_link_method(struct recover *r, const char *why, const enum link_method *other,
			      struct err *err)
{
	enum link_method asked = r->journal.options.method;
	const char *name = r->rp->name, *more = recover_is_begun(r) ? "more " : "";

	if (other)
		err_set(err, EXIT_PREREQ, ENOTSUP, "the link of %s cannot be taken down by %s: %s; nothing %swas written; %s %s: cxl recover-port%s --link-method=%s %s",
			name, link_method_names[asked], why, more, link_method_names[*other], link_method_is_masked(r->rp, *other) ? "can be tried" : "would do",
			r->request.task == RECOVER_RESUME ? " --resume" : r->request.force_healthy ? " --force-healthy" : "", link_method_names[*other], name);
	else
		err_set(err, EXIT_PREREQ, ENOTSUP, "the link of %s cannot be taken down%s%s: %s, and out of isolation there is only one way, through link down; nothing %swas written; reboot the host",
			name, asked == LINK_AUTO ? "" : " by ", asked == LINK_AUTO ? "" : link_method_names[asked], why, more);
	return recover_refuse(r, EXIT_PREREQ, checks[ID_HOTPLUG].id, err);
}

static int choose_link_method(struct recover *r, struct err *err)
{
	const struct recover_options *o = &r->journal.options;
	/* what is only broken needs no more than to be found again */
	bool is_broken = iso_isolated(&r->rp->iso) != TRI_YES && r->rp->link.up != TRI_NO &&
			 !r->request.force_healthy;
	enum link_method wanted = o->method == LINK_AUTO && is_broken ? LINK_NONE : o->method;
	const char *why = recover_link_method(r->rp, &r->facts, wanted, &r->journal.method);
	enum link_method other;

	if (!why)
		return 0;
	if (o->method == LINK_AUTO || recover_link_method(r->rp, &r->facts, LINK_AUTO, &other))
		return refuse_link_method(r, why, NULL, err);
	if (!recover_is_begun(r) || (r->asked && r->asked->method != LINK_AUTO))
		return refuse_link_method(r, why, &other, err);
	/* what was asked for was asked of the port as it was then */
	message_add(r->messages, SEV_WARNING, "LINK-METHOD", r->rp->name, "the link of %s cannot be taken down by %s any more: %s; %s is taken instead",
		    r->rp->name, link_method_names[o->method], why, link_method_names[other]);
	r->journal.method = other;
	return 0;
}

/* Regions that an earlier try made, until they are gone: the new ones have names of their own. */
static void set_names_aside(struct recover *r)
{
	struct journal *j = &r->journal;
	size_t n = 0;

	for (size_t i = 0; i < j->n_names; i++)
		for (size_t k = 0; k < r->host->n_regions; k++)
			if (!strcmp(r->host->regions[k].name, j->names[i].name)) {
				j->names[n] = j->names[i];
				j->names[n++].key = JOURNAL_LEFT;
				break;
			}
	j->n_names = n;
}

int recover_replan(struct recover *r, struct err *err)
{
	struct journal *j = &r->journal;
	struct recover_plan plan;
	int rc = recover_refuse_unknown(r, err);

	rc = rc ? rc : recover_refuse_hidden(r, err);
	rc = rc ? rc : read_facts(r, err);
	rc = rc ? rc : choose_link_method(r, err);
	if (rc)
		return rc;
	if (j->dax_autoprobe >= 0 && r->facts.dax_autoprobe >= 0)
		r->facts.dax_autoprobe = j->dax_autoprobe;	/* a run that was cut short left it off */
	if (recover_plan_make(r->host, r->rp, &j->recipe, &r->facts, &j->options, j->method,
			      &r->arena, &plan))
		return err_no_memory(err, ", nothing was written");
	j->steps = plan.steps;
	j->n_steps = plan.n;
	set_names_aside(r);
	r->planned = STEPS_RECOVER;
	return 0;
}

int recover_fence(struct recover *r, struct recover_plan *ret, struct err *err)
{
	const struct recipe *recipe = r->planned == STEPS_RECOVER ||
						      r->journal_state == JOURNAL_HERE
					      ? &r->journal.recipe
					      : NULL;
	int rc = read_facts(r, err);

	if (!rc && recover_plan_fence(r->host, r->rp, recipe, &r->facts, &r->arena, ret))
		rc = err_no_memory(err, ", nothing was written");
	return rc;
}

/* The settings to return to: an isolated port had isolation on, whatever a kernel says by now. */
static void amend_settings(struct recover *r)
{
	struct iso_control *c = &r->journal.recipe.settings;

	if (r->rp->iso.regs.capable && r->rp->iso.regs.status & ISO_STATUS_MEM_ISOLATION &&
	    c->v[ISO_MEM_ISOLATION] == 0)
		c->v[ISO_MEM_ISOLATION] = 1;
}

/* A region can only be made again when none of its root ports is isolated. */
static void report_others(struct recover *r)
{
	const struct recipe *recipe = &r->journal.recipe;

	for (size_t i = 1; r->journal.options.rebuild && i < recipe->n_root_ports; i++) {
		const char *other = recipe->root_ports[i];
		const struct cxl_root_port *rp = host_root_port(r->host, other);

		if (rp && iso_isolated(&rp->iso) == TRI_YES)
			message_add(r->messages, SEV_WARNING, checks[ID_ISOLATED].id, other,
				    "%s, which regions of %s span, is isolated, too: this recovery stops before it makes them again; then type 'cxl recover-port %s' and 'cxl recover-port --resume %s'",
				    other, r->rp->name, other, r->rp->name);
	}
}

/* What goes beside the port's own, and what comes back elsewhere. */
static void report_set(struct recover *r, const struct rebuild_set *set)
{
	char bytes[64];

	for (size_t i = 0; r->journal.options.rebuild && i < set->n; i++) {
		const struct rebuild_place *p = &set->places[i];
		const char *name = set->v[i]->name;

		if (rebuild_is_neighbour(set, set->v[i]))
			message_add(r->messages, SEV_WARNING, "NEIGHBOUR", name, "%s is in the way of what %s needs made again: it is taken down first and made again afterwards, and what it holds is lost",
				    name, r->rp->name);
		if (!set->v[i]->n_dax && r->journal.recipe.regions[i].has_dax)
			message_add(r->messages, SEV_INFO, "DAX", name, "%s has lost its dax devices, and what they were is not known any more: one of all of it is made; where the policy file has others: daxctl prepare-isolation --policy",
				    name);
		if (p->kind == PLACE_ELSEWHERE)
			message_add(r->messages, SEV_WARNING, "ADDRESS", name, "%s comes back at 0x%" PRIx64 ", it is at 0x%" PRIx64 " now: %s%s%s%s", name, p->at,
				    set->v[i]->resource.v, p->in_the_way ? p->in_the_way : "a lower place of its window is free",
				    p->in_the_way ? " keeps that place, of which " : "",
				    p->in_the_way ? size_human(p->stranded_bytes, bytes, sizeof(bytes)) : "",
				    p->in_the_way ? " stay stranded: nothing can use them" : "");
	}
}

/* Names that outlive numbers; a policy file that is of no use has none to give. */
static int name_dax(struct recover *r, struct err *err)
{
	struct kept_names names;
	struct err why;
	int rc = kept_names(r->host, NULL, &names, &why);

	if (rc == -ENOMEM)
		return err_no_memory(err, ", nothing was written");
	for (size_t i = 0; !rc && i < r->host->n_dax; i++)
		if (names.dax[i])
			recipe_name_dax(&r->journal.recipe, r->host->dax[i].name, names.dax[i]);
	return 0;
}

/* What is taken down and made again, unless something of it cannot be. */
static int take_recipe(struct recover *r, struct err *err)
{
	struct rebuild_set set;
	int rc = rebuild_set_make(r->host, r->rp, r->journal.options.with_neighbours, &set) ? err_no_memory(err, ", nothing was written") : 0;

	set.may_move = r->journal.options.accept_move;
	rc = rc ? rc : recipe_read(r->host, &set, &r->arena, &r->journal.recipe, err);
	rc = rc ? rc : name_dax(r, err);
	rc = rc ? rc : recover_refuse_lost(r, &set, err);
	if (!rc)
		report_set(r, &set);
	rebuild_set_free(&set);
	return rc;
}

/* What the driver makes is made where and when it likes. */
static int refuse_beside_driver(struct recover *r, struct err *err)
{
	const struct recover_options *o = &r->journal.options;

	if (!r->rp->n_accelerators || (!o->with_neighbours && !o->accept_move))
		return 0;
	err_set(err, EXIT_USAGE, EINVAL, "the region below %s is its driver's to make, so %s has no meaning there, nothing was done", r->rp->name,
		o->with_neighbours ? "--with-neighbours" : "--accept-move");
	return recover_refuse(r, EXIT_USAGE, checks[ID_TYPE2].id, err);
}

/* ", with 0000:0d:00.1 (sfc) and ..., which end with it": the other functions of the device; "" where there are none. */
static const char *with_it(struct recover *r)
{
	const struct recipe_accelerator *acc = &r->journal.recipe.accelerator;
	const char *names = "", *text;

	for (size_t i = 0; names && i < r->rp->n_device_functions; i++) {
		const struct device_function *f = &r->rp->device_functions[i];

		if (strcmp(f->name, acc->address))
			names = arena_join(&r->arena, names, ", ", function_text(f, &r->arena));
	}
	text = names && *names ? arena_printf(&r->arena, "; with it end the other functions of the device, %s, and whatever they offer", names) : "";
	return text ? text : "";
}

/*
 * Of a device that lost its driver with the failure who consented said which one that was: it must be
 * there, and the device be one of its own, which it says itself.
 */
static int take_driver(struct recover *r, struct err *err)
{
	struct recipe_accelerator *acc = &r->journal.recipe.accelerator;
	const char *option = r->journal.options.driver_consent, *driver, *why;
	char path[128];
	int rc;

	if (!acc->address || acc->driver)
		return 0;
	driver = option ? option : r->rp->kept.driver_consent;
	acc->driver = arena_strdup(&r->arena, driver);
	if (!acc->driver)
		return err_no_memory(err, ", nothing was written");
	for (size_t i = 0; i < acc->n_functions; i++)
		if (!strcmp(acc->functions[i].address, acc->address))
			acc->functions[i].driver = acc->driver;
	snprintf(path, sizeof(path), "sys/bus/pci/drivers/%.64s", driver);
	if (sysfs_exists(r->host->fs, path))
		return 0;
	if (r->request.load) {
		rc = modules_load_driver(r->host->fs, &r->arena, driver, r->request.dry_run,
					 r->messages, err);
		if (rc || r->request.dry_run || sysfs_exists(r->host->fs, path))
			return rc;
	}
	why = module_text(r->host->fs, &r->arena, driver, !r->request.load);
	if (!why)
		return err_no_memory(err, ", nothing was written");
	err_set(err, EXIT_NEGATIVE, ENOENT, "%s lost its driver %s with the failure, which is not there now, so nothing was done: %s",
		acc->address, driver, why);
	return recover_refuse(r, EXIT_NEGATIVE, checks[ID_TYPE2].id, err);
}

static void report_driver(struct recover *r)
{
	const struct recipe_accelerator *acc = &r->journal.recipe.accelerator;

	if (acc->address && !r->rp->accelerators->driver)
		message_add(r->messages, SEV_WARNING, "DRIVER", acc->address, "%s lost its driver with the failure and is given to %s: what that had made of it before, a region or virtual functions, is not known any more, and not looked for; afterwards: cxl list -RM",
			    acc->address, acc->driver);
	else if (acc->address)
		message_add(r->messages, SEV_WARNING, "DRIVER", acc->address, "%s is taken off %s, with all that it offers and whoever uses that, and given the device back afterwards: what comes of the device then, and what its memory holds, is the driver's%s",
			    acc->driver, acc->address, with_it(r));
}

int recover_prepare(struct recover *r, struct err *err)
{
	struct journal *j = &r->journal;
	int rc;

	recover_take_users_policy(r);
	rc = recover_refuse_now(r, err);
	rc = rc ? rc : refuse_beside_driver(r, err);
	rc = rc ? rc : take_recipe(r, err);
	rc = rc ? rc : take_driver(r, err);
	if (rc)
		return rc;
	report_driver(r);
	name_ports_in_lock(r);
	amend_settings(r);
	report_others(r);
	j->tries = 1;
	j->dax_autoprobe = -1;
	j->max_names = recipe_most_names(&j->recipe);
	j->names = arena_alloc(&r->arena, j->max_names, sizeof(*j->names));
	if (!j->names)
		return err_no_memory(err, ", nothing was written");
	rc = recover_replan(r, err);
	if (!rc && r->request.dry_run && link_method_is_masked(r->rp, j->method))
		message_add(r->messages, SEV_WARNING, "LINK-METHOD", r->rp->name, "whether %s can be unmasked for %s shows only when that is tried, which is the first step; if not, it is refused, or another method taken, before anything is taken down",
			    r->rp->name, link_method_names[j->method]);
	j->dax_autoprobe = r->facts.dax_autoprobe;
	return rc;
}
