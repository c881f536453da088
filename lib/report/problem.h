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
};
extern const struct problem problems[];
extern const size_t n_problems;

/* By id; NULL when there is none. */
const struct problem *problem_by_id(const char *id);

/*
 * Why a group (a bus, a host bridge, all) leaves @rp out: it cannot isolate, or
 * there is nothing below it that could fail.  NULL: it is part of the group.
 */
const char *problem_why_left_out(const struct cxl_root_port *rp, const struct check_result *result);

#endif
