// SPDX-License-Identifier: GPL-2.0-only
/* lib/txn/step.c on a temporary tree: what is skipped, done, refused, waited for, stopped and taken back. */
#include "test/unit/tree.h"
#include "test/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/txn/step_run.h"

static char top[] = "/tmp/test_step.XXXXXX";
static struct sysfs fs;
static struct err err;
static char told[512];
static bool stop;

static void put(const char *path, const char *text)
{
	char full[256];
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", top, path);
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static const char *get(const char *path)
{
	static char text[64];

	assert_true(sysfs_read(&fs, path, text, sizeof(text)) >= 0);
	return text;
}

static int make_tree(void **state)
{
	static const char *const dirs[] = { "sys", "sys/d", "sys/bus", "sys/bus/b", "sys/bus/b/devices",
					    "sys/bus/b/devices/x", "sys/bus/b/drivers", "sys/bus/b/drivers/v" };
	char full[256];

	(void)state;
	if (!mkdtemp(top))
		return -1;
	for (size_t i = 0; i < N_ELEMENTS(dirs); i++) {
		snprintf(full, sizeof(full), "%s/%s", top, dirs[i]);
		assert_int_equal(mkdir(full, 0755), 0);
	}
	fs = (struct sysfs){ .rootfd = open(top, O_PATH | O_DIRECTORY), .devicesfd = -1 };
	return fs.rootfd < 0;
}

static int remove_tree(void **state)
{
	(void)state;
	sysfs_exit(&fs);
	return remove_tree_below(top);
}

static int name_of(struct step_run *run, const char *name, char *buf, size_t size, struct err *e)
{
	(void)run;
	if (strcmp(name, "mem"))
		return err_set(e, EXIT_REFUSED, ENOENT, "nothing is known as '%s'", name);
	snprintf(buf, size, "a");
	return 0;
}

static int tell_begin(struct step_run *run, const struct step *step, struct err *e)
{
	(void)run;
	(void)e;
	snprintf(told + strlen(told), sizeof(told) - strlen(told), "[%s=%s]", step->path, step->value);
	return 0;
}

static void tell_end(struct step_run *run)
{
	snprintf(told + strlen(told), sizeof(told) - strlen(told), "%zu:%s ", run->at,
		 step_state_names[run->steps[run->at].state]);
}

static bool is_stopped(struct step_run *run)
{
	(void)run;
	return stop;
}

static const char *advice(struct step_run *run, char *buf, size_t size)
{
	snprintf(buf, size, "the port is as it was after step %zu; try again", run->at);
	return buf;
}

static struct step_run run_of(struct step *steps, size_t n)
{
	told[0] = '\0';
	err = (struct err){ 0 };
	return (struct step_run){ .fs = &fs,
				  .steps = steps,
				  .n = n,
				  .resolve = name_of,
				  .begin = tell_begin,
				  .end = tell_end,
				  .is_stopped = is_stopped,
				  .advice = advice };
}

static struct step write_of(const char *path, const char *value, const char *before,
			    const char *undo)
{
	return (struct step){ .op = &step_write, .title = "set it", .path = path, .value = value, .expect_before = before,
			      .expect_after = value, .undo = undo };
}

static void a_step_that_is_already_so_is_skipped_and_the_others_are_done_in_order(void **state)
{
	struct step steps[] = { write_of("sys/d/a", "1", "0", "0"), write_of("sys/d/b", "7", NULL, NULL) };
	struct step_run run = run_of(steps, 2);
	bool so;

	(void)state;
	put("sys/d/a", "0\n");
	put("sys/d/b", "0x7\n");	/* the same number */
	assert_int_equal(step_run_all(&run, &err), 0);
	assert_string_equal(told, "[sys/d/a=1]0:done 1:skipped ");
	assert_string_equal(get("sys/d/a"), "1");
	assert_true(run.changed);
	assert_int_equal(step_is_so(&run, 0, &so, &err), 0);
	assert_true(so);
	/* what is finished is not run again */
	told[0] = '\0';
	assert_int_equal(step_run_all(&run, &err), 0);
	assert_string_equal(told, "");
}

static void what_is_neither_as_before_nor_as_after_is_left_alone(void **state)
{
	struct step steps[] = { write_of("sys/d/a", "1", "0", "0") };
	struct step_run run = run_of(steps, 1);

	(void)state;
	put("sys/d/a", "5\n");
	assert_int_equal(step_run_all(&run, &err), -EAGAIN);
	assert_string_equal(told, "0:failed ");
	assert_string_equal(get("sys/d/a"), "5");
	assert_false(run.changed);
	assert_int_equal(err.status, EXIT_REFUSED);
	assert_non_null(strstr(err.text, "step 1 of 1 (set it) failed"));
	assert_non_null(strstr(err.text, "/sys/d/a: expected 1, it is 5"));
	assert_non_null(strstr(err.text, "the port is as it was after step 0; try again"));
}

static void what_somebody_else_set_meanwhile_is_not_taken_back(void **state)
{
	struct step steps[] = { write_of("sys/d/a", "1", "0", "0") };
	struct step_run run = run_of(steps, 1);

	(void)state;
	put("sys/d/a", "5\n");
	assert_true(step_run_all(&run, &err) < 0);
	assert_int_equal(steps[0].state, STEP_FAILED);
	assert_int_equal(step_undo_all(&run), 0);
	assert_string_equal(get("sys/d/a"), "5");
}

static void a_failed_write_says_what_is_there_and_what_went_before_can_be_undone(void **state)
{
	struct step steps[] = { write_of("sys/d/a", "1", "0", "0"), write_of("sys/d/missing", "1", NULL, NULL) };
	struct step_run run = run_of(steps, 2);

	(void)state;
	put("sys/d/a", "0\n");
	assert_int_equal(step_run_all(&run, &err), -ENOENT);
	assert_int_equal(run.at, 1);
	assert_non_null(strstr(err.text, "step 2 of 2"));
	assert_non_null(strstr(err.text, "No such file"));
	assert_non_null(strstr(err.text, "it is absent"));
	assert_int_equal(step_undo_all(&run), 0);
	assert_string_equal(get("sys/d/a"), "0");
	assert_int_equal(steps[0].state, STEP_UNDONE);
	assert_int_equal(steps[1].state, STEP_FAILED);
}

static void what_cannot_be_undone_is_counted(void **state)
{
	struct step steps[] = { write_of("sys/d/a", "1", "0", NULL) };
	struct step_run run = run_of(steps, 1);

	(void)state;
	put("sys/d/a", "0\n");
	assert_int_equal(step_run_all(&run, &err), 0);
	assert_int_equal(step_undo_all(&run), 1);
	assert_string_equal(get("sys/d/a"), "1");
}

static void waiting_is_bounded(void **state)
{
	struct step steps[] = { { .op = &step_wait, .title = "wait for it", .path = "sys/d/late", .value = "",
				  .expect_after = STEP_PRESENT, .timeout_us = 30000 } };
	struct step_run run = run_of(steps, 1);
	uint64_t start = clock_now_us();

	(void)state;
	assert_int_equal(step_run_all(&run, &err), -ETIMEDOUT);
	assert_int_equal(err.status, EXIT_TIMEDOUT);
	assert_true(clock_now_us() - start >= 30000);
	assert_non_null(strstr(err.text, "expected present, it is absent"));
	put("sys/d/late", "");
	steps[0].state = STEP_PLANNED;
	assert_int_equal(step_run_all(&run, &err), 0);
	assert_int_equal(steps[0].state, STEP_DONE);
}

static void names_in_braces_are_those_of_the_moment(void **state)
{
	struct step steps[] = { write_of("sys/d/{mem}", "{mem}1", NULL, NULL), write_of("sys/d/{none}", "1", NULL, NULL) };
	struct step_run run = run_of(steps, 2);

	(void)state;
	put("sys/d/a", "00\n");
	assert_int_equal(step_run_all(&run, &err), -ENOENT);
	assert_string_equal(get("sys/d/a"), "a1");
	assert_string_equal(told, "[sys/d/a=a1]0:done 1:failed ");
	assert_non_null(strstr(err.text, "step 2 of 2 (set it) failed: nothing is known as 'none'; the port"));
}

static void a_request_to_stop_ends_the_run_between_two_steps(void **state)
{
	struct step steps[] = { write_of("sys/d/a", "1", "0", "0") };
	struct step_run run = run_of(steps, 1);

	(void)state;
	put("sys/d/a", "0\n");
	stop = true;
	assert_int_equal(step_run_all(&run, &err), -EINTR);
	stop = false;
	assert_int_equal(err.status, EXIT_RESUMABLE);
	assert_string_equal(get("sys/d/a"), "0");
	assert_int_equal(steps[0].state, STEP_PLANNED);
}

static unsigned int helped, helps_at;

static void help(struct step_run *run, const struct step *step)
{
	(void)step;
	if (++helped == helps_at)
		assert_int_equal(sysfs_write(run->fs, "sys/d/a", "1"), 0);
}

static int read_a(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	return sysfs_read(run->fs, step->path, buf, size) < 0 ? -EIO : 0;
}

static int take_it(struct step_run *run, const struct step *step, struct err *why)
{
	(void)why;
	(void)run;
	(void)step;
	return 0;	/* and do nothing */
}

static int not_known_yet(struct step_run *run, const struct step *step, struct err *why)
{
	(void)why;
	(void)run;
	(void)step;
	return -ENODEV;
}

static void what_was_taken_and_not_done_is_asked_for_again_a_few_times(void **state)
{
	const struct step_op ops[] = {
		{ .name = "taken", .run = take_it, .read = read_a, .again = help },
		{ .name = "unknown", .run = not_known_yet, .read = read_a, .again = help },
		{ .name = "waiting", .read = read_a, .again = help, .patience = 2 },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(ops); i++) {
		struct step steps[] = { write_of("sys/d/a", "1", "0", NULL) };
		struct step_run run = run_of(steps, 1);

		steps[0].op = &ops[i];
		steps[0].timeout_us = 5000000;
		put("sys/d/a", "0\n");
		helped = 0;
		helps_at = 3;
		assert_int_equal(step_run_all(&run, &err), 0);
		assert_int_equal(helped, 3);
		assert_int_equal(steps[0].state, STEP_DONE);
		/* in vain: a number of times that grows no more than the logarithm of the time */
		put("sys/d/a", "0\n");
		steps[0].state = STEP_PLANNED;
		steps[0].timeout_us = 300000;
		helped = helps_at = 0;
		assert_true(step_run_all(&run, &err) < 0);
		assert_true(helped >= 1 && helped <= 6);
	}
}

static void a_drivers_name_is_read_back_after_binding(void **state)
{
	struct step steps[] = { { .op = &step_bind, .title = "bind x", .path = "sys/bus/b/drivers/v/bind", .value = "x",
				  .expect_before = STEP_NO_DRIVER, .expect_after = "v", .undo = "x" } };
	struct step_run run = run_of(steps, 1);
	char link[256];

	(void)state;
	put("sys/bus/b/drivers/v/bind", "");
	assert_int_equal(step_run_all(&run, &err), -EIO);	/* nobody makes the link */
	assert_non_null(strstr(err.text, "expected v, it is none"));
	snprintf(link, sizeof(link), "%s/sys/bus/b/devices/x/driver", top);
	assert_int_equal(symlink("../../drivers/v", link), 0);
	steps[0].state = STEP_PLANNED;
	assert_int_equal(step_run_all(&run, &err), 0);
	assert_int_equal(steps[0].state, STEP_SKIPPED);
}

static void what_was_to_go_is_not_removed_twice(void **state)
{
	struct step steps[] = { { .op = &step_remove, .title = "remove gone", .path = "sys/d/gone/remove", .value = "1",
				  .expect_before = STEP_PRESENT, .expect_after = STEP_ABSENT } };
	struct step_run run = run_of(steps, 1);

	(void)state;
	assert_int_equal(step_run_all(&run, &err), 0);
	assert_int_equal(steps[0].state, STEP_SKIPPED);
}

static void every_operation_is_found_by_its_name(void **state)
{
	(void)state;
	for (size_t i = 0; step_ops[i]; i++)
		assert_ptr_equal(step_op_by_name(step_ops[i]->name), step_ops[i]);
	assert_null(step_op_by_name("nothing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_step_that_is_already_so_is_skipped_and_the_others_are_done_in_order),
		cmocka_unit_test(what_is_neither_as_before_nor_as_after_is_left_alone),
		cmocka_unit_test(what_somebody_else_set_meanwhile_is_not_taken_back),
		cmocka_unit_test(
			a_failed_write_says_what_is_there_and_what_went_before_can_be_undone),
		cmocka_unit_test(what_cannot_be_undone_is_counted),
		cmocka_unit_test(waiting_is_bounded),
		cmocka_unit_test(names_in_braces_are_those_of_the_moment),
		cmocka_unit_test(a_request_to_stop_ends_the_run_between_two_steps),
		cmocka_unit_test(what_was_taken_and_not_done_is_asked_for_again_a_few_times),
		cmocka_unit_test(a_drivers_name_is_read_back_after_binding),
		cmocka_unit_test(what_was_to_go_is_not_removed_twice),
		cmocka_unit_test(every_operation_is_found_by_its_name),
	};

	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
