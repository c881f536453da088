// SPDX-License-Identifier: GPL-2.0-only
/* lib/kept/made.c: which regions are ours, and what a damaged file, another boot and a lack of memory do to that. */
#include "test/unit/layout_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/kept/made.h"
#include "lib/read/reader.h"

static char top[64], state_dir[80];
static struct sysfs fs;

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void put_boot(const char *id)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/proc/sys/kernel/random/boot_id", top);
	put(path, id);
}

static void put_file(const char *text)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/made-regions", state_dir);
	put(path, text);
}

static char *get_file(struct arena *a)
{
	char path[200], buf[4096];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/made-regions", state_dir);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	n = read(fd, buf, sizeof(buf));
	close(fd);
	assert_true(n > 0);
	return arena_strndup(a, buf, (size_t)n);
}

static int begin(void **state)
{
	static const char *const dirs[] = { "proc", "proc/sys", "proc/sys/kernel", "proc/sys/kernel/random", "state" };
	struct err err;
	char path[200];

	strcpy(top, "/tmp/test_made.XXXXXX");
	if (set_up(state) || !mkdtemp(top))
		return -1;
	for (size_t i = 0; i < N_ELEMENTS(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", top, dirs[i]);
		if (mkdir(path, 0700))
			return -1;
	}
	snprintf(state_dir, sizeof(state_dir), "%s/state", top);
	setenv("CXL_STATE_DIR", state_dir, 1);
	put_boot("one\n");
	((struct fixture *)*state)->host.fs = &fs;
	return sysfs_init(&fs, top, &err);
}

static int end(void **state)
{
	char command[100];

	sysfs_exit(&fs);
	snprintf(command, sizeof(command), "rm -r %s", top);
	return tear_down(state) || system(command);
}

/* What was kept of region0, of mem0 and mem1 which is whole, and region1 of mem2 that is cut. */
static struct made keep(struct fixture *f)
{
	struct made made = { .v = arena_alloc(&f->arena, 4, sizeof(*made.v)), .capacity = 4 };
	struct cxl_region *r = add_region(f, "decoder0.0", 64 * GIB, 2 * GIB, 0, 2, 1),
			  *cut = add_region(f, "decoder0.1", 128 * GIB, 4 * GIB, 2, 1, 1);

	assert_int_equal(made_add_cut(&made, r, GIB, &f->arena), 0);
	made.v[0].is_cut = false;
	assert_int_equal(made_add_cut(&made, cut, 4 * GIB, &f->arena), 0);
	assert_int_equal(made_write(&f->host, &made), 0);
	return made;
}

static struct made again(struct fixture *f, const char **why)
{
	struct made made;

	assert_int_equal(made_read(&f->host, 2, &f->arena, &made, why), 0);
	return made;
}

static void what_is_kept_is_read_again(void **state)
{
	struct fixture *f = *state;
	const char *why;
	struct made made;

	keep(f);
	made = again(f, &why);
	assert_null(why);
	assert_int_equal(made.n, 2);
	assert_int_equal(made.capacity, 4);
	assert_ptr_equal(made_find(&made, &f->regions[0]), &made.v[0]);
	assert_ptr_equal(made_find(&made, &f->regions[1]), &made.v[1]);
	assert_true(!made.v[0].is_cut && made.v[1].is_cut && made.v[1].is_whole);
	assert_int_equal(made.v[0].bytes_each, GIB);
	assert_ptr_equal(made_region_of(&f->host, &made, &made.v[1]), &f->regions[1]);
}

static void another_region_of_that_name_is_nobody_s(void **state)
{
	struct fixture *f = *state;
	struct made made = keep(f);

	f->positions[0][1] = &f->memdevs[3];
	assert_null(made_find(&made, &f->regions[0]));
	assert_null(made_region_of(&f->host, &made, &made.v[0]));
	f->positions[0][1] = NULL;	/* of one that is whole none is missing */
	assert_null(made_find(&made, &f->regions[0]));
	made.v[0].is_whole = false;
	assert_ptr_equal(made_find(&made, &f->regions[0]), &made.v[0]);
	f->memdevs[0].serial.v = 0x77;	/* another card in the same slot */
	assert_null(made_find(&made, &f->regions[0]));
}

static void of_another_boot_nothing_counts(void **state)
{
	struct fixture *f = *state;
	const char *why;
	struct made made;

	keep(f);
	put_boot("two\n");
	made = again(f, &why);
	assert_null(why);
	assert_int_equal(made.n, 0);
	assert_int_equal(made.capacity, 4);
	assert_false(made.autoprobe_is_held);
}

static void without_a_file_there_is_nothing_and_room(void **state)
{
	const char *why;
	struct made made = again(*state, &why);

	assert_null(why);
	assert_int_equal(made.n, 0);
	assert_int_equal(made.capacity, 2);
}

/* Each end of it, and each single byte that is gone. */
static void a_damaged_file_tells_nothing_and_that_is_said(void **state)
{
	struct fixture *f = *state;
	const char *why;
	char *whole;
	size_t n;

	keep(f);
	whole = get_file(&f->arena);
	n = strlen(whole);
	for (size_t i = 0; i + 1 < n; i++) {
		char *part = arena_strndup(&f->arena, whole, i);
		struct made made;

		if (strspn(whole + i, " \n}") == n - i && strchr(part, ']') && i + 2 >= n)
			continue;
		put_file(part);
		made = again(f, &why);
		assert_non_null(why);
		assert_non_null(strstr(why, "made-regions is damaged"));
		assert_int_equal(made.n, 0);
	}
}

static void values_that_no_run_writes_are_damage(void **state)
{
	static const char *const changes[][2] = {
		{ "\"is_whole\"", "\"is_hole\"" }, { "true", "1" }, { "cxl-made-regions/1", "cxl-made-regions/9" },
		{ "\"memdevs\"", "\"memdev\"" }, { "1073741824", "-1" }, { "\"is_cut\"", "\"is_whole\"" },
	};
	struct fixture *f = *state;
	const char *why;
	char *whole;

	keep(f);
	whole = get_file(&f->arena);
	for (size_t i = 0; i < N_ELEMENTS(changes); i++) {
		const char *at = strstr(whole, changes[i][0]);

		assert_non_null(at);
		put_file(arena_printf(&f->arena, "%.*s%s%s", (int)(at - whole), whole, changes[i][1], at + strlen(changes[i][0])));
		assert_int_equal(again(f, &why).n, 0);
		assert_non_null(why);
	}
}

static void no_memory_is_said_and_not_taken_for_damage(void **state)
{
	struct fixture *f = *state;
	struct made made = keep(f);
	const char *why;

	assert_int_equal(made_read(&f->host, SIZE_MAX / 2, &f->arena, &made, &why), -ENOMEM);
	assert_null(why);
	unlink(arena_printf(&f->arena, "%s/made-regions", state_dir));
	assert_int_equal(made_read(&f->host, SIZE_MAX / 2, &f->arena, &made, &why), -ENOMEM);
	/* nor is there room for more than was asked for */
	made = again(f, &why);
	assert_int_equal(made_add_cut(&made, &f->regions[0], GIB, &f->arena), 0);
	assert_int_equal(made_add_cut(&made, &f->regions[1], GIB, &f->arena), 0);
	assert_int_equal(made_add_cut(&made, &f->regions[1], GIB, &f->arena), -ENOMEM);
	assert_int_equal(made.n, 2);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_kept_is_read_again),
		TEST(another_region_of_that_name_is_nobody_s),
		TEST(of_another_boot_nothing_counts),
		TEST(without_a_file_there_is_nothing_and_room),
		TEST(a_damaged_file_tells_nothing_and_that_is_said),
		TEST(values_that_no_run_writes_are_damage),
		TEST(no_memory_is_said_and_not_taken_for_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
