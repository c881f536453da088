// SPDX-License-Identifier: GPL-2.0-only
/* util/render_text.c and the layout of tables: what people read, made of a record and nothing else. */
#include "test/unit/unit.h"

#include <stdio.h>

#include "util/fold.h"
#include "util/render_format.h"
#include "util/render_text.h"
#include "util/size.h"

static struct json_object *look_up(const char *name)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "name", json_object_new_string(name));
	json_object_object_add(o, "title", json_object_new_string("a title"));
	return o;
}

static void all_rows(struct json_object *record, struct json_object *rows)
{
	struct json_object *list = json_object_object_get(record, "list");

	for (size_t i = 0; i < json_object_array_length(list); i++)
		json_object_array_add(rows, json_object_get(json_object_array_get_idx(list, i)));
}

static const struct text_line head[] = {
	{ NULL, "{#rows:port:ports}[, {#rows state=bad} bad][, {#rows state=worse} worse]", NULL, NULL, NULL },
	{ 0 }
};
static const struct text_line lines[] = {
	{ NULL, "{port}: {state}[ by {cause}]", NULL, NULL, NULL },
	{ "size", "{bytes}[, {took_us}]", "bytes!=null", NULL, NULL },
	{ "below", "{names}[; {deep.name}]", "names", NULL, NULL },
	{ "not", "empty", "!names", NULL, NULL },
	{ "each", "{.} of {port}", NULL, "names", NULL },
	{ "known", "{name}: {title}", NULL, "names", look_up },
	{ "next", "type {port}", "state=bad,on", NULL, NULL },
	{ 0 }
};
static const struct render_text text = { .head = head, .rows = all_rows, .first = "state=bad", .lines = lines };
static const struct render_colour colours[] = { { "state", "bad", COLOUR_RED }, { "port", NULL, COLOUR_BOLD }, { 0 } };
static const struct render_column columns[] = {
	{ "PORT", "port" }, { "LONG NAME", "names", .rank = 2 }, { "STATE", "state", .rank = 1 }, { "WHY", "why", .is_folded = true }, { 0 }
};
static const struct render_table table = {
	.columns = columns, .rows = all_rows, .text = &text, .colours = colours
};

static const char record_text[] =
	"{\"list\": [{\"port\": \"p1\", \"state\": \"good\", \"cause\": null, \"bytes\": null, \"names\": [], \"on\": true, \"why\": null},"
	"{\"port\": \"p2\", \"state\": \"bad\", \"cause\": \"l\\u001b[31mk\", \"bytes\": 1610612736, \"took_us\": 65000, \"on\": true,"
	"\"names\": [\"a\", \"b\"], \"deep\": [{\"name\": \"x\"}, {\"name\": \"y\"}], \"why\": \"one two three four five six seven eight nine ten\"}],"
	"\"messages\": [{\"severity\": \"info\", \"text\": \"so it is\"}, {\"severity\": \"error\", \"text\": \"it failed\"}]}";

static char *printed(const char *format, struct render_look look)
{
	struct json_object *record = json_tokener_parse(record_text);
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	assert_non_null(record);
	assert_non_null(f);
	assert_int_equal(render_find(format, &table)->write(record, &table, &look, f), 0);
	fclose(f);
	json_object_put(record);
	return out;
}

static void a_block_a_row_the_worst_first(void **state)
{
	char *out = printed("human", (struct render_look){ .said_from = SEV_WARNING });

	(void)state;
	assert_string_equal(out,
		"2 ports, 1 bad\n"
		"\n"
		"p2: bad by l?[31mk\n"
		"  size         1.5 GiB, 65 ms\n"
		"  below        a, b; x, y\n"
		"  each         a of p2\n"
		"               b of p2\n"
		"  known        a: a title\n"
		"               b: a title\n"
		"  next         type p2\n"
		"\n"
		"p1: good\n"
		"  not          empty\n"
		"\n"
		"info: so it is\n");
	free(out);
}

static void a_message_is_said_once(void **state)
{
	char *all = printed("human", (struct render_look){ .said_from = SEV_ERROR + 1 }),
	     *none = printed("human", (struct render_look){ .said_from = SEV_INFO });

	(void)state;
	assert_non_null(strstr(all, "info: so it is\nerror: it failed\n"));
	assert_null(strstr(none, "so it is"));
	free(all);
	free(none);
}

static void colours_only_where_they_are_wanted_and_not_in_what_is_typed(void **state)
{
	char *out = printed("human", (struct render_look){ .colour = true });

	(void)state;
	assert_non_null(strstr(out, "\033[1mp2\033[0m: \033[1;31mbad\033[0m by"));
	assert_non_null(strstr(out, "type p2\n"));
	free(out);
	out = printed("table", (struct render_look){ .colour = true });
	assert_non_null(strstr(out, "\033[1;31mbad"));
	free(out);
	out = printed("json", (struct render_look){ .colour = true });
	assert_null(strchr(out, '\033'));
	free(out);
}

/* The widest line of @out. */
static int widest(const char *out)
{
	int most = 0;

	for (const char *p = out; *p; p += strcspn(p, "\n") + 1) {
		int n = (int)strcspn(p, "\n");

		most = n > most ? n : most;
	}
	return most;
}

static void a_table_is_cut_for_a_terminal_alone(void **state)
{
	char *out = printed("table", (struct render_look){ 0 });

	(void)state;
	assert_non_null(strstr(out, "PORT LONG NAME STATE WHY\n"));
	assert_non_null(strstr(out, "p2   a,b       bad   one two three four five six seven eight nine ten\n"));
	free(out);
	out = printed("table", (struct render_look){ .width = 40 });
	assert_true(widest(out) <= 40);
	assert_non_null(strstr(out, "PORT WHY"));	/* what is needed least is left out, and said */
	assert_non_null(strstr(out, "(no room for LONG-NAME, STATE: see"));
	assert_non_null(strstr(out, "ten"));	/* a sentence is folded, not cut */
	free(out);
}

static void columns_are_those_asked_for_in_that_order(void **state)
{
	char *out = printed("table", (struct render_look){ .columns = "state,long-name" }), names[64];
	const struct render_format *f = render_find("table", &table);
	struct err err;

	(void)state;
	assert_non_null(strstr(out, "STATE LONG NAME\n"));
	assert_null(strstr(out, "p2"));
	free(out);
	assert_string_equal(render_column_names(f, &table, names, sizeof(names)), "PORT, LONG-NAME, STATE, WHY");
	assert_string_equal(render_column_names(render_find("human", &table), &table, names, sizeof(names)), "");
	assert_int_equal(render_check_columns(f, &table, "WHY,port", &err), 0);
	assert_true(render_check_columns(f, &table, "stat", &err) < 0);
	assert_int_equal(err.status, EXIT_USAGE);
	assert_non_null(strstr(err.text, "did you mean STATE?"));
	assert_true(render_check_columns(f, &table, "state,", &err) < 0);
	assert_non_null(strstr(err.text, "the columns are: PORT, LONG-NAME"));
	assert_true(render_check_columns(render_find("json", &table), &table, "PORT", &err) < 0);
}

static void folded(const char *in, int at, int indent, int width, const char *want)
{
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	assert_non_null(f);
	fold_text(f, in, at, indent, width);
	fclose(f);
	assert_string_equal(out, want);
	free(out);
}

static void lines_are_cut_at_blanks_and_not_in_what_is_quoted(void **state)
{
	(void)state;
	folded("one two three", 0, 2, 9, "one two\n  three\n");
	folded("one two three", 0, 2, 0, "one two three\n");
	folded("see 'cxl list' now", 0, 0, 12, "see\n'cxl list'\nnow\n");
	folded("the port's own way", 0, 0, 10, "the port's\nown way\n");
	folded("/sys/bus/pci", 0, 0, 8, "/sys/\nbus/pci\n");
	folded("\033[1;31mred\033[0m is it", 0, 0, 6, "\033[1;31mred\033[0m is\nit\n");
	folded("", 0, 0, 8, "\n");
	assert_int_equal(fold_width("\033[1;31mr\xc3\xa9" "d\033[0m"), 3);
}

static void sizes_have_one_unit(void **state)
{
	char buf[32];

	(void)state;
	assert_string_equal(size_iec(268435456, buf, sizeof(buf)), "256 MiB");
	assert_string_equal(size_iec(1610612736, buf, sizeof(buf)), "1.5 GiB");
	assert_string_equal(size_iec(0, buf, sizeof(buf)), "0 bytes");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_a_row_the_worst_first),
		cmocka_unit_test(a_message_is_said_once),
		cmocka_unit_test(colours_only_where_they_are_wanted_and_not_in_what_is_typed),
		cmocka_unit_test(a_table_is_cut_for_a_terminal_alone),
		cmocka_unit_test(columns_are_those_asked_for_in_that_order),
		cmocka_unit_test(lines_are_cut_at_blanks_and_not_in_what_is_quoted),
		cmocka_unit_test(sizes_have_one_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
