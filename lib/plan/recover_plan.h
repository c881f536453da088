/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The steps that bring a root port back: from what is there now and the recipe
 * of what was there.  Planning is pure: no I/O, no clock.
 *
 * Names in braces in the steps stand for what returns under a name that is not
 * known before: "{mem0}" (the memory device that was mem0), "{region0}" (what
 * replaces it), "{new region0}" (the name the kernel offers for it),
 * "{region0/dax}", "{region0/dax1}" (the second of what it is cut into), "{region0/range
 * OFFSET+SIZE}" (a part of its memory), "{region0/target1}" (an endpoint decoder).
 */
#ifndef CXL_RECOVER_PLAN_H
#define CXL_RECOVER_PLAN_H

#include "lib/model/dax.h"
#include "lib/model/link_ways.h"
#include "lib/plan/recipe.h"
#include "lib/txn/step.h"

struct recover_options {
	enum link_method method;
	bool rebuild;			/* make the regions again */
	bool accept_replacement;	/* another serial number will do */
	bool with_neighbours;		/* regions in the way are taken down, too, and made again */
	bool accept_move;		/* a region may come back at another place of its window */
	bool says_users, says_grace;	/* the next two were asked for; else the policy may say them */
	enum users_end users;		/* with their time after SIGTERM; in a journal as its step */
	uint64_t users_grace_us;
	const char *driver_consent;	/* of the accelerator's driver; NULL: as the policy says, and in a journal as its recipe */
	uint64_t timeout_us;		/* for the link, and for each device, to return */
};

/* What an object is called that was created or returned: "region0" is "region3". */
#define JOURNAL_LEFT "left"	/* the key of a region of an earlier try, which is to go */
struct journal_name {
	const char *key;
	char name[64];
};

/* Is @r one that an earlier try created, which @names tell? */
bool recover_is_half_made(const struct journal_name *names, size_t n, const struct cxl_region *r);

/* What the plan depends on beside the snapshot. */
struct recover_facts {
	bool flush;			/* the CXL bus can be asked to finish unbinding */
	int dax_autoprobe;		/* of the dax bus: 0, 1; -1 when there is no switch */
	bool has_memmap;		/* the kernel can put struct pages on added memory itself; else memmap_on_memory is 0 for good */
	const char *auto_online;	/* what the kernel does with new memory: "online_movable"; NULL: nothing, or not known */
	const struct journal_name *made;	/* regions that an earlier try created, whatever they touch by now */
	size_t n_made;
	bool stays_masked;		/* Secondary Bus Reset or Link Disable was tried to be unmasked in vain */
};

struct recover_plan {
	struct step *steps;
	size_t n;
};

/* *@ret: @wanted, or with LINK_AUTO the first that @rp offers, whose ways link_ways_read() read.  NULL, or why not. */
const char *recover_link_method(const struct cxl_root_port *rp, const struct recover_facts *facts,
				enum link_method wanted, enum link_method *ret);

/* Is there something below @rp that a recovery would put right although it is not isolated? */
bool recover_is_broken(const struct cxl_host *host, const struct cxl_root_port *rp);

/* @method: one that @rp offers.  -ENOMEM or 0; memory from @a. */
int recover_plan_make(const struct cxl_host *host, const struct cxl_root_port *rp,
		      const struct recipe *recipe, const struct recover_facts *facts,
		      const struct recover_options *options, enum link_method method,
		      struct arena *a, struct recover_plan *ret);

/* Does it end virtual functions?  That waits for whoever has one by VFIO. */
bool recover_ends_virtual(const struct step *step);

/* Only the first part: no region of @rp is left, none of its devices has a driver; neighbours that are whole stay.
 * @recipe: NULL when it is not known. */
int recover_plan_fence(const struct cxl_host *host, const struct cxl_root_port *rp,
		       const struct recipe *recipe, const struct recover_facts *facts,
		       struct arena *a, struct recover_plan *ret);

/* The default of recover_options.timeout_us. */
#define RECOVER_TIMEOUT_US 30000000ull

#endif
