/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records of `cxl isolation-status`: a root port's record with what is wrong,
 * what would be lost and every check; and with what a monitor watches below it.
 */
#ifndef CXL_RECORD_STATUS_H
#define CXL_RECORD_STATUS_H

#include "lib/report/impact.h"
#include "lib/report/record.h"

/* What of a status record is asked for; all else is null. */
struct status_parts {
	const struct impact *impact;	/* per host->root_ports[]; NULL: not asked for */
	const char *const *dax_names;	/* as the policy file calls them, per host->dax[], NULL: it does not; NULL: it calls none */
	bool checks;
};

/* "root_ports": those in @set; @results per host->root_ports[], worded where checks are asked for. */
struct json_object *record_status(const struct cxl_host *host, const struct target_set *set,
				  const struct check_result *results,
				  const struct status_parts *parts);

/* A record in which every field has a value, for what fields there are and of what type. */
struct json_object *record_status_example(void);

/* The same root ports as a monitor compares them: with "below" in place of impact and checks. */
struct json_object *record_watched(const struct cxl_host *host, const struct target_set *set,
				   const struct check_result *results);

#endif
