// SPDX-License-Identifier: GPL-2.0-only
/* util/module.c: what a kernel has of a module, by what depmod makes of a directory, and who forbids it. */
#include "test/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/unit/tree.h"
#include "util/cleanup.h"
#include "util/module.h"

#define RELEASE "lib/modules/6.0.0-test"

struct tree {
	char top[64];
	struct sysfs fs;
	struct arena a;
};

/* A root directory; @script makes what is in it.  False: a program for that is missing. */
static bool make(struct tree *t, const char *script)
{
	char command[1024];
	struct err err;

	*t = (struct tree){ .top = "/tmp/cxl-unit-module-XXXXXX" };
	assert_non_null(mkdtemp(t->top));
	snprintf(command, sizeof(command), "cd %s && PATH=$PATH:/usr/sbin:/sbin && %s", t->top, script);
	if (system(command)) {
		remove_tree_below(t->top);
		return false;
	}
	assert_int_equal(sysfs_init(&t->fs, t->top, &err), 0);
	return true;
}

static void end(struct tree *t)
{
	sysfs_exit(&t->fs);
	arena_free(&t->a);
	assert_int_equal(remove_tree_below(t->top), 0);
}

static enum module_state look(struct tree *t, const char *name)
{
	struct module_look ret;
	char dir[128];

	snprintf(dir, sizeof(dir), "%s/" RELEASE, t->top);
	assert_int_equal(module_look(&t->fs, &t->a, dir, name, &ret), 0);
	return ret.state;
}

static void what_depmod_wrote_is_available_or_built_in_and_the_rest_absent(void **state)
{
	struct tree t;

	(void)state;
	if (system("PATH=$PATH:/usr/sbin:/sbin; command -v depmod cc >/dev/null"))
		skip();	/* no depmod, or no compiler, which make the directory */
	assert_true(make(&t, "mkdir -p " RELEASE "/kernel && cd " RELEASE " && echo 'const char m[] __attribute__((section(\".modinfo\"))) = \"name=cxl_unit_a\";' | "
			 "cc -x c -c -o kernel/cxl_unit_a.ko - && echo kernel/cxl_unit_b.ko > modules.builtin && : > modules.order && depmod -b ../../.. 6.0.0-test 2>/dev/null"));
	t.fs.is_capture = false;	/* the directory stands for a live host */
	assert_int_equal(look(&t, "cxl_unit_a"), MODULE_AVAILABLE);
	assert_int_equal(look(&t, "cxl-unit-a"), MODULE_AVAILABLE);
	assert_int_equal(look(&t, "cxl_unit_b"), MODULE_BUILTIN);
	assert_int_equal(look(&t, "cxl_unit_c"), MODULE_ABSENT);
	end(&t);
}

static void without_depmods_files_nothing_is_known_but_what_is_loaded(void **state)
{
	struct tree t;

	(void)state;
	assert_true(make(&t, "mkdir -p " RELEASE " sys/module/cxl_unit_a sys/module/cxl_unit_b && echo live > sys/module/cxl_unit_a/initstate"));
	assert_true(t.fs.is_capture);
	for (int live = 0; live < 2; live++) {
		t.fs.is_capture = !live;
		assert_int_equal(look(&t, "cxl_unit_a"), MODULE_LOADED);
		assert_int_equal(look(&t, "cxl-unit-a"), MODULE_LOADED);
		assert_int_equal(look(&t, "cxl_unit_b"), MODULE_UNKNOWN);
		assert_int_equal(look(&t, "cxl_unit_c"), MODULE_UNKNOWN);
	}
	end(&t);
}

static void assert_line(struct tree *t, const char *what, const char *name, const char *where,
			const char *rest)
{
	const char *said = NULL;
	char buf[300] = "";
	int rc = module_find_line(&t->fs, &t->a, what, name, buf, sizeof(buf), &said);

	assert_int_equal(rc, where ? 0 : -ENOENT);
	if (where)
		assert_string_equal(buf, where);
	if (rest)
		assert_string_equal(said, rest);
}

static void the_line_that_forbids_is_found_where_modprobe_finds_it(void **state)
{
	struct tree t;

	(void)state;
	assert_true(make(&t, "mkdir -p etc/modprobe.d run/modprobe.d usr/lib/modprobe.d && "
			 "printf '# blacklist a\\nblacklist\\tcxl-acpi  \\nblacklisted kmem\\ninstall dax_cxl \\\\\\n  /bin/false x\\nblacklist dax_hmem' > etc/modprobe.d/b.conf && "
			 "printf 'blacklist kmem\\nblacklist cxl_acpi\\n' > usr/lib/modprobe.d/b.conf && printf 'blacklist device_dax\\n' > run/modprobe.d/c.conf && "
			 "printf 'blacklist fsdev_dax\\n' > etc/modprobe.d/no-conf"));
	assert_line(&t, "blacklist", "cxl_acpi", "/etc/modprobe.d/b.conf:2", "");
	assert_line(&t, "install", "dax_cxl", "/etc/modprobe.d/b.conf:4", "/bin/false x");
	assert_line(&t, "blacklist", "dax_hmem", "/etc/modprobe.d/b.conf:6", "");
	assert_line(&t, "blacklist", "device_dax", "/run/modprobe.d/c.conf:1", NULL);
	assert_line(&t, "blacklist", "kmem", NULL, NULL);	/* its file is hidden by one of that name */
	assert_line(&t, "blacklist", "a", NULL, NULL);
	assert_line(&t, "blacklist", "fsdev_dax", NULL, NULL);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_depmod_wrote_is_available_or_built_in_and_the_rest_absent),
		cmocka_unit_test(without_depmods_files_nothing_is_known_but_what_is_loaded),
		cmocka_unit_test(the_line_that_forbids_is_found_where_modprobe_finds_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
