/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is wrong with a root port now, as `isolation-status -x` lists it: pure
 * functions over the snapshot and the findings of the checks.
 */
#ifndef CXL_PROBLEM_H
#define CXL_PROBLEM_H

#include "lib/check/check.h"

struct problem {
	const char *id;		/* stable: scripts match on it */
	const char *title;
	const char *next;	/* the command that helps, its root port left out; NULL: none does for sure */
	const char *next_end;	/* what stands behind the root port in it; NULL: nothing */
	bool (*applies)(const struct cxl_root_port *rp, const struct check_result *result);
	/* what is said otherwise of this root port: where it is about CXL.cache; NULL: nothing */
	void (*say)(const struct cxl_root_port *rp, const struct check_result *result,
		    struct problem *ret);
};
extern const struct problem problems[];
extern const size_t n_problems;

/* By id, in the words for @rp; without an id when there is none. */
struct problem problem_of(const char *id, const struct cxl_root_port *rp,
			  const struct check_result *result);

/* What to type about it, with the names of this host; NULL: nothing helps for sure, or no memory. */
const char *problem_next(const struct problem *p, const struct cxl_host *host,
			 const struct cxl_root_port *rp);

/* Root port @name, and those that a region ties to it, for a command: one alone is refused. */
const char *root_port_with_tied(const struct cxl_host *host, const char *name);

/*
 * Why a group (a bus, a host bridge, all) leaves @rp out: it cannot isolate, or
 * there is nothing below it that could fail.  NULL: it is part of the group.
 */
const char *problem_why_left_out(const struct cxl_root_port *rp, const struct check_result *result);

#endif
