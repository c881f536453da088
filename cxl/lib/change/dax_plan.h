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

/* Blocks that are to be online, and what brings them there. */
struct dax_blocks {
	struct dax_block {
		uint64_t number;
		const char *word;	/* "online_movable", of an attribute's values */
	} *v;
	size_t n;
};

/* What brings a block into @zone (NULL: not known). */
const char *dax_online_word(const char *zone);

/* Add to @plan; memory from @a.  -ENOMEM or 0.  What is so already gets no step. */

/* Every online block of the device offline; each may take @timeout_us. */
int dax_plan_offline(const struct dax_view *view, const struct dax_facts *f, uint64_t timeout_us, struct arena *a,
		     struct dax_plan *plan);
/* Device-dax, and no struct pages on itself. */
int dax_plan_devdax(const struct dax_facts *f, struct arena *a, struct dax_plan *plan);
/* No driver, and no struct pages on itself when it gets kmem. */
int dax_plan_unbound(const struct dax_facts *f, struct arena *a, struct dax_plan *plan);
/*
 * kmem's again, @blocks of it online; NULL: all, movable.  @driver: what the steps before
 * leave it with.  With @memmap its struct pages go on itself, where the kernel does that.
 */
int dax_plan_system_ram(const struct dax_view *view, const struct dax_facts *f, const char *driver, bool memmap,
			const struct dax_blocks *blocks, struct arena *a, struct dax_plan *plan);
/* No System RAM any more: @mode is DAX_DEVDAX or DAX_UNBOUND.  @memmap as above. */
int dax_plan_back(const struct dax_view *view, const struct dax_facts *f, enum dax_mode mode, bool memmap,
		  uint64_t timeout_us, struct arena *a, struct dax_plan *plan);

/* One more step of the caller's own; -ENOMEM also when its title or path is NULL. */
int dax_plan_add(struct dax_plan *plan, struct arena *a, const struct dax_facts *f, struct step step);

#endif
