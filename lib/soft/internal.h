/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the judgement share: see soft_reserved.h.  For them alone. */
#ifndef CXL_SOFT_INTERNAL_H
#define CXL_SOFT_INTERNAL_H

#include "lib/soft/soft_reserved.h"

/* The unions of a picture, computed once. */
struct soft_sets {
	struct interval_set windows;	/* W, with the committed regions */
	struct interval_set regions;	/* R */
	struct interval_set owned;	/* C */
	struct interval_set hmem;	/* H */
	struct interval_set ram, hmem_or_ram, twice;
	struct interval_set anybody;	/* C, H, RAM */
	struct interval_set usable;	/* whole memory blocks of C and H each, and RAM */
	struct interval_set said;	/* Soft Reserved by the firmware map or the command line */
	struct interval_set explained;	/* Soft Reserved in iomem, or a reason why it is not there any more */
	struct interval_set soft;	/* Soft Reserved by any source */
	const struct soft_region **committed;	/* that have addresses, by start */
	size_t n_committed;
	uint64_t *cuts;			/* where units begin, sorted */
	size_t n_cuts;
	bool ram_known;
};

int soft_sets_make(const struct soft_picture *p, struct arena *a, struct soft_sets *ret);

/* Names of what overlaps @r. */
int soft_find_evidence(const struct soft_picture *p, struct arena *a, struct soft_range *r);

/* Modifiers and bytes; may make @r's verdict worse.  */
void soft_modify(const struct soft_picture *p, const struct soft_policy *policy,
		 const struct soft_sets *s, struct soft_range *r);

#endif
