// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a recovery is refused for, with the way out: what cannot be taken down,
 * must not be, or could not be made again.  See recover.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/rebuild.h"
#include "lib/recover/recover_names.h"
#include "lib/recover/recover_users.h"
#include "lib/txn/dax_cut.h"
#include "lib/txn/step_port.h"
#include "util/state.h"

int recover_refuse(struct recover *r, enum exit_status status, const char *code, struct err *err)
{
	r->blocker = code;
	err->status = status;
	return err->errnum ? -err->errnum : -EINVAL;
}

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
	return r->request.task != RECOVER_ABANDON && is_half_made(r, region) &&
	       iso_isolated(&r->rp->iso) != TRI_YES && r->rp->link.up != TRI_NO;
}

/* The first region of the port whose memory is online, or may be. */
static const struct cxl_region *find_online(const struct recover *r)
{
	for (size_t i = 0; i < r->host->n_regions; i++) {
		const struct cxl_region *region = &r->host->regions[i];

		if (region_touches(r->host, r->rp, region) &&
		    (region->blocks_online || region->blocks_unknown) &&
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
	err_set(err, EXIT_NEGATIVE, EBUSY, "%s is not %s (%s): %s of %s is online as System RAM, and nothing can take it back from the kernel; nothing %swas written; reboot the host, and do not delete the region before",
		r->rp->name, r->request.task == RECOVER_ABANDON ? "fenced" : "recovered", checks[ID_MEM_ONLINE].id, region->blocks_online ? "memory" : "it cannot be told whether memory",
		region->name, recover_has_changed(r) ? "more " : "");
	return recover_refuse(r, EXIT_NEGATIVE, checks[ID_MEM_ONLINE].id, err);
}

/* What daxctl offers needs memory that still answers. */
static const char *remedy_of(const struct recover *r, const struct finding *f)
{
	bool is_lost = iso_isolated(&r->rp->iso) == TRI_YES && f->check == &checks[ID_MEM_ONLINE];
	const struct cxl_region *region = is_lost ? find_online(r) : NULL;

	if (region && !region->blocks_online)
		return "run the command again, and where that does not help reboot the host";
	return is_lost || !f->remedy ? "reboot the host: the kernel cannot give up memory that no longer answers" : f->remedy;
}

/* What cannot be told forbids it only where that blocks: else it is tried. */
static bool is_allowed(const struct recover *r, const struct finding *f)
{
	const struct check_policy policy = { .overrides = &r->request.overrides };

	if (f->check->recovery != RECOVERY_REFUSED || finding_is_lifted(f) ||
	    (f->answer == ANSWER_UNTOLD && f->check->untold != UNTOLD_BLOCKS))
		return true;
	if (f->check == &checks[ID_BUSY] && recover_ends_users(r))
		return true;	/* recover_check_users() said what stands against it */
	if (r->request.task != RECOVER_BEGIN)
		return !f->check->recovery_may_come ||
		       (f->check == &checks[ID_MEM_ONLINE] && !find_online(r));
	return f->check->recovery_override && check_is_overridden(&policy, f->check);
}

/* Whoever maps the memory can be ended by the command itself; what is mounted cannot. */
static const char *way_with_users(const struct recover *r, const struct finding *f, struct arena *a)
{
	bool is_used = false;
	const char *text;

	for (size_t i = 0; i < r->rp->n_dax; i++) {
		is_used |= r->rp->dax[i]->n_users;
		if (r->rp->dax[i]->mounted_at || r->rp->dax[i]->may_be_mounted_at ||
		    r->rp->dax[i]->users_unknown)
			return "";
	}
	if (r->request.task != RECOVER_BEGIN || f->check != &checks[ID_BUSY] || !is_used)
		return "";
	text = arena_printf(a, "; to have it ended: cxl recover-port %s--users=terminate %s",
			    r->request.force_healthy ? "--force-healthy " : "", r->rp->name);
	return text ? text : "";
}

/* A damaged journal does not tell whether its recovery has anything to do with what is there now. */
static const char *way_past_damage(const struct recover *r, char *buf, size_t size)
{
	snprintf(buf, size, "; where the port is well, forget that recovery with 'rm %.200s/%.64s" JOURNAL_SUFFIX "'", state_path(),
		 r->rp->name);
	return r->request.task == RECOVER_ABANDON && r->journal_state == JOURNAL_DAMAGED ? buf : "";
}

/* Firmware's decoders are forgotten with the link, and no region is there to be made again. */
static void report_loose(struct recover *r)
{
	const struct loose_memory *l = NULL;

	while ((l = loose_next_below(r->host, r->rp, l)))
		message_add(r->messages, SEV_WARNING, checks[ID_REGION_AUTO].id, r->rp->name,
			    "%s: firmware programmed %s of %s, which no recovery does again: %s%shas no memory behind it until the host is rebooted",
			    r->rp->name, l->decoder, l->memdev->name, l->dax ? l->dax->name : "its address range",
			    l->dax ? " stays and " : " ");
}

int recover_refuse_checks(struct recover *r, struct err *err)
{
	char way[400];
	bool *enabling = arena_alloc(&r->arena, r->host->n_root_ports, sizeof(*enabling));
	/* everything goes down: who uses the memory counts, whether isolation is on or not */
	const struct check_context ctx = { .host = r->host,
					   .enabling = enabling,
					   .changing = true,
					   .driver_consent = r->journal.options.driver_consent,
					   .ends_users = r->journal.options.users != USERS_REFUSE,
					   .recovering = r->rp };

	if (!enabling || check_run(&ctx, r->rp, &r->arena, true, &r->checks))
		return err_no_memory(err, ", nothing was written");
	if (recover_check_users(r, err))
		return recover_refuse(r, err->status, checks[ID_BUSY].id, err);
	for (size_t i = 0; i < r->checks.n; i++) {
		const struct finding *f = &r->checks.v[i];

		if (is_allowed(r, f))
			continue;
		err_set(err, f->check->recovery_status, EBUSY, "%s is not %s (%s): %s; nothing was written; %s%s%s%s%s%s", r->rp->name,
			r->request.task == RECOVER_ABANDON ? "fenced" : "recovered", f->check->id, f->text, remedy_of(r, f),
			f->check->recovery_override ? " (to give its contents up: --override=" : "",
			f->check->recovery_override ? f->check->id : "", f->check->recovery_override ? ")" : "",
			way_with_users(r, f, &r->arena), way_past_damage(r, way, sizeof(way)));
		return recover_refuse(r, f->check->recovery_status, f->check->id, err);
	}
	report_loose(r);
	return recover_refuse_online(r, err);
}

int recover_refuse_unknown(struct recover *r, struct err *err)
{
	if (r->rp->iso.regs.valid || r->request.force_healthy)
		return 0;
	err_set(err, EXIT_PREREQ, ENODATA, "whether %s is isolated is unknown (%s), and its status could not be cleared%s%s",
		r->rp->name, r->rp->iso.regs.reason ? r->rp->iso.regs.reason : "its registers do not tell",
		recover_is_begun(r) ? "" : ", so nothing was done; if you know that it is not: cxl recover-port --force-healthy ",
		recover_is_begun(r) ? "" : r->rp->name);
	return recover_refuse(r, EXIT_PREREQ, checks[ID_REGISTERS].id, err);
}

/* A memory device's function that no driver took is not a memory device yet. */
static bool has_unbound_function(struct recover *r)
{
	struct function_below *f;

	if (functions_below(r->host->fs, r->rp->path, &r->arena, &f))
		return false;
	while (f && f->driver)
		f = f->next;
	return f;
}

/* Is there anything to recover from? */
static int refuse_healthy(struct recover *r, struct err *err)
{
	bool down = r->rp->link.up == TRI_NO && (r->rp->n_memdevs || r->rp->n_accelerators);
	int rc = recover_refuse_unknown(r, err);

	if (rc)
		return rc;
	if (iso_isolated(&r->rp->iso) == TRI_YES || r->request.force_healthy || down ||
	    recover_is_broken(r->host, r->rp) || has_unbound_function(r))
		return 0;
	err_set(err, EXIT_NEGATIVE, EALREADY, "%s is not isolated and nothing below it is broken, so nothing was done; to take it down and up all the same: cxl recover-port --force-healthy %s",
		r->rp->name, r->rp->name);
	return recover_refuse(r, EXIT_NEGATIVE, "HEALTHY", err);
}

/* Did this recovery make it, or does its plan still have to delete it? */
static bool is_own(const struct recover *r, const struct cxl_region *region)
{
	for (size_t i = 0; i < r->journal.n_steps; i++) {
		const struct step *s = &r->journal.steps[i];

		if (s->op == &step_delete && s->state != STEP_DONE && s->state != STEP_SKIPPED &&
		    !strcmp(s->value, region->name))
			return true;
	}
	return is_half_made(r, region);
}

int recover_refuse_strange(struct recover *r, struct err *err)
{
	for (size_t i = 0; i < r->host->n_regions; i++) {
		const struct cxl_region *region = &r->host->regions[i];
		bool is_below = region_is_below(region, r->rp);

		if (r->journal.recipe.accelerator.address && region_accelerator(region))
			continue;	/* its driver's, whenever it made it */
		if ((!is_below && !recipe_has_neighbour(&r->journal.recipe, region)) ||
		    is_own(r, region))
			continue;
		err_set(err, EXIT_NEGATIVE, EEXIST, "%s %s %s was made since this recovery began, but not by it, and would be lost; nothing more was written; if it is not needed: cxl destroy-region -f %s",
			region->name, is_below ? "below" : "in the way of", r->rp->name, region->name);
		return recover_refuse(r, EXIT_NEGATIVE, "REGION", err);
	}
	return 0;
}

/* Is something ahead in the journal that the region's users would notice? */
static bool is_unfinished(const struct recover *r, const struct cxl_region *region)
{
	for (size_t i = 0; i < r->journal.n_steps; i++) {
		const struct step *s = &r->journal.steps[i];
		bool is_memory = s->op == &step_pattern || s->op == &step_ranges;
		const char *brace = is_memory ? strchr(s->path, '{') : NULL, *made;
		char key[64];

		if (s->state == STEP_DONE || s->state == STEP_SKIPPED)
			continue;
		if (s->op == &step_delete && !strcmp(s->value, region->name))
			return true;
		made = brace && sscanf(brace, "{%63[^/]/dax", key) == 1 ? recover_name_of(&r->journal, key) : NULL;
		if (made && !strcmp(made, region->name))
			return true;
	}
	return false;
}

int recover_refuse_neighbours(struct recover *r, bool all, struct err *err)
{
	for (size_t i = 0; i < r->host->n_regions; i++) {
		const struct cxl_region *region = &r->host->regions[i];
		const char *why = NULL;

		if (region_touches(r->host, r->rp, region) || (!all && !is_unfinished(r, region)))
			continue;
		if (!is_half_made(r, region) && !recipe_has_neighbour(&r->journal.recipe, region))
			continue;
		/* half made, or half taken down: by this recovery */
		why = region->state == REGION_ENABLED && !is_half_made(r, region)
			      ? region_why_busy(r->host, region, &r->arena)
			      : region_why_in_use(r->host, region, &r->arena);
		if (!why)
			continue;
		err_set(err, EXIT_NEGATIVE, EBUSY, "%s, which is to be taken down and made again for %s, %s; nothing more was written; end that, then go on with 'cxl recover-port --resume %s', or give it up with 'cxl recover-port --abandon %s'",
			region->name, r->rp->name, why, r->rp->name, r->rp->name);
		return recover_refuse(r, EXIT_NEGATIVE, checks[ID_BUSY].id, err);
	}
	return 0;
}

/* Elsewhere it is none of ours. */
int recover_refuse_hidden(struct recover *r, struct err *err)
{
	const struct cxl_region *region = NULL;

	while ((region = region_next_hidden(r->host, r->rp, region))) {
		if (is_half_made(r, region))
			continue;
		err_set(err, EXIT_PREREQ, ENODATA, "which devices %s is made of cannot be read, so it may be below %s, and would be lost; nothing %swas written; run the command again, and if that does not help reboot the host",
			region->name, r->rp->name, recover_is_begun(r) ? "more " : "");
		return recover_refuse(r, EXIT_PREREQ, checks[ID_REBUILD].id, err);
	}
	return 0;
}

/* "region1, region2" of what is in the way of @set and of itself; *@ret_busy: why they cannot be taken down, NULL when they can. */
static const char *neighbours_of(struct recover *r, const char **ret_busy)
{
	const char *names = "", *why;
	struct rebuild_set set;

	*ret_busy = NULL;
	if (rebuild_set_make(r->host, r->rp, true, &set))
		return "";
	for (size_t i = 0; i < set.n; i++) {
		const char *name = set.v[i]->name;

		if (!rebuild_is_neighbour(&set, set.v[i]))
			continue;
		names = arena_join(&r->arena, names, ", ", name);
		why = *ret_busy ? NULL : region_why_busy(r->host, set.v[i], &r->arena);
		if (why)
			*ret_busy = arena_printf(&r->arena, "%s %s", name, why);
	}
	rebuild_set_free(&set);
	return names ? names : "";
}

/* What lets it be recovered with its regions all the same; "" when nothing does. */
static const char *way_around(struct recover *r, const struct rebuild_obstacle *o)
{
	const char *force = r->request.force_healthy ? "--force-healthy " : "", *busy, *names, *text = "";

	if (o->reason == REBUILD_ROOM && o->place.kind == PLACE_ELSEWHERE)
		text = arena_printf(&r->arena, "; to take the other place: cxl recover-port %s%s--accept-move %s", force,
				    r->journal.options.with_neighbours ? "--with-neighbours " : "", r->rp->name);
	if (o->reason == REBUILD_ORDER && !r->journal.options.with_neighbours) {
		names = neighbours_of(r, &busy);
		text = arena_printf(&r->arena, "; to take %s down first and make it again afterwards, which loses what it holds%s%s%s: cxl recover-port %s%s--with-neighbours %s",
				    names, busy ? " (not now: " : "", busy ? busy : "", busy ? ")" : "", force,
				    r->journal.options.accept_move ? "--accept-move " : "", r->rp->name);
	}
	return text ? text : "";
}

/* What cannot be seen to be decommitted cannot be given up either. */
static const char *way_without_it(struct recover *r, const struct cxl_region *region)
{
	const char *text = region->commit.known ?
		arena_printf(&r->arena, "; to recover %s without it, and without every other region: cxl recover-port --no-rebuild %s",
			     r->rp->name, r->rp->name) :
		arena_printf(&r->arena, "; once it can be read (cat /%s/commit) run the command again", region->path);

	return text ? text : "";
}

static int refuse_region(struct recover *r, const struct cxl_region *region, const char *why,
			 const char *way, enum exit_status status, enum check_id check,
			 struct err *err)
{
	err_set(err, status, ENODATA, "%s cannot be made again afterwards: %s; nothing was written%s%s", region->name,
		why ? why : "there is no memory left to say why", way, way_without_it(r, region));
	return recover_refuse(r, status, checks[check].id, err);
}

/* In the way, and not to be disturbed. */
static int refuse_busy_neighbour(struct recover *r, const struct rebuild_set *set, struct err *err)
{
	for (size_t i = 0; i < set->n; i++) {
		const char *why = rebuild_is_neighbour(set, set->v[i])
					  ? region_why_busy(r->host, set->v[i], &r->arena)
					  : NULL;

		if (!why)
			continue;
		err_set(err, EXIT_NEGATIVE, EBUSY, "%s is in the way of what %s needs made again, and it %s; nothing was written; end that and run the command again; to recover %s without its regions: cxl recover-port --no-rebuild %s",
			set->v[i]->name, r->rp->name, why, r->rp->name, r->rp->name);
		return recover_refuse(r, EXIT_NEGATIVE, checks[ID_DECODER_ORDER].id, err);
	}
	return 0;
}

int recover_refuse_lost(struct recover *r, const struct rebuild_set *set, struct err *err)
{
	const struct recipe *recipe = &r->journal.recipe;
	struct rebuild_obstacle o;

	if (!r->journal.options.rebuild)
		return 0;
	for (size_t i = 0; i < set->n; i++) {
		for (unsigned int k = 0; k < N_REBUILD_REASONS; k++) {
			enum check_id id = check_of_rebuild(k);

			if (checks[id].recovery == RECOVERY_LOSES &&
			    rebuild_ask_set(set, i, (enum rebuild_reason)k, &r->arena, &o) !=
				    TRI_NO)
				return refuse_region(r, set->v[i], rebuild_text(&o, &r->arena),
						     way_around(r, &o),
						     k == REBUILD_KERNEL
							     ? EXIT_PREREQ
							     : checks[id].recovery_status,
						     id, err);
		}
		if (recipe->regions[i].lost)	/* only the recipe has a uuid */
			return refuse_region(r, set->v[i], recipe->regions[i].lost, "", EXIT_NEGATIVE, ID_REBUILD, err);
	}
	return refuse_busy_neighbour(r, set, err);
}

/* Nothing would come back: the wait for the link alone takes its time. */
static int refuse_empty(struct recover *r, struct err *err)
{
	if (!r->request.force_healthy || iso_isolated(&r->rp->iso) == TRI_YES ||
	    recover_is_broken(r->host, r->rp) || !root_port_is_empty(r->rp) ||
	    r->rp->n_pci_functions)
		return 0;
	err_set(err, EXIT_NEGATIVE, ENODEV, "nothing is below %s that could be taken down and up, so nothing was done; after a device was plugged in: echo 1 > /%s/rescan",
		r->rp->name, r->rp->path);
	return recover_refuse(r, EXIT_NEGATIVE, checks[ID_EMPTY].id, err);
}

/* What works, and is none of CXL, goes down with the rest: its driver is not asked. */
static int refuse_ordinary(struct recover *r, struct err *err)
{
	const struct check_policy policy = { .overrides = &r->request.overrides };

	/* those beside an accelerator go with its device, or stand in the way: ISO-TYPE2's */
	if (!r->rp->n_pci_functions || r->rp->n_accelerators ||
	    iso_isolated(&r->rp->iso) == TRI_YES || r->rp->link.up == TRI_NO ||
	    check_is_overridden(&policy, &checks[ID_PCI_DEVICE]))
		return 0;
	err_set(err, EXIT_NEGATIVE, EBUSY, "%s is not taken down (%s): below it is what is none of CXL and goes down with it: %s; nothing was done; end what uses it, then: cxl recover-port %s--override=%s %s",
		r->rp->name, checks[ID_PCI_DEVICE].id, root_port_functions_text(r->rp, &r->arena), r->request.force_healthy ? "--force-healthy " : "",
		checks[ID_PCI_DEVICE].id, r->rp->name);
	return recover_refuse(r, EXIT_NEGATIVE, checks[ID_PCI_DEVICE].id, err);
}

int recover_refuse_now(struct recover *r, struct err *err)
{
	int rc = refuse_healthy(r, err);

	rc = rc ? rc : refuse_empty(r, err);
	rc = rc ? rc : refuse_ordinary(r, err);
	return rc ? rc : recover_refuse_checks(r, err);
}
