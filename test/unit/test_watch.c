// SPDX-License-Identifier: GPL-2.0-only
/* util/watch.c: what counts as a move, and what is looked at when. */
#include "test/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/iso/backend.h"
#include "util/watch.h"

struct fixture {
	char dir[32];
	struct sysfs fs;
	struct watch watch;
};

static const char *path_of(struct fixture *f, const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	return path;
}

static void put(struct fixture *f, const char *name, const char *text)
{
	int fd = open(path_of(f, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct err err;

	if (!f)
		return -1;
	strcpy(f->dir, "/tmp/test_watch.XXXXXX");
	if (!mkdtemp(f->dir) || sysfs_init(&f->fs, f->dir, &err))
		return -1;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[64];

	watch_exit(&f->watch);
	sysfs_exit(&f->fs);
	snprintf(command, sizeof(command), "rm -r %s", f->dir);
	free(f);
	return system(command);
}

static void add(struct fixture *f, enum watch_kind kind, bool announced, const char *path)
{
	assert_int_equal(watch_add(&f->watch, &(struct watch_item){ .kind = kind,
								    .announced = announced,
								    .path = path }),
			 0);
}

static void a_file_moves_when_its_text_does(void **state)
{
	struct fixture *f = *state;

	put(f, "a", "0\n");
	watch_init(&f->watch, &f->fs, NULL);
	add(f, WATCH_FILE, false, "a");
	add(f, WATCH_FILE, false, "missing");
	assert_false(watch_has_moved(&f->watch));
	put(f, "a", "1\n");
	assert_true(watch_has_moved(&f->watch));
	assert_false(watch_has_moved(&f->watch));
	put(f, "a", "1\n");
	assert_false(watch_has_moved(&f->watch));
	put(f, "a", "");
	assert_true(watch_has_moved(&f->watch));
	put(f, "missing", "x");
	assert_true(watch_has_moved(&f->watch));
}

static void a_file_is_looked_at_from_its_offset(void **state)
{
	struct fixture *f = *state;

	put(f, "config", "0123456789");
	watch_init(&f->watch, &f->fs, NULL);
	assert_int_equal(watch_add(&f->watch, &(struct watch_item){ .kind = WATCH_FILE, .path = "config", .offset = 4, .size = 2 }), 0);
	put(f, "config", "x123x5678x");
	assert_true(watch_has_moved(&f->watch));
	put(f, "config", "____x5____");
	assert_false(watch_has_moved(&f->watch));
}

static void registers_move_word_by_word_also_when_they_are_mapped(void **state)
{
	struct fixture *f = *state;
	const off_t at = 8192 + 8;
	uint32_t word = 0;
	int fd;

	fd = open(path_of(f, "resource0"), O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 65536), 0);
	watch_init(&f->watch, &f->fs, NULL);
	for (int mapped = 0; mapped < 2; mapped++) {
		assert_int_equal(watch_add(&f->watch, &(struct watch_item){ .kind = WATCH_WORDS,
									    .path = "resource0",
									    .offset = (uint64_t)at,
									    .size = 8,
									    .is_mapped = mapped }),
				 0);
		assert_int_equal(f->watch.items[mapped].result, 8);
	}
	assert_false(watch_has_moved(&f->watch));
	for (off_t i = -4; i <= 8; i += 4) {
		word++;
		assert_int_equal(pwrite(fd, &word, sizeof(word), at + i), sizeof(word));
		uint64_t hash[2] = { f->watch.items[0].hash, f->watch.items[1].hash };

		assert_int_equal(watch_has_moved(&f->watch), i == 0 || i == 4);
		for (int mapped = 0; mapped < 2; mapped++)
			assert_int_equal(f->watch.items[mapped].hash != hash[mapped],
					 i == 0 || i == 4);
	}
	assert_true(f->watch.items[0].hash == f->watch.items[1].hash);
	close(fd);
}

/* A register file of one page. */
static int put_registers(struct fixture *f, uint32_t status)
{
	int fd = open(path_of(f, "resource0"), O_RDWR | O_CREAT, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 4096), 0);
	assert_int_equal(pwrite(fd, &status, sizeof(status), 16), sizeof(status));
	return fd;
}

static void add_status(struct fixture *f, size_t paused_by)
{
	const struct watch_item status = {
		.kind = WATCH_WORDS, .path = "resource0", .offset = 16, .size = 4,
		.is_fast = true, .is_register = true, .paused_by = paused_by,
	};

	assert_int_equal(watch_add(&f->watch, &status), 0);
}

static void all_ones_are_no_answer_and_no_move(void **state)
{
	struct fixture *f = *state;
	uint32_t status = 0;
	int fd = put_registers(f, status);

	watch_init(&f->watch, &f->fs, NULL);
	add_status(f, 0);
	assert_true(watch_is_fast(&f->watch));
	assert_non_null(f->watch.items[0].mmio.map);
	status = ~0u;
	assert_int_equal(pwrite(fd, &status, sizeof(status), 16), sizeof(status));
	assert_false(watch_fast_has_moved(&f->watch));
	assert_false(watch_has_moved(&f->watch));
	status = 0;
	assert_int_equal(pwrite(fd, &status, sizeof(status), 16), sizeof(status));
	assert_false(watch_fast_has_moved(&f->watch));
	status = 0x300;
	assert_int_equal(pwrite(fd, &status, sizeof(status), 16), sizeof(status));
	assert_true(watch_fast_has_moved(&f->watch));
	assert_true(f->watch.items[0].has_moved);
	assert_false(watch_has_moved(&f->watch));
	close(fd);
}

static void what_a_mapping_loses_is_survived_and_mapped_again_when_it_is_back(void **state)
{
	struct fixture *f = *state;
	int fd = put_registers(f, 1);

	watch_init(&f->watch, &f->fs, NULL);
	add_status(f, 0);
	assert_int_equal(ftruncate(fd, 0), 0);	/* SIGBUS from now on */
	assert_true(watch_fast_has_moved(&f->watch));
	assert_int_equal(f->watch.items[0].result, -EFAULT);
	assert_false(watch_is_fast(&f->watch));
	assert_false(watch_fast_has_moved(&f->watch));
	close(fd);
	assert_int_equal(watch_add(&f->watch, &(struct watch_item){ .kind = WATCH_FILE,
								    .path = "resource0",
								    .size = 2,
								    .is_register = true }),
			 0);
	close(f->watch.items[1].fd);
	f->watch.items[1].fd = -1;
	unlink(path_of(f, "resource0"));
	assert_true(watch_fast_has_moved(&f->watch));
	assert_true(watch_has_moved(&f->watch));
	assert_int_equal(f->watch.items[1].result, -ENOENT);
	close(put_registers(f, 2));
	assert_true(watch_fast_has_moved(&f->watch));
	assert_true(watch_is_fast(&f->watch));
	assert_false(watch_fast_has_moved(&f->watch));
}

static void what_is_paused_is_not_touched(void **state)
{
	struct fixture *f = *state;

	put(f, "power_state", "D3hot\n");
	close(put_registers(f, 0));
	watch_init(&f->watch, &f->fs, NULL);
	assert_int_equal(watch_add(&f->watch, &(struct watch_item){ .kind = WATCH_PAUSE, .path = "power_state", .pause = "D3" }), 0);
	add_status(f, f->watch.n);
	assert_null(f->watch.items[1].mmio.map);
	assert_int_equal(f->watch.items[1].result, WATCH_UNSEEN);
	assert_false(watch_has_moved(&f->watch));
	put(f, "power_state", "D0\n");
	assert_true(watch_has_moved(&f->watch));
	assert_non_null(f->watch.items[1].mmio.map);
	put(f, "power_state", "D3cold\n");
	assert_false(watch_has_moved(&f->watch));
	close(put_registers(f, 1));
	assert_false(watch_has_moved(&f->watch));
	assert_false(watch_fast_has_moved(&f->watch));
	put(f, "power_state", "D0\n");
	assert_true(watch_has_moved(&f->watch));
}

static void a_link_moves_when_it_leads_elsewhere(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(symlink("drivers/one", path_of(f, "driver")), 0);
	watch_init(&f->watch, &f->fs, NULL);
	add(f, WATCH_LINK, false, "driver");
	assert_false(watch_has_moved(&f->watch));
	unlink(path_of(f, "driver"));
	assert_true(watch_has_moved(&f->watch));
	assert_int_equal(symlink("drivers/two", path_of(f, "driver")), 0);
	assert_true(watch_has_moved(&f->watch));
}

static void a_directory_moves_when_an_entry_comes_goes_or_is_another_of_that_name(void **state)
{
	struct fixture *f = *state;

	mkdir(path_of(f, "devices"), 0700);
	put(f, "devices/a", "");
	put(f, "spare", "");
	watch_init(&f->watch, &f->fs, NULL);
	add(f, WATCH_DIR, false, "devices");
	assert_false(watch_has_moved(&f->watch));
	put(f, "devices/b", "");
	assert_true(watch_has_moved(&f->watch));
	{
		char spare[PATH_MAX];

		strcpy(spare, path_of(f, "spare"));
		assert_int_equal(rename(spare, path_of(f, "devices/b")), 0);
	}
	assert_true(watch_has_moved(&f->watch));
	unlink(path_of(f, "devices/b"));
	assert_true(watch_has_moved(&f->watch));
	put(f, "devices/a", "what is inside does not count");
	assert_false(watch_has_moved(&f->watch));
}

static void what_is_announced_is_only_looked_at_with_the_counter(void **state)
{
	struct fixture *f = *state;

	put(f, "seqnum", "1\n");
	put(f, "quiet", "0");
	put(f, "always", "0");
	watch_init(&f->watch, &f->fs, "seqnum");
	add(f, WATCH_FILE, true, "quiet");
	add(f, WATCH_FILE, false, "always");
	put(f, "quiet", "1");
	assert_false(watch_has_moved(&f->watch));
	put(f, "always", "1");
	assert_true(watch_has_moved(&f->watch));
	put(f, "seqnum", "2\n");
	assert_true(watch_has_moved(&f->watch));
	put(f, "seqnum", "3\n");
	assert_false(watch_has_moved(&f->watch));
}

static void without_a_counter_everything_is_looked_at(void **state)
{
	struct fixture *f = *state;

	put(f, "quiet", "0");
	watch_init(&f->watch, &f->fs, "seqnum");
	add(f, WATCH_FILE, true, "quiet");
	put(f, "quiet", "1");
	assert_true(watch_has_moved(&f->watch));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_moves_when_its_text_does, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_is_looked_at_from_its_offset, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			registers_move_word_by_word_also_when_they_are_mapped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(all_ones_are_no_answer_and_no_move, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			what_a_mapping_loses_is_survived_and_mapped_again_when_it_is_back, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(what_is_paused_is_not_touched, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_link_moves_when_it_leads_elsewhere, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			a_directory_moves_when_an_entry_comes_goes_or_is_another_of_that_name,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_announced_is_only_looked_at_with_the_counter, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_counter_everything_is_looked_at, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
