/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A change of isolation as data: ordered writes with what is expected before
 * and after each.  Dry run, execution, output and tests walk the same array.
 * Planning is pure: no I/O, no clock.
 */
#ifndef CXL_PLAN_H
#define CXL_PLAN_H

#include "lib/iso/backend.h"
#include "lib/model/host.h"
#include "lib/model/timeout.h"
#include "lib/txn/setting_step.h"

struct plan {
	struct step *steps;	/* step_attribute and step_register, each with its struct setting; */
	size_t n;		/* as the kernel describes itself: what else changes is found by reading back */
	unsigned int shown;	/* 1 << enum iso_field: CXL.mem's three settings, and what else it writes */
	bool registers;		/* register writes are allowed, and read back */
	struct iso_control before, goal;	/* of the root port */
};

/* Add what @request asks of CXL.mem's timeout, or of CXL.cache's, to @goal: all but TIMEOUT_AUTO. */
void plan_goal_timeout(struct iso_control *goal, const struct timeout_request *request, bool cache);

/*
 * TIMEOUT_AUTO: switch the timeout on in @goal where the port has it and it is off, at
 * the range that is set; where that is the default, at the first of B2, C, A2 and D that
 * the port supports.  What cannot be read stays as it is.
 */
void plan_goal_auto(struct iso_control *goal, const struct iso_state *iso, bool cache);

/*
 * The writes that take @rp to @goal (-1: the field stays as it is), in the
 * order that ends right on every known kernel: what switches isolation off,
 * ranges, timeout enables, what else there is, isolation enables.  Some kernels
 * clear the enables when a range is written, so they follow it even where they
 * are to stay; execution skips what is already so.  With @registers fields that
 * have no kernel attribute are written by register.  No step: nothing is to
 * change.  -ENOMEM or 0; memory from @a.
 */
int plan_make(const struct cxl_root_port *rp, const struct iso_control *goal, bool registers,
	      struct arena *a, struct plan *ret);

/*
 * What @goal ends in on a kernel with ISO_QUIRK_CLEARS_OTHERS, whose write of a range clears the
 * whole control register: settings without an attribute of the kernel's are lost with it,
 * unless registers may be written.  -1: the field stays.
 */
struct iso_control plan_goal_effect(const struct iso_state *iso, const struct iso_control *goal,
				    bool registers);

/* Does @plan leave everything as it is? */
bool plan_is_empty(const struct plan *plan);

/* One step that sets @field; its expectations are left to the caller.  -ENOMEM or 0. */
int plan_step_init(const struct cxl_root_port *rp, enum iso_field field, int value, struct arena *a,
		   struct step *ret);

/* The order in which fields are written; isolation comes last. */
extern const enum iso_field plan_order[N_ISO_FIELDS];

#endif
