// SPDX-License-Identifier: GPL-2.0-only
/* Questions to what this host keeps in files: see kept.h. */
#include "lib/model/kept.h"

#include <string.h>

#include "lib/model/host.h"

const char *const counted_failure_names[N_COUNTED_FAILURES] = {
	[FAILED_LINK_DOWN] = "link-down", [FAILED_TIMEOUT] = "timeout", [FAILED_UNKNOWN] = "unknown",
};
const char *const counted_end_names[N_COUNTED_ENDS] = {
	[ENDED_DONE] = "done", [ENDED_FAILED] = "failed", [ENDED_STOPPED] = "stopped", [ENDED_ABANDONED] = "abandoned",
};

static bool is_own(const struct kept_journal *j, const struct cxl_root_port *rp)
{
	return !strcmp(j->root_port, rp->name);
}

static bool ties(const struct kept_journal *j, const struct cxl_root_port *rp)
{
	for (size_t i = 0; i < j->n_root_ports; i++)
		if (!strcmp(j->root_ports[i], rp->name))
			return true;
	return false;
}

static const struct cxl_bus *bus_of(const struct cxl_root_port *rp)
{
	return rp && rp->bridge ? rp->bridge->bus : NULL;
}

/* No region spans two CXL buses. */
static bool may_tie(const struct cxl_host *host, const struct kept_journal *j,
		    const struct cxl_root_port *rp)
{
	const struct cxl_bus *mine = bus_of(rp), *other = NULL;

	for (size_t i = 0; i < host->n_root_ports; i++)
		if (is_own(j, &host->root_ports[i]))
			other = bus_of(&host->root_ports[i]);
	return !j->is_readable && (!mine || !other || mine == other);
}

const struct kept_journal *kept_journal_of(const struct cxl_host *host,
					   const struct cxl_root_port *rp,
					   const struct cxl_root_port *recovering)
{
	const struct kept *k = &host->kept;
	const struct kept_journal *tied = NULL, *maybe = NULL;

	for (size_t i = 0; i < k->n_journals; i++) {
		const struct kept_journal *j = &k->journals[i];

		if (recovering && is_own(j, recovering))
			continue;
		if (is_own(j, rp))
			return j;
		if (!tied && ties(j, rp))
			tied = j;
		if (!maybe && may_tie(host, j, rp))
			maybe = j;
	}
	return tied ? tied : maybe;
}
