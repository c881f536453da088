// SPDX-License-Identifier: GPL-2.0-only
/* util/parse.c, util/json_read.c: numbers, names and JSON that somebody else wrote. */
#include "test/unit/unit.h"

#include <errno.h>

#include "util/array.h"
#include "util/json_read.h"
#include "util/parse.h"

static void numbers_are_read_whole(void **state)
{
	static const struct {
		const char *text;
		uint64_t v;
	} good[] = {
		{ "0", 0 }, { "1", 1 }, { "007", 7 }, { "268435456", 268435456 },
		{ "0x0", 0 }, { "0x1001", 0x1001 }, { "0XfF", 0xff },
		{ "18446744073709551615", UINT64_MAX }, { "0xffffffffffffffff", UINT64_MAX },
	};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(good); i++) {
		v = 42;
		assert_int_equal(parse_u64(good[i].text, &v), 0);
		assert_true(v == good[i].v);
	}
}

static void anything_beside_a_number_is_refused(void **state)
{
	static const char *const bad[] = {
		"", " ", " 1", "1 ", "+1", "-1", "-0", "0x", "0x-1", "0x 1", "0x+1", "1\n", "1k",
		"1.5", "0x0x1", "ten", "0xg", "1\x01", "\xff", "a", "0b1",
	};
	uint64_t v = 42;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		if (parse_u64(bad[i], &v) != -EINVAL)
			fail_msg("parse_u64 accepted '%s'", bad[i]);
		assert_int_equal(v, 42);
	}
}

static void numbers_that_do_not_fit_are_refused(void **state)
{
	char hundred[101];
	uint64_t v = 42;

	(void)state;
	memset(hundred, '9', 100);
	hundred[100] = '\0';
	assert_int_equal(parse_u64("18446744073709551616", &v), -ERANGE);
	assert_int_equal(parse_u64("0x10000000000000000", &v), -ERANGE);
	assert_int_equal(parse_u64(hundred, &v), -ERANGE);
	assert_int_equal(v, 42);
}

static void hexadecimal_needs_no_prefix(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(parse_hex64("8000000", &v), 0);
	assert_int_equal(v, 0x8000000);
	assert_int_equal(parse_hex64("0x8000000", &v), 0);
	assert_int_equal(v, 0x8000000);
	assert_int_equal(parse_hex64("", &v), -EINVAL);
	assert_int_equal(parse_hex64("-8", &v), -EINVAL);
	assert_int_equal(parse_hex64("8g", &v), -EINVAL);
}

static void names_are_matched_exactly(void **state)
{
	static const char *const bad[] = {
		"", "mem", "mem1xyz", "memory1", "mem-1", "mem 1", "mem01", "mem1 ", "Mem1", "xmem1",
		"mem4294967296", "mem99999999999999999999999", "mem0x1", "mem1\n",
	};
	unsigned int id = 42;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		if (parse_name(bad[i], "mem", &id))
			fail_msg("parse_name accepted '%s'", bad[i]);
	assert_int_equal(id, 42);
	assert_true(parse_name("mem0", "mem", &id));
	assert_int_equal(id, 0);
	assert_true(parse_name("mem10", "mem", &id));
	assert_int_equal(id, 10);
	assert_true(parse_name("mem4294967295", "mem", &id));
	assert_true(id == UINT32_MAX);
}

static void pci_addresses_sort_in_bus_order(void **state)
{
	uint64_t a, b;

	(void)state;
	assert_true(parse_pci_address("0000:0c:01.0", &a));
	assert_true(parse_pci_address("0000:de:00.0", &b));
	assert_true(a < b);
	assert_true(parse_pci_address("0001:00:00.0", &a));
	assert_true(b < a);
	assert_true(parse_pci_address("10000:00:00.0", &b));	/* VMD: a domain of five digits */
	assert_true(a < b);
	assert_true(parse_pci_address("0c:01.0", &a));
	assert_int_equal(a, 0x0c << 8 | 1 << 3);
	assert_true(parse_pci_address("DE:1F.7", &a));	/* as a person types it */
	assert_int_equal(a, 0xde << 8 | 0x1f << 3 | 7);
}

static void what_is_no_pci_address_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "0000", "0000:0c", "0000:0c:00", "0000:0c:00.", "0000:0c:00.8", "0000:0c:20.0",
		"0000:0c:00.0 ", " 0000:0c:00.0", "0000:0c:00.0:pcie020", "pci0000:0c", "0000:100:00.0",
		"0000:0c:00.00", "0x0:0c:00.0", "-1:0c:00.0", "0000:0c:00.0/..", "0000:0C:00.0x",
	};
	uint64_t key;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(bad); i++)
		if (parse_pci_address(bad[i], &key))
			fail_msg("parse_pci_address accepted '%s'", bad[i]);
}

static void names_sort_as_a_person_counts(void **state)
{
	static const char *const order[] = {
		"0000:0c:00.0", "0000:0c:01.0", "dax0.0", "dax0.2", "dax0.10", "dax1.0", "mem", "mem2",
		"mem10", "mem10a", "region0",
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(order); i++) {
		for (size_t j = 0; j < N_ELEMENTS(order); j++) {
			int c = natural_cmp(order[i], order[j]);

			if ((c > 0) != (i > j) || (c < 0) != (i < j))
				fail_msg("natural_cmp(%s, %s) = %d", order[i], order[j], c);
		}
	}
}

static void a_suffix_has_something_before_it(void **state)
{
	(void)state;
	assert_true(has_suffix("a.json", ".json"));
	assert_true(has_suffix("size_bytes", "_bytes"));
	assert_true(has_suffix("a", ""));
	assert_false(has_suffix(".json", ".json"));
	assert_false(has_suffix("json", ".json"));
	assert_false(has_suffix("a.json.new", ".json"));
	assert_false(has_suffix("", ""));
}

static void text_for_a_message_is_made_harmless(void **state)
{
	char buf[8];

	(void)state;
	assert_string_equal(printable("plain", buf, sizeof(buf)), "plain");
	assert_string_equal(printable("a\033[\"\n", buf, sizeof(buf)), "a?[??");
	assert_string_equal(printable("1234567", buf, sizeof(buf)), "1234567");
	assert_string_equal(printable("123456789", buf, sizeof(buf)), "1234...");
	assert_string_equal(printable("", buf, sizeof(buf)), "");
}

/* To json-c 0.18 each character beyond ASCII is a control character. */
static void json_has_characters_beyond_ascii_in_strings_alone(void **state)
{
	static const char *const bad[] = {
		"\303\274", "[tr\303\274e]", "{\"a\":1}\303\274", "[\"\\\303\274\"]", "[\"\\u00f\303\274\"]",
		"[\"\303\274\",]",
	};
	struct json_read r = { 0 };
	struct json_object *obj = json_read_whole(&r, "{\"\303\274\":\"na\303\257ve \342\202\254\"}"), *v;

	(void)state;
	assert_non_null(obj);
	assert_true(json_object_object_get_ex(obj, "\303\274", &v));
	assert_string_equal(json_object_get_string(v), "na\303\257ve \342\202\254");
	json_object_put(obj);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_null(json_read_whole(&r, bad[i]));
	assert_false(r.no_memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_whole),
		cmocka_unit_test(anything_beside_a_number_is_refused),
		cmocka_unit_test(numbers_that_do_not_fit_are_refused),
		cmocka_unit_test(hexadecimal_needs_no_prefix),
		cmocka_unit_test(names_are_matched_exactly),
		cmocka_unit_test(pci_addresses_sort_in_bus_order),
		cmocka_unit_test(what_is_no_pci_address_is_refused),
		cmocka_unit_test(names_sort_as_a_person_counts),
		cmocka_unit_test(a_suffix_has_something_before_it),
		cmocka_unit_test(text_for_a_message_is_made_harmless),
		cmocka_unit_test(json_has_characters_beyond_ascii_in_strings_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
