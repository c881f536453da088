// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of whether a recovery can take the link down, and make again what it
 * tears down: each asks what recover-port asks (link_ways.h, rebuild.h).  See
 * checks.h, and the table in table.c for what each is about.
 */
#include "lib/model/rebuild.h"

#include <stdio.h>
#include <string.h>

#include "lib/check/checks.h"
#include "lib/model/isolation_regs.h"
#include "lib/model/link_ways.h"

/* --- the link ------------------------------------------------------------------- */

static const char *link_remedy(const struct cxl_root_port *rp, struct arena *a)
{
	const char *forced = rp->iso.regs.capable && rp->iso.regs.cap & ISO_CAP_MEM_LINK_DOWN ?
		arena_printf(a, "let isolation itself take the link down: cxl enable-isolation --registers --link-down %s; or ", rp->name) : "";

	return arena_printf(a, "%sunmask Link Disable where the port lets software do that: setpci -s %s %x.w=%x:%x (it must read back so); else put the device into a slot that can be powered off",
			    forced ? forced : "", rp->name, rp->ext.control_offset, PORT_UNMASK_LINK_DISABLE,
			    PORT_UNMASK_LINK_DISABLE);
}

enum answer check_link_stays_up(const struct check_context *ctx, const struct cxl_root_port *rp,
				const struct iso_control *now, struct arena *a, struct finding *f)
{
	const char *why;
	enum tri way;

	if (!root_port_endpoints(rp) || now->v[ISO_MEM_LINK_DOWN] == 1)
		return ANSWER_HOLDS;
	way = link_way_without_unmasking(rp, &why);
	if (way == TRI_YES)
		return ANSWER_HOLDS;
	if (way == TRI_UNKNOWN) {
		f->text = arena_printf(a, "whether anything takes the link below it down cannot be told: %s", why);
		f->remedy = check_unread_remedy(ctx->host, rp, a);
		return ANSWER_UNTOLD;
	}
	f->text = arena_printf(a, "nothing takes the link below it down for sure: %s", why);
	f->remedy = link_remedy(rp, a);
	return ANSWER_FAILS;
}

/* --- regions ---------------------------------------------------------------------- */

static const char *no_rebuild(const char *before, const struct cxl_root_port *rp, struct arena *a)
{
	return arena_printf(a, "%s; or bring the port back without its regions then: cxl recover-port --no-rebuild %s", before, rp->name);
}

/* The memory goes first: what is online when kmem lets go of it stays until the next boot. */
const char *check_driver_remedy(const struct cxl_region *r, struct arena *a)
{
	return arena_printf(a, "while nobody uses it: daxctl prepare-isolation %s; echo %s > /sys/bus/cxl/drivers/%s/unbind; echo %s > /sys/bus/cxl/drivers/" CXL_REGION_DRIVER "/bind; daxctl prepare-isolation %s",
			    r->name, r->name, r->driver, r->name, r->name);
}

static const char *remedy_of(const struct rebuild_obstacle *o, const struct cxl_root_port *rp,
			     struct arena *a)
{
	const char *region = o->region->name, *text;
	char decoder[64];

	switch (o->reason) {
	case REBUILD_DAX_LAYOUT:
		if (o->answer == TRI_UNKNOWN)
			return arena_printf(a, "run the command as root; where that does not help: ls -l /sys/bus/dax/devices/%s", o->dax ? o->dax->name : "");
		text = arena_printf(a, "while nobody uses %s make it again as one part whose start and size are multiples of its align (daxctl destroy-device, daxctl create-device -r %s)",
				    o->dax->name, region);
		return text ? no_rebuild(text, rp, a) : NULL;
	case REBUILD_DRIVER:
		text = check_driver_remedy(o->region, a);
		return text ? no_rebuild(text, rp, a) : NULL;
	case REBUILD_DAX_DRIVER:
		return arena_printf(a, "end what uses it, then: echo %s > /sys/bus/dax/drivers/%s/unbind; daxctl reconfigure-device --mode=devdax %s",
				    o->dax->name, o->dax->driver, o->dax->name);
	case REBUILD_ORDER:
		return arena_printf(a, "while nobody uses %s: cxl recover-port --with-neighbours %s takes %s down, too, and makes %s again; or, when what is there is not needed: cxl destroy-region -f %s",
				    o->others ? o->others : o->other->name, rp->name, o->n_others > 1 ? "them" : "it",
				    o->n_others > 1 ? "them" : "it", o->other->name);
	case REBUILD_HELD:
		if (o->other->blocks_online || o->other->blocks_unknown)
			return arena_printf(a, "memory of %s is online, or may be, and nothing can take that back: reboot the host", o->other->name);
		return arena_printf(
			a,
			"recover what %s lost first; or when it is not needed: echo %s > /sys/bus/cxl/devices/%s/delete_region",
			o->other->name, o->other->name,
			region_root_decoder(o->other, decoder, sizeof(decoder)));
	case REBUILD_ROOM:
		if (o->place.kind == PLACE_ELSEWHERE)
			return arena_printf(a, "where another address will do: cxl recover-port --accept-move %s", rp->name);
		return o->place.kind == PLACE_UNKNOWN ? "run the command as root" :
			no_rebuild("make the region at a place of its window that nothing else has", rp, a);
	case REBUILD_KERNEL:
		return no_rebuild("boot Linux 6.3 or newer", rp, a);
	default:
		text = arena_printf(a, "ls -l /%s; then run the command again", o->region->path);
		/* what cannot be seen to be decommitted cannot be given up either */
		return text && o->region->commit.known ? no_rebuild(text, rp, a) : text;
	}
}

/* Which reasons belong to which check. */
static const enum check_id check_of[N_REBUILD_REASONS] = {
	[REBUILD_PARTS] = ID_REBUILD,	      [REBUILD_TARGETS] = ID_REBUILD,
	[REBUILD_HUSK] = ID_REBUILD,	      [REBUILD_CACHE] = ID_REBUILD,
	[REBUILD_KERNEL] = ID_REBUILD,	      [REBUILD_DAX_LAYOUT] = ID_DAX_LAYOUT,
	[REBUILD_DRIVER] = ID_DAX_DRIVER,
	[REBUILD_DAX_DRIVER] = ID_DAX_DRIVER, [REBUILD_ORDER] = ID_DECODER_ORDER,
	[REBUILD_HELD] = ID_DECODER_ORDER,    [REBUILD_ROOM] = ID_NO_ROOM,
};

enum check_id check_of_rebuild(unsigned int reason)
{
	return reason < N_REBUILD_REASONS ? check_of[reason] : ID_REBUILD;
}

/* The first region of which a reason of the check says no, else the first of which it cannot be told. */
enum answer check_cannot_be_rebuilt(const struct check_context *ctx, const struct cxl_root_port *rp,
				    const struct iso_control *now, struct arena *a,
				    struct finding *f)
{
	const struct rebuild_set *set = ctx->rebuild;
	struct rebuild_obstacle found = { 0 }, o;
	enum answer answer = ANSWER_HOLDS;

	(void)rp;
	(void)now;
	for (size_t i = 0; set && answer != ANSWER_FAILS && i < set->n; i++)
		for (int k = 0; answer != ANSWER_FAILS && k < N_REBUILD_REASONS; k++) {
			enum tri is_kept = check_of[k] == f->id
						   ? rebuild_ask_set(set, i, (enum rebuild_reason)k,
								     a, &o)
						   : TRI_NO;

			if (is_kept == TRI_NO ||
			    (is_kept == TRI_UNKNOWN && answer == ANSWER_UNTOLD))
				continue;
			answer = is_kept == TRI_YES ? ANSWER_FAILS : ANSWER_UNTOLD;
			found = o;
		}
	if (answer == ANSWER_HOLDS || !a)
		return answer;
	f->text = rebuild_text(&found, a);
	f->text = f->text ? arena_printf(a, "%s cannot be made again after a failure: %s", found.region->name, f->text) : NULL;
	f->remedy = remedy_of(&found, set->rp, a);
	return answer;
}
