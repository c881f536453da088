// SPDX-License-Identifier: GPL-2.0-only
/* A pattern written to memory and read back: see pattern.h. */
#include "lib/txn/pattern.h"

#include "util/mmio.h"

static void fence(void)
{
#if defined(__x86_64__)
	__builtin_ia32_mfence();
#elif defined(__aarch64__)
	__asm__ volatile("dsb sy" : : : "memory");
#endif
}

static void flush_line(const volatile uint64_t *word)
{
#if defined(__x86_64__)
	__builtin_ia32_clflush((const void *)(uintptr_t)word);
#elif defined(__aarch64__)
	__asm__ volatile("dc civac, %0" : : "r"(word) : "memory");
#else
	(void)word;
#endif
}

/* No two words of it are the same, so that an address that answers for another one is found, too. */
static uint64_t value_of(size_t granule)
{
	return (granule + 1) * 0x9e3779b97f4a7c15ull;
}

static void flush_all(volatile uint64_t *p, size_t n, pattern_flush flush)
{
	fence();
	for (size_t i = 0; i < n; i++)
		flush(&p[pattern_word(i)]);
	fence();
}

bool pattern_is_kept(volatile uint64_t *p, size_t size, pattern_flush flush)
{
	/* the second is the complement of the first */
	static const uint64_t masks[] = { 0, ~0ull };
	size_t n = size / PATTERN_GRANULE;

	for (size_t m = 0; m < 2; m++) {
		for (size_t i = 0; i < n; i++)
			p[pattern_word(i)] = value_of(i) ^ masks[m];
		flush_all(p, n, flush);
		for (size_t i = 0; i < n; i++)
			if (p[pattern_word(i)] != (value_of(i) ^ masks[m]))
				return false;
	}
	for (size_t i = 0; i < n; i++)
		p[pattern_word(i)] = 0;
	flush_all(p, n, flush);
	return true;
}

struct memory {
	volatile uint64_t *p;
	size_t size;
	bool is_good;
};

static void ask(void *data)
{
	struct memory *m = data;

	m->is_good = pattern_is_kept(m->p, m->size, flush_line);
}

bool pattern_is_survived(volatile uint64_t *p, size_t size)
{
	struct memory m = { .p = p, .size = size };

	return !mmio_try(ask, &m) && m.is_good;
}
