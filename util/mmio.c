// SPDX-License-Identifier: GPL-2.0-only
/* Mapped registers: see mmio.h. */
#include "util/mmio.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

/* Where an access that the kernel answers with SIGBUS goes on; a handler can have it from nowhere else. */
static _Thread_local sigjmp_buf after_fault;
static _Thread_local volatile sig_atomic_t is_trying;

static void bus_error(int sig)
{
	if (is_trying)
		siglongjmp(after_fault, 1);
	signal(sig, SIG_DFL);	/* not ours: the access is made again, and ends the process */
}

static bool is_taken_over;

static void take_over_sigbus(void)
{
	/* not blocked while it is handled: the handler is left by a jump */
	const struct sigaction action = { .sa_handler = bus_error, .sa_flags = SA_NODEFER };

	is_taken_over = !sigaction(SIGBUS, &action, NULL);
}

int mmio_try(void (*fn)(void *data), void *data)
{
	if (!is_taken_over)
		take_over_sigbus();
	if (sigsetjmp(after_fault, 0)) {
		is_trying = 0;
		return -EFAULT;
	}
	is_trying = 1;
	fn(data);
	is_trying = 0;
	return 0;
}

struct reading {
	const volatile uint32_t *words;
	size_t n;
	uint32_t *ret;
};

static void copy(void *data)
{
	const struct reading *r = data;

	for (size_t i = 0; i < r->n; i++)
		r->ret[i] = r->words[i];
}

int mmio_read(const volatile uint32_t *words, size_t n, uint32_t *ret)
{
	return mmio_try(copy, &(struct reading){ words, n, ret });
}

int mmio_map(int fd, uint64_t offset, size_t n, struct mmio *ret)
{
	uint64_t page = offset & ~(uint64_t)(sysconf(_SC_PAGESIZE) - 1);
	size_t size = (size_t)(offset - page) + n * sizeof(uint32_t);
	void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, (off_t)page);

	*ret = (struct mmio){ 0 };
	if (map == MAP_FAILED)
		return -errno;
	take_over_sigbus();
	*ret = (struct mmio){ map, size, (const volatile uint32_t *)map + (offset - page) / sizeof(uint32_t) };
	return 0;
}

void mmio_unmap(struct mmio *m)
{
	if (m->map)
		munmap(m->map, m->size);
	*m = (struct mmio){ 0 };
}
