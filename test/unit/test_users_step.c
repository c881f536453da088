// SPDX-License-Identifier: GPL-2.0-only
/* lib/txn/users_step.c: its sentences, and that nobody is ended who must not be. */
#include "test/unit/unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/txn/users_step.h"

static struct arena arena;
static struct dax_user user = { .command = "db", .maps = true };
static struct found_user found = { .user = &user, .dax = "dax0.0" };
static int looks, looks_with_user;

static int find_users(struct step_run *run, struct found_users *ret, struct err *err)
{
	(void)run;
	(void)err;
	*ret = (struct found_users){ .v = &found, .n = looks++ < looks_with_user, .arena = &arena };
	return 0;
}

/* Of a child, which is a user for as many looks as given; true when it is still alive then. */
static bool survives(int n_looks, bool is_ours, int *ret_rc, struct err *err)
{
	struct step step = { .op = &step_users, .title = "end", .path = "x", .value = "terminate", .expect_after = STEP_UNUSED,
			     .timeout_us = 2000000 };
	struct step_run run = { .find_users = find_users, .steps = &step, .n = 1 };
	pid_t pid = fork();
	bool is_alive;

	if (!pid)
		for (;;)
			pause();
	user.pid = pid;
	found.is_ours = is_ours;
	looks = 0;
	looks_with_user = n_looks;
	*ret_rc = step_run_all(&run, err);
	is_alive = !waitpid(pid, NULL, WNOHANG);
	if (is_alive)
		kill(pid, SIGKILL);
	if (is_alive)
		waitpid(pid, NULL, 0);
	assert_false(run.changed);
	return is_alive;
}

static void a_user_is_ended_when_it_is_one_still_once_it_is_held(void **state)
{
	struct err err = { 0 };
	int rc;

	(void)state;
	/* the step looks before it is run, run() looks, and again once it holds the process */
	assert_false(survives(3, false, &rc, &err));
	assert_int_equal(rc, 0);
	assert_true(survives(2, false, &rc, &err));
	assert_int_equal(rc, 0);
}

static void what_runs_the_command_is_left_alone(void **state)
{
	struct err err = { 0 };
	int rc;

	(void)state;
	assert_true(survives(99, true, &rc, &err));
	assert_int_equal(rc, -EBUSY);
	assert_non_null(strstr(err.text, "is this command or what runs it"));
}

static void who_comes_back_is_named_with_what_stops_it(void **state)
{
	struct err err = { 0 };
	int rc;

	(void)state;
	user.owner = (struct process_owner){ .guest = "vm1", .unit = "vm@1.service" };
	assert_false(survives(99, false, &rc, &err));
	assert_int_equal(rc, -EBUSY);
	assert_non_null(strstr(err.text, "(db, guest vm1, unit vm@1.service) has dax0.0 mapped again after those before were ended; stop what starts it: systemctl stop 'vm@1.service', and run the command again"));
	user.owner.is_own_unit = true;
	assert_non_null(strstr(users_came_back_text(&found, &arena), "; stop what starts it, and run the command again"));
	user.owner = (struct process_owner){ 0 };
}

static int forget(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_user_is_ended_when_it_is_one_still_once_it_is_held),
		cmocka_unit_test(what_runs_the_command_is_left_alone),
		cmocka_unit_test(who_comes_back_is_named_with_what_stops_it),
	};

	return cmocka_run_group_tests(tests, NULL, forget);
}
