// SPDX-License-Identifier: GPL-2.0-only
/* lib/firmware/cedt.c, srat.c, cdat.c: firmware tables, whole and broken. */
#include "test/unit/unit.h"

#include "lib/firmware/cdat.h"
#include "lib/firmware/cedt.h"
#include "lib/firmware/srat.h"

struct table {
	uint8_t b[512];
	size_t n;
};

static void put(struct table *t, size_t at, size_t width, uint64_t v)
{
	for (size_t i = 0; i < width; i++)
		t->b[at + i] = (uint8_t)(v >> 8 * i);
	if (at + width > t->n)
		t->n = at + width;
}

static void finish(struct table *t, size_t checksum_at)
{
	uint8_t sum = 0;

	put(t, checksum_at == 9 ? 4 : 0, 4, t->n);
	t->b[checksum_at] = 0;
	for (size_t i = 0; i < t->n; i++)
		sum = (uint8_t)(sum + t->b[i]);
	t->b[checksum_at] = (uint8_t)-sum;
}

static void start_acpi(struct table *t, const char *signature, size_t header)
{
	*t = (struct table){ .n = header };
	memcpy(t->b, signature, 4);
}

static size_t add_window(struct table *t, uint64_t base, uint64_t size, unsigned int ways,
			 unsigned int granularity)
{
	size_t at = t->n;

	put(t, at, 1, 1);
	put(t, at + 2, 2, 40);
	put(t, at + 8, 8, base);
	put(t, at + 16, 8, size);
	put(t, at + 24, 1, ways);
	put(t, at + 28, 4, granularity);
	put(t, at + 32, 2, CFMWS_HOST_ONLY | CFMWS_VOLATILE);
	put(t, at + 36, 4, 12);
	return at;
}

struct outcome {
	struct arena a;
	struct messages messages;
	struct cedt cedt;
	struct srat srat;
	struct cdat cdat;
};

static struct outcome out;

static int forget(void **state)
{
	(void)state;
	messages_free(&out.messages);
	arena_free(&out.a);
	out = (struct outcome){ 0 };
	return 0;
}

static void cedt(const struct table *t)
{
	forget(NULL);
	assert_int_equal(cedt_parse(t->b, t->n, &out.a, &out.messages, &out.cedt), 0);
}

static void srat(const struct table *t)
{
	forget(NULL);
	assert_int_equal(srat_parse(t->b, t->n, &out.a, &out.messages, &out.srat), 0);
}

static void cdat(const struct table *t)
{
	forget(NULL);
	assert_int_equal(cdat_parse(t->b, t->n, "endpoint2", &out.a, &out.messages, &out.cdat), 0);
}

static void a_window_is_read_field_by_field(void **state)
{
	struct table t;

	(void)state;
	start_acpi(&t, "CEDT", 36);
	add_window(&t, 0x490000000, 0x100000000, 0, 2);
	finish(&t, 9);
	cedt(&t);
	assert_int_equal(out.messages.n, 0);
	assert_int_equal(out.cedt.n_windows, 1);
	assert_true(out.cedt.windows[0].base == 0x490000000 &&
		    out.cedt.windows[0].size == 0x100000000);
	assert_int_equal(out.cedt.windows[0].ways, 1);
	assert_int_equal(out.cedt.windows[0].granularity, 1024);
	assert_int_equal(out.cedt.windows[0].restrictions, 6);
	assert_null(out.cedt.windows[0].dropped);
	assert_false(out.cedt.damaged);
}

static void ways_and_granularity_are_decoded(void **state)
{
	static const struct { unsigned int code, ways;
	} ways[] = {
		{ 0, 1 }, { 1, 2 }, { 2, 4 }, { 3, 8 },	  { 4, 16 }, { 5, 0 },
		{ 7, 0 }, { 8, 3 }, { 9, 6 }, { 10, 12 }, { 11, 0 }, { 255, 0 },
	};
	struct table t;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(ways); i++) {
		start_acpi(&t, "CEDT", 36);
		add_window(&t, 0, 1ULL << 40, ways[i].code, 0);
		finish(&t, 9);
		cedt(&t);
		assert_int_equal(out.cedt.windows[0].ways, ways[i].ways);
		/* one target is there */
		assert_true(!out.cedt.windows[0].dropped == (ways[i].ways == 1));
	}
	start_acpi(&t, "CEDT", 36);
	add_window(&t, 0, 1ULL << 40, 0, 7);
	finish(&t, 9);
	cedt(&t);
	assert_int_equal(out.cedt.windows[0].granularity, 0);
	assert_non_null(out.cedt.windows[0].dropped);
}

static void a_window_of_an_unknown_arithmetic_is_dropped_as_the_kernel_does(void **state)
{
	struct table t;

	(void)state;
	for (unsigned int arithmetic = 0; arithmetic < 4; arithmetic++) {
		size_t at;

		start_acpi(&t, "CEDT", 36);
		at = add_window(&t, 1ULL << 32, 1ULL << 32, 0, 0);
		put(&t, at + 25, 1, arithmetic);
		finish(&t, 9);
		cedt(&t);
		assert_int_equal(out.cedt.windows[0].dropped != NULL, arithmetic > 1);
		assert_int_equal(out.cedt.windows[0].is_xor, arithmetic == 1);
	}
}

static void a_window_that_the_kernel_drops_is_said_and_kept(void **state)
{
	static const struct { uint64_t base, size; bool dropped;
	} windows[] = {
		{ 256 << 20, 256 << 20, false },
		{ 128 << 20, 256 << 20, true },
		{ 0, 128 << 20, true },
		{ 0, 0, true },
		{ UINT64_MAX - (256 << 20) + 1, 512 << 20, true },
		{ UINT64_MAX - (256 << 20) + 1, 256 << 20, false },
	};
	struct table t;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(windows); i++) {
		start_acpi(&t, "CEDT", 36);
		add_window(&t, windows[i].base, windows[i].size, 0, 0);
		finish(&t, 9);
		cedt(&t);
		assert_int_equal(out.cedt.n_windows, 1);
		assert_true((out.cedt.windows[0].dropped != NULL) == windows[i].dropped);
		assert_int_equal(out.messages.n, windows[i].dropped);
		assert_false(out.cedt.damaged);
	}
}

static void windows_that_overlap_are_said(void **state)
{
	struct table t;

	(void)state;
	start_acpi(&t, "CEDT", 36);
	add_window(&t, 1ULL << 32, 1ULL << 32, 0, 0);
	add_window(&t, 2ULL << 32, 1ULL << 32, 0, 0);
	add_window(&t, (2ULL << 32) + (256 << 20), 1ULL << 32, 0, 0);
	finish(&t, 9);
	cedt(&t);
	assert_int_equal(out.cedt.n_windows, 3);
	assert_int_equal(out.messages.n, 1);
	assert_non_null(strstr(out.messages.v[0].text, "windows 1 and 2 overlap"));
}

/* Whatever is cut off: what stands before is read, and it is said. */
static void a_truncated_table_gives_what_it_has(void **state)
{
	struct table whole;

	(void)state;
	start_acpi(&whole, "CEDT", 36);
	add_window(&whole, 1ULL << 32, 1ULL << 32, 0, 0);
	add_window(&whole, 2ULL << 32, 1ULL << 32, 0, 0);
	finish(&whole, 9);
	for (size_t n = 0; n < whole.n; n++) {
		struct table t = whole;

		t.n = n;
		cedt(&t);
		assert_int_equal(out.cedt.n_windows, n < 76 ? 0 : 1);
		assert_true(out.cedt.damaged);
		assert_true(out.messages.n >= 1);
	}
}

static void an_entry_without_a_length_ends_the_walk(void **state)
{
	struct table t;

	(void)state;
	for (size_t length = 0; length < 4; length++) {
		size_t at;

		start_acpi(&t, "CEDT", 36);
		add_window(&t, 1ULL << 32, 1ULL << 32, 0, 0);
		at = add_window(&t, 2ULL << 32, 1ULL << 32, 0, 0);
		put(&t, at + 2, 2, length);
		finish(&t, 9);
		cedt(&t);
		assert_int_equal(out.cedt.n_windows, 1);
		assert_true(out.cedt.damaged);
		assert_non_null(strstr(out.messages.v[0].text, "byte 76"));
	}
}

static void another_table_or_a_wrong_checksum_is_said(void **state)
{
	struct table t;

	(void)state;
	start_acpi(&t, "SRAT", 36);
	add_window(&t, 1ULL << 32, 1ULL << 32, 0, 0);
	finish(&t, 9);
	cedt(&t);
	assert_int_equal(out.cedt.n_windows, 0);
	assert_non_null(strstr(out.messages.v[0].text, "signature"));
	memcpy(t.b, "CEDT", 4);
	cedt(&t);
	assert_int_equal(out.cedt.n_windows, 1);
	assert_non_null(strstr(out.messages.v[0].text, "checksum"));
}

static size_t add_memory(struct table *t, uint64_t base, uint64_t size, uint32_t flags,
			 size_t length)
{
	size_t at = t->n;

	put(t, at, 1, 1);
	put(t, at + 1, 1, length);
	put(t, at + 2, 4, 3);
	put(t, at + 8, 8, base);
	put(t, at + 16, 8, size);
	put(t, at + 28, 4, flags);
	put(t, at + length - 1, 1, 0);
	return at;
}

static void memory_entries_of_the_srat_are_those_that_are_enabled(void **state)
{
	struct table t;

	(void)state;
	start_acpi(&t, "SRAT", 48);
	add_memory(&t, 0, 0x80000000, 1, 40);
	add_memory(&t, 1ULL << 32, 1ULL << 32, 0, 40);		/* not enabled */
	put(&t, t.n, 2, 0 | 16 << 8);				/* a processor */
	put(&t, t.n + 13, 1, 0);
	add_memory(&t, 0, 0, 1, 40);				/* nothing */
	add_memory(&t, UINT64_MAX, 2, 1, 40);			/* wraps */
	add_memory(&t, 2ULL << 32, 1ULL << 32, 3, 40);
	finish(&t, 9);
	srat(&t);
	assert_int_equal(out.srat.n_memory, 2);
	assert_true(out.srat.memory[1].start == 2ULL << 32 &&
		    out.srat.memory[1].end == (3ULL << 32) - 1);
	assert_int_equal(out.srat.memory[1].domain, 3);
	assert_int_equal(out.messages.n, 1);
	assert_true(out.srat.damaged);
}

static void a_broken_srat_is_said_and_never_left(void **state)
{
	struct table t;

	(void)state;
	start_acpi(&t, "SRAT", 36);
	finish(&t, 9);
	srat(&t);
	assert_true(out.srat.damaged && out.messages.n == 1);
	start_acpi(&t, "SRAT", 48);
	add_memory(&t, 0, 0x80000000, 1, 40);
	t.b[add_memory(&t, 1ULL << 32, 1 << 20, 1, 40) + 1] = 30;
	finish(&t, 9);
	srat(&t);
	assert_int_equal(out.srat.n_memory, 1);
	assert_true(out.srat.damaged && out.messages.n);
}

static void start_cdat(struct table *t)
{
	*t = (struct table){ .n = 16 };
}

static void add_cdat(struct table *t, unsigned int type, unsigned int handle, unsigned int efi,
		     uint64_t a, uint64_t b)
{
	size_t at = t->n;

	put(t, at, 1, type);
	put(t, at + 2, 2, 24);
	put(t, at + 4, 1, handle);
	put(t, at + 5, 1, efi);
	put(t, at + 8, 8, a);
	put(t, at + 16, 8, b);
}

static void a_dsemts_is_placed_by_its_dsmas_wherever_that_stands(void **state)
{
	struct table t;

	(void)state;
	start_cdat(&t);
	add_cdat(&t, 4, 7, CDAT_RESERVED, 0x1000, 0x2000);
	add_cdat(&t, 0, 7, 0, 0x10000000, 0x10000000);
	finish(&t, 5);
	cdat(&t);
	assert_int_equal(out.messages.n, 0);
	assert_int_equal(out.cdat.n_types, 1);
	assert_true(out.cdat.types[0].dpa_start == 0x10001000 &&
		    out.cdat.types[0].dpa_end == 0x10002fff);
	assert_int_equal(out.cdat.types[0].efi_type, CDAT_RESERVED);
}

static void a_dsemts_that_cannot_be_placed_is_left_out_and_said(void **state)
{
	static const struct { unsigned int handle; uint64_t dpa, size, offset, length; } bad[] = {
		{ 1, 0, 1 << 20, 0, 4096 },			/* no such DSMAS */
		{ 0, 0, 1 << 20, 0, (1 << 20) + 1 },
		{ 0, 0, 1 << 20, (1 << 20) + 1, 1 },
		{ 0, 0, 1 << 20, UINT64_MAX, 2 },
		{ 0, UINT64_MAX - 1, UINT64_MAX, 0, 4096 },
	};
	struct table t;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		start_cdat(&t);
		add_cdat(&t, 0, 0, 0, bad[i].dpa, bad[i].size);
		add_cdat(&t, 4, bad[i].handle, CDAT_RESERVED, bad[i].offset, bad[i].length);
		finish(&t, 5);
		cdat(&t);
		assert_int_equal(out.cdat.n_types, 0);
		assert_int_equal(out.messages.n, 1);
		assert_string_equal(out.messages.v[0].target, "endpoint2");
		assert_true(out.cdat.damaged);
	}
}

static void a_truncated_cdat_gives_what_it_has(void **state)
{
	struct table whole;

	(void)state;
	start_cdat(&whole);
	add_cdat(&whole, 0, 0, 0, 0, 1 << 30);
	add_cdat(&whole, 4, 0, CDAT_SPECIFIC_PURPOSE, 0, 1 << 29);
	add_cdat(&whole, 4, 0, CDAT_RESERVED, 1 << 29, 1 << 29);
	finish(&whole, 5);
	for (size_t n = 0; n < whole.n; n++) {
		struct table t = whole;

		t.n = n;
		cdat(&t);
		assert_int_equal(out.cdat.n_types, n < 64 ? 0 : n < 88 ? 1 : 2);
		assert_true(out.cdat.damaged && out.messages.n);
	}
}

static void a_table_full_of_rubbish_says_only_a_few_things(void **state)
{
	struct table t;

	(void)state;
	start_cdat(&t);
	for (unsigned int i = 0; i < 20; i++)
		add_cdat(&t, 4, i, CDAT_RESERVED, 0, 1);
	finish(&t, 5);
	cdat(&t);
	assert_int_equal(out.cdat.n_types, 0);
	assert_true(out.messages.n >= 1 && out.messages.n <= 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_window_is_read_field_by_field, forget),
		cmocka_unit_test_teardown(ways_and_granularity_are_decoded, forget),
		cmocka_unit_test_teardown(a_window_that_the_kernel_drops_is_said_and_kept, forget),
		cmocka_unit_test_teardown(
			a_window_of_an_unknown_arithmetic_is_dropped_as_the_kernel_does, forget),
		cmocka_unit_test_teardown(windows_that_overlap_are_said, forget),
		cmocka_unit_test_teardown(a_truncated_table_gives_what_it_has, forget),
		cmocka_unit_test_teardown(an_entry_without_a_length_ends_the_walk, forget),
		cmocka_unit_test_teardown(another_table_or_a_wrong_checksum_is_said, forget),
		cmocka_unit_test_teardown(memory_entries_of_the_srat_are_those_that_are_enabled,
					  forget),
		cmocka_unit_test_teardown(a_broken_srat_is_said_and_never_left, forget),
		cmocka_unit_test_teardown(a_dsemts_is_placed_by_its_dsmas_wherever_that_stands,
					  forget),
		cmocka_unit_test_teardown(a_dsemts_that_cannot_be_placed_is_left_out_and_said,
					  forget),
		cmocka_unit_test_teardown(a_truncated_cdat_gives_what_it_has, forget),
		cmocka_unit_test_teardown(a_table_full_of_rubbish_says_only_a_few_things, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
