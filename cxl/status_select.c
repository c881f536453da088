// SPDX-License-Identifier: GPL-2.0-only
/* Which root ports isolation-status is about: see status.h. */
#include <errno.h>
#include <string.h>

#include "cxl/status.h"
#include "lib/report/problem.h"
#include "util/parse.h"

/* A switch's port, or what is below one: the root port above it is meant, but
 * only with what hangs below the target. */
static bool is_below_root_port(const struct cxl_host *host, const char *target)
{
	uint64_t key;

	for (size_t i = 0; i < host->n_ports; i++)
		if (host->ports[i].parent && !strcmp(host->ports[i].name, target))
			return true;
	if (!parse_pci_address(target, &key))
		return false;
	for (size_t i = 0; i < host->n_root_ports; i++)
		if (host->root_ports[i].key == key)
			return false;
	return true;
}

/* All that is below the root ports of @set. */
static void widen(const struct cxl_host *host, struct target_set *set)
{
	for (size_t i = 0; i < host->n_root_ports; i++) {
		const struct cxl_root_port *rp = &host->root_ports[i];

		if (!set->root_ports[i])
			continue;
		for (size_t k = 0; k < rp->n_memdevs; k++)
			set->memdevs[rp->memdevs[k] - host->memdevs] = true;
		for (size_t k = 0; k < rp->n_regions; k++)
			set->regions[rp->regions[k] - host->regions] = true;
	}
}

static void merge(const struct cxl_host *host, struct target_set *set,
		  const struct target_set *more)
{
	for (size_t i = 0; i < host->n_root_ports; i++) {
		set->root_ports[i] |= more->root_ports[i];
		set->named[i] |= more->named[i];
	}
	for (size_t i = 0; i < host->n_memdevs; i++)
		set->memdevs[i] |= more->memdevs[i];
	for (size_t i = 0; i < host->n_regions; i++)
		set->regions[i] |= more->regions[i];
}

static int add_target(const struct cxl_host *host, const char *target, struct arena *a,
		      struct target_set *set, struct err *err)
{
	struct target_set one;
	int rc;

	if (target_set_init(host, a, false, &one))
		return err_no_memory(err, "");
	rc = target_add(host, target, TARGET_ANY, &one, err);
	rc = rc ? rc : target_is_known(host, target, err);
	if (rc)
		return rc;
	if (!is_below_root_port(host, target))
		widen(host, &one);
	merge(host, set, &one);
	return 0;
}

static void leave_out(const struct cxl_host *host, struct selection *sel)
{
	bool any = false, left = false;

	for (size_t i = 0; i < host->n_root_ports; i++) {
		const struct cxl_root_port *rp = &host->root_ports[i];
		const char *why = !sel->set.root_ports[i] || sel->set.named[i] ? NULL :
			problem_why_left_out(rp, &sel->results[i]);

		if (why)
			message_add(host->messages, SEV_INFO, "LEFT-OUT", rp->name, "%s is left out: %s", rp->name, why);
		sel->set.root_ports[i] &= !why;
		any |= sel->set.root_ports[i];
		left |= why != NULL;
	}
	if (left && !any)
		message_add(host->messages, SEV_WARNING, "NOTHING", NULL,
			    "no root port among the targets can isolate and has something below it (-v says why each was left out); name one to see it all the same, or look at 'cxl list --isolation'");
	else if (!any)
		message_add(host->messages, SEV_WARNING, "NOTHING", NULL,
			    "no root port is above what was named (a device that is gone, or directly below its host bridge); 'cxl list --isolation' shows what is attached where");
}

int status_select(const struct cxl_host *host, char *const *targets, const char *const *kept,
		  bool worded, struct arena *a, struct selection *ret, struct err *err)
{
	char word[] = "all";
	char *const all[] = { word, NULL };
	int rc;

	if (target_set_init(host, a, false, &ret->set) ||
	    check_run_all(host, a, worded, &ret->results))
		return err_no_memory(err, "");
	if (!*targets)
		targets = all;
	for (; *targets; targets++) {
		rc = add_target(host, *targets, a, &ret->set, err);
		if (rc && !(kept && err->status == EXIT_USAGE))
			return rc;
	}
	for (; kept && *kept; kept++) {
		const struct cxl_root_port *rp = host_root_port(host, *kept);

		if (!rp)
			continue;
		ret->set.root_ports[rp - host->root_ports] = true;
		ret->set.named[rp - host->root_ports] = true;
	}
	leave_out(host, ret);
	return 0;
}
