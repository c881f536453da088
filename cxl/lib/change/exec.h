/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only code that writes: runs plans, reads back after every write, and
 * takes back what it did when the end is not what was asked for.
 */
#ifndef CXL_EXEC_H
#define CXL_EXEC_H

#include "cxl/lib/change/plan.h"

enum exec_outcome {
	EXEC_DONE,
	EXEC_UNCHANGED,		/* failed before it changed anything */
	EXEC_NOT_TRIED,		/* another one of the group failed before */
	EXEC_ROLLED_BACK,	/* failed; everything is as it was */
	EXEC_LEFT,		/* failed; the state is neither, @after says what it is */
};

struct exec_port {
	struct cxl_root_port *rp;
	struct plan plan;
	bool changed;			/* some write went through */
	enum exec_outcome outcome;
	struct iso_control after;	/* as last read */
};

/*
 * Run the plans of root ports that succeed or fail together.  Step states,
 * .outcome and .after are filled in.  What happened on the way goes to @messages.  On
 * failure -errno with @err: which step, what was expected, what is there now.
 */
int exec_plans(struct cxl_host *host, struct exec_port *ports, size_t n, struct messages *messages,
	       struct err *err);

#endif
