/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The neutral records of the output: one shape wherever an object appears.
 * Schemas are in schemas/.
 */
#ifndef CXL_RECORD_H
#define CXL_RECORD_H

#include <json-c/json.h>

#include "lib/check/check.h"
#include "lib/model/target.h"
#include "lib/txn/step.h"

/* Every function here that returns an object returns a new one, which the caller owns. */

/* The "control" part of a root port's record. */
struct json_object *record_control(const struct iso_control *c);

/* One step of a plan, the same in every command's output. */
struct json_object *record_step(const struct step *step);

/* "buses": what is in @set; @results per host->root_ports[]. */
struct json_object *record_buses(const struct cxl_host *host, const struct target_set *set,
				 const struct check_result *results);

/* The root ports in @set, in bus order; @results per host->root_ports[]. */
struct json_object *record_root_ports(const struct cxl_host *host, const struct target_set *set,
				      const struct check_result *results);

struct json_object *record_memdev(const struct cxl_memdev *m);
struct json_object *record_region(const struct cxl_region *r);

/* What a process belongs to, as fields of its record @obj. */
void record_owner(struct json_object *obj, const struct process_owner *o);

/* "containment_by_cause". */
struct json_object *record_by_cause(const struct containment_levels *levels);

/* Ids of the findings that block, limit, or only note. */
enum finding_class { FINDING_BLOCKS, FINDING_LIMITS, FINDING_NOTES };
struct json_object *record_findings(const struct check_result *result, enum finding_class which);
/* Ids of those among them that only stand there because they cannot be told. */
struct json_object *record_untold(const struct check_result *result);

#endif
