// SPDX-License-Identifier: GPL-2.0-only
/* util/sysfs.c on a temporary tree: attributes, links, and the fence around the root. */
#include "test/unit/tree.h"
#include "test/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/sysfs.h"

static char top[] = "/tmp/test_sysfs.XXXXXX";
static struct sysfs fs;

static void put(const char *path, const void *data, size_t size)
{
	char full[256];
	int fd;

	snprintf(full, sizeof(full), "%s/%s", top, path);
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	close(fd);
}

static void link_to(const char *path, const char *target)
{
	char full[256];

	snprintf(full, sizeof(full), "%s/%s", top, path);
	assert_int_equal(symlink(target, full), 0);
}

static void make_directory(const char *path)
{
	char full[256];

	snprintf(full, sizeof(full), "%s/%s", top, path);
	assert_int_equal(mkdir(full, 0755), 0);
}

static int make_tree(void **state)
{
	static const char *const dirs[] = {
		"root", "root/sys", "root/sys/bus", "root/sys/devices", "root/sys/devices/mem0", "root/sys/devices/empty",
		"outside",
	};
	char root[64], absolute[64];
	struct err err;

	(void)state;
	if (!mkdtemp(top))
		return -1;
	for (size_t i = 0; i < N_ELEMENTS(dirs); i++)
		make_directory(dirs[i]);
	put("root/sys/devices/mem0/serial", "0x1001\n", 7);
	put("root/sys/devices/mem0/plain", "0x1001", 6);
	put("root/sys/devices/mem0/two", "a\n\n", 3);
	put("root/sys/devices/mem0/none", "", 0);
	put("root/sys/devices/mem0/nul", "a\0b\n", 4);
	put("outside/secret", "secret\n", 7);
	link_to("root/sys/bus/mem0", "../devices/mem0");
	link_to("root/sys/bus/rooted", "/sys/devices/mem0");
	link_to("root/sys/bus/circle", "circle");
	link_to("root/sys/bus/gone", "../devices/gone");
	snprintf(absolute, sizeof(absolute), "%s/outside", top);
	link_to("root/sys/bus/absolute", absolute);
	link_to("root/sys/bus/dots", "../../../outside");
	link_to("root/sys/bus/file", "../../../outside/secret");
	link_to("root/sys/bus/proc", "/proc/self/root/etc/passwd");
	snprintf(root, sizeof(root), "%s/root", top);
	return sysfs_init(&fs, root, &err);
}

static int remove_tree(void **state)
{
	(void)state;
	sysfs_exit(&fs);
	return remove_tree_below(top);
}

static void one_trailing_newline_is_removed(void **state)
{
	char buf[16];

	(void)state;
	assert_int_equal(sysfs_read(&fs, "sys/devices/mem0/serial", buf, sizeof(buf)), 6);
	assert_string_equal(buf, "0x1001");
	assert_int_equal(sysfs_read(&fs, "sys/devices/mem0/plain", buf, sizeof(buf)), 6);
	assert_string_equal(buf, "0x1001");
	assert_int_equal(sysfs_read(&fs, "sys/devices/mem0/two", buf, sizeof(buf)), 2);
	assert_string_equal(buf, "a\n");
	assert_int_equal(sysfs_read(&fs, "sys/devices/mem0/none", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "");
}

static void what_is_no_text_attribute_is_an_error(void **state)
{
	char buf[8], tiny[6];

	(void)state;
	assert_int_equal(sysfs_read(&fs, "sys/devices/mem0/nul", buf, sizeof(buf)), -EILSEQ);
	assert_int_equal(sysfs_read(&fs, "sys/devices/mem0/serial", tiny, sizeof(tiny)), -E2BIG);
	assert_int_equal(sysfs_read(&fs, "sys/devices/mem0", buf, sizeof(buf)), -EISDIR);
	assert_int_equal(sysfs_read(&fs, "sys/devices/mem0/absent", buf, sizeof(buf)), -ENOENT);
}

static void links_inside_the_root_are_followed(void **state)
{
	struct arena a = { 0 };
	char buf[16], *path;

	(void)state;
	assert_int_equal(sysfs_resolve(&fs, &a, "sys/bus/mem0", &path), 0);
	assert_string_equal(path, "sys/devices/mem0");
	assert_true(sysfs_read(&fs, "sys/bus/mem0/serial", buf, sizeof(buf)) > 0);
	/* an absolute target is below the root, as it was on the captured host */
	assert_int_equal(sysfs_resolve(&fs, &a, "sys/bus/rooted", &path), 0);
	assert_string_equal(path, "sys/devices/mem0");
	assert_true(sysfs_read(&fs, "sys/bus/rooted/serial", buf, sizeof(buf)) > 0);
	arena_free(&a);
}

static void no_link_leads_out_of_the_root(void **state)
{
	static const char *const paths[] = {
		"sys/bus/absolute/secret", "sys/bus/dots/secret", "sys/bus/file", "sys/bus/proc", "../outside/secret",
		"sys/../../outside/secret", "sys/bus/circle", "sys/bus/gone",
	};
	struct arena a = { 0 };
	struct sysfs_names names;
	char buf[64], *path;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(paths); i++)
		if (sysfs_read(&fs, paths[i], buf, sizeof(buf)) >= 0)
			fail_msg("'%s' was read: '%s'", paths[i], buf);
	assert_true(sysfs_list(&fs, &a, "sys/bus/absolute", NULL, &names) < 0);
	assert_true(sysfs_list(&fs, &a, "sys/bus/dots", NULL, &names) < 0);
	assert_int_equal(sysfs_resolve(&fs, &a, "sys/bus/dots", &path), 0);
	assert_string_equal(path, "outside");
	arena_free(&a);
}

static void no_link_is_read_outside_the_root(void **state)
{
	char link[64];

	(void)state;
	/* through a directory that leads outside */
	link_to("outside/driver", "../../drivers/leaked");
	assert_true(sysfs_readlink(&fs, "sys/bus/absolute/driver", link, sizeof(link)) < 0);
	assert_true(sysfs_readlink(&fs, "sys/bus/dots/driver", link, sizeof(link)) < 0);
}

static void the_target_of_a_link_is_given_as_stored(void **state)
{
	char link[64], tiny[4];

	(void)state;
	assert_int_equal(sysfs_readlink(&fs, "sys/bus/mem0", link, sizeof(link)), (int)strlen("../devices/mem0"));
	assert_string_equal(link, "../devices/mem0");
	assert_int_equal(sysfs_readlink(&fs, "sys/bus/mem0", tiny, sizeof(tiny)), -ENAMETOOLONG);
	assert_int_equal(sysfs_readlink(&fs, "sys/devices/mem0", link, sizeof(link)), -EINVAL);
	assert_int_equal(sysfs_readlink(&fs, "sys/bus/absent", link, sizeof(link)), -ENOENT);
}

static void directories_are_listed_without_dots(void **state)
{
	struct arena a = { 0 };
	struct sysfs_names names;

	(void)state;
	assert_int_equal(sysfs_list(&fs, &a, "sys/devices/mem0", NULL, &names), 0);
	assert_int_equal(names.n, 5);
	assert_int_equal(sysfs_list(&fs, &a, "sys/devices/empty", NULL, &names), 0);
	assert_int_equal(names.n, 0);
	assert_int_equal(sysfs_list(&fs, &a, "sys/devices/absent", NULL, &names), -ENOENT);
	assert_int_equal(sysfs_list(&fs, &a, "sys/devices/mem0/serial", NULL, &names), -ENOTDIR);
	arena_free(&a);
}

static bool starts_with_n(const char *name)
{
	return name[0] == 'n';
}

static void only_the_names_that_are_wanted_are_listed(void **state)
{
	struct arena a = { 0 };
	struct sysfs_names names;

	(void)state;
	assert_int_equal(sysfs_list(&fs, &a, "sys/devices/mem0", starts_with_n, &names), 0);
	assert_int_equal(names.n, 2);	/* none, nul */
	sysfs_sort(&names);
	assert_string_equal(names.v[0], "none");
	assert_string_equal(names.v[1], "nul");
	arena_free(&a);
}

static void a_capture_is_never_written(void **state)
{
	char buf[16];

	(void)state;
	assert_int_equal(sysfs_write(&fs, "sys/devices/mem0/serial", "1"), -EROFS);
	assert_int_equal(sysfs_mkdir(&fs, "sys/devices/new"), -EROFS);
	assert_int_equal(sysfs_rmdir(&fs, "sys/devices/mem0"), -EROFS);
	assert_true(sysfs_read(&fs, "sys/devices/mem0/serial", buf, sizeof(buf)) > 0);
	assert_string_equal(buf, "0x1001");
}

static void a_root_that_does_not_exist_is_a_usage_error(void **state)
{
	struct err err = { 0 };
	struct sysfs other;

	(void)state;
	assert_true(sysfs_init(&other, "/nonexistent", &err) < 0);
	assert_int_equal(err.status, EXIT_USAGE);
	assert_non_null(strstr(err.text, "/nonexistent"));
	sysfs_exit(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_trailing_newline_is_removed),
		cmocka_unit_test(what_is_no_text_attribute_is_an_error),
		cmocka_unit_test(links_inside_the_root_are_followed),
		cmocka_unit_test(no_link_leads_out_of_the_root),
		cmocka_unit_test(no_link_is_read_outside_the_root),
		cmocka_unit_test(the_target_of_a_link_is_given_as_stored),
		cmocka_unit_test(directories_are_listed_without_dots),
		cmocka_unit_test(only_the_names_that_are_wanted_are_listed),
		cmocka_unit_test(a_capture_is_never_written),
		cmocka_unit_test(a_root_that_does_not_exist_is_a_usage_error),
	};

	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
