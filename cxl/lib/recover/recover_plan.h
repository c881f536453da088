/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The steps that bring a root port back: from what is there now and the recipe
 * of what was there.  Planning is pure: no I/O, no clock.
 *
 * Names in braces in the steps stand for what returns under a name that is not
 * known before: "{mem0}" (the memory device that was mem0), "{region0}" (what
 * replaces it), "{new region0}" (the name the kernel offers for it),
 * "{region0/dax}", "{region0/target1}" (an endpoint decoder).
 */
#ifndef CXL_RECOVER_PLAN_H
#define CXL_RECOVER_PLAN_H

#include "cxl/lib/change/step.h"
#include "cxl/lib/recover/recipe.h"

/* How the link is taken down, in the order of preference. */
enum link_method {
	LINK_AUTO,
	LINK_CXL_BUS,		/* the endpoint's own reset */
	LINK_FORCED,		/* it is down already, by the isolation or whatever went wrong */
	LINK_SUBORDINATE,	/* Unmask SBR, reset_subordinate: the kernel takes the link down and up in one step */
	LINK_DISABLE,		/* Unmask Link Disable, Link Disable */
	LINK_SLOT_POWER,
	LINK_NONE,		/* not at all: removal and rescan do for a port that is not isolated */
	N_LINK_METHODS
};
extern const char *const link_method_names[N_LINK_METHODS];
int link_method_parse(const char *name);	/* -1 when it is none */

struct recover_options {
	enum link_method method;
	bool rebuild;			/* make the regions again */
	bool accept_replacement;	/* another serial number will do */
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
	const char **functions;		/* PCI functions directly below the root port */
	size_t n_functions;
	bool flush;			/* the CXL bus can be asked to finish unbinding */
	int dax_autoprobe;		/* of the dax bus: 0, 1; -1 when there is no switch */
	const char *resettable;		/* the only function below, an endpoint, when its reset_method lists cxl_bus; NULL */
	const struct journal_name *made;	/* regions that an earlier try created, whatever they touch by now */
	size_t n_made;
	bool stays_masked;		/* Secondary Bus Reset or Link Disable was tried to be unmasked in vain */
	bool subordinate;		/* the root port has reset_subordinate, as on Linux 6.12 */
	const char *slot;		/* name of the hotplug slot below the port that has a power switch; NULL */
};

struct recover_plan {
	struct step *steps;
	size_t n;
};

/* *@ret: @wanted, or with LINK_AUTO the first that @rp offers.  NULL, or why not. */
const char *recover_link_method(const struct cxl_root_port *rp, const struct recover_facts *facts, enum link_method wanted,
				enum link_method *ret);

/* Is @method masked in @rp's DVSEC 3?  Whether the port lets it through shows only when it is tried. */
bool link_method_is_masked(const struct cxl_root_port *rp, enum link_method method);

/* Is there something below @rp that a recovery would put right although it is not isolated? */
bool recover_is_broken(const struct cxl_host *host, const struct cxl_root_port *rp);

/* @method: one that @rp offers.  -ENOMEM or 0; memory from @a. */
int recover_plan_make(const struct cxl_host *host, const struct cxl_root_port *rp, const struct recipe *recipe,
		      const struct recover_facts *facts, const struct recover_options *options, enum link_method method,
		      struct arena *a, struct recover_plan *ret);

/* Only the first part: no region of @rp is left, none of its devices has a driver.  @recipe: NULL when it is not known. */
int recover_plan_fence(const struct cxl_host *host, const struct cxl_root_port *rp, const struct recipe *recipe,
		       const struct recover_facts *facts, struct arena *a, struct recover_plan *ret);

/* The default of recover_options.timeout_us. */
#define RECOVER_TIMEOUT_US 30000000ull

#endif
