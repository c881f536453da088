/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A change of isolation as data: ordered writes with what is expected before
 * and after each.  Dry run, execution, output and tests walk the same array.
 * Planning is pure: no I/O, no clock.
 */
#ifndef CXL_PLAN_H
#define CXL_PLAN_H

#include "cxl/lib/change/step.h"
#include "cxl/lib/change/timeout.h"
#include "cxl/lib/snapshot/host.h"

struct plan_step {
	const struct cxl_root_port *rp;
	enum iso_field field;
	int value;		/* of the field: 0/1, or the range's encoding */
	bool by_register;	/* else by the kernel's attribute */
	const char *path;	/* of the attribute; "…/resource0+0x1088": the control register's place in the port's BAR */
	char text[24];		/* what is written: a number, v1 misreads names; "BITS:MASK" for a register */
	char undo[24];		/* what would restore the value read before, "" when unknown */
	/* As the v1 code describes itself; what else changes is found by reading back. */
	struct iso_control expect_before, expect_after;
	uint64_t timeout_us;	/* how long the kernel may take to answer the write */
	enum step_when when;
	enum step_state state;
};

struct plan {
	struct plan_step *steps;
	size_t n;
	bool registers;		/* register writes are allowed, and read back */
	struct iso_control before, goal;	/* of the root port */
};

/* Add what @request asks of CXL.mem's timeout, or of CXL.cache's, to @goal. */
void plan_goal_timeout(struct iso_control *goal, const struct timeout_request *request, bool cache);

/*
 * The writes that take @rp to @goal (-1: the field stays as it is), in the
 * order that ends right on every known kernel: what switches isolation off,
 * ranges, timeout enables, what else there is, isolation enables.  A v1 kernel
 * clears the enables when a range is written, so they follow it even where they
 * are to stay; execution skips what is already so.  With @registers fields that
 * have no kernel attribute are written by register.  No step: nothing is to
 * change.  -ENOMEM or 0; memory from @a.
 */
int plan_make(const struct cxl_root_port *rp, const struct iso_control *goal, bool registers, struct arena *a,
	      struct plan *ret);

/* Does @plan leave everything as it is? */
bool plan_is_empty(const struct plan *plan);

/*
 * "isolation on, timeout off, range B2" into @buf, which is returned: the
 * settings of @c that @plan is about.
 */
const char *plan_control_text(const struct plan *plan, const struct iso_control *c, char *buf, size_t size);

/* One step that sets @field; its expectations are left to the caller.  -ENOMEM or 0. */
int plan_step_init(const struct cxl_root_port *rp, enum iso_field field, int value, struct arena *a,
		   struct plan_step *ret);

/* @step of @plan as a step for the record; its texts are from @a.  -ENOMEM or 0. */
int plan_step_record(const struct plan *plan, const struct plan_step *step, struct arena *a, struct step *ret);

/* The order in which fields are written; isolation comes last. */
extern const enum iso_field plan_order[N_ISO_FIELDS];

#endif
