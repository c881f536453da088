// SPDX-License-Identifier: GPL-2.0-only
/* util/options.c: one table drives parsing and help. */
#include "test/unit/unit.h"

#include <errno.h>
#include <stdio.h>

#include "util/options.h"

struct opts {
	bool dry_run, human;
	const char *timeout;
	struct opt_list override;
};

static const struct opt options[] = {
	{ "dry-run", 'n', OPT_FLAG, offsetof(struct opts, dry_run), NULL, "write nothing" },
	{ "human", 'u', OPT_FLAG, offsetof(struct opts, human), NULL, "for people" },
	{ "timeout", 't', OPT_STRING, offsetof(struct opts, timeout), "WHAT", "the timeout" },
	{ "override", 0, OPT_LIST, offsetof(struct opts, override), "CHECK-ID", "take one check out" },
	{ 0 }
};
static const struct command table = { .name = "frob", .opts = options };

#define ARGS(...) char *argv[] = { (char *)"cmd", __VA_ARGS__, NULL }; int argc = (int)N_ELEMENTS(argv) - 1

static void options_and_operands_may_be_mixed(void **state)
{
	ARGS((char *)"root0", (char *)"-n", (char *)"--timeout=B2", (char *)"mem0", (char *)"--override", (char *)"ISO-A",
	     (char *)"--override=ISO-B", (char *)"-u");
	struct opts o = { 0 };
	struct err err;
	int first;

	(void)state;
	assert_int_equal(options_parse(&table, &o, argc, argv, false, &first, &err), 0);
	assert_true(o.dry_run && o.human);
	assert_string_equal(o.timeout, "B2");
	assert_int_equal(o.override.n, 2);
	assert_string_equal(o.override.v[0], "ISO-A");
	assert_string_equal(o.override.v[1], "ISO-B");
	assert_int_equal(argc - first, 2);
	assert_string_equal(argv[first], "root0");
	assert_string_equal(argv[first + 1], "mem0");
	opt_list_free(&o.override);
}

static void two_dashes_end_the_options(void **state)
{
	ARGS((char *)"-n", (char *)"--", (char *)"-u", (char *)"--timeout=B2");
	struct opts o = { 0 };
	struct err err;
	int first;

	(void)state;
	assert_int_equal(options_parse(&table, &o, argc, argv, false, &first, &err), 0);
	assert_true(o.dry_run && !o.human && !o.timeout);
	assert_int_equal(argc - first, 2);
	assert_string_equal(argv[first], "-u");
}

static void parsing_can_stop_at_the_first_operand(void **state)
{
	ARGS((char *)"-n", (char *)"sh", (char *)"-u", (char *)"-Z");
	struct opts o = { 0 };
	struct err err;
	int first;

	(void)state;
	assert_int_equal(options_parse(&table, &o, argc, argv, true, &first, &err), 0);
	assert_true(o.dry_run && !o.human);
	assert_int_equal(first, 2);
}

static void empty_values_are_values(void **state)
{
	ARGS((char *)"--timeout=", (char *)"");
	struct opts o = { 0 };
	struct err err;
	int first;

	(void)state;
	assert_int_equal(options_parse(&table, &o, argc, argv, false, &first, &err), 0);
	assert_string_equal(o.timeout, "");
	assert_int_equal(argc - first, 1);
	assert_string_equal(argv[first], "");
}

static void refused(const char *word, const char *next, const char *said)
{
	char *argv[] = { (char *)"cmd", (char *)word, (char *)next, NULL };
	struct opts o = { 0 };
	struct err err = { 0 };
	int first;

	if (options_parse(&table, &o, next ? 3 : 2, argv, false, &first, &err) != -EINVAL)
		fail_msg("'%s' was accepted", word);
	assert_int_equal(err.status, EXIT_USAGE);
	if (!strstr(err.text, said))
		fail_msg("'%s': '%s' does not say '%s'", word, err.text, said);
	opt_list_free(&o.override);
}

static void a_wrong_option_is_named(void **state)
{
	(void)state;
	refused("--nonsense", NULL, "--nonsense");
	refused("-Z", NULL, "Z");
	refused("-nZ", NULL, "Z");
	refused("--timeout", NULL, "--timeout");
	refused("-t", NULL, "t");
	refused("--dry-run=yes", NULL, "'--dry-run' takes no value: leave the '=yes' out");
	refused("--nonsense", NULL, "see 'prog frob --help'");
	refused("--nonsense", "root0", "--nonsense");
}

static void an_option_is_not_taken_for_the_value_of_another(void **state)
{
	(void)state;
	refused("--timeout", "-n", "option '--timeout' needs a value, and '-n' looks like another option: write --timeout=-n if it is meant");
	refused("-t", "--dry-run", "option '--timeout' needs a value, and '--dry-run' looks like");
	refused("--override", "--", "'--' looks like another option");
}

static void abbreviations_are_refused(void **state)
{
	(void)state;
	refused("--time=B2", NULL, "--timeout");
	refused("--dry", NULL, "--dry-run");
	refused("--over", "ISO-A", "--override");
	refused("--o=ISO-A", NULL, "--o");
}

static void a_misspelt_option_is_told_how_it_is_spelt(void **state)
{
	static const char *const words[] = { "--dryrun", "--dry_run", "--DRY-RUN", "--dry-rn", "--dryr-un", "--dri-runn" };

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(words); i++)
		refused(words[i], NULL, "did you mean --dry-run?");
	refused("--timout=B2", NULL, "unknown option '--timout': did you mean --timeout?");
	refused("--tmieuot", NULL, "did you mean --timeout?");
	refused("--human-eyes-only-and-longer-than-any-word", NULL, "see 'prog frob --help'");
	refused("--h", NULL, "see 'prog frob --help'");
	refused("--tmp", NULL, "see 'prog frob --help'");
}

static void a_value_may_be_optional(void **state)
{
	static const struct opt optional[] = { { "policy", 'p', OPT_OPTIONAL, 0, "FILE", "by that file" }, { 0 } };
	static const struct command frob = { .name = "frob", .opts = optional };
	static const struct {
		const char *word;
		bool is_given;
		const char *value;
	} cases[] = { { "x", false, NULL }, { "--policy", true, NULL }, { "--policy=f", true, "f" }, { "-p", true, NULL },
		      { "-pf", true, "f" } };

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		ARGS((char *)cases[i].word, (char *)"root0");
		struct opt_optional o = { 0 };
		struct err err;
		int first;

		assert_int_equal(options_parse(&frob, &o, argc, argv, false, &first, &err), 0);
		assert_int_equal(o.is_given, cases[i].is_given);
		assert_true(cases[i].value ? o.value && !strcmp(o.value, cases[i].value)
					   : !o.value);
		assert_string_equal(argv[argc - 1], "root0");
	}
	ARGS((char *)"--policy=", (char *)"root0");
	struct opt_optional o = { 0 };
	struct err err;
	int first;

	assert_int_equal(options_parse(&frob, &o, argc, argv, false, &first, &err), -EINVAL);
	assert_int_equal(err.status, EXIT_USAGE);
	assert_non_null(strstr(err.text, "'--policy=' names nothing"));
}

static void help_names_every_option(void **state)
{
	const struct command cmd = { "frob", "TARGET...", "Frob the target.", options, NULL };
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	assert_non_null(f);
	options_help(f, &cmd, NULL, NULL);
	fclose(f);
	for (const struct opt *o = options; o->name; o++) {
		assert_non_null(strstr(text, o->name));
		assert_non_null(strstr(text, o->help));
	}
	assert_non_null(strstr(text, "prog frob"));
	assert_non_null(strstr(text, "TARGET..."));
	assert_non_null(strstr(text, "Frob the target."));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_and_operands_may_be_mixed),
		cmocka_unit_test(two_dashes_end_the_options),
		cmocka_unit_test(parsing_can_stop_at_the_first_operand),
		cmocka_unit_test(empty_values_are_values),
		cmocka_unit_test(a_wrong_option_is_named),
		cmocka_unit_test(an_option_is_not_taken_for_the_value_of_another),
		cmocka_unit_test(abbreviations_are_refused),
		cmocka_unit_test(a_misspelt_option_is_told_how_it_is_spelt),
		cmocka_unit_test(a_value_may_be_optional),
		cmocka_unit_test(help_names_every_option),
	};

	program_name = "prog";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
