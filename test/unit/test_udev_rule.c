// SPDX-License-Identifier: GPL-2.0-only
/* util/udev_rule.c: lines are joined as udev does it, and tokens are found whole or refused. */
#include "test/unit/unit.h"

#include <errno.h>

#include "util/udev_rule.h"

static void lines_are_joined_and_comments_left_out(void **state)
{
	static const struct {
		const char *rule;
		unsigned int line;
	} expected[] = { { "A==\"1\", B=\"2\"", 2 }, { "C==\"3\",D=\"4\"", 6 }, { "E=\"5\"", 9 } };
	char text[] = "# a comment that goes on \\\n  A==\"1\", B=\"2\"\n\n\t\n# c\n\tC==\"3\",\\\n# within\\\n  D=\"4\"\nE=\"5\"\\", *at = text, *rule;
	unsigned int line = 0, first = 0;
	size_t n = 0;

	(void)state;
	while ((rule = udev_rule_next(&at, &line, &first))) {
		assert_string_equal(rule, expected[n].rule);
		assert_int_equal(first, expected[n].line);
		n++;
	}
	assert_int_equal(n, sizeof(expected) / sizeof(expected[0]));
	assert_int_equal(line, 9);
}

static void a_token_has_its_parts(void **state)
{
	const char *at = " SUBSYSTEM == \"memory|cpu\",ATTR{state}:=\"on\\\"line\\\\\", ENV{X}+=e\"a\\\"b\\\\\", KERNEL!=i\"M\"", *why = NULL;
	struct udev_rule_token t;
	char value[32];

	(void)state;
	assert_int_equal(udev_rule_token(&at, &t, &why), 1);
	assert_true(udev_text_is(t.key, "SUBSYSTEM") && udev_text_is(t.op, "==") && udev_text_is(t.value, "memory|cpu"));
	assert_true(!t.name.v && !t.prefix && !udev_text_is(t.name, ""));
	/* in plain quotes a backslash is one unless a quote follows, and then the quote is not the end */
	assert_int_equal(udev_rule_token(&at, &t, &why), 1);
	assert_true(udev_text_is(t.key, "ATTR") && udev_text_is(t.name, "state") && udev_text_is(t.op, ":="));
	assert_string_equal(udev_rule_value(&t, value, sizeof(value)), "on\"line\\\", ENV{X}+=e");
	assert_string_equal(udev_rule_value(&t, value, 4), "on\"");
	assert_int_equal(udev_rule_token(&at, &t, &why), -EINVAL);
	at = "ENV{X}+=e\"a\\\"b\\\\\", KERNEL!=i\"M\"";
	assert_int_equal(udev_rule_token(&at, &t, &why), 1);
	assert_true(t.prefix == 'e' && udev_text_is(t.value, "a\\\"b\\\\") && udev_text_is(t.op, "+="));
	assert_int_equal(udev_rule_token(&at, &t, &why), 1);
	assert_true(t.prefix == 'i' && udev_text_is(t.value, "M") && udev_text_is(t.op, "!="));
	assert_int_equal(udev_rule_token(&at, &t, &why), 0);
}

static void what_is_no_token_is_refused_with_the_reason(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "ATTR{state=\"online\"", "brace" }, { "x==\"1\"", "is expected" },	  { "KEY \"1\"", "is expected" },
		{ "KEY==1", "double quotes" },	      { "KEY==\"1", "quote is not" }, { "KEY==\"1\\\"", "quote is not" },
		{ "==\"1\"", "is expected" },	      { "KEY==e", "double quotes" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *at = bad[i].text, *why = NULL;
		struct udev_rule_token t;

		assert_int_equal(udev_rule_token(&at, &t, &why), -EINVAL);
		assert_ptr_equal(at, bad[i].text);
		assert_non_null(strstr(why, bad[i].why));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_joined_and_comments_left_out),
		cmocka_unit_test(a_token_has_its_parts),
		cmocka_unit_test(what_is_no_token_is_refused_with_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
