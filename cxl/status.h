/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of `cxl isolation-status` share: who is meant (status_select.c),
 * how it is printed (status_output.c, status_nagios.c), the monitor (status_monitor.c).
 */
#ifndef CXL_STATUS_H
#define CXL_STATUS_H

#include "cxl/common.h"
#include "lib/check/check.h"
#include "lib/model/target.h"
#include "util/render_format.h"

/* The root ports of the targets, with the findings of all checks. */
struct selection {
	struct target_set set;
	struct check_result *results;	/* per host->root_ports[] */
};

/*
 * Select what @targets (ends with NULL; none: all) stand for, leaving out of
 * groups what is empty or incapable, with a message each.  With @kept (ends
 * with NULL) those root ports are selected, too, as far as they exist, and an
 * unknown target is not an error: it may come back.  Memory comes from @a.
 */
int status_select(const struct cxl_host *host, char *const *targets, const char *const *kept,
		  bool worded, struct arena *a, struct selection *ret, struct err *err);

/* The output by what was asked for. */
extern const struct command_output status_output, status_impact_output, status_check_output;

/* status_evidence.c: the list, or the one that @value, a number, says, with all that is in it.  NULL with @err. */
struct json_object *status_evidence(const char *value, struct arena *a, struct messages *messages,
				    struct err *err);
extern const struct command_output status_evidence_output;

/* Formats of this command alone (status_nagios.c). */
extern const struct render_format status_formats[];

#endif
