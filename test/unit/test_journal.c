// SPDX-License-Identifier: GPL-2.0-only
/* lib/kept/journal.c: what is written is read back as it was, and nothing that was damaged is. */
#include "test/unit/unit.h"

#include <stdio.h>

#include "lib/kept/journal.h"
#include "lib/txn/step_port.h"

static struct arena arena;

static struct recipe_target targets[] = { { 0, "ram", 0x10000000 }, { 1, "ram", 0x10000000 } };
static struct recipe_device devices[] = {
	{ "mem0", "0000:0d:00.0", { true, 0x1001 }, true },
	{ "device1", NULL, { false, 0 }, false },
};
static struct recipe_part parts[] = { { 0, 0x8000000 }, { 0xc000000, 0x4000000 } };
static struct recipe_dax daxes[] = {
	{ .name = "dax0.0", .driver = "device_dax", .align = 0x200000, .memmap_on_memory = -1, .parts = parts, .n_parts = 2 },
	{ .name = "dax0.1", .policy_name = "vm2", .driver = "none", .memmap_on_memory = 1 },
};
static struct recipe_region regions[] = {
	{ .name = "region0", .decoder = "decoder0.0", .uuid = NULL, .mode = "ram", .size_bytes = 0x20000000, .address = 0x490000000,
	  .place = 0x4a0000000, .granularity = 256, .ways = 2, .targets = targets, .enabled = true,
	  .has_dax = true, .dax = daxes, .n_dax = 2 },
	{ .name = "region1", .decoder = "decoder0.1", .uuid = "9a9bd1a1-2ee5-4dd7-a5a5-1f5e4c5f0a11", .mode = "pmem",
	  .size_bytes = 0x10000000, .granularity = 4096, .ways = 1, .targets = &targets[1], .neighbour = true, .lost = "\"why\"" },
};
static const char *root_ports[] = { "0000:0c:00.0", "0000:de:00.0" };
static struct step steps[] = {
	{ .op = &step_remove, .title = "remove 0000:0d:00.0", .path = "sys/devices/x/remove", .value = "1", .expect_before = "present",
	  .expect_after = "absent", .timeout_us = 15000000, .state = STEP_DONE, .took_us = 77 },
	{ .op = &step_status, .title = "clear", .path = "sys/devices/x/resource0+0x120c", .value = "0x00003311", .expect_before = "",
	  .expect_after = "normal", .undo = "no\n", .when = STEP_IF_NEEDED },
};
static struct journal_name names[] = { { "region0", "region3" } };

static struct journal sample(void)
{
	struct journal j = {
		.boot_id = "b00",
		.phase = PHASE_RETURNING,
		.tries = 2,
		.dax_autoprobe = 1,
		.method = LINK_DISABLE,
		.options = { .method = LINK_AUTO,
			     .rebuild = true,
			     .with_neighbours = true,
			     .timeout_us = 30000000 },
		.recipe = { .root_port = "0000:0c:00.0",
			    .root_ports = root_ports,
			    .n_root_ports = 2,
			    .devices = devices,
			    .n_devices = 2,
			    .regions = regions,
			    .n_regions = 2 },
		.names = names,
		.n_names = 1,
		.max_names = 1,
		.steps = steps,
		.n_steps = 2,
	};

	for (int f = 0; f < N_ISO_FIELDS; f++)
		j.recipe.settings.v[f] = f - 1;
	return j;
}

static char *sample_text(void)
{
	struct journal j = sample();
	char *text = journal_text(&j);

	assert_non_null(text);
	return text;
}

static void what_was_written_is_read_back_as_it_was(void **state)
{
	char *text = sample_text(), *again;
	struct journal j;

	(void)state;
	assert_int_equal(journal_parse(text, &arena, &j), 0);
	assert_string_equal(j.boot_id, "b00");
	assert_int_equal(j.phase, PHASE_RETURNING);
	assert_int_equal(j.tries, 2);
	assert_int_equal(j.method, LINK_DISABLE);
	assert_int_equal(j.options.method, LINK_AUTO);
	assert_true(j.options.with_neighbours && !j.options.accept_move);
	assert_int_equal(j.recipe.regions[0].place, 0x4a0000000);
	assert_true(j.recipe.regions[1].neighbour && !j.recipe.regions[0].neighbour);
	assert_int_equal(j.recipe.n_root_ports, 2);
	assert_int_equal(j.recipe.regions[0].ways, 2);
	assert_int_equal(j.recipe.regions[0].targets[1].device, 1);
	assert_null(j.recipe.regions[0].uuid);
	assert_string_equal(j.recipe.regions[1].lost, "\"why\"");
	assert_false(j.recipe.devices[1].serial.known);
	assert_int_equal(j.recipe.settings.v[0], -1);
	assert_ptr_equal(j.steps[1].op, &step_status);
	assert_string_equal(j.steps[1].undo, "no\n");
	assert_int_equal(j.steps[1].when, STEP_IF_NEEDED);
	assert_int_equal(j.steps[0].took_us, 77);
	assert_string_equal(j.steps[0].path, "sys/devices/x/remove");
	assert_string_equal(j.names[0].name, "region3");
	assert_true(j.max_names > j.n_names);	/* there is room to go on */
	/* and writing it again gives the same text, names included */
	again = journal_text(&j);
	assert_non_null(again);
	assert_string_equal(again, text);
	free(again);
	free(text);
}

static void a_journal_that_was_cut_anywhere_is_refused(void **state)
{
	char *text = sample_text();
	struct journal j;

	(void)state;
	for (size_t n = strlen(text); n-- > 0;) {
		char *cut = strndup(text, n);

		assert_int_equal(journal_parse(cut, &arena, &j), -EINVAL);
		free(cut);
		arena_free(&arena);
	}
	free(text);
}

static void a_journal_with_any_byte_changed_is_refused(void **state)
{
	char *text = sample_text();
	struct journal j;

	(void)state;
	for (size_t i = 0; text[i]; i++) {
		static const char changes[] = { 1, 2, 0x20, 0x40 };

		for (size_t k = 0; k < sizeof(changes); k++) {
			char was = text[i];

			text[i] = (char)(was ^ changes[k]);
			/* case of hexadecimal digits means nothing */
			if (text[i] && !journal_parse(text, &arena, &j)) {
				struct journal original;

				text[i] = was;
				assert_true(changes[k] == 0x20);
				assert_int_equal(journal_parse(text, &arena, &original), 0);
			}
			text[i] = was;
			arena_free(&arena);
		}
	}
	free(text);
}

static void the_phase_is_that_of_the_step_begun_last(void **state)
{
	static const struct {
		const struct step_op *op;
		enum recover_phase phase;
	} of[] = {
		{ &step_unbind, PHASE_PREPARING },   { &step_remove, PHASE_TAKEN_DOWN },
		{ &step_status, PHASE_TAKEN_DOWN },  { &step_rescan, PHASE_RETURNING },
		{ &step_write, PHASE_RETURNING },    { &step_create, PHASE_REBUILDING },
		{ &step_rescan, PHASE_REBUILDING },  { &step_bind, PHASE_REBUILDING },
	};
	struct step plan[sizeof(of) / sizeof(of[0])];

	(void)state;
	for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		plan[i] = (struct step){ .op = of[i].op };
		assert_int_equal(recover_phase_of(plan, i), of[i].phase);
	}
}

static void what_is_no_journal_is_refused(void **state)
{
	static const char *const texts[] = {
		"", "{}", "[]", "null", "1", "{\"schema\":\"cxl-recover-journal/6\"}",
		"{\"schema\":\"cxl-recover-journal/6\",\"checksum\":\"0x0\",\"journal\":null}",
		"{\"schema\":\"cxl-recover-journal/6\",\"checksum\":\"0xaf63bd4c8601b7df\",\"journal\":{}}",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
	};
	struct journal j;

	(void)state;
	for (size_t i = 0; i < N_ELEMENTS(texts); i++)
		assert_int_equal(journal_parse(texts[i], &arena, &j), -EINVAL);
}

/* Whoever can write the journal can as well compute its checksum: what it says must still make sense. */
static bool parses_with(const char *from, const char *to)
{
	char *text = sample_text(), *body = strstr(text, "\"journal\":") + strlen("\"journal\":"), *at = strstr(body, from);
	char changed[16384], whole[16384];
	uint64_t h = 0xcbf29ce484222325ull;
	struct journal j;
	bool good;

	assert_non_null(at);
	snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - body), body, to, at + strlen(from));
	changed[strlen(changed) - 1] = '\0';	/* the outer brace */
	for (const char *p = changed; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3ull;
	snprintf(whole, sizeof(whole), "{\"schema\":\"cxl-recover-journal/6\",\"checksum\":\"0x%llx\",\"journal\":%s}",
		 (unsigned long long)h, changed);
	good = !journal_parse(whole, &arena, &j);
	free(text);
	return good;
}

static void what_makes_no_sense_is_refused_whatever_its_checksum(void **state)
{
	(void)state;
	assert_true(parses_with("\"tries\":2", "\"tries\":1"));
	assert_false(parses_with("\"tries\":2", "\"tries\":0"));
	assert_false(parses_with("\"tries\":2", "\"tries\":-1"));
	assert_false(parses_with("\"tries\":2", "\"tries\":\"2\""));
	assert_false(parses_with("\"tries\":2", "\"tries\":2,\"more\":1"));
	assert_false(parses_with("\"device\":1", "\"device\":2"));
	assert_false(parses_with("\"device\":1", "\"device\":null"));
	assert_false(parses_with("/sys/devices/x/remove", "/etc/passwd"));
	assert_false(parses_with("/sys/devices/x/remove", "/sys/../etc/passwd"));
	assert_false(parses_with("\"op\":\"remove\"", "\"op\":\"format\""));
	assert_false(parses_with("\"state\":\"done\"", "\"state\":\"gone\""));
	assert_false(parses_with("\"region3\"", "\"../region3\""));
	assert_false(parses_with("\"link-disable\"", "\"rope\""));
	assert_false(parses_with("\"0x1001\"", "4097"));
	assert_false(parses_with("\"settings\":[null", "\"settings\":[99"));
}

static int end(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read_back_as_it_was),
		cmocka_unit_test(the_phase_is_that_of_the_step_begun_last),
		cmocka_unit_test(a_journal_that_was_cut_anywhere_is_refused),
		cmocka_unit_test(a_journal_with_any_byte_changed_is_refused),
		cmocka_unit_test(what_is_no_journal_is_refused),
		cmocka_unit_test(what_makes_no_sense_is_refused_whatever_its_checksum),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
