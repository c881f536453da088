// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of what the memory below a root port is used for: see checks.h, and
 * the table in table.c for what each is about.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/check/checks.h"
#include "util/size.h"

/* "dax0.0 dax1.0": the dax devices of a region for a command line. */
static const char *dax_names(const struct cxl_region *r, struct arena *a)
{
	const char *names = "";

	for (size_t i = 0; i < r->n_dax; i++)
		names = arena_join(a, names, " ", r->dax[i]->name);
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
			who = arena_join(a, who, ", ", dax_user_text(u, a));
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

/* What is pinned may be used at any moment, by a device that nobody sees, and nothing gets past the lock. */
static bool is_unbinding(const struct cxl_dax *d, struct arena *a, struct finding *f)
{
	if (!d->unbinding)
		return false;
	f->caps_at = CONTAINMENT_CONTAIN;	/* its users may be gone, and it never ends */
	f->text = dax_unbinding_text(d, a);
	f->remedy = arena_printf(a, "end what holds it (a guest with a device passed through, RDMA, io_uring), and run the command again once that process is gone; where it stays, only a reboot helps");
	return true;
}

/* Nobody lists which devices a famfs is made of, beside the first. */
static bool may_be_mounted(const struct cxl_dax *d, struct arena *a, struct finding *f)
{
	if (!d->may_be_mounted_at)
		return false;
	f->text = arena_printf(a, "whether %s is in use cannot be told: famfs is mounted at %s, and it may be one of its devices", d->name, d->may_be_mounted_at);
	f->remedy = arena_printf(a, "unmount it, then run the command again; or if it has no part in it: daxctl reconfigure-device --mode=devdax %s", d->name);
	return true;
}

/* A dax device of which the kernel counts a user, or may, whom nobody sees. */
static const struct cxl_dax *find_unseen(const struct cxl_root_port *rp)
{
	for (size_t i = 0; i < rp->n_dax; i++)
		if (rp->dax[i]->users_unknown && rp->dax[i]->driver && !dax_is_kmem(rp->dax[i]))
			return rp->dax[i];
	return NULL;
}

enum answer check_is_busy(const struct check_context *ctx, const struct cxl_root_port *rp,
			  const struct iso_control *now, struct arena *a, struct finding *f)
{
	const struct loose_memory *l = NULL;
	const struct cxl_dax *unseen = find_unseen(rp);

	(void)now;
	for (size_t i = 0; i < rp->n_dax; i++)
		if (is_unbinding(rp->dax[i], a, f))
			return ANSWER_FAILS;
	/* it is the change that needs quiet: none is ahead where isolation is on already */
	if (iso_is_on(&rp->iso) == TRI_YES && (!ctx->changing || ctx->isolation_stays))
		return ANSWER_HOLDS;
	for (size_t i = 0; i < rp->n_dax; i++)
		if (is_mapped(rp->dax[i], a, f) || is_mounted(rp->dax[i], a, f) ||
		    may_be_mounted(rp->dax[i], a, f))
			return ANSWER_FAILS;
	while ((l = loose_next_below(ctx->host, rp, l)))
		if (l->dax && (is_mapped(l->dax, a, f) || is_mounted(l->dax, a, f)))
			return ANSWER_FAILS;
	if (!unseen)
		return ANSWER_HOLDS;
	if (!ctx->host->dax_in_use) {
		f->text = "not every process could be looked into";
		return ANSWER_UNTOLD;
	}
	f->text = arena_printf(a, "whether %s is mapped cannot be told: the kernel counts a user of some dax device who cannot be seen",
			       unseen->name);
	f->remedy = arena_printf(a, "look as root, outside of a container: fuser -v /dev/%s", unseen->name);
	return ANSWER_FAILS;
}

/* --- System RAM --------------------------------------------------------------- */

/* "; zone Normal" and what it means for going offline. */
static const char *zone_text(const struct check_context *ctx, const struct cxl_region *r,
			     struct arena *a)
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
	if (l->blocks_online && l->dax && dax_is_kmem(l->dax))
		return arena_printf(a, "daxctl offline-memory %s; daxctl reconfigure-device --mode=devdax %s", l->dax->name, l->dax->name);
	return l->blocks_online ? arena_printf(a, "switch off in the firmware setup that firmware assembles CXL memory, and reboot") :
		"run the command as root";
}

/* No region has it, and it may be online all the same. */
static enum answer look_at_loose(const struct check_context *ctx, const struct cxl_root_port *rp,
				 struct arena *a, struct finding *f)
{
	const struct loose_memory *l = NULL;

	while ((l = loose_next_below(ctx->host, rp, l))) {
		if (!l->blocks_online && !l->blocks_unknown)
			continue;
		f->text =
			l->blocks_online
				? arena_printf(
					  a,
					  "%zu of %zu memory blocks that %s of %s decodes are online as System RAM, without a region: the kernel panics when they are lost",
					  l->blocks_online, l->blocks_total, l->decoder,
					  l->memdev->name)
				: arena_printf(
					  a,
					  "whether the memory that %s of %s decodes without a region is online as System RAM cannot be told",
					  l->decoder, l->memdev->name);
		f->remedy = loose_remedy(l, a);
		return l->blocks_online ? ANSWER_FAILS : ANSWER_UNTOLD;
	}
	return ANSWER_HOLDS;
}

static enum answer look_at_region(const struct check_context *ctx, const struct cxl_region *r,
				  struct arena *a, struct finding *f)
{
	if (!r->blocks_online && !r->blocks_unknown)
		return ANSWER_HOLDS;
	f->text = r->blocks_online ?
		arena_printf(a, "%zu of %zu memory blocks of %s are online as System RAM%s: the kernel panics when they are lost",
			     r->blocks_online, r->blocks_total, r->name, zone_text(ctx, r, a)) :
		arena_printf(a, "whether %s is online as System RAM cannot be told", r->name);
	f->remedy = offline_remedy(r, a);
	return r->blocks_online ? ANSWER_FAILS : ANSWER_UNTOLD;
}

enum answer check_memory_is_online(const struct check_context *ctx, const struct cxl_root_port *rp,
				   const struct iso_control *now, struct arena *a,
				   struct finding *f)
{
	const struct cxl_region *hidden = check_hidden_region(ctx, rp);
	enum answer answer = look_at_loose(ctx, rp, a, f);

	(void)now;
	for (size_t i = 0; answer == ANSWER_HOLDS && i < rp->n_regions; i++)
		answer = look_at_region(ctx, rp->regions[i], a, f);
	if (answer != ANSWER_HOLDS || !hidden ||
	    (!hidden->blocks_online && !hidden->blocks_unknown))
		return answer;
	f->text = arena_printf(a, "%s is online as System RAM and may lie below it: a position of the region cannot be read", hidden->name);
	f->remedy = arena_printf(a, "ls -l /%s; then run the command again", hidden->path);
	return ANSWER_UNTOLD;
}

enum answer check_memmap_is_inside(const struct check_context *ctx, const struct cxl_root_port *rp,
			    const struct iso_control *now, struct arena *a, struct finding *f)
{
	const char *parameter = ctx->host->policy.memmap_parameter;

	(void)now;
	if (parameter ? strcmp(parameter, "Y") && strcmp(parameter, "force") : !ctx->host->policy.memmap_unread)
		return ANSWER_HOLDS;
	for (size_t i = 0; i < rp->n_dax; i++) {
		const struct cxl_dax *d = rp->dax[i];

		if (d->memmap_on_memory == TRI_NO)
			continue;
		if (!parameter || d->memmap_on_memory == TRI_UNKNOWN) {
			f->text = arena_printf(a, "whether the struct pages of %s lie on %s itself cannot be told: %s cannot be read", d->name,
					       d->name, parameter ? "its memmap_on_memory" : "memory_hotplug.memmap_on_memory");
			f->remedy = arena_printf(a, "daxctl prepare-isolation %s", d->name);
			return ANSWER_UNTOLD;
		}
		f->text = arena_printf(a, "the struct pages of %s lie on %s itself: its memmap_on_memory is 1 and memory_hotplug.memmap_on_memory is %s",
				       d->name, d->name, parameter);
		f->remedy = arena_printf(a, "daxctl prepare-isolation %s", d->name);
		return ANSWER_FAILS;
	}
	return ANSWER_HOLDS;
}

enum answer check_is_demoted_to(const struct check_context *ctx, const struct cxl_root_port *rp,
			 const struct iso_control *now, struct arena *a, struct finding *f)
{
	const char *dax;

	(void)now;
	if (ctx->host->policy.demotion == TRI_NO)
		return ANSWER_HOLDS;
	for (size_t i = 0; i < rp->n_regions; i++) {
		if (!rp->regions[i]->blocks_online)
			continue;
		f->text = ctx->host->policy.demotion == TRI_YES ?
			arena_printf(a, "demotion is on and %s is online: pages of any process are moved there", rp->regions[i]->name) :
			arena_printf(a, "whether pages are demoted to %s, which is online, cannot be told", rp->regions[i]->name);
		dax = a ? dax_names(rp->regions[i], a) : NULL;
		if (dax && *dax)
			f->remedy = arena_printf(a, "daxctl prepare-isolation %s; or, for all memory of the host: echo false > /sys/kernel/mm/numa/demotion_enabled", dax);
		return ctx->host->policy.demotion == TRI_YES ? ANSWER_FAILS : ANSWER_UNTOLD;
	}
	return ANSWER_HOLDS;
}

/* What a sysram region was told counts for its memory alone, whatever the kernel's policy is: posted, not merged. */
static enum answer look_at_sysram(const struct cxl_region *r, struct arena *a, struct finding *f)
{
	const struct sysram_region *s = &r->sysram;

	if (!s->name || (s->online_type && (!strcmp(s->online_type, "invalid") || !strcmp(s->online_type, "offline"))))
		return ANSWER_HOLDS;
	if (r->driver && strcmp(r->driver, CXL_REGION_DRIVER))
		f->remedy = check_driver_remedy(r, a);
	if (s->online_type && !strncmp(s->online_type, "online", strlen("online"))) {
		f->text = arena_printf(a, "online_type of %s is %s: the kernel makes the memory of %s System RAM whenever cxl_dax_kmem_region is bound to it",
				       s->name, s->online_type, r->name);
		return ANSWER_FAILS;
	}
	f->text = arena_printf(a, "what %s makes of the memory of %s cannot be told: its online_type %s", s->name, r->name,
			       s->online_type ? "is a word that is not known" : "cannot be read");
	return ANSWER_UNTOLD;
}

enum answer check_would_go_online(const struct check_context *ctx, const struct cxl_root_port *rp,
			   const struct iso_control *now, struct arena *a, struct finding *f)
{
	const char *policy = ctx->host->policy.auto_online;
	enum answer answer = ANSWER_HOLDS;

	(void)now;
	for (size_t i = 0; answer == ANSWER_HOLDS && i < rp->n_regions; i++)
		answer = look_at_sysram(rp->regions[i], a, f);
	if (answer != ANSWER_HOLDS)
		return answer;
	if (policy && (!*policy || !strcmp(policy, "offline")))
		return ANSWER_HOLDS;
	for (size_t i = 0; i < rp->n_memdevs; i++) {
		if (!rp->memdevs[i]->ram_bytes.v || rp->memdevs[i]->is_kept_devdax)
			continue;
		if (!policy) {
			f->text = "auto_online_blocks cannot be read";
			return ANSWER_UNTOLD;
		}
		f->text = arena_printf(a, "auto_online_blocks is %s: the kernel makes the memory of %s System RAM when it is plugged or booted again",
				       policy, rp->memdevs[i]->name);
		f->remedy = arena_printf(a, "daxctl prepare-isolation --persist %s", rp->name);
		return ANSWER_FAILS;
	}
	return ANSWER_HOLDS;
}

enum answer check_has_no_room(const struct check_context *ctx, const struct cxl_root_port *rp,
		       const struct iso_control *now, struct arena *a, struct finding *f)
{
	const struct opt_u64 *room = &ctx->host->policy.room_bytes;
	uint64_t missing = memmap_missing_for(ctx->host, rp), needed = missing / MEMMAP_SHARE;
	char n[64], m[64], r[64];

	(void)now;
	if (room->known ? needed <= room->v : !needed)
		return ANSWER_HOLDS;
	if (!room->known) {
		f->text = arena_printf(
			a,
			"the struct pages of %s below it need %s, and how much the rest of the system has left cannot be told",
			size_human(missing, m, sizeof(m)), size_human(needed, n, sizeof(n)));
		f->remedy = "grep MemFree /sys/devices/system/node/node*/meminfo";
		return ANSWER_UNTOLD;
	}
	f->text = arena_printf(a, "the struct pages of %s below it need %s, and the rest of the system could give %s",
			       size_human(missing, m, sizeof(m)), size_human(needed, n, sizeof(n)),
			       size_human(room->v, r, sizeof(r)));
	f->remedy = arena_printf(a, "free %s of the system's own memory; what holds it: ps -eo rss,pid,comm --sort=-rss | head",
				 size_human(needed - room->v, r, sizeof(r)));
	return ANSWER_FAILS;
}

/* --- persistent memory ---------------------------------------------------------- */

enum answer check_is_persistent(const struct check_context *ctx, const struct cxl_root_port *rp,
			 const struct iso_control *now, struct arena *a, struct finding *f)
{
	(void)ctx;
	(void)now;
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
		return ANSWER_FAILS;
	}
	return ANSWER_HOLDS;
}
