/* SPDX-License-Identifier: GPL-2.0-only */
/* An error event of the kernel's trace, as a record, and the root port that it belongs to. */
#ifndef CXL_EVENT_RECORD_H
#define CXL_EVENT_RECORD_H

#include <json-c/json.h>

#include "lib/model/host.h"
#include "lib/read/trace_line.h"

/*
 * The root port that @event is of: it names the port, a device or switch below it, or a memory device.  By what the
 * host says now, and of what has gone meanwhile by @host.  NULL: none, as of a device that has nothing to do with CXL.
 */
const struct cxl_root_port *event_root_port(const struct cxl_host *host,
					    const struct trace_event *event);

/* {"kind", "name", "severity", "device", "memdev", "text"}; what the event does not say is null. */
struct json_object *event_record(const struct cxl_root_port *rp, const struct trace_event *event);

#endif
