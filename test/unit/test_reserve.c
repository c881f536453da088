// SPDX-License-Identifier: GPL-2.0-only
/* util/reserve.c: what was reserved is there, and needs nothing more of the kernel. */
#include "test/unit/unit.h"

#include <malloc.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "util/reserve.h"

enum { BYTES = 8 << 20 };

static void what_is_reserved_is_used_without_asking_the_kernel(void **state)
{
	static void *pieces[512];
	const char *end;
	size_t before;

	(void)state;
	memory_reserve(BYTES);
	end = sbrk(0);
	before = mallinfo2().hblks;	/* pieces that malloc() mapped */
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < N_ELEMENTS(pieces); i++) {
			pieces[i] = calloc(1, 1 + i * 29);
			assert_non_null(pieces[i]);
		}
		free(pieces[0]);
		pieces[0] = malloc(BYTES / 4);	/* larger than what is mapped on its own otherwise */
		assert_non_null(pieces[0]);
		for (size_t i = 0; i < N_ELEMENTS(pieces); i++)
			free(pieces[i]);
	}
	assert_ptr_equal(sbrk(0), end);
	assert_int_equal(mallinfo2().hblks, before);
}

static long faults(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_minflt;
}

static void what_is_reserved_is_there_before_it_is_written(void **state)
{
	long before;
	char *p;

	(void)state;
#if defined(__SANITIZE_ADDRESS__)
	skip();	/* its malloc() is another one */
#endif
	memory_reserve(BYTES);
	before = faults();
	p = malloc(BYTES / 2);
	assert_non_null(p);
	memset(p, 1, BYTES / 2);
	assert_int_equal(p[BYTES / 2 - 1], 1);
	assert_true(faults() - before < 16);	/* of 1,024 pages */
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_reserved_is_used_without_asking_the_kernel),
		cmocka_unit_test(what_is_reserved_is_there_before_it_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
