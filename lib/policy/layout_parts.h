/* SPDX-License-Identifier: GPL-2.0-only */
/* For the files that resolve a layout on a host (layout_resolve.h): the steps, in their order. */
#ifndef CXL_LAYOUT_PARTS_H
#define CXL_LAYOUT_PARTS_H

#include "lib/policy/layout_resolve.h"

struct resolve {
	const struct layout_facts *facts;
	const struct cxl_host *host;
	struct arena *a;
	struct wanted_layout *ret;
};

/* -EINVAL with @err; @remedy: what to do, NULL: that is said already. */
#define REFUSE_HERE(r, line, status, remedy, err, ...) \
	policy_refuse_here((r)->ret->layout->file, line, status, remedy, err, __VA_ARGS__)

/* layout_devices.c: memory devices, root decoder and granularity of each region, and which region is made of them now. */
int layout_find_devices(const struct resolve *r, struct err *err);
/* layout_place.c: size and place of each region, and in which order they are made. */
int layout_place_regions(const struct resolve *r, struct err *err);

#endif
