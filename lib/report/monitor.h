/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What changed between two looks at the root ports: pure functions over records
 * (record_watched()).  The monitor that looks and prints is cxl/status_monitor.c.
 */
#ifndef CXL_LIB_MONITOR_H
#define CXL_LIB_MONITOR_H

#include <json-c/json.h>

/*
 * One change, as an object {"type", "root_port", "changed", "before", "after"},
 * or NULL when the records are equal.  @before or @after NULL: the root port
 * was, or is, not there.  "changed" lists the dotted paths that differ.
 */
struct json_object *monitor_change(const char *root_port, struct json_object *before,
				   struct json_object *after);

/*
 * The changes from @last to @now, as an array; @last, root port -> record or
 * null while it is gone, becomes @now, an array of records.
 */
struct json_object *monitor_compare(struct json_object *last, struct json_object *now);
/* The same of the root ports in @some alone: the others stay as they were. */
struct json_object *monitor_compare_some(struct json_object *last, struct json_object *some);

#endif
