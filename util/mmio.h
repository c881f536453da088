/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers that are mapped: read in exact 32-bit accesses, also where the device behind
 * them is gone by now; and memory that may be.  The kernel answers that with SIGBUS, which ends
 * a process.
 */
#ifndef UTIL_MMIO_H
#define UTIL_MMIO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct mmio {
	void *map;	/* NULL: there is none */
	size_t size;
	const volatile uint32_t *words;
};

/* Map @n words from @offset, a multiple of four, of @fd, to be read only.  -errno. */
int mmio_map(int fd, uint64_t offset, size_t n, struct mmio *ret);
void mmio_unmap(struct mmio *m);

/*
 * Call @fn: 0, or -EFAULT where what it touched answered with SIGBUS, after which it did no more.
 * Takes over SIGBUS for the process; one that comes from elsewhere ends it as ever.
 */
int mmio_try(void (*fn)(void *data), void *data);

/* Copy @n words; -EFAULT, with some of them copied, when there is nothing behind the mapping any more. */
int mmio_read(const volatile uint32_t *words, size_t n, uint32_t *ret);

#endif
