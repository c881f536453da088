// SPDX-License-Identifier: GPL-2.0-only
/* lib/firmware/iomem.c and memmap.c: what the kernel and firmware say of memory, as text. */
#include "test/unit/unit.h"

#include <errno.h>
#include <stdio.h>

#include "lib/firmware/iomem.h"
#include "lib/firmware/memmap.h"

static struct arena a;
static struct messages messages;

static int forget(void **state)
{
	(void)state;
	messages_free(&messages);
	messages = (struct messages){ 0 };
	arena_free(&a);
	a = (struct arena){ 0 };
	return 0;
}

static struct iomem parse(const char *text)
{
	struct iomem iomem;

	assert_int_equal(iomem_parse(text, strlen(text), &a, &messages, &iomem), 0);
	return iomem;
}

static void lines_are_known_by_their_names_not_by_their_depth(void **state)
{
	static const struct { const char *name; int kind; unsigned int id; } cases[] = {
		{ "Soft Reserved", IOMEM_SOFT, 0 }, { "soft reserved", IOMEM_SOFT, 0 },
		{ "System RAM", IOMEM_RAM, 0 }, { "System RAM (kmem)", IOMEM_KMEM, 0 },
		{ "System RAM (virtio_mem)", IOMEM_RAM, 0 }, { "CXL Window 12", IOMEM_WINDOW, 12 },
		{ "region3", IOMEM_REGION, 3 }, { "Reserved", -1, 0 }, { "System ROM", -1, 0 },
		{ "region", -1, 0 }, { "region03", -1, 0 }, { "CXL Window", -1, 0 }, { "CXL Window 1x", -1, 0 },
		{ "dax0.0", -1, 0 }, { "PCI Bus 0000:00", -1, 0 }, { "System RAMdisk", -1, 0 },
		{ "Soft Reserved and a lot more than any of these names has", -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++)
		for (int depth = 0; depth < 12; depth += 4) {
			struct iomem iomem;
			char line[128];

			snprintf(line, sizeof(line), "%*s1050000000-304fffffff : %s\n", depth, "", cases[i].name);
			iomem = parse(line);
			assert_int_equal(iomem.n_all, 1);
			assert_int_equal(iomem.n_bad, 0);
			assert_int_equal(iomem.n, cases[i].kind >= 0);
			if (cases[i].kind < 0)
				continue;
			assert_int_equal(iomem.lines[0].kind, cases[i].kind);
			assert_int_equal(iomem.lines[0].id, cases[i].id);
			assert_true(iomem.lines[0].start == 0x1050000000 &&
				    iomem.lines[0].end == 0x304fffffff);
		}
}

static void zeroed_addresses_are_hidden_not_ranges(void **state)
{
	struct iomem iomem = parse("00000000-00000000 : Reserved\n00000000-00000000 : Soft Reserved\n");

	(void)state;
	assert_true(iomem.hidden);
	assert_int_equal(iomem.n, 0);
	assert_false(parse("00000000-00000fff : Reserved\n").hidden);
	assert_false(parse("").hidden);
}

static void what_no_kernel_writes_is_counted_and_named_once(void **state)
{
	static const char *const bad[] = {
		"", " ", "x", "100-1 : Soft Reserved", "-1 : x", "1- : Soft Reserved", "1-2: x", "1-2 :x", "0x1-0x2 : x",
		"11112222333344445-11112222333344446 : x", "1-2", "\t1-2 : x", "G-H : System RAM", "1-A : y",
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		struct iomem iomem;
		char text[200];

		forget(NULL);
		snprintf(text, sizeof(text), "00001000-0009fbff : System RAM\n%s\n%s\n00100000-7ffdffff : System RAM", bad[i], bad[i]);
		iomem = parse(text);
		assert_int_equal(iomem.n_all, 4);
		assert_int_equal(iomem.n_bad, 2);
		assert_int_equal(iomem.n, 2);
		assert_int_equal(messages.n, 1);
		assert_non_null(strstr(messages.v[0].text, "2 of 4 lines"));
	}
}

static void an_entry_of_the_firmware_map_is_read_whole(void **state)
{
	static const struct { const char *start, *end, *type; int want; } cases[] = {
		{ "0x1050000000", "0x304fffffff", "Soft Reserved", MEMMAP_SOFT },
		{ "0x1050000000", "0x304fffffff", "soft reserved", MEMMAP_SOFT },
		{ "0x0", "0x9fbff", "System RAM", MEMMAP_RAM }, { "0x0", "0x0", "Reserved", MEMMAP_OTHER },
		{ "0x0", "0xffffffffffffffff", "ACPI Tables", MEMMAP_OTHER },
		{ "0x2", "0x1", "System RAM", -EINVAL }, { "", "0x1", "System RAM", -EINVAL }, { "0x0", "", "Reserved", -EINVAL },
		{ "0x0", "0x1", "", -EINVAL }, { "-1", "0x1", "Reserved", -EINVAL }, { "0x0", "0x1g", "Reserved", -EINVAL },
		{ "0x0", "0x10000000000000000", "Reserved", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct memmap_entry e = { 0 };
		int rc = memmap_parse(cases[i].start, cases[i].end, cases[i].type, &e);

		assert_int_equal(rc ? rc : (int)e.type, cases[i].want);
	}
}

static void the_command_line_makes_memory_soft_reserved(void **state)
{
	static const struct {
		const char *text;
		uint64_t start, end;
		bool edits;
		size_t messages;
	} cases[] = {
		{ "quiet", 0, 0, false, 0 },
		{ "memmap=4G%4G+0xefffffff", 1ULL << 32, (2ULL << 32) - 1, true, 0 },
		{ "ro memmap=1M@2M,4g%0x100000000+0xefffffff quiet", 1ULL << 32, (2ULL << 32) - 1,
		  true, 0 },
		{ "memmap=\"4G%4G+0xefffffff\"", 1ULL << 32, (2ULL << 32) - 1, true, 0 },
		{ "ro \"memmap=4G%4G+0xefffffff\" quiet", 1ULL << 32, (2ULL << 32) - 1, true, 0 },
		{ "dyndbg=\"file a memmap=4G%4G+0xefffffff\" quiet", 0, 0, false, 0 },
		{ "\"memmap=4G%4G+0xefffffff", 1ULL << 32, (2ULL << 32) - 1, true, 0 },
		{ "\"", 0, 0, false, 0 },
		{ "memmap=\"", 0, 0, false, 0 },
		{ "a=\"b c\" memmap=4G%4G+4026531839", 1ULL << 32, (2ULL << 32) - 1, true, 0 },
		{ "memmap=4G%4G-2+0xefffffff", 1ULL << 32, (2ULL << 32) - 1, true, 0 },
		{ "memmap=4G%4G-0xefffffff+0xefffffff", 0, 0, true, 0 },
		{ "memmap=4G%4G-0xefffffff+1", 0, 0, true, 0 },
		{ "memmap=4G%4G+2", 0, 0, true, 0 },
		{ "memmap=4G$4G", 0, 0, true, 0 },
		{ "memmap=exactmap", 0, 0, true, 0 },
		{ "memmap=16G", 0, 0, true, 0 },
		{ "efi_fake_mem=4G@4G:0x40000", 1ULL << 32, (2ULL << 32) - 1, true, 0 },
		{ "efi_fake_mem=4G@4G:0x10000", 0, 0, false, 0 },
		{ "efi=debug", 0, 0, false, 0 },
		{ "efi=debug,nosoftreserve", 0, 0, true, 0 },
		{ "mem=4G", 0, 0, true, 0 },
		{ "xmemmap=4G%4G+0xefffffff", 0, 0, false, 0 },
		{ "init=/x -- memmap=4G%4G+0xefffffff", 0, 0, false, 0 },
		{ "memmap=4G%", 0, 0, true, 1 },
		{ "memmap=%4G+0xefffffff", 0, 0, true, 1 },
		{ "memmap=4G%4G+0xefffffffz", 0, 0, true, 1 },
		{ "memmap=99999999999E%4G+0xefffffff", 0, 0, true, 1 },
		{ "memmap=4G%4G+", 0, 0, true, 1 },
		{ "memmap=0%4G+0xefffffff", 0, 0, true, 0 },
		{ "memmap=4G%0xffffffffffffffff+0xefffffff", 0, 0, true, 0 },
		{ "efi_fake_mem=4G@4G", 0, 0, false, 1 },
	};

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
		struct cmdline c;

		forget(NULL);
		assert_int_equal(cmdline_parse(cases[i].text, &a, &messages, &c), 0);
		if (c.edits_map != cases[i].edits || messages.n != cases[i].messages ||
		    (c.soft.n == 1) != (cases[i].end != 0))
			fail_msg("'%s': edits %d, %zu ranges, %zu messages", cases[i].text, c.edits_map, c.soft.n, messages.n);
		if (cases[i].end)
			assert_true(c.soft.v[0].start == cases[i].start &&
				    c.soft.v[0].end == cases[i].end);
		assert_int_equal(c.no_soft_reserve, strstr(cases[i].text, "nosoftreserve") != NULL);
	}
}

/* e820__range_update() of arch/x86/kernel/e820.c changes memory of that type alone. */
static void what_is_to_become_soft_reserved_only_where_it_is_ram_is_kept_apart(void **state)
{
	struct cmdline c;

	(void)state;
	assert_int_equal(cmdline_parse("memmap=4G%4G-1+0xefffffff,1G%1G+0xefffffff", &a, &messages, &c), 0);
	assert_true(c.soft.n == 1 && c.soft.v[0].start == 1 << 30 && c.edits_map && !messages.n);
	assert_true(c.soft_of_ram.n == 1 && c.soft_of_ram.v[0].start == 1ULL << 32 &&
		    c.soft_of_ram.v[0].end == (2ULL << 32) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(lines_are_known_by_their_names_not_by_their_depth,
					  forget),
		cmocka_unit_test_teardown(zeroed_addresses_are_hidden_not_ranges, forget),
		cmocka_unit_test_teardown(what_no_kernel_writes_is_counted_and_named_once, forget),
		cmocka_unit_test_teardown(an_entry_of_the_firmware_map_is_read_whole, forget),
		cmocka_unit_test_teardown(the_command_line_makes_memory_soft_reserved, forget),
		cmocka_unit_test_teardown(
			what_is_to_become_soft_reserved_only_where_it_is_ram_is_kept_apart, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
