/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a policy is about and is not on a host yet, and a layout without what needs that:
 * pure, over a snapshot.
 */
#ifndef CXL_ABSENT_H
#define CXL_ABSENT_H

#include "lib/policy/policy.h"
#include "lib/read/host_read.h"

struct absent {
	unsigned int line;	/* of the policy */
	const char *what;	/* "no memory device has serial number 0x1001", "mem1 (0000:0e:00.0) has no driver" */
};

struct absents {
	struct absent *v;
	size_t n;
};

/*
 * Of the sections for root ports: what they name and is not there.  Where they are about
 * groups, also PCI functions that are memory devices, and no driver has made one of yet.
 * Memory from @a.  -ENOMEM or 0.
 */
int absent_for_sections(const struct policy *p, const struct cxl_host *host,
			const struct memory_functions *functions, struct arena *a,
			struct absents *ret);

/*
 * @l without the regions, and their dax devices, that need a memory device which is not
 * there or not ready: @ret, and in @ret_absent what that is.  A region that would take
 * what such a one leaves of a memory device is left out, too.  @ret may be @l.  Memory from @a.  -ENOMEM or 0.
 */
int layout_leave_out(const struct layout *l, const struct cxl_host *host,
		     const struct memory_functions *functions, struct arena *a, struct layout *ret,
		     struct absents *ret_absent);

#endif
