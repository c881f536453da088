// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of what the memory below a root port is used for: see checks.h, and
 * the table in checks.c for what each is about.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cxl/lib/checks/checks.h"
#include "util/size.h"

/* "dax0.0 dax1.0": the dax devices of a region for a command line. */
static const char *dax_names(const struct cxl_region *r, struct arena *a)
{
	const char *names = "";

	for (size_t i = 0; i < r->n_dax; i++)
		names = check_join(a, names, " ", r->dax[i]->name);
	return names;
}

/* --- traffic ---------------------------------------------------------------- */

static bool is_mapped(const struct cxl_dax *d, struct arena *a, struct finding *f)
{
	enum { NAMED = 4 };
	const char *who = "", *pids = "";
	uint64_t bytes = 0;
	size_t n = 0;
	char size[64];

	for (size_t i = 0; i < d->n_users; i++) {
		const struct dax_user *u = &d->users[i];

		if (!u->maps)
			continue;
		bytes += u->mapped_bytes;
		pids = arena_printf(a, "%s %d", pids ? pids : "", (int)u->pid);
		if (n++ < NAMED)
			who = check_join(a, who, ", ", arena_printf(a, "pid %d (%s)", (int)u->pid, u->command));
	}
	if (!n)
		return false;
	if (n > NAMED)
		who = arena_printf(a, "%s and %zu more", who ? who : "", n - NAMED);
	f->text = arena_printf(a, "%s %s %s mapped, %s", who ? who : "", n == 1 ? "has" : "have", d->name,
			       size_human(bytes, size, sizeof(size)));
	f->remedy = arena_printf(a, "end what maps it: kill%s; then run the command again", pids ? pids : "");
	return true;
}

static bool is_mounted(const struct cxl_dax *d, struct arena *a, struct finding *f)
{
	if (!d->mounted_at)
		return false;
	f->text = arena_printf(a, "%s is mounted from %s at %s: its files are that memory", d->fs, d->name, d->mounted_at);
	f->remedy = arena_printf(a, "umount %s; then run the command again", d->mount_words);
	return true;
}

bool check_is_busy(const struct check_context *ctx, const struct cxl_root_port *rp,
		   struct arena *a, struct finding *f)
{
	const struct loose_memory *l = NULL;

	/* it is the change that needs quiet: none is ahead where isolation is on already */
	if (iso_is_on(&rp->iso) == TRI_YES && (!ctx->changing || ctx->isolation_stays))
		return false;
	for (size_t i = 0; i < rp->n_dax; i++)
		if (is_mapped(rp->dax[i], a, f) || is_mounted(rp->dax[i], a, f))
			return true;
	while ((l = loose_next_below(ctx->host, rp, l)))
		if (l->dax && (is_mapped(l->dax, a, f) || is_mounted(l->dax, a, f)))
			return true;
	for (size_t i = 0; ctx->host->dax_in_use && i < rp->n_dax; i++) {
		const struct cxl_dax *d = rp->dax[i];

		if (!d->users_unknown)
			continue;
		f->text = arena_printf(a, "whether %s is mapped cannot be told: the kernel counts a user of some dax device who cannot be seen",
				       d->name);
		f->remedy = arena_printf(a, "look as root, outside of a container: fuser -v /dev/%s", d->name);
		return true;
	}
	return false;
}

const char *check_users_unknown(const struct cxl_root_port *rp)
{
	if (iso_is_on(&rp->iso) == TRI_YES)	/* no change is ahead */
		return NULL;
	for (size_t i = 0; i < rp->n_dax; i++)
		if (rp->dax[i]->users_unknown && rp->dax[i]->driver && strcmp(rp->dax[i]->driver, "kmem"))
			return "not every process could be looked into";
	return NULL;
}

/* --- System RAM --------------------------------------------------------------- */

/* "; zone Normal" and what it means for going offline. */
static const char *zone_text(const struct check_context *ctx, const struct cxl_region *r, struct arena *a)
{
	const char *private_nodes = ctx->host->policy.private_nodes;
	const char *text = "";

	if (r->zone && !strcmp(r->zone, "Movable"))
		text = " (zone Movable, which does not help)";
	else if (r->zone)
		text = arena_printf(a, " (zone %s, which may never go offline)", r->zone);
	if (private_nodes && *private_nodes)
		text = arena_printf(a, "%s (private nodes: %s)", text ? text : "", private_nodes);
	return text ? text : "";
}

static const char *offline_remedy(const struct cxl_region *r, struct arena *a)
{
	const char *dax = dax_names(r, a);
	bool movable = r->zone && !strcmp(r->zone, "Movable");

	/* its addresses lead nowhere: what goes offline is read before, and the dax device is gone */
	if (!region_is_committed(r))
		return a ? arena_printf(a, "reboot the host, and do not delete %s before: nothing can take back memory that no longer answers",
					r->name) : NULL;
	if (!dax || !*dax)
		return a ? arena_printf(a, "set the blocks of %s offline (lsmem names them): echo offline > /sys/devices/system/memory/memoryN/state",
					r->name) : NULL;
	return arena_printf(a, "daxctl prepare-isolation %s; or, if it must be System RAM, isolation first: daxctl prepare-isolation --mode=system-ram %s%s%s",
			    dax, dax, !r->zone || movable ? "" : "; where it does not go offline: reboot, after daxctl prepare-isolation --keep-going --persist ",
			    !r->zone || movable ? "" : dax);
}

static const char *loose_remedy(const struct loose_memory *l, struct arena *a)
{
	if (l->blocks_online && l->dax && l->dax->driver && !strcmp(l->dax->driver, "kmem"))
		return arena_printf(a, "daxctl offline-memory %s; daxctl reconfigure-device --mode=devdax %s", l->dax->name, l->dax->name);
	return l->blocks_online ? arena_printf(a, "switch off in the firmware setup that firmware assembles CXL memory, and reboot") :
		"run the command as root";
}

/* No region has it, and it may be online all the same. */
static bool is_loose_online(const struct check_context *ctx, const struct cxl_root_port *rp, struct arena *a,
			    struct finding *f)
{
	const struct loose_memory *l = NULL;

	while ((l = loose_next_below(ctx->host, rp, l))) {
		if (!l->blocks_online && !l->blocks_unknown)
			continue;
		f->text = l->blocks_online ?
			arena_printf(a, "%zu of %zu memory blocks that %s of %s decodes are online as System RAM, without a region: the kernel panics when they are lost",
				     l->blocks_online, l->blocks_total, l->decoder, l->memdev->name) :
			arena_printf(a, "whether the memory that %s of %s decodes without a region is online as System RAM cannot be told",
				     l->decoder, l->memdev->name);
		f->remedy = loose_remedy(l, a);
		return true;
	}
	return false;
}

bool check_memory_is_online(const struct check_context *ctx, const struct cxl_root_port *rp,
			    struct arena *a, struct finding *f)
{
	const struct cxl_region *hidden = check_hidden_region(ctx, rp);

	if (is_loose_online(ctx, rp, a, f))
		return true;
	for (size_t i = 0; i < rp->n_regions; i++) {
		const struct cxl_region *r = rp->regions[i];

		if (!r->blocks_online && !r->blocks_unknown)
			continue;
		f->text = r->blocks_online ?
			arena_printf(a, "%zu of %zu memory blocks of %s are online as System RAM%s: the kernel panics when they are lost",
				     r->blocks_online, r->blocks_total, r->name, zone_text(ctx, r, a)) :
			arena_printf(a, "whether %s is online as System RAM cannot be told", r->name);
		f->remedy = offline_remedy(r, a);
		return true;
	}
	if (!hidden || (!hidden->blocks_online && !hidden->blocks_unknown))
		return false;
	f->text = arena_printf(a, "%s is online as System RAM and may lie below it: a position of the region cannot be read", hidden->name);
	f->remedy = arena_printf(a, "ls -l /%s; then run the command again", hidden->path);
	return true;
}

bool check_memmap_is_inside(const struct check_context *ctx, const struct cxl_root_port *rp,
			    struct arena *a, struct finding *f)
{
	const char *parameter = ctx->host->policy.memmap_parameter;

	if (!parameter || (strcmp(parameter, "Y") && strcmp(parameter, "force")))
		return false;
	for (size_t i = 0; i < rp->n_dax; i++) {
		const struct cxl_dax *d = rp->dax[i];

		if (!d->memmap_on_memory)
			continue;
		f->text = arena_printf(a, "the struct pages of %s lie on %s itself: its memmap_on_memory is 1 and memory_hotplug.memmap_on_memory is %s",
				       d->name, d->name, parameter);
		f->remedy = arena_printf(a, "daxctl prepare-isolation %s", d->name);
		return true;
	}
	return false;
}

bool check_is_demoted_to(const struct check_context *ctx, const struct cxl_root_port *rp,
			 struct arena *a, struct finding *f)
{
	const char *dax;

	if (ctx->host->policy.demotion != TRI_YES)
		return false;
	for (size_t i = 0; i < rp->n_regions; i++) {
		if (!rp->regions[i]->blocks_online)
			continue;
		f->text = arena_printf(a, "demotion is on and %s is online: pages of any process are moved there", rp->regions[i]->name);
		dax = a ? dax_names(rp->regions[i], a) : NULL;
		if (dax && *dax)
			f->remedy = arena_printf(a, "daxctl prepare-isolation %s; or, for all memory of the host: echo false > /sys/kernel/mm/numa/demotion_enabled", dax);
		return true;
	}
	return false;
}

bool check_would_go_online(const struct check_context *ctx, const struct cxl_root_port *rp,
			   struct arena *a, struct finding *f)
{
	const char *policy = ctx->host->policy.auto_online;

	if (!policy || !*policy || !strcmp(policy, "offline"))
		return false;
	for (size_t i = 0; i < rp->n_memdevs; i++) {
		if (!rp->memdevs[i]->ram_bytes.v || rp->memdevs[i]->is_kept_devdax)
			continue;
		f->text = arena_printf(a, "auto_online_blocks is %s: the kernel makes the memory of %s System RAM when it is plugged or booted again",
				       policy, rp->memdevs[i]->name);
		f->remedy = arena_printf(a, "daxctl prepare-isolation --persist %s", rp->name);
		return true;
	}
	return false;
}

bool check_has_no_room(const struct check_context *ctx, const struct cxl_root_port *rp,
		       struct arena *a, struct finding *f)
{
	const struct opt_u64 *room = &ctx->host->policy.room_bytes;
	uint64_t missing = memmap_missing_for(ctx->host, rp), needed = missing / MEMMAP_SHARE;
	char n[64], m[64], r[64];

	if (!room->known || needed <= room->v)
		return false;
	f->text = arena_printf(a, "the struct pages of %s below it need %s, and the rest of the system could give %s",
			       size_human(missing, m, sizeof(m)), size_human(needed, n, sizeof(n)),
			       size_human(room->v, r, sizeof(r)));
	f->remedy = arena_printf(a, "free %s of the system's own memory; what holds it: ps -eo rss,pid,comm --sort=-rss | head",
				 size_human(needed - room->v, r, sizeof(r)));
	return true;
}

/* --- persistent memory ---------------------------------------------------------- */

bool check_is_persistent(const struct check_context *ctx, const struct cxl_root_port *rp,
			 struct arena *a, struct finding *f)
{
	(void)ctx;
	for (size_t i = 0; i < rp->n_regions; i++) {
		const struct cxl_region *r = rp->regions[i];

		if (!r->is_pmem || r->state == REGION_DISABLED)	/* no driver: nobody writes */
			continue;
		if (r->mounted_at) {
			f->text = arena_printf(a, "%s is persistent memory and mounted at %s: what is written after the failure is lost in silence",
					       r->name, r->mounted_at);
			f->remedy = arena_printf(a, "umount %s; cxl disable-region %s", r->mount_words, r->name);
		} else {
			f->text = arena_printf(a, "%s is persistent memory: what is written after the failure is lost in silence", r->name);
			f->remedy = arena_printf(a, "cxl disable-region %s, which keeps its data", r->name);
		}
		return true;
	}
	return false;
}
