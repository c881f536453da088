/* SPDX-License-Identifier: GPL-2.0-only */
/* What is kept of a root port that failed, as a record: evidence.h in lib/kept has where. */
#ifndef CXL_EVIDENCE_RECORD_H
#define CXL_EVIDENCE_RECORD_H

#include <json-c/json.h>

#include "lib/model/host.h"

/*
 * First part: what the port itself, sysfs and proc tell; nothing below the port is touched.
 * What cannot be read is null.  NULL for lack of memory.
 */
struct json_object *evidence_record(const struct cxl_host *host, const struct cxl_root_port *rp);

/*
 * Second part: the config space of each function below, or what came of it within a second,
 * asked by a child.  Not what one does with devices that are dead, and so not before the first part
 * is on disk.
 */
struct json_object *evidence_functions(const struct cxl_host *host, const struct cxl_root_port *rp);

/* The record of @rp with impact: what is lost, and who uses it.  NULL where that cannot be told. */
struct json_object *evidence_status(const struct cxl_host *host, const struct cxl_root_port *rp);

#endif
