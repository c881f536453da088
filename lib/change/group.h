/* SPDX-License-Identifier: GPL-2.0-only */
/* Root ports whose settings change together: all of them or none. */
#ifndef CXL_GROUP_H
#define CXL_GROUP_H

#include "lib/plan/plan.h"
#include "lib/txn/outcome.h"

/* One of them, on its way. */
struct port_change {
	const struct cxl_root_port *rp;
	struct plan plan;
	struct setting_run run;
	enum outcome outcome;
};

/*
 * Run the plans of root ports that succeed or fail together; memory from @a.  Step states,
 * .outcome and .run are filled in.  What happened on the way goes to @messages.  On failure
 * -errno with @err: which step, what was expected, what is there now; everything was taken
 * back as far as it could be.
 */
int group_run(const struct cxl_host *host, struct port_change *ports, size_t n, struct arena *a,
	      struct messages *messages, struct err *err);

#endif
