// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a recovery is refused for, with the way out: what cannot be taken down,
 * must not be, or could not be made again.  See recover.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "cxl/lib/change/policy.h"
#include "cxl/recover.h"
#include "util/state.h"

int recover_refuse(struct recover *r, enum exit_status status, const char *code, struct err *err)
{
	r->blocker = code;
	err->status = status;
	return err->errnum ? -err->errnum : -EINVAL;
}

int recover_no_memory(struct err *err)
{
	return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory, nothing was written");
}

/* Checks that forbid a recovery: what they find cannot be taken down, or must not be. */
static const struct {
	const char *id;
	enum exit_status status;
	bool can_override;
	bool may_come;		/* between a failure and --resume or --abandon */
} blocking[] = {
	{ "ISO-MEM-ONLINE", EXIT_NEGATIVE, .may_come = true },
	{ "ISO-BUSY", EXIT_NEGATIVE, .may_come = true },
	{ "ISO-REGION-LOCKED", EXIT_PREREQ },
	{ "ISO-TYPE2", EXIT_NEGATIVE },
	{ "ISO-PMEM", EXIT_NEGATIVE, .can_override = true },
};

static bool is_half_made(const struct recover *r, const struct cxl_region *region)
{
	return recover_is_half_made(r->journal.names, r->journal.n_names, region);
}

/*
 * Memory of a half made region can come online meanwhile, on a kernel that cannot
 * be told to leave new dax devices alone by itself: going on takes it offline, as
 * long as it answers.
 */
static bool is_taken_offline(const struct recover *r, const struct cxl_region *region)
{
	return !r->abandon && is_half_made(r, region) && iso_isolated(&r->rp->iso) != TRI_YES && r->rp->link.up != TRI_NO;
}

/* The first region of the port whose memory is online, or may be. */
static const struct cxl_region *find_online(const struct recover *r)
{
	for (size_t i = 0; i < r->host->n_regions; i++) {
		const struct cxl_region *region = &r->host->regions[i];

		if (recipe_touches(r->host, r->rp, region) && (region->blocks_online || region->blocks_unknown) &&
		    !is_taken_offline(r, region))
			return region;
	}
	return NULL;
}

/* A husk belongs to no root port any more, but what kmem made of its memory stays. */
int recover_refuse_online(struct recover *r, struct err *err)
{
	const struct cxl_region *region = find_online(r);

	if (!region)
		return 0;
	err_set(err, EXIT_NEGATIVE, EBUSY, "%s is not %s (ISO-MEM-ONLINE): %s of %s is online as System RAM, and nothing can take it back from the kernel; nothing %swas written; reboot the host, and do not delete the region before",
		r->rp->name, r->abandon ? "fenced" : "recovered", region->blocks_online ? "memory" : "it cannot be told whether memory",
		region->name, recover_has_changed(r) ? "more " : "");
	return recover_refuse(r, EXIT_NEGATIVE, "ISO-MEM-ONLINE", err);
}

/* What daxctl offers needs memory that still answers. */
static const char *remedy_of(const struct recover *r, const struct finding *f)
{
	bool is_lost = iso_isolated(&r->rp->iso) == TRI_YES && !strcmp(f->check->id, "ISO-MEM-ONLINE");
	const struct cxl_region *region = is_lost ? find_online(r) : NULL;

	if (region && !region->blocks_online)
		return "run the command again, and where that does not help reboot the host";
	return is_lost || !f->remedy ? "reboot the host: the kernel cannot give up memory that no longer answers" : f->remedy;
}

static bool is_let_by(const struct recover *r, const struct finding *f, size_t rule)
{
	const struct check_policy policy = { .overrides = &r->overrides };

	if (r->resume || r->abandon)
		return !blocking[rule].may_come || (!strcmp(f->check->id, "ISO-MEM-ONLINE") && !find_online(r));
	return blocking[rule].can_override && check_is_overridden(&policy, f->check);
}

/* A damaged journal does not tell whether its recovery has anything to do with what is there now. */
static const char *way_past_damage(const struct recover *r, char *buf, size_t size)
{
	snprintf(buf, size, "; where the port is well, forget that recovery with 'rm %.200s/%.64s" JOURNAL_SUFFIX "'", state_path(),
		 r->rp->name);
	return r->abandon && r->journal_state == JOURNAL_DAMAGED ? buf : "";
}

/* Firmware's decoders are forgotten with the link, and no region is there to be made again. */
static void note_loose(struct recover *r)
{
	const struct loose_memory *l = NULL;

	while ((l = loose_next_below(r->host, r->rp, l)))
		message_add(r->messages, SEV_WARNING, "ISO-REGION-AUTO", r->rp->name,
			    "%s: firmware programmed %s of %s, which no recovery does again: %s%shas no memory behind it until the host is rebooted",
			    r->rp->name, l->decoder, l->memdev->name, l->dax ? l->dax->name : "its address range",
			    l->dax ? " stays and " : " ");
}

int recover_refuse_checks(struct recover *r, struct err *err)
{
	char way[400];
	bool *enabling = arena_alloc(&r->arena, r->host->n_root_ports, sizeof(*enabling));
	/* everything goes down: who uses the memory counts, whether isolation is on or not */
	const struct check_context ctx = { .host = r->host, .enabling = enabling, .changing = true };

	if (!enabling || check_run(&ctx, r->rp, &r->arena, true, &r->checks))
		return recover_no_memory(err);
	for (size_t b = 0; b < sizeof(blocking) / sizeof(blocking[0]); b++) {
		for (size_t i = 0; i < r->checks.n; i++) {
			const struct finding *f = &r->checks.v[i];

			if (strcmp(f->check->id, blocking[b].id) || is_let_by(r, f, b))
				continue;
			err_set(err, blocking[b].status, EBUSY, "%s is not %s (%s): %s; nothing was written; %s%s%s", r->rp->name,
				r->abandon ? "fenced" : "recovered", f->check->id, f->text, remedy_of(r, f),
				blocking[b].can_override ? " (to give its contents up: --override=ISO-PMEM)" : "",
				way_past_damage(r, way, sizeof(way)));
			return recover_refuse(r, blocking[b].status, f->check->id, err);
		}
	}
	note_loose(r);
	return recover_refuse_online(r, err);
}

int recover_refuse_unknown(struct recover *r, struct err *err)
{
	if (r->rp->iso.regs.valid || r->force_healthy)
		return 0;
	err_set(err, EXIT_PREREQ, ENODATA, "whether %s is isolated is unknown (%s), and its status could not be cleared%s%s",
		r->rp->name, r->rp->iso.regs.reason ? r->rp->iso.regs.reason : "its registers do not tell",
		recover_is_begun(r) ? "" : ", so nothing was done; if you know that it is not: cxl recover-port --force-healthy ",
		recover_is_begun(r) ? "" : r->rp->name);
	return recover_refuse(r, EXIT_PREREQ, "REGISTERS", err);
}

/* Is there anything to recover from? */
static int refuse_healthy(struct recover *r, struct err *err)
{
	bool down = r->rp->link.up == TRI_NO && r->rp->n_memdevs;
	int rc = recover_refuse_unknown(r, err);

	if (rc)
		return rc;
	if (iso_isolated(&r->rp->iso) == TRI_YES || r->force_healthy || down || recover_is_broken(r->host, r->rp))
		return 0;
	err_set(err, EXIT_NEGATIVE, EALREADY, "%s is not isolated and nothing below it is broken, so nothing was done; to take it down and up all the same: cxl recover-port --force-healthy %s",
		r->rp->name, r->rp->name);
	return recover_refuse(r, EXIT_NEGATIVE, "HEALTHY", err);
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
		return recover_refuse(r, err->status, "POLICY", err);
	recover = &wish.settings[POLICY_RECOVER];
	if (!recover->line || recover->value != POLICY_NEVER)
		return 0;
	err_set(err, EXIT_NEGATIVE, EPERM, "%s:%u says that %s is never to be recovered, so nothing was done; change that line, or reboot the host",
		POLICY_FILE, recover->line, r->rp->name);
	return recover_refuse(r, EXIT_NEGATIVE, "POLICY", err);
}

/* Did this recovery make it, or does its plan still have to delete it? */
static bool is_own(const struct recover *r, const struct cxl_region *region)
{
	for (size_t i = 0; i < r->journal.n_steps; i++) {
		const struct step *s = &r->journal.steps[i];

		if (s->op == &step_delete && s->state != STEP_DONE && s->state != STEP_SKIPPED && !strcmp(s->value, region->name))
			return true;
	}
	return is_half_made(r, region);
}

int recover_refuse_strange(struct recover *r, struct err *err)
{
	for (size_t i = 0; i < r->rp->n_regions; i++) {
		const struct cxl_region *region = r->rp->regions[i];

		if (is_own(r, region))
			continue;
		err_set(err, EXIT_NEGATIVE, EEXIST, "%s below %s was made since this recovery began, but not by it, and would be lost; nothing more was written; if it is not needed: cxl destroy-region -f %s",
			region->name, r->rp->name, region->name);
		return recover_refuse(r, EXIT_NEGATIVE, "REGION", err);
	}
	return 0;
}

/* Elsewhere it is none of ours. */
int recover_refuse_hidden(struct recover *r, struct err *err)
{
	for (size_t i = 0; i < r->host->n_regions; i++) {
		const struct cxl_region *region = &r->host->regions[i];

		if (!region_may_touch(region, r->rp) || recipe_touches(r->host, r->rp, region) || is_half_made(r, region))
			continue;
		err_set(err, EXIT_PREREQ, ENODATA, "which devices %s is made of cannot be read, so it may be below %s, and would be lost; nothing %swas written; run the command again, and if that does not help reboot the host",
			region->name, r->rp->name, recover_is_begun(r) ? "more " : "");
		return recover_refuse(r, EXIT_PREREQ, "REBUILD", err);
	}
	return 0;
}

int recover_refuse_lost(struct recover *r, struct err *err)
{
	const struct recipe *recipe = &r->journal.recipe;
	char path[128], name[64];

	for (size_t i = 0; r->journal.options.rebuild && i < recipe->n_regions; i++) {
		const struct recipe_region *region = &recipe->regions[i];

		if (region->lost) {
			err_set(err, EXIT_NEGATIVE, ENODATA, "%s cannot be made again afterwards: %s; nothing was written; to recover %s without it, and without every other region: cxl recover-port --no-rebuild %s",
				region->name, region->lost, r->rp->name, r->rp->name);
			return recover_refuse(r, EXIT_NEGATIVE, "REBUILD", err);
		}
		snprintf(path, sizeof(path), "sys/bus/cxl/devices/%.40s/create_%.8s_region", region->decoder, region->mode);
		if (sysfs_read(&r->host->fs, path, name, sizeof(name)) >= 0)
			continue;
		err_set(err, EXIT_PREREQ, ENOTSUP, "this kernel cannot make %s again (/%s is missing: Linux 6.3 and newer have it), nothing was written; recover %s without its regions with --no-rebuild, or reboot",
			region->name, path, r->rp->name);
		return recover_refuse(r, EXIT_PREREQ, "REBUILD", err);
	}
	return 0;
}

int recover_refuse_now(struct recover *r, struct err *err)
{
	int rc = refuse_healthy(r, err);

	rc = rc ? rc : refuse_policy(r, err);
	return rc ? rc : recover_refuse_checks(r, err);
}
