// SPDX-License-Identifier: GPL-2.0-only
/* Memory that does not keep what is written to it is found, whatever part of it that is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/txn/pattern.h"

enum { SIZE = 2 << 20, N_WORDS = SIZE / sizeof(uint64_t) };

static uint64_t memory[N_WORDS], behind[N_WORDS];
static size_t ways, granularity, dead;

/* What a cache line of dead memory holds when it comes back from the device. */
static uint64_t *writable(const volatile uint64_t *word)
{
	return (uint64_t *)(uintptr_t)word;
}

static size_t target_of(const volatile uint64_t *word)
{
	return (size_t)((const char *)(uintptr_t)word - (const char *)memory) / granularity % ways;
}

static void keeps(const volatile uint64_t *word)
{
	(void)word;
}

static void one_target_reads_zero(const volatile uint64_t *word)
{
	if (target_of(word) == dead)
		*writable(word) = 0;
}

static void one_target_reads_ones(const volatile uint64_t *word)
{
	if (target_of(word) == dead)
		*writable(word) = ~0ull;
}

/* As it was, for ever: writes are lost. */
static void one_target_loses_writes(const volatile uint64_t *word)
{
	if (target_of(word) == dead)
		*writable(word) = behind[word - memory];
}

/* An address line that is not there: two halves are one. */
static void both_halves_are_one(const volatile uint64_t *word)
{
	size_t at = (size_t)(word - memory), other = at ^ (N_WORDS / 2);

	memory[at < other ? other : at] = memory[at < other ? at : other] = *word;
}

static void whatever_the_interleaving_each_dead_target_is_found(void **state)
{
	static const pattern_flush kinds[] = {
		one_target_reads_zero, one_target_reads_ones, one_target_loses_writes,
	};

	(void)state;
	for (ways = 1; ways <= 16; ways = ways == 2 ? 3 : ways == 3 ? 4 : ways * 2) {
		for (granularity = 256; granularity <= 16384; granularity *= 4) {
			for (dead = 0; dead < ways; dead++) {
				for (size_t k = 0; k < 3; k++) {
					memset(behind, 0x5a, sizeof(behind));
					memcpy(memory, behind, sizeof(memory));
					if (pattern_is_kept(memory, SIZE, kinds[k]))
						fail_msg("target %zu of %zu at %zu: kind %zu is not found", dead, ways, granularity, k);
				}
			}
		}
	}
	assert_false(pattern_is_kept(memory, SIZE, both_halves_are_one));
}

static void memory_that_keeps_it_is_good_and_the_rest_of_it_is_left_alone(void **state)
{
	size_t zeros = 0, places[PATTERN_WORDS] = { 0 };

	(void)state;
	memset(memory, 0xff, sizeof(memory));
	assert_true(pattern_is_kept(memory, SIZE, keeps));
	for (size_t i = 0; i < N_WORDS; i++) {
		assert_true(!memory[i] || memory[i] == ~0ull);
		zeros += !memory[i];
		places[i % PATTERN_WORDS] += !memory[i];
	}
	assert_int_equal(zeros, SIZE / PATTERN_GRANULE);
	for (size_t i = 0; i < PATTERN_WORDS; i++)
		assert_int_equal(places[i], SIZE / PATTERN_GRANULE / PATTERN_WORDS);
}

static void memory_that_answers_with_an_error_is_survived(void **state)
{
	void *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = memfd_create("short", MFD_CLOEXEC);
	void *none = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	(void)state;
	assert_true(p != MAP_FAILED && fd >= 0 && none != MAP_FAILED);
	assert_true(pattern_is_survived(p, SIZE));
	/* a file that ends before it: SIGBUS */
	assert_false(pattern_is_survived(none, SIZE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_the_interleaving_each_dead_target_is_found),
		cmocka_unit_test(memory_that_keeps_it_is_good_and_the_rest_of_it_is_left_alone),
		cmocka_unit_test(memory_that_answers_with_an_error_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
