// SPDX-License-Identifier: GPL-2.0-only
/* Memory that is there before it is needed: see reserve.h. */
#include "util/reserve.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void memory_reserve(size_t bytes)
{
	char *p;

	/* everything from the heap, and the heap keeps what it has */
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, -1);
	p = malloc(bytes);
	if (p) {
		memset(p, 1, bytes);
		__asm__ volatile("" : : "r"(p) : "memory");
		free(p);
	}
	/* not permitted: then it may be paged out, but it is there */
	if (mlockall(MCL_CURRENT))
		return;
}
