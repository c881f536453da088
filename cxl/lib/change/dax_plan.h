/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking dax memory to another use, as steps.  Pure: no I/O, no clock; from what
 * dax_view_read() found.
 */
#ifndef CXL_DAX_PLAN_H
#define CXL_DAX_PLAN_H

#include "cxl/lib/change/step.h"
#include "cxl/lib/snapshot/dax.h"

struct dax_plan {
	struct step *steps;
	const struct dax_facts **owner;	/* per step: whose it is */
	size_t n, capacity;
	size_t n_state;		/* the caller's: the first ones, which are about the device itself */
};

/* Add to @plan; memory from @a.  -ENOMEM or 0.  What is so already gets no step. */

/* Every online block of the device offline; each may take @timeout_us. */
int dax_plan_offline(const struct dax_view *view, const struct dax_facts *f, uint64_t timeout_us, struct arena *a,
		     struct dax_plan *plan);
/* Device-dax, and no struct pages on itself. */
int dax_plan_devdax(const struct dax_facts *f, struct arena *a, struct dax_plan *plan);
/* No driver, and no struct pages on itself when it gets kmem. */
int dax_plan_unbound(const struct dax_facts *f, struct arena *a, struct dax_plan *plan);
/*
 * kmem's again, all of it online and movable.  @driver: what the steps before leave
 * it with.  With @memmap its struct pages go on itself, where the kernel does that.
 */
int dax_plan_system_ram(const struct dax_view *view, const struct dax_facts *f, const char *driver, bool memmap,
			struct arena *a, struct dax_plan *plan);

/* One more step of the caller's own; -ENOMEM also when its title or path is NULL. */
int dax_plan_add(struct dax_plan *plan, struct arena *a, const struct dax_facts *f, struct step step);

#endif
