/* SPDX-License-Identifier: GPL-2.0-only */
/* The lines of cxl isolation-status --monitor: what is in one, and where it goes. */
#ifndef CXL_MONITOR_LINE_H
#define CXL_MONITOR_LINE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/err.h"
#include "util/message.h"

struct monitor_output {
	uint64_t seq;		/* of the next line */
	bool to_journal;	/* standard output is a stream of the journal's */
};

enum { MONITOR_TIME = 64 };
/* Now, as in the lines: "2026-01-02T03:04:05.678Z" into @buf of so many bytes, which is returned. */
const char *monitor_time(char *buf);

void monitor_output_init(struct monitor_output *ret);

/* One line for @change, an object of lib/report/monitor.h, or one with "type", "root_port", "changed" and "event". */
int monitor_print(struct monitor_output *o, struct json_object *change,
		  const struct messages *messages, struct err *err);

/*
 * The snapshot: to the journal a line for each root port, with what is said in the first,
 * since it cuts lines at 48 kB; else one.
 */
int monitor_print_snapshot(struct monitor_output *o, struct json_object *records,
			   const struct messages *messages, struct err *err);

#endif
