/* SPDX-License-Identifier: GPL-2.0-only */
/* What a program of the policy's is told of an event: its environment, and a record on its standard input. */
#ifndef CXL_ACT_EVENT_H
#define CXL_ACT_EVENT_H

#include "lib/act/act_state.h"
#include "lib/model/host.h"
#include "lib/policy/policy.h"

enum act_kind { ACT_ISOLATED, ACT_RECOVERED, ACT_PROBLEM, ACT_TEST };

struct act_event {
	enum act_kind kind;
	enum policy_key key;	/* whose program is run: of ACT_TEST any of them */
	const char *text;	/* what happened, one sentence; NULL: the event says it all */
};

/* The names of kinds, and the program of @key in @wish, NULL where it has none. */
extern const char *const act_kind_names[];
const char *act_program(const struct policy_wish *wish, enum policy_key key);

/* May one more be run, by the limit of all of them?  Counted in @s, which is to be on disk before it is run. */
bool act_event_may_run(const struct cxl_root_port *rp, enum policy_key key, struct act_state *s);

/*
 * Run @event's program for @rp, as it is in @host, and wait for its end.  What comes of it is said; a program that is not
 * set, is not trusted, fails or takes too long keeps nothing from going on.
 * 0, or -EINTR: @is_stopped.  *@ret_failed: it was not run to a good end (NULL: not wanted).
 */
int act_event_run(const struct cxl_host *host, const struct cxl_root_port *rp,
		  const struct policy_wish *wish, const struct act_event *event,
		  const struct act_state *s, bool (*is_stopped)(void), bool *ret_failed);

#endif
