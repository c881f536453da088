// SPDX-License-Identifier: GPL-2.0-only
/* lib/policy/require.c: words that say what an administrator insists on. */
#include "test/unit/unit.h"

#include <errno.h>

#include "lib/check/check.h"
#include "lib/policy/require.h"

enum { MEM_LINK_DOWN, MEM_TIMEOUT, CACHE_LINK_DOWN, CACHE_TIMEOUT };

static void a_level_is_for_every_cause_and_a_cause_has_one_of_its_own(void **state)
{
	struct requirement r = REQUIREMENT_NONE;
	char buf[200];
	struct err err;

	(void)state;
	assert_string_equal(requirement_text(&r, buf, sizeof(buf)), "safe");
	assert_int_equal(requirement_parse("mem_timeout:recover", &r, &err), 0);
	assert_int_equal(r.plain, -1);
	assert_int_equal(r.level[MEM_TIMEOUT], CONTAINMENT_RECOVER);
	assert_int_equal(r.level[MEM_LINK_DOWN], -1);
	assert_int_equal(requirement_parse("contain", &r, &err), 0);
	assert_int_equal(requirement_parse("cache_link_down:none", &r, &err), 0);
	assert_int_equal(r.plain, REQUIRE_CONTAIN);
	assert_int_equal(r.level[CACHE_LINK_DOWN], CONTAINMENT_NONE);
	assert_string_equal(requirement_text(&r, buf, sizeof(buf)), "contain, mem_timeout:recover, cache_link_down:none");
	assert_string_equal(requirement_text(&r, buf, 12), "contain, me");
}

static void a_list_has_blanks_or_commas_between_its_words(void **state)
{
	static const char *const same[] = {
		"debug mem_link_down:contain cache_timeout:debug", "debug,mem_link_down:contain,cache_timeout:debug",
		" cache_timeout:debug ,\tmem_link_down:contain, debug ,",
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(same); i++) {
		const struct requirement want = {
			REQUIRE_DEBUG, { CONTAINMENT_CONTAIN, -1, -1, CONTAINMENT_DEBUG, -1 }
		};
		struct requirement r = REQUIREMENT_NONE;
		struct err err;

		assert_int_equal(requirement_parse_list(same[i], &r, &err), 0);
		assert_true(requirement_is_same(&r, &want));
	}
}

static void what_is_none_is_refused_and_changes_nothing(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "", "'' is not a level" }, { " , ", "'' is not a level" }, { "brave", "'brave' is not a level" }, { "none", "'none' is not a level" },
		{ "Contain", "'Contain' is not a level" }, { ":contain", "'' is not a cause" }, { "timeout:contain", "'timeout' is not a cause" },
		{ "mem_timeout:", "'' is not a level for mem_timeout" }, { "mem_timeout:safe", "none, debug, contain or recover" },
		{ "mem_timeout:recover:x", "'recover:x' is not a level" }, { "mem_timeout : recover", "'mem_timeout' is not a level" },
		{ "protocol_error:recover", "contained at best" }, { "\033[31m:contain", "'?[31m' is not a cause" },
		{ "debug contain", "the level for every cause is given twice" },
		{ "cache_timeout:debug, cache_timeout:debug", "cache_timeout is given twice" },
		{ "recover, brave", "'brave'" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		const struct requirement none = REQUIREMENT_NONE;
		struct requirement r = REQUIREMENT_NONE;
		struct err err = { 0 };

		assert_int_equal(requirement_parse_list(bad[i].text, &r, &err), -EINVAL);
		assert_int_equal(err.status, EXIT_USAGE);
		if (!strstr(err.text, bad[i].says))
			fail_msg("of '%s' it says: %s", bad[i].text, err.text);
		assert_true(requirement_is_same(&r, &none));
	}
}

static void a_word_of_any_length_is_read_whole(void **state)
{
	struct requirement r = REQUIREMENT_NONE;
	char word[400];
	struct err err;

	(void)state;
	memset(word, 'x', sizeof(word));
	memcpy(word, "mem_timeout:recover", 19);
	word[sizeof(word) - 1] = '\0';
	assert_int_equal(requirement_parse(word, &r, &err), -EINVAL);
	assert_int_equal(requirement_parse_list(word, &r, &err), -EINVAL);
	assert_int_equal(r.level[MEM_TIMEOUT], -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_level_is_for_every_cause_and_a_cause_has_one_of_its_own),
		cmocka_unit_test(a_list_has_blanks_or_commas_between_its_words),
		cmocka_unit_test(what_is_none_is_refused_and_changes_nothing),
		cmocka_unit_test(a_word_of_any_length_is_read_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
