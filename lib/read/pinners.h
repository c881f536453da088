/* SPDX-License-Identifier: GPL-2.0-only */
/* Who may have memory pinned that is to go. */
#ifndef CXL_PINNERS_H
#define CXL_PINNERS_H

#include "lib/model/host.h"

/* In words, from @a, for after a semicolon; NULL for lack of memory.  A walk of /proc. */
const char *pinners_text(const struct cxl_host *host, struct arena *a);

#endif
