// SPDX-License-Identifier: GPL-2.0-only
/* lib/policy/layout.c: what the sections [region NAME] and [dax NAME] of the policy file may say. */
#include "test/unit/unit.h"

#include <errno.h>
#include <stdio.h>

#include "lib/policy/policy.h"
#include "util/arena.h"

static int parse(const char *text, struct arena *a, struct policy *ret, struct err *err)
{
	return policy_parse("f.conf", text, strlen(text), a, ret, err);
}

static void everything_that_may_be_said_is_understood(void **state)
{
	static const char text[] =
		"[all]\nrequire = contain\n"
		"[region fast]\nmemdevs = 0x1001, pci 0000:0e:00.0 4099,0x1004\nways = 4\ngranularity = 4KiB\nsize = 8GiB\ndecoder = decoder0.12\ntype = ram\n"
		"[dax vm1]\nregion = Fast\nsize = 25%\nalign = 1GiB\nmode = famfs\nowner = qemu\ngroup = 107\nfile-mode = 0660\n"
		"[REGION slow]\nmemdevs = all of root port 0c:01.0\n"
		"[dax vm2]\nsize=rest\nregion=fast\n[serial 0x1001]\nmode = devdax\n"
		"[dax db-1.x_y]\nsize = 6M\nregion = slow\nmode = system-ram\n";
	struct arena a = { 0 };
	const struct layout *l;
	struct policy p;
	struct err err;

	(void)state;
	assert_int_equal(parse(text, &a, &p, &err), 0);
	l = &p.layout;
	assert_int_equal(p.n, 2);
	assert_string_equal(l->file, "f.conf");
	assert_int_equal(l->n_regions, 2);
	assert_string_equal(l->regions[0].name, "fast");
	assert_int_equal(l->regions[0].line, 3);
	assert_int_equal(l->regions[0].n_memdevs, 4);
	assert_int_equal(l->regions[0].memdevs[0].key, 0x1001);
	assert_false(l->regions[0].memdevs[0].by_address);
	assert_true(l->regions[0].memdevs[1].by_address);
	assert_int_equal(l->regions[0].memdevs[1].key, 0x0e << 8);
	assert_int_equal(l->regions[0].memdevs[2].key, 0x1003);
	assert_int_equal(l->regions[0].ways, 4);
	assert_int_equal(l->regions[0].granularity, 4096);
	assert_int_equal(l->regions[0].size.kind, AMOUNT_BYTES);
	assert_int_equal(l->regions[0].size.v, 8ull << 30);
	assert_string_equal(l->regions[0].decoder, "decoder0.12");
	assert_int_equal(l->regions[0].lines[REGION_DECODER], 8);
	assert_int_equal(l->regions[1].n_memdevs, 0);
	assert_int_equal(l->regions[1].root_port, 0x0c08);
	assert_int_equal(l->regions[1].size.kind, AMOUNT_ALL);
	assert_int_equal(layout_region_line(&l->regions[1], REGION_SIZE), l->regions[1].line);
	assert_int_equal(l->n_dax, 3);
	assert_int_equal(l->dax[0].region, 0);
	assert_int_equal(l->dax[0].size.kind, AMOUNT_PERCENT);
	assert_int_equal(l->dax[0].size.v, 25);
	assert_int_equal(l->dax[0].align, 1 << 30);
	assert_int_equal(l->dax[0].mode, LAYOUT_FAMFS);
	assert_string_equal(l->dax[0].owner, "qemu");
	assert_string_equal(l->dax[0].group, "107");
	assert_int_equal(l->dax[0].file_mode, 0660);
	assert_int_equal(layout_dax_line(&l->dax[0], DAX_FILE_MODE), 17);
	assert_int_equal(l->dax[1].size.kind, AMOUNT_ALL);
	assert_int_equal(l->dax[1].align, 2 << 20);
	assert_int_equal(l->dax[1].mode, LAYOUT_DEVDAX);
	assert_int_equal(l->dax[1].file_mode, -1);
	assert_null(l->dax[1].owner);
	assert_int_equal(l->dax[2].region, 1);
	assert_int_equal(l->dax[2].size.v, 6 << 20);
	assert_int_equal(l->dax[2].mode, LAYOUT_SYSTEM_RAM);
	arena_free(&a);
}

#define R "[region r]\nmemdevs = 1\n"
#define D "[dax d]\nregion = r\n"

static void what_is_wrong_is_said_with_its_line(void **state)
{
	static const struct {
		const char *text;
		unsigned int line;
		const char *says;
	} bad[] = {
		{ "[region]\nmemdevs = 1\n", 1, "has no name" },
		{ "[dax]\n", 1, "[dax] has no name" },
		{ "[region region0]\n", 1, "such numbers change between boots" },
		{ "[dax dax0.0]\n", 1, "such numbers change between boots" },
		{ "[dax ../x]\n", 1, "a name is a letter" },
		{ "[dax a/b]\n", 1, "a name is a letter" },
		{ "[dax 1a]\n", 1, "a name is a letter" },
		{ "[dax a b]\n", 1, "a name is a letter" },
		{ "[dax a--b]\n", 1, "(not two)" },
		{ "[dax aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n", 1, "at most 47 letters" },
		{ R "[region r]\n", 3, "[region r] is there in line 1 already" },
		{ R D "size=rest\n[root0]\n[dax D]\n", 7, "[dax d] is there in line 3 already" },
		{ "[region r]\n", 1, "does not say of which memory devices" },
		{ R "colour = red\n", 3, "the keys of a [region] are memdevs, ways, granularity, size, decoder and type" },
		{ R D "colour = red\n", 5, "the keys of a [dax] are region, size, align, mode, owner, group and file-mode" },
		{ R "memdevs = 2\n", 3, "memdevs was set in line 2 already" },
		{ R D "region = r\n", 5, "region was set in line 4 already" },
		{ "[region r]\nmemdevs = mem0\n", 2, "'mem0' is no serial number" },
		{ "[region r]\nmemdevs =\n", 2, "names no memory device" },
		{ "[region r]\nmemdevs = , ,\n", 2, "names no memory device" },
		{ "[region r]\nmemdevs = 0\n", 2, "0 is no serial number" },
		{ "[region r]\nmemdevs = 0x1, pci\n", 2, "behind pci stands no PCI address" },
		{ "[region r]\nmemdevs = pci 0x1\n", 2, "'0x1' behind pci is no PCI address" },
		{ "[region r]\nmemdevs = 1,2,0x1\n", 2, "'0x1' is named twice" },
		{ "[region r]\nmemdevs = pci 0d:00.0, pci 0000:0d:00.0\n", 2, "named twice" },
		{ "[region r]\nmemdevs = 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n", 2, "at most 16" },
		{ "[region r]\nmemdevs = 1 2 3 4 5\n", 2, "names 5 memory devices" },
		{ "[region r]\nmemdevs = all of root port root0\n", 2, "no PCI address of a root port" },
		{ "[region r]\nmemdevs = all\n", 2, "'all' is no serial number" },
		{ R "ways = 5\n", 3, "1, 2, 3, 4, 6, 8, 12 or 16" },
		{ R "ways = 32\n", 3, "1, 2, 3, 4, 6, 8, 12 or 16" },
		{ R "ways = 2\n", 3, "ways = 2 contradicts memdevs in line 2, which names 1" },
		{ R "granularity = 300\n", 3, "is not a value of granularity" },
		{ R "granularity = 128\n", 3, "is not a value of granularity" },
		{ R "granularity = 32KiB\n", 3, "is not a value of granularity" },
		{ R "size = 0\n", 3, "no size of a region" },
		{ R "size = 50%\n", 3, "no size of a region" },
		{ R "size = rest\n", 3, "no size of a region" },
		{ R "size = 100MiB\n", 3, "a region of 1 memory device takes a multiple of 256 MiB" },
		{ "[region r]\nmemdevs = 1 2\nsize = 256MiB\n", 3, "a region of 2 memory devices takes a multiple of 512 MiB" },
		{ R "decoder = decoder0\n", 3, "no name of a root decoder" },
		{ R "decoder = decoder0.\n", 3, "no name of a root decoder" },
		{ R "decoder = decoder0.0/x\n", 3, "no name of a root decoder" },
		{ R "type = pmem\n", 3, "only volatile regions are made by a policy" },
		{ R "type = dram\n", 3, "use ram or pmem" },
		{ "[dax d]\nsize = rest\n", 1, "[dax d] lacks region" },
		{ R D, 3, "[dax d] lacks size" },
		{ R "[dax d]\nsize = rest\nregion = other\n", 5, "the file has no [region other]" },
		{ R D "size = 0\n", 5, "no size of a dax device" },
		{ R D "size = max\n", 5, "no size of a dax device" },
		{ R D "size = 0%\n", 5, "whole numbers" },
		{ R D "size = 101%\n", 5, "whole numbers" },
		{ R D "size = 12.5%\n", 5, "whole numbers" },
		{ R D "size = 10%%\n", 5, "whole numbers" },
		{ R D "size = 3MiB\n", 5, "3145728 bytes are no multiple of the device's align, 2 MiB" },
		{ R D "align = 1GiB\nsize = 512MiB\n", 6, "no multiple of the device's align, 1024 MiB" },
		{ R D "size = 60%\n[dax e]\nregion = r\nsize = 41%\n", 8, "are 101% of it" },
		{ R D "size = rest\n[dax e]\nsize = rest\nregion = r\n", 7, "stands in line 5 already" },
		{ R D "align = 4KiB\n", 5, "use 2MiB or 1GiB" },
		{ R D "mode = ram\n", 5, "devdax, system-ram or famfs" },
		{ R D "owner = a b\n", 5, "is no owner" },
		{ R D "owner =\n", 5, "is no owner" },
		{ R D "group = -x\n", 5, "is no group" },
		{ R D "group = 4294967295\n", 5, "is no group" },
		{ R D "file-mode = rw\n", 5, "is no file mode" },
		{ R D "file-mode = 4755\n", 5, "is no file mode" },
		{ R D "file-mode = 0668\n", 5, "is no file mode" },
		{ R D "file-mode = 60\n", 5, "is no file mode" },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		struct arena a = { 0 };
		char where[32];
		struct policy p;
		struct err err = { 0 };

		if (parse(bad[i].text, &a, &p, &err) != -EINVAL)
			fail_msg("accepted: %s", bad[i].text);
		snprintf(where, sizeof(where), "f.conf:%u: ", bad[i].line);
		if (strncmp(err.text, where, strlen(where)) || !strstr(err.text, bad[i].says) ||
		    !strstr(err.text, "; nothing of the file is used") || err.status != EXIT_USAGE)
			fail_msg("of %s: %s", bad[i].text, err.text);
		arena_free(&a);
	}
}

static void two_regions_may_each_have_a_rest(void **state)
{
	struct arena a = { 0 };
	struct policy p;
	struct err err;

	(void)state;
	assert_int_equal(parse("[dax d]\nregion=r\nsize=rest\n[dax e]\nregion=s\nsize=rest\n[region r]\nmemdevs=1\n[region s]\nmemdevs=2\n",
			       &a, &p, &err), 0);
	assert_int_equal(p.layout.dax[1].region, 1);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_that_may_be_said_is_understood),
		cmocka_unit_test(what_is_wrong_is_said_with_its_line),
		cmocka_unit_test(two_regions_may_each_have_a_rest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
