/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the acting monitor knows of a root port, in a file of the state directory: how far it came
 * with a failure, so that whoever comes after a kill or a reboot goes on there, and what it did before.
 */
#ifndef CXL_ACT_STATE_H
#define CXL_ACT_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"
#include "util/err.h"

/* What comes next; each is on disk before it begins. */
enum act_phase {
	ACT_IDLE,	/* nothing has failed */
	ACT_HOOK,	/* evidence is kept: on-isolated is to be run */
	ACT_DECIDE,	/* that has ended: may the port be brought back? */
	ACT_RECOVER,	/* it is brought back */
	ACT_AFTER,	/* it is back: on-recovered is to be run */
	ACT_LEFT,	/* it stays as it is until somebody else brings it back */
};
enum { N_ACT_PHASES = ACT_LEFT + 1, ACT_MAX_TIMES = 64 };

struct act_times {
	uint64_t v[ACT_MAX_TIMES];	/* seconds since 1970, the oldest first */
	size_t n;
};

struct act_state {
	const char *boot_id;		/* of the boot in which it failed; NULL: it has not */
	int containment;		/* enum containment, as last seen in service; -1: never */
	enum act_phase phase;
	bool problem_told;		/* that it waits, or was left: on-problem was run */
	uint64_t evidence;		/* its number; 0: none */
	uint64_t attempts;		/* of the phase: more than 1 after a kill */
	const char *text;		/* why it was left, or what came of it; NULL: nothing to say yet */
	const char *problems;		/* ids, parted by blanks, for which on-problem was run; "" */
	uint64_t failed_at;		/* 0: never, and */
	uint64_t recovered_at;		/* seconds since 1970, too */
	const char *clock_boot_id;	/* of the boot in which all of these are right where the host */
	uint64_t booted_at;		/* was booted at that time; NULL, 0: it cannot be told */
	struct act_times recoveries;	/* that were begun here */
	struct act_times hooks;		/* programs that were run */
};

#define ACT_SUFFIX ".act"
#define ACT_LOCK_SUFFIX ".act-lock"

/*
 * That of @root_port, memory from @a; one that is not there is ACT_IDLE.  -errno with @err: what it says
 * cannot be used, so nothing may be concluded.
 */
int act_state_read(int dirfd, const char *root_port, struct arena *a, struct act_state *ret,
		   struct err *err);
/* The same from text: false when it is none. */
bool act_state_parse(const char *text, const char *root_port, struct arena *a,
		     struct act_state *ret);
char *act_state_text(const struct act_state *s, const char *root_port);	/* malloc()ed */
/*
 * Is what it has of @root_port's containment from a moment ago, and from this boot?  act_state_confirm() says
 * that it still holds.
 */
bool act_state_is_fresh(int dirfd, const char *root_port);
void act_state_confirm(int dirfd, const char *root_port);
/* On disk when this returns.  -errno with @err. */
int act_state_write(int dirfd, const char *root_port, const struct act_state *s, struct err *err);

/*
 * The clock was set since then, in the boot @boot_id (this one) that began at @booted_at by it now: what happened so long ago
 * did still happen so long ago.
 */
void act_state_follow_clock(struct act_state *s, const char *boot_id, uint64_t booted_at);

void act_times_add(struct act_times *t, uint64_t now);	/* the oldest goes where there are too many */
/* How many are not older than @seconds; one that is yet to come counts: a clock was set back. */
size_t act_times_since(const struct act_times *t, uint64_t now, uint64_t seconds);

/*
 * Whoever acts on @name, a root port or ACT_RECOVERING, holds this: a descriptor that is given up with
 * the process that has it, -EWOULDBLOCK: another one does.  -errno.
 */
int act_lock(int dirfd, const char *name);
#define ACT_RECOVERING "recovering"	/* never two ports at once */

#endif
