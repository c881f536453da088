/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How often a root port was isolated and how its recoveries ended, as a file in the state directory whose numbers only
 * grow: for metrics, which are to outlive whoever writes them.  Counted (count.h) by whoever acts on a failure,
 * recover-port and the acting monitor.
 */
#ifndef CXL_COUNTERS_H
#define CXL_COUNTERS_H

#include "lib/model/kept.h"
#include "util/arena.h"

#define COUNTERS_SUFFIX ".counters"	/* "0000:0c:00.0.counters" */

/* @c as text, malloc()ed; NULL for lack of memory. */
char *counters_text(const struct kept_counters *c, const char *root_port);
/* Is @text that of @root_port, whole?  Its texts live in @a. */
bool counters_parse(const char *text, const char *root_port, struct arena *a,
		    struct kept_counters *ret);

#endif
