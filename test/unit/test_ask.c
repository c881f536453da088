// SPDX-License-Identifier: GPL-2.0-only
/* A child that answers, does so by halves, never, too much, or dies. */
#include "test/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "util/ask.h"

enum { LONG_US = 60 * 1000000, SHORT_US = 200000 };

static void say_what_it_has(int fd, void *data)
{
	/* nothing of ours is open in it: no lock that would be held as long as it lives */
	const char *answer = fcntl(*(int *)data, F_GETFD) < 0 && fcntl(STDOUT_FILENO, F_GETFD) < 0 ? "nothing" : "something";

	ask_answer(fd, answer, strlen(answer));
}

static void say_half(int fd, void *data)
{
	ask_answer(fd, data, 2);
	for (;;)
		pause();
}

static void die(int fd, void *data)
{
	ask_answer(fd, data, 3);
	raise(SIGKILL);
}

static void test_an_answer_comes_from_a_child_that_has_nothing_of_ours(void **state)
{
	int lock = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 100);
	char buf[16] = "";
	size_t n;

	(void)state;
	assert_true(lock >= 100);
	assert_int_equal(ask_in_child(say_what_it_has, &lock, LONG_US, buf, sizeof(buf), &n), 0);
	assert_int_equal(n, strlen("nothing"));
	assert_string_equal(buf, "nothing");
	close(lock);
}

static void test_what_came_in_time_is_there(void **state)
{
	char buf[16] = "", text[] = "half";
	size_t n;

	(void)state;
	assert_int_equal(ask_in_child(say_half, text, SHORT_US, buf, sizeof(buf), &n), -ETIMEDOUT);
	assert_true(n <= 2 && !strncmp(buf, "ha", n));
}

static void test_a_child_that_dies_is_told_from_one_that_ends(void **state)
{
	char buf[16] = "", text[] = "died";
	size_t n;

	(void)state;
	assert_int_equal(ask_in_child(die, text, LONG_US, buf, sizeof(buf), &n), -ECHILD);
	assert_string_equal(buf, "die");
	assert_int_equal(n, 3);
}

static void test_more_than_there_is_room_for_is_refused(void **state)
{
	char buf[2] = "", text[] = "long";
	size_t n;

	(void)state;
	assert_int_equal(ask_in_child(die, text, LONG_US, buf, sizeof(buf), &n), -EFBIG);
	assert_int_equal(n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_answer_comes_from_a_child_that_has_nothing_of_ours),
		cmocka_unit_test(test_what_came_in_time_is_there),
		cmocka_unit_test(test_a_child_that_dies_is_told_from_one_that_ends),
		cmocka_unit_test(test_more_than_there_is_room_for_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
