// SPDX-License-Identifier: GPL-2.0-only
/* Differences from a policy, as messages: see policy.h. */
#include <errno.h>
#include <string.h>

#include "lib/model/host.h"
#include "lib/model/layout_facts.h"
#include "lib/policy/absent.h"
#include "lib/policy/layout_match.h"
#include "lib/policy/layout_resolve.h"
#include "lib/policy/policy.h"

void policy_report(const struct policy *policy, const struct policy_drifts *drifts,
		   struct messages *messages)
{
	for (size_t i = 0; i < drifts->n; i++) {
		const struct policy_drift *d = &drifts->v[i];

		if (!strcmp(d->setting, "require"))
			message_add(messages, SEV_ERROR, "DRIFT", d->target, "%s: %s stands against the level %s, which %s:%u requires",
				    d->target, d->is, d->wanted, policy->file, d->line);
		else
			message_add(messages, SEV_ERROR, "DRIFT", d->target, "%s: %s is %s, and %s:%u asks for %s",
				    d->target, d->setting, d->is, policy->file, d->line, d->wanted);
	}
}

/* What is made of devices that are not there is not compared: that they are not is the difference. */
static int leave_out(const struct cxl_host *host, const struct layout *l, struct arena *a,
		     struct layout *ret, bool *ret_same)
{
	struct memory_functions functions;
	struct absents absent;

	if (memory_functions_read(host->fs, a, &functions) ||
	    layout_leave_out(l, host, &functions, a, ret, &absent))
		return -ENOMEM;
	for (size_t i = 0; i < absent.n; i++)
		message_add(host->messages, SEV_ERROR, "DRIFT", NULL, "%s:%u: %s; 'cxl list --isolation' shows what there is",
			    l->file, absent.v[i].line, absent.v[i].what);
	*ret_same &= !absent.n;
	return 0;
}

int policy_report_layout(const struct policy *policy, const struct cxl_host *host,
			 struct arena *a, bool *ret_same, struct err *err)
{
	struct policy_drifts drifts = { 0 };
	struct layout_matches matches;
	struct wanted_layout wanted;
	struct layout_facts facts;
	struct layout rest;
	int rc = policy->layout.n_regions ? layout_facts_read(host, &facts, err) : 0;

	if (rc || !policy->layout.n_regions)
		return rc;
	if (leave_out(host, &policy->layout, a, &rest, ret_same))
		return err_no_memory(err, " while comparing with the policy");
	rc = layout_resolve(&rest, &facts, a, &wanted, err);
	if (rc == -ENOMEM)
		return rc;
	if (rc)
		message_add(host->messages, SEV_ERROR, "DRIFT", NULL, "%s", err->text);
	else if (layout_match(&wanted, &facts, a, &matches) ||
		 policy_compare_layout(&matches, a, &drifts))
		return err_no_memory(err, " while comparing with the policy");
	policy_report(policy, &drifts, host->messages);
	*ret_same &= !rc && !drifts.n;
	return 0;
}
