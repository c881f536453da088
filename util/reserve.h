/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory for work that must not fail half way for want of it. */
#ifndef UTIL_RESERVE_H
#define UTIL_RESERVE_H

#include <stddef.h>

/*
 * Have @bytes of heap ready for what this process allocates from now on: asked
 * of the kernel, touched, kept when freed, and with everything else of the
 * process locked in memory where that is permitted.
 */
void memory_reserve(size_t bytes);

#endif
