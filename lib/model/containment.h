/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Containment: what a failure of a root port ends in at worst, judged for each cause
 * of a failure by itself.
 */
#ifndef CXL_CONTAINMENT_H
#define CXL_CONTAINMENT_H

#include <stdbool.h>

/* What a failure of the port ends in at worst. */
enum containment {
	CONTAINMENT_NONE,	/* the host resets at once */
	CONTAINMENT_DEBUG,	/* the host lives long enough to log, then panics or loses kernel memory */
	CONTAINMENT_CONTAIN,	/* only the users of that memory die */
	CONTAINMENT_RECOVER,	/* contained, and the port can be brought back without a reboot */
};
extern const char *const containment_names[];
int containment_parse(const char *name);	/* -1 when it is none */

/* What a failure begins with (CXL r3.2 sec 12.3). */
enum cause {
	CAUSE_MEM_LINK_DOWN,
	CAUSE_MEM_TIMEOUT,
	CAUSE_CACHE_LINK_DOWN,
	CAUSE_CACHE_TIMEOUT,
	CAUSE_PROTOCOL_ERROR,	/* uncorrectable, reported by a port or device: sec 12.2, the kernel's affair */
	N_CAUSES
};
extern const char *const cause_names[];		/* as in the output; ends with NULL */
int cause_parse(const char *name);		/* -1 when it is none */
#define CAUSE_BIT(cause) (1u << (cause))
#define CAUSES_MEM (CAUSE_BIT(CAUSE_MEM_LINK_DOWN) | CAUSE_BIT(CAUSE_MEM_TIMEOUT))
#define CAUSES_CACHE (CAUSE_BIT(CAUSE_CACHE_LINK_DOWN) | CAUSE_BIT(CAUSE_CACHE_TIMEOUT))
#define CAUSES_ALL (CAUSES_MEM | CAUSES_CACHE | CAUSE_BIT(CAUSE_PROTOCOL_ERROR))

/* Of each cause; -1 where it cannot occur, or cannot be told. */
struct containment_levels {
	int v[N_CAUSES];	/* enum containment */
	/* Nothing is below that could fail: what would be if a memory device were plugged in. */
	bool are_assumed;
};

bool containment_levels_equal(const struct containment_levels *a,
			      const struct containment_levels *b);

/*
 * The worst of @levels, and the first cause that it is so for.  A protocol error counts
 * when it is not contained: more than that is not promised of any.
 */
enum containment containment_worst(const struct containment_levels *levels);
int containment_worst_cause(const struct containment_levels *levels);

#endif
