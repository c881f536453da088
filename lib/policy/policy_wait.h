/* SPDX-License-Identifier: GPL-2.0-only */
/* Waiting for the devices that a policy is about, as a command does at boot. */
#ifndef CXL_POLICY_WAIT_H
#define CXL_POLICY_WAIT_H

#include "lib/policy/absent.h"
#include "util/lock.h"
#include "util/options.h"

/* Where nothing else is said. */
#define POLICY_WAIT_US 30000000

enum policy_parts {
	POLICY_SECTIONS = 1,	/* for root ports */
	POLICY_LAYOUT = 2,
};

/* --wait[=TIME] of a command. */
struct policy_wait {
	bool is_asked;
	uint64_t us;
};
/* How long such a command waits for another one: nobody may be there to run it again. */
static inline uint64_t policy_lock_wait_us(const struct policy_wait *w)
{
	return w->is_asked ? HOST_LOCK_WAIT_BACK_US : HOST_LOCK_WAIT_US;
}
/* The option, of a command that has --policy, too.  -EINVAL with @err. */
int policy_wait_parse(const struct opt_optional *option, bool has_policy, struct policy_wait *ret,
		      struct err *err);
#define POLICY_WAIT_OPTION(type, member) \
	{ "wait", 0, OPT_OPTIONAL, offsetof(type, member), "TIME", \
	  "with --policy: wait for what the file names, as in 10s (default 30s), then do all that can be done" }

/*
 * Until all that these parts of @p need is there and ready, at once where it is, or the
 * time is over: both 0.  -EINTR with @err when a signal asked to stop; no lock is to be held.
 */
int policy_wait(const struct policy *p, enum policy_parts parts, const struct policy_wait *w,
		struct err *err);

/*
 * Once it is over, with the lock: @l without what cannot be made yet (layout_leave_out()),
 * and an error in @messages for each device that it waits for (NULL: nothing
 * is said, and that is no failure).  *@ret_n: how many.  -errno with @err.
 */
int policy_wait_end(const struct policy_wait *w, const struct layout *l,
		    const struct cxl_host *host, struct messages *messages, struct arena *a,
		    struct layout *ret, size_t *ret_n, struct err *err);

#endif
