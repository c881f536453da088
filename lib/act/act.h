/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cxl isolation-status --monitor --act: what is done when a root port fails, by the policy.  Evidence is kept first,
 * then a process for each root port runs programs and brings it back (act_work.h).
 */
#ifndef CXL_ACT_H
#define CXL_ACT_H

#include <json-c/json.h>
#include <stdbool.h>

#include "lib/check/check.h"
#include "lib/model/host.h"
#include "lib/policy/policy.h"

struct act;

/* NULL with @err: it cannot be done here. */
struct act *act_new(struct err *err);

/*
 * To be called with each look at the host: @root_ports and @results are per host->root_ports[], false for those that
 * nobody is to act on.  Evidence of what failed is on disk when this returns.  @events is kept in it, and used for
 * nothing else: root port -> its last events of errors, or NULL where nothing is heard of them.
 */
void act_look(struct act *act, const struct cxl_host *host, const bool *root_ports,
	      const struct check_result *results, struct json_object *events);

/* Is the next look to be taken whatever moves?  To be asked as often as the monitor wakes up. */
bool act_is_due(struct act *act);

/* Ask what runs to stop at the next good point, and wait for that: the next one goes on there. */
void act_free(struct act *act);

/*
 * Tell each program of the policy's, of those root ports, of an event called "test", one after the other: nothing is
 * kept or recovered.  *@ret_n: how many there are.  0, or -errno with @err: one could not be run, or failed.
 */
int act_test(const struct cxl_host *host, const bool *root_ports,
	     const struct check_result *results, size_t *ret_n, struct err *err);

/*
 * A message of the code DRIFT for each program that @policy names for those root ports (NULL: all) and that would not be
 * run: it is not there, others than root could change it, or that cannot be told.  *@ret_same becomes false then.  Programs of a captured
 * host are not here, and not looked at.  -errno with @err.
 */
int act_report_programs(const struct policy *policy, const struct cxl_host *host,
			const bool *root_ports, bool *ret_same, struct err *err);

#endif
