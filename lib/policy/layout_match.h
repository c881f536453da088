/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The layout that is wanted against what the host has: what is missing, as wanted or
 * different, and what is there beside it.  A region is known again by the memory
 * devices it is made of, a dax device by its region and its place in that, neither by
 * its number.  Pure: over a snapshot alone.
 */
#ifndef CXL_LAYOUT_MATCH_H
#define CXL_LAYOUT_MATCH_H

#include "lib/policy/layout_resolve.h"

enum layout_state {
	LAYOUT_AS_WANTED,
	LAYOUT_MISSING,
	LAYOUT_DIFFERENT,	/* .differences says in what */
	LAYOUT_UNTOLD,		/* something of it cannot be read, and nothing that can differs */
};

/* How a difference goes away. */
enum layout_way {
	WAY_ATTRIBUTE,	/* owner, group and mode of a file: whoever uses it need not notice */
	WAY_DRIVER,	/* another driver, or one at all: nobody may use it meanwhile */
	WAY_REMAKE,	/* it is destroyed and made anew, and what is in it is lost */
};

struct layout_difference {
	const char *setting;	/* the key's name, or "state" of a region: "enabled" is wanted */
	const char *wanted, *is;	/* .is NULL: it cannot be read */
	unsigned int line;	/* in the file, of the key or its section */
	enum layout_way way;
};

struct layout_differences {
	struct layout_difference *v;
	size_t n;
};

struct region_match {
	const struct wanted_region *wanted;	/* .is: what is there */
	enum layout_state state;
	struct layout_differences differences;
};

struct dax_match {
	const struct wanted_dax *wanted;
	const struct cxl_dax *is;	/* NULL: nothing begins there, or it cannot be told */
	enum tri is_online;	/* of System RAM with its driver: all of it; making a layout does not see to that */
	enum layout_state state;
	struct layout_differences differences;
};

/* Of no section, and beside one. */
struct layout_foreign {
	const struct wanted_region *beside;
	const struct cxl_region *region;	/* shares a memory device with it, and stays; NULL: it is a device: */
	const struct cxl_dax *dax;	/* in that region, of which the file has devices */
	const struct wanted_dax *in_the_way_of;	/* it is where this one shall be; NULL: it is in nobody's way */
};

struct layout_matches {
	const struct wanted_layout *wanted;
	struct region_match *regions;	/* as wanted->regions[] */
	struct dax_match *dax;		/* as wanted->dax[] */
	struct layout_foreign *foreign;
	size_t n_foreign;
};

/* -ENOMEM or 0; memory from @a. */
int layout_match(const struct wanted_layout *wanted, const struct layout_facts *facts,
		 struct arena *a, struct layout_matches *ret);

/* It is not there, or is to have other memory. */
bool layout_dax_is_cut(const struct dax_match *d);

/* Everything is as wanted. */
bool layout_is_made(const struct layout_matches *m);

/* What of a region we may have made. */
enum layout_claim {
	CLAIM_REGION,	/* itself */
	CLAIM_DEVICES,	/* at least the dax devices in it */
};

/*
 * May the host be made so?  -EINVAL with @err (EXIT_NEGATIVE), a sentence with file and line, where
 * what differs is in use or locked, or something else would be destroyed that others made: a region
 * that is to be made anew and for which @is_ours (NULL: of none) does not say yes, a dax device that
 * is to have other memory.  Devices of ours, and the one that the kernel made with its region, may go.
 */
int layout_may_make(const struct layout_matches *m, const struct cxl_host *host,
		    bool (*is_ours)(const struct cxl_region *r, enum layout_claim of, void *data),
		    void *data, struct err *err);

#endif
