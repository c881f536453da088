// SPDX-License-Identifier: GPL-2.0-only
/* lib/model/timeout.c: the ranges of the specification and how people name them. */
#include "test/unit/unit.h"

#include <errno.h>

#include "lib/model/timeout.h"

static void the_table_is_the_specifications(void **state)
{
	/* CXL r3.2 sec 8.2.4.24.2, typed in again on purpose */
	static const struct {
		const char *name;
		unsigned int value, group;
		uint32_t min_us, max_us;
	} spec[] = {
		{ "default", 0x0, 0, 50, 10000 },
		{ "A", 0x1, 0, 50, 100 }, { "A2", 0x2, 0, 1000, 10000 },
		{ "B", 0x5, 1, 16000, 55000 }, { "B2", 0x6, 1, 65000, 210000 },
		{ "C", 0x9, 2, 260000, 900000 }, { "C2", 0xa, 2, 1000000, 3500000 },
		{ "D", 0xd, 3, 4000000, 13000000 }, { "D2", 0xe, 3, 17000000, 64000000 },
	};

	(void)state;
	assert_int_equal(n_timeout_ranges, N_ELEMENTS(spec));
	for (size_t i = 0; i < N_ELEMENTS(spec); i++) {
		const struct timeout_range *r = timeout_by_name(spec[i].name);

		assert_non_null(r);
		assert_ptr_equal(r, timeout_by_value(spec[i].value));
		assert_string_equal(r->name, spec[i].name);
		assert_int_equal(r->value, spec[i].value);
		assert_int_equal(r->min_us, spec[i].min_us);
		assert_int_equal(r->max_us, spec[i].max_us);
		if (r->value)
			assert_int_equal(r->group, spec[i].group);
	}
}

static void reserved_encodings_have_no_range(void **state)
{
	static const unsigned int reserved[] = { 3, 4, 7, 8, 0xb, 0xc, 0xf, 16, 256, 0xffffffff };

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(reserved); i++)
		assert_null(timeout_by_value(reserved[i]));
}

static void names_are_read_in_either_case_and_whole(void **state)
{
	static const char *const bad[] = { "", "E", "A1", "A3", "B22", "B2 ", " B2", "2", "6", "defaul", "0" };

	(void)state;
	assert_ptr_equal(timeout_by_name("b2"), timeout_by_name("B2"));
	assert_ptr_equal(timeout_by_name("Default"), timeout_by_name("default"));
	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		assert_null(timeout_by_name(bad[i]));
}

static void a_duration_takes_the_range_that_contains_it_or_the_next_longer(void **state)
{
	static const struct {
		const char *text, *range;
	} cases[] = {
		{ "1us", "A" }, { "50us", "A" }, { "100us", "A" }, { "101us", "A2" }, { "1ms", "A2" }, { "10ms", "A2" },
		{ "11ms", "B" }, { "16ms", "B" }, { "55ms", "B" }, { "60ms", "B2" }, { "100ms", "B2" }, { "210ms", "B2" },
		{ "220ms", "C" }, { "0.9s", "C" }, { "950ms", "C2" }, { "3.5s", "C2" }, { "3.6s", "D" }, { "13s", "D" },
		{ "14s", "D2" }, { "64s", "D2" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct timeout_request r;
		struct err err;

		assert_int_equal(timeout_parse(cases[i].text, &r, &err), 0);
		assert_int_equal(r.kind, TIMEOUT_RANGE);
		if (strcmp(r.range->name, cases[i].range))
			fail_msg("%s is %s, not %s", cases[i].text, r.range->name, cases[i].range);
	}
}

static void words_are_requests(void **state)
{
	struct timeout_request r;
	struct err err;

	(void)state;
	assert_int_equal(timeout_parse("on", &r, &err), 0);
	assert_int_equal(r.kind, TIMEOUT_ON);
	assert_int_equal(timeout_parse("off", &r, &err), 0);
	assert_int_equal(r.kind, TIMEOUT_OFF);
	assert_int_equal(timeout_parse("default", &r, &err), 0);
	assert_int_equal(r.kind, TIMEOUT_RANGE);
	assert_int_equal(r.range->value, 0);
	assert_int_equal(timeout_parse("c2", &r, &err), 0);
	assert_int_equal(r.range->value, 0xa);
	assert_int_equal(timeout_parse("auto", &r, &err), 0);
	assert_int_equal(r.kind, TIMEOUT_AUTO);
	assert_int_equal(timeout_parse("keep", &r, &err), 0);
	assert_int_equal(r.kind, TIMEOUT_KEEP);
}

static void where_only_the_timeout_is_to_change_auto_and_keep_are_no_change(void **state)
{
	static const char *const bad[] = { "auto", "keep", "" };
	struct timeout_request r;
	struct err err;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		assert_true(timeout_parse_change(bad[i], &r, &err) < 0);
		assert_int_equal(err.status, EXIT_USAGE);
		assert_non_null(strstr(err.text, "default, on or off"));
	}
	assert_int_equal(timeout_parse_change("on", &r, &err), 0);
	assert_int_equal(r.kind, TIMEOUT_ON);
	assert_int_equal(timeout_parse_change("off", &r, &err), 0);
	assert_int_equal(r.kind, TIMEOUT_OFF);
	assert_int_equal(timeout_parse_change("100ms", &r, &err), 0);
	assert_string_equal(r.range->name, "B2");
}

static void what_is_no_timeout_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "yes", "E", "B3", "6", "0", "65s", "1h", "1000000s", "0ms", "-1ms", "100", "100 ms", "B2,C", "\033[31m",
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		struct timeout_request r;
		struct err err = { 0 };

		if (timeout_parse(bad[i], &r, &err) >= 0)
			fail_msg("timeout_parse accepted '%s'", bad[i]);
		assert_int_equal(err.status, EXIT_USAGE);
		assert_true(err.text[0]);
		assert_null(strchr(err.text, '\033'));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_the_specifications),
		cmocka_unit_test(reserved_encodings_have_no_range),
		cmocka_unit_test(names_are_read_in_either_case_and_whole),
		cmocka_unit_test(a_duration_takes_the_range_that_contains_it_or_the_next_longer),
		cmocka_unit_test(words_are_requests),
		cmocka_unit_test(where_only_the_timeout_is_to_change_auto_and_keep_are_no_change),
		cmocka_unit_test(what_is_no_timeout_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
