/* SPDX-License-Identifier: GPL-2.0-only */
/* May a root port that failed be brought back without anybody being asked?  Pure. */
#ifndef CXL_ACT_DECIDE_H
#define CXL_ACT_DECIDE_H

#include "lib/act/act_state.h"
#include "lib/model/host.h"
#include "lib/policy/policy.h"

enum {
	ACT_FLAP_S = 300,	/* isolated again so soon after it came back: whatever it is, it is not over */
	ACT_LIMIT_N = 3,	/* recover-limit where the policy has none, */
	ACT_LIMIT_S = 24 * 3600,
};

enum act_verdict {
	ACT_GO,
	ACT_WAIT,	/* not yet: somebody has to do something about another recovery */
	ACT_LEAVE,
	ACT_NOT_ASKED,	/* the policy leaves it to a person */
};

/*
 * Of @rp, which failed, @s its state: @ret_text is the reason, but for ACT_GO, memory from the host's
 * arena; NULL for lack of it.  @now: seconds since 1970.  @tied: the journal of an automatic recovery that waits
 * for this port's; NULL: none does.
 */
enum act_verdict act_decide(const struct cxl_host *host, const struct cxl_root_port *rp,
			    const struct policy_wish *wish, const struct act_state *s,
			    uint64_t now, const struct kept_journal *tied, const char **ret_text);

/* The journal of its own recovery, which is in the middle; NULL: it is not. */
const struct kept_journal *act_journal(const struct cxl_host *host, const struct cxl_root_port *rp);
/* Is @root_port among those that @j's regions touch? */
bool act_journal_has(const struct kept_journal *j, const char *root_port);
bool act_has_journal(const struct cxl_host *host, const struct cxl_root_port *rp);

/* As the policy has it, or its default: how often, in how many seconds. */
unsigned int act_limit(const struct policy_wish *wish, uint64_t *ret_seconds);

#endif
