// SPDX-License-Identifier: GPL-2.0-only
/* lib/act: whether a port is brought back by itself, how far acting on it came, and whose a program may be. */
#include "test/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/act/act_decide.h"
#include "lib/act/hook.h"

enum { NOW = 1800000000 };

struct fixture {
	struct arena a;
	struct cxl_host host;
	struct cxl_root_port rp;
	struct kept_journal journals[2];
	const struct kept_journal *tied;
	struct policy_wish wish;
	struct act_state s;
	const char *text;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->rp.name = "0000:0c:00.0";
	f->journals[0].root_port = f->rp.name;
	f->journals[1].root_port = "0000:de:00.0";
	f->host.arena = &f->a;
	f->wish.applies = true;
	f->wish.settings[POLICY_RECOVER].line = 3;
	f->wish.settings[POLICY_RECOVER].value = POLICY_AUTOMATIC;
	f->s = (struct act_state){ .containment = CONTAINMENT_RECOVER, .phase = ACT_DECIDE, .problems = "" };
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_free(&f->a);
	free(f);
	return 0;
}

static enum act_verdict decide(struct fixture *f)
{
	f->text = NULL;
	return act_decide(&f->host, &f->rp, &f->wish, &f->s, NOW, f->tied, &f->text);
}

static void says(struct fixture *f, const char *words)
{
	if (!f->text || !strstr(f->text, words))
		fail_msg("'%s' is not in '%s'", words, f->text ? f->text : "");
}

static void only_who_asks_for_it_gets_it(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(decide(f), ACT_GO);
	f->wish.settings[POLICY_RECOVER].value = POLICY_MANUAL;
	assert_int_equal(decide(f), ACT_NOT_ASKED);
	says(f, "type 'cxl recover-port 0000:0c:00.0'");
	f->wish.settings[POLICY_RECOVER].line = 0;
	f->wish.settings[POLICY_RECOVER].value = POLICY_AUTOMATIC;
	assert_int_equal(decide(f), ACT_NOT_ASKED);
	f->wish.settings[POLICY_RECOVER].line = 1;
	f->wish.applies = false;
	assert_int_equal(decide(f), ACT_NOT_ASKED);
	/* and once begun, only as long as it does */
	f->s.phase = ACT_RECOVER;
	f->host.kept.journals = f->journals;
	f->host.kept.n_journals = 1;
	assert_int_equal(decide(f), ACT_LEAVE);
	says(f, "--abandon");
}

static void what_it_was_before_counts(void **state)
{
	struct fixture *f = *state;

	f->s.containment = CONTAINMENT_CONTAIN;
	assert_int_equal(decide(f), ACT_LEAVE);
	says(f, "its containment was contain, not recover");
	f->s.containment = -1;
	assert_int_equal(decide(f), ACT_LEAVE);
	says(f, "not known");
}

static void too_often_is_too_often(void **state)
{
	struct fixture *f = *state;
	struct policy_setting *limit = &f->wish.settings[POLICY_RECOVER_LIMIT];

	f->s.recovered_at = NOW - ACT_FLAP_S;
	for (int i = 3; i; i--)
		act_times_add(&f->s.recoveries, NOW - (uint64_t)i * 3600);
	assert_int_equal(decide(f), ACT_LEAVE);
	says(f, "it was recovered 3 times in 86400 s, which is what recover-limit allows");
	*limit = (struct policy_setting){ .line = 1, .value = 2, .duration_us = 7199ULL * 1000000 };
	assert_int_equal(decide(f), ACT_GO);
	limit->duration_us += 1000000;
	assert_int_equal(decide(f), ACT_LEAVE);
	limit->value = 3;
	assert_int_equal(decide(f), ACT_GO);
	/* flapping, and a clock that was set back, which may hide it */
	f->s.recovered_at = NOW - ACT_FLAP_S + 1;
	assert_int_equal(decide(f), ACT_LEAVE);
	says(f, "failed again within 5 minutes of its last recovery");
	/* it failed then, however long a program took since */
	f->s.recovered_at = NOW - ACT_FLAP_S - 60;
	f->s.failed_at = NOW - 61;
	assert_int_equal(decide(f), ACT_LEAVE);
	f->s.failed_at = NOW - 60;
	assert_int_equal(decide(f), ACT_GO);
	f->s.failed_at = 0;
	f->s.recovered_at = NOW + 1000;
	assert_int_equal(decide(f), ACT_LEAVE);
	f->s.recovered_at = 0;
	f->s.recoveries = (struct act_times){ .v = { NOW + 5, NOW + 6, NOW + 7 }, .n = 3 };
	assert_int_equal(decide(f), ACT_LEAVE);
}

/* It was recovered a minute ago, three times in all: whatever the date is by now, that is what happened. */
static void a_clock_that_is_set_is_followed(void **state)
{
	struct fixture *f = *state;
	static const int64_t jumps[] = { 86400 * 365, -86400 * 365, 3, -3, 0 };

	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		uint64_t then = NOW - (uint64_t)jumps[i];

		f->s.clock_boot_id = "this";
		f->s.booted_at = then - 5000;
		f->s.failed_at = then;
		f->s.recovered_at = then - 60;
		f->s.recoveries = (struct act_times){ .v = { then - 3000, then - 2000, then - 60 },
						      .n = 3 };
		act_state_follow_clock(&f->s, "this", NOW - 5000);
		assert_int_equal(f->s.failed_at, NOW);
		assert_int_equal(f->s.recovered_at, NOW - 60);
		assert_int_equal(decide(f), ACT_LEAVE);
		says(f, "failed again within 5 minutes");
		f->s.recovered_at = 0;
		assert_int_equal(decide(f), ACT_LEAVE);
		says(f, "it was recovered 3 times");
		/* what is so already stays, and a time that is none */
		act_state_follow_clock(&f->s, "this", NOW - 5000 + 2);
		assert_int_equal(f->s.recoveries.v[0], NOW - 3000);
		assert_int_equal(f->s.recovered_at, 0);
	}
	/* of another boot nobody knows */
	act_state_follow_clock(&f->s, "another", 77);
	assert_int_equal(f->s.recoveries.v[0], NOW - 3000);
	assert_string_equal(f->s.clock_boot_id, "another");
	act_state_follow_clock(&f->s, "another", 70);
	assert_int_equal(f->s.recoveries.v[0], NOW - 3007);
	act_state_follow_clock(&f->s, "another", 70 - (uint64_t)NOW);
	assert_int_equal(f->s.recoveries.v[0], 1);
}

static void journals_are_waited_for(void **state)
{
	struct fixture *f = *state;

	f->host.kept.journals = f->journals;
	f->host.kept.n_journals = 2;
	assert_int_equal(decide(f), ACT_LEAVE);
	says(f, "somebody else began");
	f->s.phase = ACT_RECOVER;	/* its own by now: the other one counts */
	assert_int_equal(decide(f), ACT_WAIT);
	says(f, "'cxl recover-port --resume 0000:de:00.0'");
	f->host.kept.n_journals = 1;
	assert_int_equal(decide(f), ACT_GO);
	f->s.phase = ACT_DECIDE;
	f->host.kept.journals = &f->journals[1];
	assert_int_equal(decide(f), ACT_WAIT);
	f->tied = &f->journals[1];	/* it waits for this one */
	assert_int_equal(decide(f), ACT_GO);
	f->host.kept.n_journals = 0;
	f->host.kept.state_error = "the state directory cannot be read";
	assert_int_equal(decide(f), ACT_WAIT);
}

static void how_far_it_came_is_read(void **state)
{
	struct fixture *f = *state;
	struct act_state s = { .boot_id = "b", .containment = CONTAINMENT_DEBUG, .phase = ACT_AFTER, .problem_told = true,
			       .evidence = 12, .attempts = 2, .text = "why \"so\"", .problems = "link-down timed-out",
			       .recovered_at = NOW, .clock_boot_id = "b", .booted_at = NOW - 500, .recoveries = { { 1, 2 }, 2 } }, again = { 0 };
	char *text, *twice;

	for (uint64_t i = 0; i < 2 * ACT_MAX_TIMES; i++)
		act_times_add(&s.hooks, i);
	text = act_state_text(&s, f->rp.name);
	assert_non_null(text);
	assert_true(act_state_parse(text, f->rp.name, &f->a, &again));
	twice = act_state_text(&again, f->rp.name);
	assert_string_equal(text, twice);
	assert_int_equal(again.hooks.n, ACT_MAX_TIMES);
	assert_int_equal(again.hooks.v[0], ACT_MAX_TIMES);
	assert_false(act_state_parse(text, "0000:0c:01.0", &f->a, &again));
	for (size_t n = strlen(text); n--;) {
		text[n] = '\0';
		assert_false(act_state_parse(text, f->rp.name, &f->a, &again));
	}
	free(text);
	free(twice);
}

/* A file of that mode below a directory of that mode, both the caller's: root, or whoever runs the tests. */
static int check(mode_t directory, mode_t file, struct err *err)
{
	char top[] = "/tmp/test_act.XXXXXX", path[64];
	FILE *f;
	int rc;

	assert_non_null(mkdtemp(top));
	snprintf(path, sizeof(path), "%s/hook", top);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(chmod(path, file) | chmod(top, directory), 0);
	rc = hook_check("on-isolated", path, err);
	unlink(path);
	rmdir(top);
	return rc;
}

static void a_program_that_others_could_change_is_not_run(void **state)
{
	struct err err;

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(check(0755, 0755, &err), 0);
	assert_int_equal(check(0700, 0500, &err), 0);
	assert_int_equal(check(0755, 0775, &err), -EUNTRUSTED);
	assert_non_null(strstr(err.text, "/hook, which root has to own and nobody else may write"));
	assert_int_equal(check(0777, 0755, &err), -EUNTRUSTED);
	assert_int_equal(check(0755, 0644, &err), -EACCES);
	assert_int_equal(hook_check("on-isolated", "/nonexistent/hook", &err), -ENOENT);
	assert_int_equal(hook_check("on-isolated", "/tmp", &err), -EACCES);
}

/* "l" leads by way of "between/l", in a directory of that mode, to "d/hook". */
static int check_links(mode_t between, const char *last, struct err *err)
{
	char top[] = "/tmp/test_act.XXXXXX", command[512], path[64];
	int rc;

	assert_non_null(mkdtemp(top));
	snprintf(command, sizeof(command), "cd %s && mkdir d between && : >d/hook && chmod 755 d d/hook && ln -s ../d/hook between/l && ln -s %s l && ln -s loop loop && chmod %o between", top,
		 last, (unsigned int)between);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof(path), "%s/l", top);
	rc = hook_check("on-isolated", path, err);
	snprintf(command, sizeof(command), "rm -r %s", top);
	assert_int_equal(system(command), 0);
	return rc;
}

static void whoever_could_lead_a_link_elsewhere_could_change_it(void **state)
{
	struct err err;

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(check_links(0755, "between/l", &err), 0);
	assert_int_equal(check_links(0755, ".//between/../between/./l", &err), 0);
	assert_int_equal(check_links(0777, "between/l", &err), -EUNTRUSTED);
	assert_non_null(strstr(err.text, "/between, which root has to own"));
	assert_int_equal(check_links(0777, "between/../d/hook", &err), -EUNTRUSTED);
	assert_int_equal(check_links(0777, "d/hook", &err), 0);
	assert_int_equal(check_links(0755, "loop", &err), -ELOOP);
	assert_int_equal(check_links(0755, "/bin/sh", &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_who_asks_for_it_gets_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_it_was_before_counts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(too_often_is_too_often, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_clock_that_is_set_is_followed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(journals_are_waited_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(how_far_it_came_is_read, set_up, tear_down),
		cmocka_unit_test(whoever_could_lead_a_link_elsewhere_could_change_it),
		cmocka_unit_test(a_program_that_others_could_change_is_not_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
