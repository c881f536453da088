// SPDX-License-Identifier: GPL-2.0-only
/* lib/report/impact.c: lines of /proc/PID/numa_maps, also those that are none. */
#include "test/unit/unit.h"

#include "lib/report/impact.h"

static void pages_count_by_node_and_page_size(void **state)
{
	static const struct {
		const char *line;
		uint64_t bytes[3];
	} cases[] = {
		{ "00400000 default file=/usr/bin/cat mapped=8 N0=8 kernelpagesize_kB=4\n", { 8 << 12, 0, 0 } },
		{ "7f00 bind:1-2 anon=7 dirty=7 N1=3 N2=4 kernelpagesize_kB=4\n", { 0, 3 << 12, 4 << 12 } },
		{ "7f00 default huge anon=2 N2=2 kernelpagesize_kB=2048\n", { 0, 0, 4 << 20 } },
		{ "7f00 default N3=9 N1023=9 N4294967296=9 kernelpagesize_kB=4\n", { 0, 0, 0 } },
		{ "7f00 default\n", { 0, 0, 0 } },
		{ "7f00 default N1=5\n", { 0, 0, 0 } },
		{ "7f00 default N1=x N=5 N1 = kernelpagesize_kB=4\n", { 0, 0, 0 } },
		{ "7f00 default N1=5 kernelpagesize_kB=\n", { 0, 0, 0 } },
		{ "7f00 default file=/tmp/a\\040N1\\075999 mapped=1 N0=1 kernelpagesize_kB=4\n", { 1 << 12, 0, 0 } },
		{ "", { 0, 0, 0 } }, { "\n", { 0, 0, 0 } }, { " N", { 0, 0, 0 } }, { " kernelpagesize_kB=4", { 0, 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		uint64_t bytes[3] = { 0 };

		impact_add_numa_line(cases[i].line, bytes, 3);
		assert_memory_equal(bytes, cases[i].bytes, sizeof(bytes));
	}
}

static void lines_add_up(void **state)
{
	uint64_t bytes[2] = { 0 };

	(void)state;
	impact_add_numa_line("a default N1=1 kernelpagesize_kB=4", bytes, 2);
	impact_add_numa_line("b default N0=1 N1=2 kernelpagesize_kB=4", bytes, 2);
	assert_true(bytes[0] == 4096 && bytes[1] == 3 * 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_count_by_node_and_page_size),
		cmocka_unit_test(lines_add_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
