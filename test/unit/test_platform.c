// SPDX-License-Identifier: GPL-2.0-only
/* lib/read/platform.c: which machine it is, and of which a vendor says that nothing recovers on it. */
#include "test/unit/unit.h"

#include "lib/model/host.h"

static const char cpuinfo[] =
	"processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 26\nmodel\t\t: 17\nmodel name\t: AMD EPYC 9575F 64-Core Processor \n"
	"stepping\t: 1\nflags\t\t: fpu vme svm\nbugs\t\t: hypervisor\n\nprocessor\t: 1\nvendor_id\t: GenuineIntel\n";

static struct platform of(const char *vendor, const char *name)
{
	return (struct platform){ .cpu_vendor = vendor,
				  .cpu_family = { true, 25 },
				  .cpu_model = { true, 17 },
				  .cpu_name = name,
				  .system_vendor = "Maker",
				  .product = "R1",
				  .bios_version = "1.2",
				  .kernel = "7.2.13" };
}

static void the_first_processor_is_read(void **state)
{
	struct arena a = { 0 };
	struct platform p;

	(void)state;
	assert_int_equal(platform_parse_cpuinfo(cpuinfo, sizeof(cpuinfo) - 1, &a, &p), 0);
	assert_string_equal(p.cpu_vendor, "AuthenticAMD");
	assert_string_equal(p.cpu_name, "AMD EPYC 9575F 64-Core Processor");
	assert_true(p.cpu_family.known && p.cpu_family.v == 26 && p.cpu_model.known &&
		    p.cpu_model.v == 17);
	assert_int_equal(p.is_emulated, TRI_NO);
	arena_free(&a);
}

static void only_the_flag_itself_makes_a_machine_emulated(void **state)
{
	static const struct {
		const char *text;
		enum tri is_emulated;
	} cases[] = {
		{ "flags\t\t: fpu hypervisor svm\n", TRI_YES }, { "flags\t\t: hypervisor\n", TRI_YES }, { "flags\t\t: fpu hypervisor\n", TRI_YES },
		{ "flags\t\t: hypervisors xhypervisor\n", TRI_NO }, { "vmx flags\t: hypervisor\n", TRI_UNKNOWN },
		{ "model\t\t: 1\n", TRI_UNKNOWN }, { "flags\t\t: fpu hyper", TRI_UNKNOWN }, { "", TRI_UNKNOWN }, { "\nflags : hypervisor\n", TRI_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct arena a = { 0 };
		struct platform p;

		assert_int_equal(
			platform_parse_cpuinfo(cases[i].text, strlen(cases[i].text), &a, &p), 0);
		if (p.is_emulated != cases[i].is_emulated)
			fail_msg("'%s' is %d", cases[i].text, p.is_emulated);
		arena_free(&a);
	}
}

static void what_is_no_number_or_empty_is_unknown(void **state)
{
	static const char text[] = "vendor_id\t:\ncpu family\t: many\nmodel\t\t: -1\nmodel name\t:   \nno colon\n: nothing\nmodel\n";
	struct arena a = { 0 };
	struct platform p;

	(void)state;
	assert_int_equal(platform_parse_cpuinfo(text, sizeof(text) - 1, &a, &p), 0);
	assert_true(!p.cpu_vendor && !p.cpu_name && !p.cpu_family.known && !p.cpu_model.known);
	assert_null(platform_says_no(&p));
	assert_int_equal(platform_parse_cpuinfo("vendor_id\t: Auth\033[31m\n", 22, &a, &p), 0);
	assert_string_equal(p.cpu_vendor, "Auth?[31m");
	arena_free(&a);
}

static void amd_servers_are_said_not_to_recover(void **state)
{
	static const char *const servers[] = { "AMD EPYC 9654 96-Core Processor", "AMD Eng Sample: 100-000000997-01", "AMD Instinct MI300A Accelerator",
					       "", NULL };

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(servers); i++) {
		struct platform p = of("AuthenticAMD", servers[i]);
		const struct platform_row *row = platform_says_no(&p);

		assert_non_null(row);
		assert_string_equal(row->machines, "AMD servers");
		assert_non_null(strstr(row->source, "2026-02-02"));
		p.is_emulated = TRI_UNKNOWN;	/* then it counts */
		assert_non_null(platform_says_no(&p));
		p.is_emulated = TRI_YES;
		assert_null(platform_says_no(&p));
	}
}

static void of_other_machines_nothing_is_said(void **state)
{
	const struct platform others[] = {
		of("GenuineIntel", "Intel(R) Xeon(R) 6980P"), of("AuthenticAMD", "AMD Ryzen Threadripper PRO 7995WX 96-Cores"),
		of("AuthenticAMD", "AMD Athlon(tm) 64"), of("HygonGenuine", "Hygon C86 7285 32-core Processor"), of(NULL, "AMD EPYC"),
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(others); i++)
		assert_null(platform_says_no(&others[i]));
}

static void a_platform_of_which_a_part_is_unknown_is_no_other_s(void **state)
{
	struct platform p = of("AuthenticAMD", "x"), q = of("AuthenticAMD", NULL);

	(void)state;
	assert_true(platform_is_known(&q) && platform_is_same(&p, &q));
	q.kernel = "6.12";
	q.bios_version = "1.3";
	assert_true(platform_is_same(&p, &q));
	q.product = "R2";
	assert_false(platform_is_same(&p, &q));
	for (int part = 0; part < 7; part++) {
		q = p;
		q.cpu_vendor = part == 0 ? NULL : q.cpu_vendor;
		q.cpu_family.known = part != 1;
		q.cpu_model.known = part != 2;
		q.system_vendor = part == 3 ? NULL : q.system_vendor;
		q.product = part == 4 ? NULL : q.product;
		q.bios_version = part == 5 ? NULL : q.bios_version;
		q.kernel = part == 6 ? NULL : q.kernel;
		assert_false(platform_is_known(&q));
		if (part < 5)
			assert_false(platform_is_same(&q, &q));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_processor_is_read),
		cmocka_unit_test(only_the_flag_itself_makes_a_machine_emulated),
		cmocka_unit_test(what_is_no_number_or_empty_is_unknown),
		cmocka_unit_test(amd_servers_are_said_not_to_recover),
		cmocka_unit_test(of_other_machines_nothing_is_said),
		cmocka_unit_test(a_platform_of_which_a_part_is_unknown_is_no_other_s),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
