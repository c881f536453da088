// SPDX-License-Identifier: GPL-2.0-only
/* util/size.c: sizes and durations as people write and read them. */
#include "test/unit/unit.h"

#include <errno.h>

#include "util/size.h"

static void sizes_are_shown_in_both_units(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0" }, { 1, "1" }, { 1023, "1023" },
		{ 1024, "1.00 KiB (1.02 KB)" },
		{ 268435456, "256.00 MiB (268.44 MB)" },
		{ 536870912, "512.00 MiB (536.87 MB)" },
		{ 1ULL << 30, "1.00 GiB (1.07 GB)" },
		{ 137438953472, "128.00 GiB (137.44 GB)" },
		{ 1ULL << 40, "1.00 TiB (1.10 TB)" },
		{ UINT64_MAX, "16777216.00 TiB (18446744.07 TB)" },
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		assert_string_equal(size_human(cases[i].bytes, buf, sizeof(buf)), cases[i].text);
}

static void sizes_are_read_whole_or_not_at_all(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 }, { "4096", 4096 }, { "1K", 1024 }, { "512M", 512 << 20 }, { "2G", 2ULL << 30 }, { "2GiB", 2ULL << 30 },
		{ "2GB", 2000000000 }, { "1T", 1ULL << 40 }, { "1KiB", 1024 }, { "18446744073709551615", UINT64_MAX },
	};
	static const char *const bad[] = {
		"", "G", "-1", "+1", " 1", "1 G", "1.5G", "2gib", "2GiBs", "2X", "18446744073709551616", "16777216T", "0x10", "1e3",
		"000000000000000000000000001",
	};
	uint64_t v = 42;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(good); i++) {
		assert_int_equal(size_parse(good[i].text, &v), 0);
		assert_true(v == good[i].bytes);
	}
	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		if (size_parse(bad[i], &v) != -EINVAL)
			fail_msg("size_parse accepted '%s'", bad[i]);
}

static void a_short_buffer_is_not_overrun(void **state)
{
	char buf[6] = "xxxxx";

	(void)state;
	size_human(268435456, buf, 5);
	assert_string_equal(buf, "256.");
	duration_human(1500000, buf, 3);
	assert_string_equal(buf, "1.");
}

static void durations_are_shown_in_the_largest_fitting_unit(void **state)
{
	static const struct {
		uint64_t us;
		const char *text;
	} cases[] = {
		{ 0, "0 us" }, { 50, "50 us" }, { 999, "999 us" }, { 1000, "1 ms" }, { 10000, "10 ms" },
		{ 210000, "210 ms" }, { 1000000, "1 s" }, { 3500000, "3.5 s" }, { 64000000, "64 s" },
	};
	char buf[64];

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		assert_string_equal(duration_human(cases[i].us, buf, sizeof(buf)), cases[i].text);
}

static void durations_are_read_with_their_unit(void **state)
{
	static const struct {
		const char *text;
		uint64_t us;
	} cases[] = {
		{ "50us", 50 }, { "0us", 0 }, { "100ms", 100000 }, { "1s", 1000000 }, { "3.5s", 3500000 },
		{ "0.1ms", 100 }, { "64s", 64000000 }, { "1.25ms", 1250 }, { "999999999us", 999999999 },
	};
	uint64_t us;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		assert_int_equal(duration_parse(cases[i].text, &us), 0);
		if (us != cases[i].us)
			fail_msg("%s is %llu us", cases[i].text, (unsigned long long)us);
	}
}

static void what_is_no_duration_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "ms", "100", "-1ms", "+1ms", " 1ms", "1 ms", "1ms ", "1m", "1h", "1MS", "1.ms", ".5s", "1..5s",
		"1e3ms", "0x10ms", "1msx", "99999999999999999999s", "1,5s", "nan", "inf",
	};
	uint64_t us = 42;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		if (duration_parse(bad[i], &us) != -EINVAL)
			fail_msg("duration_parse accepted '%s'", bad[i]);
	assert_int_equal(us, 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_shown_in_both_units),
		cmocka_unit_test(sizes_are_read_whole_or_not_at_all),
		cmocka_unit_test(a_short_buffer_is_not_overrun),
		cmocka_unit_test(durations_are_shown_in_the_largest_fitting_unit),
		cmocka_unit_test(durations_are_read_with_their_unit),
		cmocka_unit_test(what_is_no_duration_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
