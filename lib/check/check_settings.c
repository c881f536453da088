// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of the port's settings, cause by cause: whether a timeout, and a failure
 * of CXL.cache, would end in isolation.  See checks.h, and the table in table.c
 * for what each is about.
 */
#include <string.h>

#include "lib/check/checks.h"
#include "lib/model/isolation_regs.h"
#include "util/array.h"

/* CXL.mem and CXL.cache have the same settings. */
static const struct protocol {
	const char *name;
	enum iso_field timeout;
	unsigned int cause;
	uint32_t cap;
	enum tri (*is_spoken)(const struct cxl_root_port *rp);
} protocols[] = {
	{ "CXL.mem", ISO_MEM_TIMEOUT, CAUSE_BIT(CAUSE_MEM_TIMEOUT), ISO_CAP_MEM_TIMEOUT, root_port_speaks_mem },
	{ "CXL.cache", ISO_CACHE_TIMEOUT, CAUSE_BIT(CAUSE_CACHE_TIMEOUT), ISO_CAP_CACHE_TIMEOUT, root_port_speaks_cache },
};
enum { N_PROTOCOLS = ARRAY_SIZE(protocols) };

/* Where nothing is below, what a memory device would meet counts. */
static bool matters(const struct protocol *p, const struct cxl_root_port *rp)
{
	return p->is_spoken(rp) != TRI_NO ||
	       (!root_port_endpoints(rp) && p->timeout == ISO_MEM_TIMEOUT);
}

/* Does the port lack this timeout?  What has no capability at all is ISO-CAP's. */
static bool lacks_timeout(const struct protocol *p, const struct cxl_root_port *rp)
{
	return rp->iso.regs.capable && !(rp->iso.regs.cap & p->cap);
}

static bool has_nothing(const struct cxl_root_port *rp)
{
	return rp->iso.regs.valid && !rp->iso.regs.capable;
}

static enum answer timeout_answer(const struct protocol *p, const struct cxl_root_port *rp,
				  const struct iso_control *now)
{
	if (!matters(p, rp) || has_nothing(rp) || lacks_timeout(p, rp))
		return ANSWER_HOLDS;
	/* a device that perhaps has no CXL.cache may need none of its timeout */
	if (now->v[p->timeout] == 0 && p->is_spoken(rp) != TRI_UNKNOWN)
		return ANSWER_FAILS;
	return now->v[p->timeout] == 1 ? ANSWER_HOLDS : ANSWER_UNTOLD;
}

/* "CXL.mem and CXL.cache" of those in @causes. */
static const char *protocol_names(unsigned int causes, struct arena *a)
{
	const char *names = "";

	for (int i = 0; i < N_PROTOCOLS; i++)
		if (causes & protocols[i].cause)
			names = arena_join(a, names, " and ", protocols[i].name);
	return names ? names : protocols[0].name;
}

static const char *timeout_remedy(const struct check_context *ctx, const struct cxl_root_port *rp,
				  unsigned int causes, struct arena *a)
{
	const char *text = "";
	/* with isolation on, or once this command has switched it on */
	bool is_on = iso_is_on(&rp->iso) == TRI_YES ||
		     (ctx->goal && ctx->goal->v[ISO_MEM_ISOLATION] == 1);

	if (causes & CAUSE_BIT(CAUSE_MEM_TIMEOUT))
		text = is_on ? arena_printf(a, "cxl set-timeout %s on", rp->name) :
			arena_printf(a, "cxl enable-isolation %s, which switches it on, too", rp->name);
	if (text && causes & CAUSE_BIT(CAUSE_CACHE_TIMEOUT))
		text = arena_printf(a, "%s%scxl set-timeout --cache --registers %s on", text, *text ? "; " : "", rp->name);
	return text;
}

enum answer check_timeout_is_off(const struct check_context *ctx, const struct cxl_root_port *rp,
				 const struct iso_control *now, struct arena *a, struct finding *f)
{
	unsigned int off = 0, untold = 0;

	for (int i = 0; i < N_PROTOCOLS; i++) {
		enum answer answer = timeout_answer(&protocols[i], rp, now);

		off |= answer == ANSWER_FAILS ? protocols[i].cause : 0;
		untold |= answer == ANSWER_UNTOLD ? protocols[i].cause : 0;
	}
	if (!off && !untold)
		return ANSWER_HOLDS;
	f->causes = off | untold;
	f->text = off ? arena_printf(a, "the timeout of %s is off: an access that is never answered resets the host", protocol_names(off, a)) :
		arena_printf(a, "whether the timeout of %s is on, or needed, cannot be told%s%s", protocol_names(untold, a),
			     rp->iso.regs.reason ? ": " : "", rp->iso.regs.reason ? rp->iso.regs.reason : "");
	f->remedy = !a	  ? NULL
		    : off ? timeout_remedy(ctx, rp, off, a)
			  : check_unread_remedy(ctx->host, rp, a);
	return off ? ANSWER_FAILS : ANSWER_UNTOLD;
}

enum answer check_has_no_timeout(const struct check_context *ctx, const struct cxl_root_port *rp,
				 const struct iso_control *now, struct arena *a, struct finding *f)
{
	unsigned int lacking = 0, untold = 0;

	(void)now;
	for (int i = 0; i < N_PROTOCOLS; i++) {
		const struct protocol *p = &protocols[i];

		if (!matters(p, rp) || !lacks_timeout(p, rp))
			continue;
		if (p->is_spoken(rp) == TRI_UNKNOWN && root_port_endpoints(rp))
			untold |= p->cause;
		else
			lacking |= p->cause;
	}
	f->causes = lacking | untold;
	if (!f->causes)
		return ANSWER_HOLDS;
	if (!lacking) {
		f->text = arena_printf(a, "it has no timeout of %s, and whether a device below needs one cannot be told", protocol_names(untold, a));
		f->remedy = check_unread_remedy(ctx->host, rp, a);
		return ANSWER_UNTOLD;
	}
	f->text = arena_printf(a, "it has no timeout of %s: an access that is never answered while the link stays up resets the host",
			       protocol_names(lacking, a));
	f->remedy = arena_printf(a, "none in software; a root port that has it is in 'cxl list --isolation' as capability.%s.timeout; to require the other causes only: --require=%s:LEVEL",
				 f->causes & CAUSE_BIT(CAUSE_MEM_TIMEOUT) ? "mem" : "cache",
				 f->causes & CAUSE_BIT(CAUSE_MEM_TIMEOUT) ? "mem_link_down" : "cache_link_down");
	return ANSWER_FAILS;
}

/* Why CXL.cache isolation cannot be had on @rp; NULL when it can, or may. */
static const char *why_no_cache_isolation(const struct cxl_root_port *rp)
{
	return rp->iso.regs.capable && !(rp->iso.regs.cap & ISO_CAP_CACHE_ISOLATION) ? "and the root port cannot isolate it" :
	       rp->iso.regs.valid && !rp->iso.regs.capable ? "and the root port has no isolation capability" : NULL;
}

enum answer check_cache_is_off(const struct check_context *ctx, const struct cxl_root_port *rp,
			       const struct iso_control *now, struct arena *a, struct finding *f)
{
	enum tri speaks = root_port_speaks_cache(rp);
	const char *why_not = why_no_cache_isolation(rp);
	int on = now->v[ISO_CACHE_ISOLATION];

	if (speaks == TRI_NO || on == 1)
		return ANSWER_HOLDS;
	/* a CXL.mem timeout that forces the link down takes CXL.cache with it */
	if (now->v[ISO_MEM_LINK_DOWN] != 0)
		f->causes |= CAUSE_BIT(CAUSE_MEM_TIMEOUT);
	if (speaks == TRI_UNKNOWN || on < 0) {
		f->text = arena_printf(a, speaks == TRI_UNKNOWN ?
				       "whether a device below it has CXL.cache cannot be told, nor whether that would be isolated" :
				       "a device below it has CXL.cache, and whether that is isolated cannot be told%s%s",
				       rp->iso.regs.reason ? ": " : "", rp->iso.regs.reason ? rp->iso.regs.reason : "");
		f->remedy = check_unread_remedy(ctx->host, rp, a);
		return ANSWER_UNTOLD;
	}
	f->text = arena_printf(a, "a device below it has CXL.cache, which is not isolated%s%s: its failure, and a link that goes down, reset the host",
			       why_not ? ", " : "", why_not ? why_not : "");
	f->remedy = why_not ? "none in software: place the device below a root port whose capability.cache.isolation is true (cxl list --isolation)" :
		arena_printf(a, "cxl enable-isolation --cache --registers %s", rp->name);
	return ANSWER_FAILS;
}
