// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a recovery starts: which port, whose journal, what is refused before
 * anything is written, and the plan.  See recover.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "cxl/lib/change/policy.h"
#include "cxl/lib/snapshot/target.h"
#include "cxl/recover.h"
#include "util/cleanup.h"
#include "util/parse.h"
#include "util/state.h"

static int no_memory(struct err *err)
{
	return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory, nothing was written");
}

int recover_read_host(struct recover *r, struct err *err)
{
	const char *name = r->rp ? r->rp->name : NULL;
	struct cxl_host *host = r->n_hosts < RECOVER_MAX_READS ? arena_alloc(&r->arena, 1, sizeof(*host)) : NULL;
	int rc;

	if (!host)
		return no_memory(err);
	r->hosts[r->n_hosts++] = host;
	rc = host_read(host, NULL, err);
	if (rc)
		return rc;
	r->host = host;
	if (!name) {
		*r->messages = host->messages;
		host->messages = (struct messages){ 0 };
		return 0;
	}
	r->rp = host_root_port(host, name);
	return r->rp ? 0 : err_set(err, EXIT_REFUSED, ENODEV, "root port %s is gone", name);
}

/* --- the port ------------------------------------------------------------------- */

/* A known device that is no root port: name the one above it. */
static int not_a_root_port(struct recover *r, const char *target, struct err *err)
{
	const char *above = NULL;
	struct target_set set;
	int rc;

	if (target_set_init(r->host, &r->arena, false, &set))
		return no_memory(err);
	rc = target_add(r->host, target, TARGET_ANY, &set, err);
	if (rc)
		return rc;
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

/* The lock of every root port that is torn down, its own first. */
static int take_lock(struct recover *r, const char *name, struct err *err)
{
	int fd = r->dry_run ? 0 : state_lock(r->dirfd, name, err);

	if (fd < 0 || r->dry_run)
		return fd;
	r->locks[r->n_locks++] = fd;
	return 0;
}

static int refuse(struct recover *r, enum exit_status status, const char *code, struct err *err)
{
	r->blocker = code;
	err->status = status;
	return err->errnum ? -err->errnum : -EINVAL;
}

static int judge_journal(struct recover *r, struct err *err)
{
	const char *name = r->rp->name, *id;
	bool wants = r->resume || r->abandon;

	if (r->journal_state == JOURNAL_NONE && wants) {
		err_set(err, EXIT_NEGATIVE, ENOENT, "%s has no recovery to %s: there is no journal of it in %.200s", name,
			r->resume ? "resume" : "abandon", state_path());
		return refuse(r, EXIT_NEGATIVE, "JOURNAL", err);
	}
	if (r->journal_state == JOURNAL_DAMAGED && !r->abandon) {
		err_set(err, EXIT_NEGATIVE, EINVAL,
			"the journal of an earlier recovery of %s (%.200s/%s" JOURNAL_SUFFIX ") is damaged, so nothing was done; give that recovery up with 'cxl recover-port --abandon %s', then look at 'cxl list --isolation' and start anew",
			name, state_path(), name, name);
		return refuse(r, EXIT_NEGATIVE, "JOURNAL", err);
	}
	if (r->journal_state == JOURNAL_HERE && !wants) {
		err_set(err, EXIT_NEGATIVE, EEXIST,
			"an earlier recovery of %s did not come to its end, so nothing was done; finish it with 'cxl recover-port --resume %s', or give it up with 'cxl recover-port --abandon %s'",
			name, name, name);
		return refuse(r, EXIT_NEGATIVE, "JOURNAL", err);
	}
	id = boot_id(r);
	if (!id)
		return no_memory(err);
	if (r->journal_state == JOURNAL_HERE && r->resume && strcmp(id, r->journal.boot_id)) {
		err_set(err, EXIT_NEGATIVE, ESTALE,
			"the recovery of %s was begun before this host was rebooted, which did its work, so nothing was done; forget it with 'cxl recover-port --abandon %s'; its %zu regions have to be created anew",
			name, name, r->journal.recipe.n_regions);
		return refuse(r, EXIT_NEGATIVE, "JOURNAL", err);
	}
	if (r->journal_state != JOURNAL_HERE)
		r->journal.boot_id = id;
	return 0;
}

int recover_open(struct recover *r, const char *target, struct err *err)
{
	int rc = find_port(r, target, err);

	if (rc)
		return rc;
	r->before = r->after = iso_control(&r->rp->iso);
	r->locks = arena_alloc(&r->arena, r->host->n_root_ports + 1, sizeof(*r->locks));
	if (!r->locks)
		return no_memory(err);
	if (geteuid()) {
		err_set(err, EXIT_PREREQ, EPERM, "recovering %s needs root, nothing was done; run the command as root", r->rp->name);
		return refuse(r, EXIT_PREREQ, "PRIVILEGE", err);
	}
	r->dirfd = state_open(!r->dry_run, err);
	if (r->dirfd == -ENOENT && r->dry_run)
		return judge_journal(r, err);	/* nothing was ever recovered here */
	if (r->dirfd < 0)
		return refuse(r, EXIT_PREREQ, "STATE", err);
	rc = take_lock(r, r->rp->name, err);
	if (rc)
		return refuse(r, err->status, "LOCK", err);
	rc = journal_read(r->dirfd, r->rp->name, &r->arena, &r->journal, &r->journal_state, err);
	return rc ? rc : judge_journal(r, err);
}

/* --- what is refused ------------------------------------------------------------- */

/* Checks that forbid a recovery: what they find cannot be taken down, or must not be. */
static const struct {
	const char *id;
	enum exit_status status;
	bool can_override;
} blocking[] = {
	{ "ISO-MEM-ONLINE", EXIT_NEGATIVE, false },
	{ "ISO-BUSY", EXIT_NEGATIVE, false },
	{ "ISO-REGION-LOCKED", EXIT_PREREQ, false },
	{ "ISO-TYPE2", EXIT_NEGATIVE, false },
	{ "ISO-PMEM", EXIT_NEGATIVE, true },
};

static bool is_overridden(const struct recover *r, const char *id)
{
	for (size_t i = 0; i < r->overrides.n; i++)
		if (!strcmp(r->overrides.v[i], id))
			return true;
	return false;
}

/* A husk belongs to no root port any more, but what kmem made of its memory stays. */
static int refuse_online_husks(struct recover *r, struct err *err)
{
	for (size_t i = 0; i < r->host->n_regions; i++) {
		const struct cxl_region *region = &r->host->regions[i];

		if (!recipe_touches(r->host, r->rp, region) || (!region->blocks_online && !region->blocks_unknown))
			continue;
		err_set(err, EXIT_NEGATIVE, EBUSY, "%s is not recovered (ISO-MEM-ONLINE): %s of %s online as System RAM, and nothing can take it back from the kernel; nothing was written; reboot the host, and do not delete the region before",
			r->rp->name, region->blocks_online ? "memory" : "it cannot be told whether memory",
			region->name);
		return refuse(r, EXIT_NEGATIVE, "ISO-MEM-ONLINE", err);
	}
	return 0;
}

/* What daxctl offers needs memory that still answers. */
static const char *remedy_of(const struct recover *r, const struct finding *f)
{
	bool is_lost = iso_isolated(&r->rp->iso) == TRI_YES && !strcmp(f->check->id, "ISO-MEM-ONLINE");

	return is_lost || !f->remedy ? "reboot the host: the kernel cannot give up memory that no longer answers" : f->remedy;
}

static int refuse_checks(struct recover *r, struct err *err)
{
	bool *enabling = arena_alloc(&r->arena, r->host->n_root_ports, sizeof(*enabling));
	const struct check_context ctx = { r->host, enabling };

	if (!enabling || check_run(&ctx, r->rp, &r->arena, true, &r->checks))
		return no_memory(err);
	for (size_t b = 0; b < sizeof(blocking) / sizeof(blocking[0]); b++) {
		for (size_t i = 0; i < r->checks.n; i++) {
			const struct finding *f = &r->checks.v[i];

			if (strcmp(f->check->id, blocking[b].id) || (blocking[b].can_override && is_overridden(r, f->check->id)))
				continue;
			err_set(err, blocking[b].status, EBUSY, "%s is not recovered (%s): %s; nothing was written; %s%s", r->rp->name,
				f->check->id, f->text, remedy_of(r, f),
				blocking[b].can_override ? " (to give its contents up: --override=ISO-PMEM)" : "");
			return refuse(r, blocking[b].status, f->check->id, err);
		}
	}
	return refuse_online_husks(r, err);
}

/* Out of isolation leads only the status register: it has to be there, or known not to be. */
static int refuse_unknown(struct recover *r, struct err *err)
{
	if (r->rp->iso.regs.valid || r->force_healthy)
		return 0;
	err_set(err, EXIT_PREREQ, ENODATA, "whether %s is isolated is unknown (%s), and its status could not be cleared, so nothing was done%s%s",
		r->rp->name, r->rp->iso.regs.reason ? r->rp->iso.regs.reason : "its registers do not tell",
		r->resume ? "" : "; if you know that it is not: cxl recover-port --force-healthy ", r->resume ? "" : r->rp->name);
	return refuse(r, EXIT_PREREQ, "REGISTERS", err);
}

/* Is there anything to recover from? */
static int refuse_healthy(struct recover *r, struct err *err)
{
	bool down = r->rp->link.up == TRI_NO && r->rp->n_memdevs;
	int rc = refuse_unknown(r, err);

	if (rc)
		return rc;
	if (iso_isolated(&r->rp->iso) == TRI_YES || r->force_healthy || down || recover_is_broken(r->host, r->rp))
		return 0;
	err_set(err, EXIT_NEGATIVE, EALREADY, "%s is not isolated and nothing below it is broken, so nothing was done; to take it down and up all the same: cxl recover-port --force-healthy %s",
		r->rp->name, r->rp->name);
	return refuse(r, EXIT_NEGATIVE, "HEALTHY", err);
}

/* "recover = never" of the policy file; without one everything may be recovered. */
static int refuse_policy(struct recover *r, struct err *err)
{
	const struct policy_setting *recover;
	struct policy_wish wish;
	struct policy policy;
	int rc = policy_read(POLICY_FILE, &r->arena, &policy, err);

	if (rc == -ENOENT)
		return 0;
	rc = rc ? rc : policy_of_root_port(&policy, r->rp, &wish, err);
	if (rc)
		return refuse(r, err->status, "POLICY", err);
	recover = &wish.settings[POLICY_RECOVER];
	if (!recover->line || recover->value != POLICY_NEVER)
		return 0;
	err_set(err, EXIT_NEGATIVE, EPERM, "%s:%u says that %s is never to be recovered, so nothing was done; change that line, or reboot the host",
		POLICY_FILE, recover->line, r->rp->name);
	return refuse(r, EXIT_NEGATIVE, "POLICY", err);
}

/* A region of devices that cannot be told: below the port it would be lost, and elsewhere it is none of ours. */
static int refuse_unknown_targets(struct recover *r, struct err *err)
{
	for (size_t i = 0; i < r->host->n_regions; i++) {
		const struct cxl_region *region = &r->host->regions[i];

		if (!region_may_touch(region, r->rp) || recipe_touches(r->host, r->rp, region))
			continue;
		err_set(err, EXIT_PREREQ, ENODATA, "which devices %s is made of cannot be read, so it may be below %s, and would be lost; nothing was written; run the command again, and if that does not help reboot the host",
			region->name, r->rp->name);
		return refuse(r, EXIT_PREREQ, "REBUILD", err);
	}
	return 0;
}

/* What cannot be made again would be lost for good. */
static int refuse_lost(struct recover *r, struct err *err)
{
	const struct recipe *recipe = &r->journal.recipe;
	char path[128], name[64];

	for (size_t i = 0; r->journal.options.rebuild && i < recipe->n_regions; i++) {
		const struct recipe_region *region = &recipe->regions[i];

		if (region->lost) {
			err_set(err, EXIT_NEGATIVE, ENODATA, "%s cannot be made again afterwards: %s; nothing was written; to recover %s without it, and without every other region: cxl recover-port --no-rebuild %s",
				region->name, region->lost, r->rp->name, r->rp->name);
			return refuse(r, EXIT_NEGATIVE, "REBUILD", err);
		}
		snprintf(path, sizeof(path), "sys/bus/cxl/devices/%.40s/create_%.8s_region", region->decoder, region->mode);
		if (sysfs_read(&r->host->fs, path, name, sizeof(name)) >= 0)
			continue;
		err_set(err, EXIT_PREREQ, ENOTSUP, "this kernel cannot make %s again (/%s is missing: Linux 6.3 and newer have it), nothing was written; recover %s without its regions with --no-rebuild, or reboot",
			region->name, path, r->rp->name);
		return refuse(r, EXIT_PREREQ, "REBUILD", err);
	}
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
	_cleanup_close_ int fd = sysfs_join(path, sizeof(path), r->rp->path, "reset_subordinate") ? -1 :
		sysfs_open(&r->host->fs, path, O_PATH);	/* it is for writing only */

	return fd >= 0;
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
	r->facts.half_made = arena_alloc(&r->arena, r->journal.n_names + 1, sizeof(*r->facts.half_made));
	if (!r->facts.half_made)
		return no_memory(err);
	for (size_t i = 0; i < r->journal.n_names; i++) {
		const char *name = arena_strdup(&r->arena, r->journal.names[i].name);

		if (!name)
			return no_memory(err);
		r->facts.half_made[r->facts.n_half_made++] = name;
	}
	r->facts.subordinate = has_subordinate_reset(r);
	r->facts.resettable = find_resettable(r);
	r->facts.slot = find_slot(r);
	return 0;
}

static int choose_link_method(struct recover *r, struct err *err)
{
	const struct recover_options *o = &r->journal.options;
	/* what is only broken needs no more than to be found again */
	bool is_broken = iso_isolated(&r->rp->iso) != TRI_YES && r->rp->link.up != TRI_NO && !r->force_healthy;
	enum link_method wanted = o->method == LINK_AUTO && is_broken ? LINK_NONE : o->method;
	const char *why = recover_link_method(r->rp, &r->facts, wanted, &r->journal.method);

	if (!why)
		return 0;
	err_set(err, EXIT_PREREQ, ENOTSUP, "the link of %s cannot be taken down%s%s: %s, and out of isolation there is only one way, through link down; nothing %swas written; %sreboot the host",
		r->rp->name, o->method == LINK_AUTO ? "" : " by ", o->method == LINK_AUTO ? "" : link_method_names[o->method], why,
		r->resume ? "more " : "", o->method == LINK_AUTO ? "" : "use another --link-method=, or ");
	return refuse(r, EXIT_PREREQ, "ISO-HOTPLUG", err);
}

int recover_replan(struct recover *r, struct err *err)
{
	struct journal *j = &r->journal;
	struct recover_plan plan;
	int rc = refuse_unknown(r, err);

	rc = rc ? rc : read_facts(r, err);
	rc = rc ? rc : choose_link_method(r, err);
	if (rc)
		return rc;
	if (j->dax_autoprobe >= 0 && r->facts.dax_autoprobe >= 0)
		r->facts.dax_autoprobe = j->dax_autoprobe;	/* a run that was cut short left it off */
	if (recover_plan_make(r->host, r->rp, &j->recipe, &r->facts, &j->options, j->method, &r->arena, &plan))
		return no_memory(err);
	j->steps = plan.steps;
	j->n_steps = plan.n;
	j->n_names = 0;
	r->is_planned = true;
	return 0;
}

int recover_fence(struct recover *r, struct recover_plan *ret, struct err *err)
{
	int rc = read_facts(r, err);

	if (!rc && recover_plan_fence(r->host, r->rp, &r->facts, &r->arena, ret))
		rc = no_memory(err);
	return rc;
}

/* The settings to return to: an isolated port had isolation on, whatever a kernel says by now. */
static void amend_settings(struct recover *r)
{
	struct iso_control *c = &r->journal.recipe.settings;

	if (r->rp->iso.regs.capable && r->rp->iso.regs.status & ISO_STATUS_MEM_ISOLATION && c->v[ISO_MEM_ISOLATION] == 0)
		c->v[ISO_MEM_ISOLATION] = 1;
}

int recover_prepare(struct recover *r, struct err *err)
{
	struct journal *j = &r->journal;
	int rc = refuse_healthy(r, err);

	rc = rc ? rc : refuse_policy(r, err);
	rc = rc ? rc : refuse_checks(r, err);
	rc = rc ? rc : refuse_unknown_targets(r, err);
	rc = rc ? rc : recipe_read(r->host, r->rp, &r->arena, &j->recipe, err);
	rc = rc ? rc : refuse_lost(r, err);
	for (size_t i = 1; !rc && i < j->recipe.n_root_ports; i++) {
		rc = take_lock(r, j->recipe.root_ports[i], err);
		if (rc)
			return refuse(r, err->status, "LOCK", err);
	}
	if (rc)
		return rc;
	amend_settings(r);
	j->tries = 1;
	j->dax_autoprobe = -1;
	j->max_names = 2 * j->recipe.n_regions + 1;
	j->names = arena_alloc(&r->arena, j->max_names, sizeof(*j->names));
	if (!j->names)
		return no_memory(err);
	rc = recover_replan(r, err);
	j->dax_autoprobe = r->facts.dax_autoprobe;
	return rc;
}
