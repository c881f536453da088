/* SPDX-License-Identifier: GPL-2.0-only */
/* What is done about one root port, in a process of its own: it may take minutes, and the monitor goes on looking. */
#ifndef CXL_ACT_WORK_H
#define CXL_ACT_WORK_H

#include <sys/types.h>

#include "lib/act/act_state.h"
#include "lib/model/host.h"
#include "lib/policy/policy.h"

struct act_work {
	int dirfd;		/* the state directory */
	int lock;		/* of the root port: held by that process alone once it runs, and closed here */
	const struct cxl_host *host;
	const struct cxl_root_port *rp;
	struct policy_wish wish;
	struct act_state state;
	const char *problem;	/* not about a failure, but on-problem is to be run for this; NULL */
};

/* It ends with this exit status to be started again after a while, not at once. */
enum { ACT_WORK_LATER = 1 };

/* Start it where @w->state's phase says: its process, or -errno. */
pid_t act_work_start(struct act_work *w);

/* Times in @s follow a clock that was set since it was written; its texts live in @host's arena. */
void act_follow_clock(const struct cxl_host *host, struct act_state *s);

/* The policy of @rp in @ret, which applies to nothing where there is none.  -errno with @err: it cannot be used. */
int act_policy(const struct cxl_host *host, const struct cxl_root_port *rp,
	       struct policy_wish *ret, struct err *err);

#endif
