/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The layout that options ask for: a region as it is, cut into dax devices.  From there on it
 * is like one of a policy file, whose name is LAYOUT_OF_OPTION.  Pure: over a snapshot alone.
 */
#ifndef CXL_LAYOUT_SPLIT_H
#define CXL_LAYOUT_SPLIT_H

#include "lib/model/layout_facts.h"
#include "lib/policy/layout.h"

struct layout_split {
	const char *region;	/* "region0" */
	const char *parts;	/* "NAME:SIZE[,NAME:SIZE...]", in the order of their places */
	const char *align, *mode;	/* of all of them, as in a policy file; NULL: what is so there without it */
};

/*
 * @split on the host of @facts as a layout, memory from @a.  -EINVAL or -ENODEV with @err: EXIT_USAGE for
 * what is no layout and a region that is not there, EXIT_NEGATIVE for one that no layout can be of.
 */
int layout_split(const struct layout_split *split, const struct layout_facts *facts,
		 struct arena *a, struct layout *ret, struct err *err);

#endif
