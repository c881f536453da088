// SPDX-License-Identifier: GPL-2.0-only
/* Memory that is there before it is needed: see reserve.h. */
#include "util/reserve.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void memory_reserve(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	volatile char *p;

	/* everything from the heap, and the heap keeps what it has */
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, -1);
	p = malloc(bytes);
	/* a byte of each page: the rest is the kernel's to clear, and takes as long again */
	for (size_t i = 0; p && i < bytes; i += page)
		p[i] = 1;
	free((void *)(uintptr_t)p);
	/* not permitted: then it may be paged out, but it is there */
	if (mlockall(MCL_CURRENT))
		return;
}
