// SPDX-License-Identifier: GPL-2.0-only
/* lib/report/assert.c: FIELD=VALUE against records. */
#include "test/unit/unit.h"

#include "lib/report/assert.h"
#include "lib/report/record_status.h"

static struct json_object *record(const char *state, struct json_object *busy, const char *level)
{
	struct json_object *r = json_object_new_object(), *status = json_object_new_object();

	json_object_object_add(status, "state", json_object_new_string(state));
	json_object_object_add(status, "busy", busy);
	json_object_object_add(r, "status", status);
	json_object_object_add(r, "containment", json_object_new_string(level));
	json_object_object_add(r, "bytes", json_object_new_uint64(UINT64_MAX));
	return r;
}

static void an_assertion_holds_or_not(void **state)
{
	static const struct {
		const char *text, *found;
		bool holds;
	} cases[] = {
		{ "status.state=normal", "normal", true }, { "status.state!=normal", "normal", false },
		{ "status.state=isolated", "normal", false }, { "status.state!=isolated", "normal", true },
		{ "status.busy=true", "true", true }, { "status.busy=false", "true", false },
		{ "containment>=debug", "contain", true }, { "containment>=contain", "contain", true },
		{ "containment>=recover", "contain", false }, { "containment!=recover", "contain", true },
		{ "bytes=18446744073709551615", "18446744073709551615", true }, { "bytes=0xffffffffffffffff", "18446744073709551615", true },
		{ "bytes=1", "18446744073709551615", false },
	};
	struct json_object *example = record_status_example(), *r = record("normal", json_object_new_boolean(true), "contain");

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		const char *found;
		struct assertion a;
		struct err err;

		assert_int_equal(assert_parse(cases[i].text, example, &a, &err), 0);
		assert_int_equal(assert_holds(&a, r, &found), cases[i].holds);
		assert_string_equal(found, cases[i].found);
	}
	json_object_put(r);
	json_object_put(example);
}

static void what_is_not_known_holds_for_nothing(void **state)
{
	static const char *const texts[] = { "status.state=normal", "status.state!=normal", "status.busy=true", "status.busy!=true" };
	struct json_object *example = record_status_example(), *r = record("unknown", NULL, "none");

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		const char *found;
		struct assertion a;
		struct err err;

		assert_int_equal(assert_parse(texts[i], example, &a, &err), 0);
		assert_false(assert_holds(&a, r, &found));
		assert_string_equal(found, "unknown");
	}
	json_object_put(r);
	json_object_put(example);
}

static void what_can_never_be_is_a_usage_error(void **state)
{
	static const char *const texts[] = {
		"", "=", "abi", "=v1", "abi=", "abi!", "abi>v1", "abi>=v1", "abi==v1", "nothing=1", "status=1", "memdevs=1", "status.=1",
		"status.state.x=1", ".status.state=normal", "status.state=Normal", "status.state=unknown", "status.busy=null", "status.busy=yes",
		"bytes=1k", "bytes= 1", "containment>=best", "checks.0=1",
	};
	struct json_object *example = record_status_example();

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
		struct assertion a;
		struct err err = { 0 };

		assert_true(assert_parse(texts[i], example, &a, &err) < 0);
		assert_int_equal(err.status, EXIT_USAGE);
		assert_true(*err.text);
	}
	json_object_put(example);
}

static bool is_known(struct json_object *v)
{
	if (!v)
		return false;
	if (!json_object_is_type(v, json_type_object))
		return true;
	json_object_object_foreach(v, key, member) {
		(void)key;
		if (!is_known(member))
			return false;
	}
	return true;
}

static void the_example_knows_every_field(void **state)
{
	struct json_object *example = record_status_example();

	(void)state;
	assert_true(is_known(example));
	json_object_put(example);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_assertion_holds_or_not),
		cmocka_unit_test(what_is_not_known_holds_for_nothing),
		cmocka_unit_test(what_can_never_be_is_a_usage_error),
		cmocka_unit_test(the_example_knows_every_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
