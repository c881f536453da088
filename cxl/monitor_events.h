/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's trace events as lines of the monitor: which are told, which are left out of a flood, which are kept. */
#ifndef CXL_MONITOR_EVENTS_H
#define CXL_MONITOR_EVENTS_H

#include <json-c/json.h>

#include "cxl/monitor_line.h"
#include "lib/model/host.h"
#include "lib/read/trace_pipe.h"

struct monitor_events {
	struct trace_pipe pipe;
	struct monitor_output *output;
	struct event_flood *floods;	/* of root ports that had an event */
	struct json_object *kept;	/* root port -> its last events, the oldest first; NULL: nothing is heard of */
	int64_t rest_until_us;		/* what comes so fast is not read at once, CLOCK_MONOTONIC */
	bool is_loss_said;
};

/* @is_live: this host's are listened to.  What is not heard of is in @messages. */
void monitor_events_open(struct monitor_events *ret, bool is_live, struct monitor_output *output,
			 struct messages *messages);
void monitor_events_close(struct monitor_events *e);

/* What to poll now, -1: nothing; and when to call monitor_events_tell() whatever comes, INT64_MAX: never. */
int monitor_events_fd(const struct monitor_events *e);
int64_t monitor_events_due(const struct monitor_events *e);

/*
 * A line for each that came of the root ports in @root_ports, per host->root_ports[]; those of others are dropped.
 * *@ret_any: there was one.  -errno with @err: the output cannot be written.
 */
int monitor_events_take(struct monitor_events *e, const struct cxl_host *host,
			const bool *root_ports, bool *ret_any, struct err *err);
/* What was left out and is due by now, or, at the end, all of it (@is_last). */
int monitor_events_tell(struct monitor_events *e, bool is_last, struct err *err);

#endif
