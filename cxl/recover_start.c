// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a recovery starts: which port, whose journal, and the plan.  What is
 * refused before anything is written is in recover_refuse.c.  See recover.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cxl/lib/snapshot/target.h"
#include "cxl/recover.h"
#include "util/parse.h"
#include "util/state.h"

/* What was said about the host that was read last is this run's to say. */
static void take_messages(struct recover *r)
{
	*r->messages = r->host->messages;
	r->host->messages = (struct messages){ 0 };
}

int recover_read_host(struct recover *r, struct err *err)
{
	const char *name = r->rp ? r->rp->name : NULL;
	struct cxl_host *host = r->n_hosts < RECOVER_MAX_READS ? arena_alloc(&r->arena, 1, sizeof(*host)) : NULL;
	int rc;

	if (!host)
		return recover_no_memory(err);
	r->hosts[r->n_hosts++] = host;
	rc = host_read(host, NULL, err);
	if (rc)
		return rc;
	r->host = host;
	if (!name) {
		take_messages(r);
		return 0;
	}
	r->rp = host_root_port(host, name);
	return r->rp ? 0 : err_set(err, EXIT_REFUSED, ENODEV, "root port %s is gone; bring it back with 'echo 1 > /sys/bus/pci/rescan'", name);
}

/* --- the port ------------------------------------------------------------------- */

/* A root port that does not exist any more can leave a journal behind, which only its file's name tells of. */
static int gone_for_good(const struct recover *r, const char *target, struct err *err)
{
	const struct err why = *err;
	struct err none;
	char file[96];
	char *text = NULL;
	int dirfd = r->resume || r->abandon ? state_open(false, &none) : -ENOENT;

	journal_file(target, file, sizeof(file));
	if (dirfd >= 0 && !strchr(target, '/') && !state_read(dirfd, file, &text))
		err_set(err, why.status, why.errnum, "%.500s; a recovery of that name left its journal: forget it with 'rm %.200s/%s'", why.text,
			state_path(), file);
	free(text);
	if (dirfd >= 0)
		close(dirfd);
	return -why.errnum;
}

/* A known device that is no root port: name the one above it. */
static int not_a_root_port(struct recover *r, const char *target, struct err *err)
{
	const char *above = NULL;
	struct target_set set;
	int rc;

	if (target_set_init(r->host, &r->arena, false, &set))
		return recover_no_memory(err);
	rc = target_add(r->host, target, TARGET_ANY, &set, err);
	if (rc)
		return gone_for_good(r, target, err);
	for (size_t i = 0; i < r->host->n_root_ports; i++)
		if (set.root_ports[i])
			above = above ? "" : r->host->root_ports[i].name;
	err_set(err, EXIT_PREREQ, EINVAL, "%s is no root port, nothing was done; one root port is recovered at a time%s%s%s", target,
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

	if (sysfs_read(&r->host->fs, "proc/sys/kernel/random/boot_id", text, sizeof(text)) <= 0)
		return "unknown";
	return arena_strdup(&r->arena, text);
}

/* Whether new dax devices get a driver is one switch for the whole host: two recoveries that
 * make regions again, each by itself, would let kmem have each other's. */
#define DAX_BUS_LOCK "dax-bus"

static int take_lock(struct recover *r, const char *name, struct err *err)
{
	int fd;

	for (size_t i = 0; i < r->n_locks; i++)
		if (!strcmp(r->locks[i].name, name))
			return 0;
	if (r->dry_run)
		return 0;
	fd = state_lock(r->dirfd, name, err);
	if (fd < 0)
		return recover_refuse(r, err->status, "LOCK", err);
	r->locks[r->n_locks++] = (struct recover_lock){ .name = name, .fd = fd };
	return 0;
}

/* The lock of every other root port of the regions that are there, or that an earlier run took
 * down.  One that is gone needs none. */
static int take_locks(struct recover *r, struct err *err)
{
	const struct recipe *recipe = &r->journal.recipe;
	int rc = 0;

	for (size_t i = 0; !rc && i < recipe->n_root_ports; i++)
		if (host_root_port(r->host, recipe->root_ports[i]))
			rc = take_lock(r, recipe->root_ports[i], err);
	for (size_t i = 0; i < r->host->n_regions; i++) {
		const struct cxl_region *region = &r->host->regions[i];

		for (size_t k = 0; !rc && k < region->n_root_ports && recipe_touches(r->host, r->rp, region); k++)
			rc = take_lock(r, region->root_ports[k]->name, err);
	}
	return rc;
}

/* A journal that says nothing, but is there. */
static void say_unusable(const struct recover *r, struct err *err)
{
	const char *name = r->rp->name;
	char version[48];

	if (r->journal_state == JOURNAL_DAMAGED)
		err_set(err, EXIT_NEGATIVE, EINVAL,
			"the journal of an earlier recovery of %s (%.200s/%s" JOURNAL_SUFFIX ") is damaged, so nothing was done; give that recovery up with 'cxl recover-port --abandon %s', then look at 'cxl list --isolation' and start anew",
			name, state_path(), name, name);
	else
		err_set(err, EXIT_NEGATIVE, EINVAL,
			"the journal of an earlier recovery of %s (%.200s/%s" JOURNAL_SUFFIX ") was written by another version of this program (%s), so nothing was done; finish that recovery with the version that began it, or give it up with 'cxl recover-port --abandon %s'",
			name, state_path(), name, printable(r->journal.version, version, sizeof(version)), name);
}

static int judge_journal(struct recover *r, struct err *err)
{
	bool is_here = r->journal_state == JOURNAL_HERE, is_none = r->journal_state == JOURNAL_NONE;
	const char *name = r->rp->name, *id = boot_id(r);

	if (!id)
		return recover_no_memory(err);
	r->is_other_boot = is_here && strcmp(id, r->journal.boot_id);
	if (!is_here)
		r->journal.boot_id = id;
	if (is_none ? !r->resume && !r->abandon : r->abandon || (is_here && r->resume && !r->is_other_boot))
		return 0;
	if (is_none)
		err_set(err, EXIT_NEGATIVE, ENOENT, "%s has no recovery to %s: there is no journal of it in %.200s", name,
			r->resume ? "resume" : "abandon", state_path());
	else if (!is_here)
		say_unusable(r, err);
	else if (r->is_other_boot)
		err_set(err, EXIT_NEGATIVE, ESTALE,
			"an earlier recovery of %s was begun before this host was rebooted, so nothing was done; forget it with 'cxl recover-port --abandon %s', which touches nothing else then; regions that it had taken down have to be created anew",
			name, name);
	else
		err_set(err, EXIT_NEGATIVE, EEXIST,
			"an earlier recovery of %s did not come to its end, so nothing was done; finish it with 'cxl recover-port --resume %s', or give it up with 'cxl recover-port --abandon %s'",
			name, name, name);
	return recover_refuse(r, EXIT_NEGATIVE, "JOURNAL", err);
}

int recover_open(struct recover *r, const char *target, struct err *err)
{
	bool begins = !r->dry_run && !r->resume && !r->abandon;
	int rc = find_port(r, target, err);

	if (rc)
		return rc;
	r->before = r->after = iso_control(&r->rp->iso);
	r->locks = arena_alloc(&r->arena, r->host->n_root_ports + 2, sizeof(*r->locks));
	if (!r->locks)
		return recover_no_memory(err);
	if (geteuid()) {
		err_set(err, EXIT_PREREQ, EPERM, "recovering %s needs root, nothing was done; run the command as root", r->rp->name);
		return recover_refuse(r, EXIT_PREREQ, "PRIVILEGE", err);
	}
	r->dirfd = state_open(begins, err);
	if (r->dirfd == -ENOENT && !begins)
		return judge_journal(r, err);	/* nothing was ever recovered here */
	if (r->dirfd < 0)
		return recover_refuse(r, EXIT_PREREQ, "STATE", err);
	rc = take_lock(r, r->rp->name, err);
	rc = rc ? rc : take_lock(r, DAX_BUS_LOCK, err);
	rc = rc ? rc : journal_read(r->dirfd, r->rp->name, &r->arena, &r->journal, &r->journal_state, err);
	rc = rc ? rc : judge_journal(r, err);
	rc = rc ? rc : take_locks(r, err);
	if (rc || r->dry_run)
		return rc;
	/* what was there before the locks were held may have been another recovery's work */
	rc = recover_read_host(r, err);
	if (rc)
		return rc;
	messages_free(r->messages);
	take_messages(r);
	r->before = r->after = iso_control(&r->rp->iso);
	return 0;
}

/* --- the plan -------------------------------------------------------------------- */

static bool is_function(const char *name)
{
	uint64_t key;

	return strlen(name) >= strlen("0000:00:00.0") && parse_pci_address(name, &key);
}

static bool is_memdevs(const struct cxl_root_port *rp, const char *function)
{
	for (size_t i = 0; i < rp->n_memdevs; i++)
		if (rp->memdevs[i]->host && !strcmp(rp->memdevs[i]->host, function))
			return true;
	return false;
}

/* Behind a switch it would reset the bus of a downstream port. */
static const char *find_resettable(struct recover *r)
{
	const char *function = r->facts.n_functions == 1 ? r->facts.functions[0] : NULL;
	char path[PATH_MAX], text[128];

	if (!function || !is_memdevs(r->rp, function))
		return NULL;
	snprintf(path, sizeof(path), "%s/%s/reset_method", r->rp->path, function);
	if (sysfs_read(&r->host->fs, path, text, sizeof(text)) < 0)
		return NULL;
	for (char *save = NULL, *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save))
		if (!strcmp(word, "cxl_bus"))
			return function;
	return NULL;
}

static bool has_subordinate_reset(struct recover *r)
{
	char path[PATH_MAX];

	return !sysfs_join(path, sizeof(path), r->rp->path, "reset_subordinate") && sysfs_exists(&r->host->fs, path);
}

/* The slot whose address is on the bus below the port: "0000:0d:00", with a power file. */
static const char *find_slot(struct recover *r)
{
	char path[PATH_MAX], text[64], bus[32];
	struct sysfs_names slots, buses;

	snprintf(path, sizeof(path), "%s/pci_bus", r->rp->path);
	if (sysfs_list(&r->host->fs, &r->arena, path, NULL, &buses) || buses.n != 1 ||
	    sysfs_list(&r->host->fs, &r->arena, "sys/bus/pci/slots", NULL, &slots))
		return NULL;
	snprintf(bus, sizeof(bus), "%.20s:", buses.v[0]);
	for (size_t i = 0; i < slots.n; i++) {
		snprintf(path, sizeof(path), "sys/bus/pci/slots/%.64s/address", slots.v[i]);
		if (sysfs_read(&r->host->fs, path, text, sizeof(text)) < 0 || strncmp(text, bus, strlen(bus)))
			continue;
		snprintf(path, sizeof(path), "sys/bus/pci/slots/%.64s/power", slots.v[i]);
		if (sysfs_read(&r->host->fs, path, text, sizeof(text)) >= 0)
			return slots.v[i];
	}
	return NULL;
}

static int read_facts(struct recover *r, struct err *err)
{
	struct cxl_host *host = r->host;
	struct sysfs_names names;
	char text[16];
	int rc = sysfs_list(&host->fs, &r->arena, r->rp->path, is_function, &names);

	if (rc)
		return err_set(err, EXIT_REFUSED, -rc, "/%s cannot be listed: %s; nothing was written", r->rp->path, strerror(-rc));
	sysfs_sort(&names);
	r->facts = (struct recover_facts){ .functions = (const char **)names.v, .n_functions = names.n, .dax_autoprobe = -1,
					 .stays_masked = r->stays_masked };
	rc = sysfs_list(&host->fs, &r->arena, "sys/bus/cxl", NULL, &names);
	for (size_t i = 0; !rc && i < names.n; i++)
		r->facts.flush |= !strcmp(names.v[i], "flush");
	if (sysfs_read(&host->fs, "sys/bus/dax/drivers_autoprobe", text, sizeof(text)) == 1 && (*text == '0' || *text == '1'))
		r->facts.dax_autoprobe = *text - '0';
	r->facts.made = r->journal.names;
	r->facts.n_made = r->journal.n_names;
	r->facts.subordinate = has_subordinate_reset(r);
	r->facts.resettable = find_resettable(r);
	r->facts.slot = find_slot(r);
	return 0;
}

static int refuse_link_method(struct recover *r, const char *why, const enum link_method *other, struct err *err)
{
	enum link_method asked = r->journal.options.method;
	const char *name = r->rp->name, *more = recover_is_begun(r) ? "more " : "";

	if (other)
		err_set(err, EXIT_PREREQ, ENOTSUP, "the link of %s cannot be taken down by %s: %s; nothing %swas written; %s %s: cxl recover-port%s --link-method=%s %s",
			name, link_method_names[asked], why, more, link_method_names[*other], link_method_is_masked(r->rp, *other) ? "can be tried" : "would do",
			r->resume ? " --resume" : r->force_healthy ? " --force-healthy" : "", link_method_names[*other], name);
	else
		err_set(err, EXIT_PREREQ, ENOTSUP, "the link of %s cannot be taken down%s%s: %s, and out of isolation there is only one way, through link down; nothing %swas written; reboot the host",
			name, asked == LINK_AUTO ? "" : " by ", asked == LINK_AUTO ? "" : link_method_names[asked], why, more);
	return recover_refuse(r, EXIT_PREREQ, "ISO-HOTPLUG", err);
}

static int choose_link_method(struct recover *r, struct err *err)
{
	const struct recover_options *o = &r->journal.options;
	/* what is only broken needs no more than to be found again */
	bool is_broken = iso_isolated(&r->rp->iso) != TRI_YES && r->rp->link.up != TRI_NO && !r->force_healthy;
	enum link_method wanted = o->method == LINK_AUTO && is_broken ? LINK_NONE : o->method;
	const char *why = recover_link_method(r->rp, &r->facts, wanted, &r->journal.method);
	enum link_method other;

	if (!why)
		return 0;
	if (o->method == LINK_AUTO || recover_link_method(r->rp, &r->facts, LINK_AUTO, &other))
		return refuse_link_method(r, why, NULL, err);
	if (!recover_is_begun(r) || (r->asks_anew && r->asked.method != LINK_AUTO))
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
	if (recover_plan_make(r->host, r->rp, &j->recipe, &r->facts, &j->options, j->method, &r->arena, &plan))
		return recover_no_memory(err);
	j->steps = plan.steps;
	j->n_steps = plan.n;
	set_names_aside(r);
	r->is_planned = true;
	return 0;
}

int recover_fence(struct recover *r, struct recover_plan *ret, struct err *err)
{
	const struct recipe *recipe = r->is_planned || r->journal_state == JOURNAL_HERE ? &r->journal.recipe : NULL;
	int rc = read_facts(r, err);

	if (!rc && recover_plan_fence(r->host, r->rp, recipe, &r->facts, &r->arena, ret))
		rc = recover_no_memory(err);
	return rc;
}

/* The settings to return to: an isolated port had isolation on, whatever a kernel says by now. */
static void amend_settings(struct recover *r)
{
	struct iso_control *c = &r->journal.recipe.settings;

	if (r->rp->iso.regs.capable && r->rp->iso.regs.status & ISO_STATUS_MEM_ISOLATION && c->v[ISO_MEM_ISOLATION] == 0)
		c->v[ISO_MEM_ISOLATION] = 1;
}

/* A region can only be made again when none of its root ports is isolated. */
static void warn_of_others(struct recover *r)
{
	const struct recipe *recipe = &r->journal.recipe;

	for (size_t i = 1; r->journal.options.rebuild && i < recipe->n_root_ports; i++) {
		const char *other = recipe->root_ports[i];
		const struct cxl_root_port *rp = host_root_port(r->host, other);

		if (rp && iso_isolated(&rp->iso) == TRI_YES)
			message_add(r->messages, SEV_WARNING, "ISO-ISOLATED", other,
				    "%s, which regions of %s span, is isolated, too: this recovery stops before it makes them again; then type 'cxl recover-port %s' and 'cxl recover-port --resume %s'",
				    other, r->rp->name, other, r->rp->name);
	}
}

int recover_prepare(struct recover *r, struct err *err)
{
	struct journal *j = &r->journal;
	int rc = recover_refuse_now(r, err);

	rc = rc ? rc : recipe_read(r->host, r->rp, &r->arena, &j->recipe, err);
	rc = rc ? rc : recover_refuse_lost(r, err);
	rc = rc ? rc : take_locks(r, err);
	if (rc)
		return rc;
	amend_settings(r);
	warn_of_others(r);
	j->tries = 1;
	j->dax_autoprobe = -1;
	j->max_names = (RECOVER_MAX_TRIES + 1) * j->recipe.n_regions + 1;
	j->names = arena_alloc(&r->arena, j->max_names, sizeof(*j->names));
	if (!j->names)
		return recover_no_memory(err);
	rc = recover_replan(r, err);
	if (!rc && r->dry_run && link_method_is_masked(r->rp, j->method))
		message_add(r->messages, SEV_WARNING, "LINK-METHOD", r->rp->name, "whether %s can be unmasked for %s shows only when that is tried, which is the first step; if not, it is refused, or another method taken, before anything is taken down",
			    r->rp->name, link_method_names[j->method]);
	j->dax_autoprobe = r->facts.dax_autoprobe;
	return rc;
}
