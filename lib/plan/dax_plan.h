/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking dax memory to another use, as steps.  Pure: no I/O, no clock; from what
 * dax_view_read() found.
 */
#ifndef CXL_DAX_PLAN_H
#define CXL_DAX_PLAN_H

#include "lib/model/dax_facts.h"
#include "lib/txn/step.h"

struct dax_plan {
	struct step *steps;
	const struct dax_facts **owner;	/* per step: whose it is */
	size_t n, capacity;
	/* the caller's: */
	size_t n_before;	/* the first ones, before isolation is switched on above it; */
	size_t n_state;		/* those, and what else is about the device itself */
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

/* Every online block of the device offline that is none of @stay (NULL: all); each may take @timeout_us. */
int dax_plan_offline(const struct dax_view *view, const struct dax_facts *f,
		     const struct dax_blocks *stay, uint64_t timeout_us, struct arena *a,
		     struct dax_plan *plan);
/* All of it at once by the file state, unless dax_no_unplug(); that may take @timeout_us. */
int dax_plan_unplug(const struct dax_facts *f, uint64_t timeout_us, struct arena *a,
		    struct dax_plan *plan);
/* Would kmem put struct pages on it, and can that be switched off? */
bool dax_has_memmap_to_clear(const struct dax_view *view, const struct dax_facts *f);
/* Device-dax, or as @mode DAX_FAMFS a file system's, and no struct pages on itself when it gets kmem. */
int dax_plan_devdax(const struct dax_view *view, const struct dax_facts *f, enum dax_mode mode,
		    struct arena *a, struct dax_plan *plan);
/* No driver, and no struct pages on itself when it gets kmem. */
int dax_plan_unbound(const struct dax_view *view, const struct dax_facts *f, struct arena *a,
		     struct dax_plan *plan);
/*
 * kmem's again, @blocks of it online; NULL: all, movable.  @driver: what the steps before
 * leave it with.  With @memmap its struct pages go on itself, where the kernel does that.
 */
int dax_plan_system_ram(const struct dax_view *view, const struct dax_facts *f, const char *driver,
			bool memmap, const struct dax_blocks *blocks, struct arena *a,
			struct dax_plan *plan);
/* kmem's, if it is not, and all of it online, movable, by the file state. */
int dax_plan_plug(const struct dax_facts *f, const char *driver, struct arena *a,
		  struct dax_plan *plan);
/*
 * What it was: @mode, of System RAM @blocks online and no others, each in its zone.  @memmap:
 * its attribute was 1; that alone may take System RAM offline, since kmem has to let it go.
 */
int dax_plan_back(const struct dax_view *view, const struct dax_facts *f, enum dax_mode mode,
		  bool memmap, const struct dax_blocks *blocks, uint64_t timeout_us,
		  struct arena *a, struct dax_plan *plan);

/* One more step of the caller's own; -ENOMEM also when its title or path is NULL. */
int dax_plan_add(struct dax_plan *plan, struct arena *a, const struct dax_facts *f,
		 struct step step);

#endif
