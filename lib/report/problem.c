// SPDX-License-Identifier: GPL-2.0-only
/* The table of what can be wrong with a root port: see problem.h. */
#include "lib/report/problem.h"

#include <string.h>

#include "lib/model/isolation_regs.h"
#include "util/array.h"

/* Behind a command that is to be about CXL.cache as well. */
#define WITH_CACHE " --cache --registers"

static enum tri isolation_is_on(const struct cxl_root_port *rp)
{
	return iso_is_on(&rp->iso);
}

static bool is_gone(const struct cxl_root_port *rp, const struct check_result *result)
{
	(void)result;
	return !rp->present;
}

static bool is_isolated(const struct cxl_root_port *rp, const struct check_result *result)
{
	(void)result;
	return iso_isolated(&rp->iso) == TRI_YES;
}

static bool is_busy(const struct cxl_root_port *rp, const struct check_result *result)
{
	return is_isolated(rp, result) && rp->iso.regs.status & ISO_STATUS_BUSY;
}

static bool link_is_down(const struct cxl_root_port *rp, const struct check_result *result)
{
	(void)result;
	/* an empty slot has no link to lose */
	return rp->link.up == TRI_NO &&
	       (root_port_endpoints(rp) || rp->n_regions || iso_any_is_on(&rp->iso));
}

static bool is_unknown(const struct cxl_root_port *rp, const struct check_result *result)
{
	(void)result;
	return (rp->present && iso_isolated(&rp->iso) == TRI_UNKNOWN) ||
	       ((rp->iso.kernel.backend || rp->iso.regs.capable) &&
		isolation_is_on(rp) == TRI_UNKNOWN);
}

/* A device below has CXL.cache, and the port could isolate that and does not. */
static bool cache_is_off(const struct cxl_root_port *rp)
{
	return root_port_speaks_cache(rp) == TRI_YES && iso_cache_could_be_on(&rp->iso);
}

/* Memory in use, or CXL.cache, that a failure would take the host down with, though it
 * could be otherwise: a port that cannot be enabled is not what is wrong. */
static bool is_off(const struct cxl_root_port *rp, const struct check_result *result)
{
	bool has_memory = rp->may_have_more || rp->has_loose;

	for (size_t i = 0; i < result->n; i++)
		if (result->v[i].answer == ANSWER_FAILS && result->v[i].check->kind == CHECK_CANNOT)
			return false;
	for (size_t i = 0; i < rp->n_regions; i++)
		has_memory |= region_is_committed(rp->regions[i]);
	return (has_memory || cache_is_off(rp)) && isolation_is_on(rp) == TRI_NO &&
	       !iso_any_is_on(&rp->iso);
}

static void say_off(const struct cxl_root_port *rp, const struct check_result *result,
		    struct problem *ret)
{
	(void)result;
	if (cache_is_off(rp))
		ret->next_end = WITH_CACHE;
}

/* Isolation is on, and an access that is never answered still resets the host. */
static bool timeout_is_off(const struct cxl_root_port *rp, const struct check_result *result)
{
	const struct finding *f = check_find(result, ID_TIMEOUT_OFF);

	return iso_any_is_on(&rp->iso) && f && f->answer == ANSWER_FAILS && f->causes &&
	       !is_isolated(rp, result);
}

/* With CXL.cache's isolation off its timeout alone does not help: both go on at once. */
static void say_timeout(const struct cxl_root_port *rp, const struct check_result *result,
			struct problem *ret)
{
	unsigned int causes = check_find(result, ID_TIMEOUT_OFF)->causes;

	if (!(causes & CAUSE_BIT(CAUSE_CACHE_TIMEOUT)))
		return;
	if (causes & CAUSE_BIT(CAUSE_MEM_TIMEOUT)) {
		ret->title = "isolation is on and the timeouts of CXL.mem and CXL.cache are off: an access that is never answered resets the host";
		ret->next = "cxl enable-isolation";
		ret->next_end = WITH_CACHE;
		return;
	}
	ret->title = "isolation is on and the timeout of CXL.cache is off: an access that is never answered resets the host";
	ret->next_end = " on" WITH_CACHE;
	if (iso_control(&rp->iso).v[ISO_CACHE_ISOLATION] == 1)
		return;
	ret->next = cache_is_off(rp) ? "cxl enable-isolation" : "cxl isolation-status --check";
	ret->next_end = cache_is_off(rp) ? WITH_CACHE : NULL;
}

/* Of a command that is gone: nobody puts it back by himself any more. */
static bool has_stale_timeout(const struct cxl_root_port *rp, const struct check_result *result)
{
	(void)result;
	for (int i = 0; i < 2; i++)
		if (rp->kept.temporary[i] && !rp->kept.temporary[i]->is_held)
			return true;
	return false;
}

static void say_temporary(const struct cxl_root_port *rp, const struct check_result *result,
			  struct problem *ret)
{
	const struct kept_temporary *mem = rp->kept.temporary[0];

	(void)result;
	if (!mem || mem->is_held)
		ret->next_end = " off" WITH_CACHE " --while -- true";
}

static bool is_not_contained(const struct cxl_root_port *rp, const struct check_result *result)
{
	struct containment_levels levels = result->now;

	/* a timeout that is off is a problem by itself */
	if (timeout_is_off(rp, result))
		levels.v[CAUSE_MEM_TIMEOUT] = levels.v[CAUSE_CACHE_TIMEOUT] = -1;
	return iso_any_is_on(&rp->iso) && containment_worst(&levels) < CONTAINMENT_CONTAIN &&
	       !is_isolated(rp, result);
}

/* The posted kernel clears the interrupt enable when it writes a range. */
static bool is_silent(const struct cxl_root_port *rp, const struct check_result *result)
{
	const struct iso_registers *regs = &rp->iso.regs;

	(void)result;
	return regs->capable && iso_any_is_on(&rp->iso) &&
	       regs->cap & (ISO_CAP_INTERRUPT | ISO_CAP_ERR_COR) &&
	       !(regs->ctrl & (ISO_CTRL_INTERRUPT | ISO_CTRL_ERR_COR));
}

static bool has_timed_out(const struct cxl_root_port *rp, const struct check_result *result)
{
	return rp->iso.regs.capable && !is_isolated(rp, result) &&
	       rp->iso.regs.status & (ISO_STATUS_MEM_TIMEOUT | ISO_STATUS_CACHE_TIMEOUT);
}

static void say_isolated(const struct cxl_root_port *rp, const struct check_result *result,
			 struct problem *ret)
{
	uint32_t status = rp->iso.regs.status;

	(void)result;
	if (status & ISO_STATUS_CACHE_ISOLATION)
		ret->title = status & ISO_STATUS_MEM_ISOLATION ? "CXL.mem and CXL.cache are isolated: the memory below it is lost, and what a device had in its cache" :
			"CXL.cache is isolated: what a device below it had in its cache is lost";
}

static void say_timed_out(const struct cxl_root_port *rp, const struct check_result *result,
			  struct problem *ret)
{
	uint32_t status = rp->iso.regs.status;

	(void)result;
	if (status & ISO_STATUS_CACHE_TIMEOUT)
		ret->title = status & ISO_STATUS_MEM_TIMEOUT ? "accesses of CXL.mem and CXL.cache have timed out without isolation" :
			"a CXL.cache access has timed out without isolation";
}

const struct problem problems[] = {
	{ "gone", "its PCI device is gone", "cxl isolation-status --check", NULL, is_gone },
	{ "isolated", "the memory below it is lost", "cxl recover-port", NULL, is_isolated, say_isolated },
	{ "busy", "it still has transactions to finish, so its isolation must not be cleared yet", NULL, NULL, is_busy },
	{ "link-down", "the link below it is down", "cxl isolation-status --check", NULL, link_is_down },
	{ "unknown", "whether it is isolated, or set to isolate, cannot be told", NULL, NULL, is_unknown },
	{ "isolation-off", "a failure resets the host", "cxl enable-isolation", NULL, is_off, say_off },
	{ "timeout-off", "isolation is on and the timeout is off: an access that is never answered resets the host", "cxl set-timeout", " on", timeout_is_off, say_timeout },
	{ "temporary-timeout", "its timeout was set only while a command ran, which ended without putting it back: the next command that changes this host does", "cxl set-timeout", " off --while -- true", has_stale_timeout, say_temporary },
	{ "not-contained", "isolation is on, and yet a failure would not be contained", "cxl isolation-status --check", NULL, is_not_contained },
	{ "no-signal", "isolation is on, and neither interrupt nor ERR_COR would announce it", NULL, NULL, is_silent },
	{ "timed-out", "an access has timed out without isolation", NULL, NULL, has_timed_out, say_timed_out },
};
const size_t n_problems = ARRAY_SIZE(problems);

const char *problem_why_left_out(const struct cxl_root_port *rp, const struct check_result *result)
{
	if (!rp->present)
		return NULL;	/* gone is what one looks for */
	if (rp->iso.regs.valid &&
	    (!rp->iso.regs.capable ||
	     !(rp->iso.regs.cap & (ISO_CAP_MEM_ISOLATION | ISO_CAP_CACHE_ISOLATION))))
		return "it has no isolation capability";
	if (!root_port_is_empty(rp) || rp->n_regions || rp->may_have_more ||
	    iso_any_is_on(&rp->iso) || is_isolated(rp, result))
		return NULL;
	return rp->n_pci_functions ? "what is below it is an ordinary PCI device" : "nothing is connected below it";
}

struct problem problem_of(const char *id, const struct cxl_root_port *rp,
			  const struct check_result *result)
{
	struct problem ret = { 0 };

	for (size_t i = 0; i < n_problems; i++)
		if (!strcmp(problems[i].id, id))
			ret = problems[i];
	if (ret.say)
		ret.say(rp, result, &ret);
	return ret;
}

const char *root_port_with_tied(const struct cxl_host *host, const char *name)
{
	const struct cxl_root_port *rp = host_root_port(host, name);
	bool *tied = arena_alloc(host->arena, host->n_root_ports, sizeof(*tied));
	const char *names = name;

	for (size_t i = 0; rp && tied && i < rp->n_regions; i++)
		for (size_t k = 0;
		     region_is_committed(rp->regions[i]) && k < rp->regions[i]->n_root_ports; k++)
			tied[rp->regions[i]->root_ports[k] - host->root_ports] = true;
	for (size_t i = 0; tied && names && i < host->n_root_ports; i++)
		if (tied[i] && &host->root_ports[i] != rp)
			names = arena_printf(host->arena, "%s %s", names, host->root_ports[i].name);
	return names ? names : name;
}

const char *problem_next(const struct problem *p, const struct cxl_host *host,
			 const struct cxl_root_port *rp)
{
	if (!p->next)
		return NULL;
	return arena_printf(host->arena, "%s %s%s", p->next,
			    strcmp(p->id, "isolation-off") ? rp->name : root_port_with_tied(host, rp->name),
			    p->next_end ? p->next_end : "");
}
