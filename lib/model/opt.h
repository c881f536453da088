/* SPDX-License-Identifier: GPL-2.0-only */
/* What may be unknown, since an attribute is missing or cannot be read. */
#ifndef CXL_OPT_H
#define CXL_OPT_H

#include <stdbool.h>
#include <stdint.h>

struct opt_u64 {
	bool known;
	uint64_t v;
};

/* A yes or no that may be unknown. */
enum tri { TRI_UNKNOWN = -1, TRI_NO = 0, TRI_YES = 1 };

static inline enum tri tri_of(bool b)
{
	return b ? TRI_YES : TRI_NO;
}

#endif
