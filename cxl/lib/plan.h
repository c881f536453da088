/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A change as data: ordered writes with what is expected before and after each.
 * Dry run, execution, output and tests walk the same array.  Planning is pure:
 * no I/O, no clock.
 */
#ifndef CXL_PLAN_H
#define CXL_PLAN_H

#include "cxl/lib/host.h"
#include "cxl/lib/timeout.h"

enum step_state {
	STEP_PLANNED,
	STEP_DONE,
	STEP_SKIPPED,	/* what it should bring about was so already */
	STEP_FAILED,
	STEP_UNDONE,	/* done, then taken back */
};
extern const char *const step_state_names[];

enum step_field { FIELD_RANGE, FIELD_TIMEOUT, FIELD_ISOLATION, N_FIELDS };

enum step_when {
	STEP_ALWAYS,
	STEP_IF_NEEDED,	/* puts back what a defective kernel may have changed: skipped when it did not */
	STEP_IF_STUCK,	/* a way around a defect: only while isolation is still not as wanted */
};
extern const char *const step_when_names[];

struct plan_step {
	const struct cxl_root_port *rp;
	enum step_field field;
	int value;		/* of the field: 0/1, or the range's encoding */
	const char *path;	/* below the root directory */
	char text[12];		/* what is written: always a number, v1 misreads names */
	char undo[12];		/* what would restore the value read before, "" when unknown */
	/* As the v1 code describes itself; what else changes is found by reading back. */
	struct iso_control expect_before, expect_after;
	uint64_t timeout_us;	/* how long the kernel may take to answer the write */
	enum step_when when;
	enum step_state state;
};

/* What one root port is to become; -1 / TRI_UNKNOWN: stays as it is. */
struct plan_goal {
	enum tri isolation;
	struct timeout_request timeout;
};

struct plan {
	struct plan_step *steps;
	size_t n;
	struct iso_control before, goal;	/* of the root port */
};

/*
 * The writes that take @rp to @goal, in the order that ends right on every
 * known kernel: range, timeout enable, isolation enable.  A v1 kernel clears
 * the enables when a range is written, so they follow it even where they are to
 * stay; execution skips what is already so.  No step: nothing is to change.
 * -ENOMEM or 0; memory from @a.
 */
int plan_make(const struct cxl_root_port *rp, const struct plan_goal *goal, struct arena *a, struct plan *ret);

/* Does @plan leave everything as it is? */
bool plan_is_empty(const struct plan *plan);

/* Path of the attribute that holds @field, below the root directory, from @a. */
char *plan_field_path(const struct cxl_root_port *rp, enum step_field field, struct arena *a);

int control_field(const struct iso_control *c, enum step_field field);

#endif
