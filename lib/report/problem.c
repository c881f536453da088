// SPDX-License-Identifier: GPL-2.0-only
/* The table of what can be wrong with a root port: see problem.h. */
#include "lib/report/problem.h"

#include <string.h>

#include "lib/model/isolation_regs.h"
#include "util/array.h"

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
	       (root_port_endpoints(rp) || rp->n_regions || isolation_is_on(rp) == TRI_YES);
}

static bool is_unknown(const struct cxl_root_port *rp, const struct check_result *result)
{
	(void)result;
	return (rp->present && iso_isolated(&rp->iso) == TRI_UNKNOWN) ||
	       ((rp->iso.kernel.backend || rp->iso.regs.capable) &&
		isolation_is_on(rp) == TRI_UNKNOWN);
}

/* Memory in use that a failure would take the host down with, though it could
 * be otherwise: a port that cannot be enabled is not what is wrong. */
static bool is_off(const struct cxl_root_port *rp, const struct check_result *result)
{
	bool has_memory = rp->may_have_more || rp->has_loose;

	for (size_t i = 0; i < result->n; i++)
		if (result->v[i].answer == ANSWER_FAILS && result->v[i].check->kind == CHECK_CANNOT)
			return false;
	for (size_t i = 0; i < rp->n_regions; i++)
		has_memory |= region_is_committed(rp->regions[i]);
	return has_memory && isolation_is_on(rp) == TRI_NO;
}

/* Isolation is on, and an access that is never answered still resets the host. */
static bool timeout_is_off(const struct cxl_root_port *rp, const struct check_result *result)
{
	const struct finding *f = check_find(result, ID_TIMEOUT_OFF);

	return isolation_is_on(rp) == TRI_YES && f && f->answer == ANSWER_FAILS && f->causes &&
	       !is_isolated(rp, result);
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

static bool is_not_contained(const struct cxl_root_port *rp, const struct check_result *result)
{
	struct containment_levels levels = result->now;

	/* a timeout that is off is a problem by itself */
	if (timeout_is_off(rp, result))
		levels.v[CAUSE_MEM_TIMEOUT] = levels.v[CAUSE_CACHE_TIMEOUT] = -1;
	return isolation_is_on(rp) == TRI_YES && containment_worst(&levels) < CONTAINMENT_CONTAIN &&
	       !is_isolated(rp, result);
}

/* The posted kernel clears the interrupt enable when it writes a range. */
static bool is_silent(const struct cxl_root_port *rp, const struct check_result *result)
{
	const struct iso_registers *regs = &rp->iso.regs;

	(void)result;
	return regs->capable && isolation_is_on(rp) == TRI_YES &&
	       regs->cap & (ISO_CAP_INTERRUPT | ISO_CAP_ERR_COR) &&
	       !(regs->ctrl & (ISO_CTRL_INTERRUPT | ISO_CTRL_ERR_COR));
}

static bool has_timed_out(const struct cxl_root_port *rp, const struct check_result *result)
{
	return rp->iso.regs.capable && !is_isolated(rp, result) &&
	       rp->iso.regs.status & (ISO_STATUS_MEM_TIMEOUT | ISO_STATUS_CACHE_TIMEOUT);
}

const struct problem problems[] = {
	{ "gone", "its PCI device is gone", "cxl isolation-status --check", NULL, is_gone },
	{ "isolated", "the memory below it is lost", "cxl recover-port", NULL, is_isolated },
	{ "busy", "it still has transactions to finish, so its isolation must not be cleared yet", NULL, NULL, is_busy },
	{ "link-down", "the link below it is down", "cxl isolation-status --check", NULL, link_is_down },
	{ "unknown", "whether it is isolated, or set to isolate, cannot be told", NULL, NULL, is_unknown },
	{ "isolation-off", "a failure resets the host", "cxl enable-isolation", NULL, is_off },
	{ "timeout-off", "isolation is on and the timeout is off: an access that is never answered resets the host", "cxl set-timeout", " on", timeout_is_off },
	{ "temporary-timeout", "its timeout was set only while a command ran, which ended without putting it back: the next command that changes this host does", "cxl set-timeout", " off --while -- true", has_stale_timeout },
	{ "not-contained", "isolation is on, and yet a failure would not be contained", "cxl isolation-status --check", NULL, is_not_contained },
	{ "no-signal", "isolation is on, and neither interrupt nor ERR_COR would announce it", NULL, NULL, is_silent },
	{ "timed-out", "an access has timed out without isolation", NULL, NULL, has_timed_out },
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
	    isolation_is_on(rp) == TRI_YES || is_isolated(rp, result))
		return NULL;
	return rp->n_pci_functions ? "what is below it is an ordinary PCI device" : "nothing is connected below it";
}

const struct problem *problem_by_id(const char *id)
{
	for (size_t i = 0; i < n_problems; i++)
		if (!strcmp(problems[i].id, id))
			return &problems[i];
	return NULL;
}
