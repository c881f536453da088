// SPDX-License-Identifier: GPL-2.0-only
/* util/render.c: from records to what is printed, and files written whole or not at all. */
#include "test/unit/unit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/render.h"

static const struct render_look plain;
static char dir[] = "/tmp/test_render.XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

/* @record as @format prints it; the caller frees. */
static char *rendered_with(const char *format, struct json_object *record,
			   const struct render_table *table)
{
	char path[64], *text;
	struct err err;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/out", dir);
	assert_int_equal(
		render_write(render_find(format, table), record, table, &plain, path, &err), 0);
	f = fopen(path, "r");
	assert_non_null(f);
	text = calloc(1, 65536);
	assert_non_null(text);
	n = fread(text, 1, 65535, f);
	fclose(f);
	unlink(path);
	assert_true(n > 0 && text[n - 1] == '\n');
	return text;
}

static char *rendered(const char *format, struct json_object *record)
{
	return rendered_with(format, record, NULL);
}

static void formats_are_found_by_their_exact_name(void **state)
{
	char names[80];

	(void)state;
	assert_non_null(render_find("json", NULL));
	assert_non_null(render_find("json-human", NULL));
	assert_null(render_find("human", NULL));
	assert_null(render_find("", NULL));
	assert_null(render_find("JSON", NULL));
	assert_null(render_find("jso", NULL));
	assert_string_equal(render_names(NULL, names, sizeof(names)), "json, json-human");
}

static void unknown_is_null_and_numbers_keep_their_size(void **state)
{
	struct json_object *o = json_object_new_object(), *back;
	char *text;

	(void)state;
	render_add_hex(o, "serial", true, UINT64_MAX);
	render_add_hex(o, "zero", true, 0);
	render_add_hex(o, "unknown", false, 7);
	render_add_u64(o, "bytes", true, UINT64_MAX);
	render_add_u64(o, "no_bytes", false, 7);
	render_add_string(o, "name", NULL);
	text = rendered("json", o);
	back = json_tokener_parse(text);
	assert_non_null(back);
	assert_string_equal(json_object_get_string(json_object_object_get(back, "serial")), "0xffffffffffffffff");
	assert_string_equal(json_object_get_string(json_object_object_get(back, "zero")), "0x0");
	assert_null(json_object_object_get(back, "unknown"));
	assert_true(json_object_object_get_ex(back, "unknown", NULL));
	assert_true(json_object_get_uint64(json_object_object_get(back, "bytes")) == UINT64_MAX);
	assert_null(json_object_object_get(back, "no_bytes"));
	assert_null(json_object_object_get(back, "name"));
	json_object_put(back);
	json_object_put(o);
	free(text);
}

static void people_read_sizes_with_their_unit(void **state)
{
	struct json_object *o = json_object_new_object();
	char *text;

	(void)state;
	render_add_u64(o, "size", true, 268435456);
	render_add_u64(o, "min_us", true, 65000);
	text = rendered("json-human", o);
	assert_non_null(strstr(text, "256.00 MiB (268.44 MB)"));
	assert_non_null(strstr(text, "65 ms"));
	free(text);
	text = rendered("json", o);
	assert_non_null(strstr(text, "268435456"));
	assert_non_null(strstr(text, "65000"));
	json_object_put(o);
	free(text);
}

static void the_frame_comes_first_and_in_order(void **state)
{
	struct messages m = { 0 };
	struct json_object *frame;
	char *text, *schema, *status, *messages;

	(void)state;
	message_add(&m, SEV_WARNING, "ATTRIBUTE", "mem0", "%s: a \"quoted\" %c", "mem0", '\\');
	message_add(&m, SEV_INFO, "HOST", NULL, "no target");
	frame = render_frame("cxl-test/1", 3, &m);
	text = rendered("json", frame);
	schema = strstr(text, "\"schema\"");
	status = strstr(text, "\"exit_status\"");
	messages = strstr(text, "\"messages\"");
	assert_true(schema && status && messages && schema < status && status < messages);
	assert_int_equal(json_object_get_int(json_object_object_get(frame, "exit_status")), 3);
	assert_int_equal(json_object_array_length(json_object_object_get(frame, "messages")), 2);
	assert_non_null(strstr(text, "a \\\"quoted\\\" \\\\"));
	json_object_put(frame);
	messages_free(&m);
	free(text);
}

static void all_rows(struct json_object *record, struct json_object *rows)
{
	struct json_object *list = json_object_object_get(record, "list");

	for (size_t i = 0; i < json_object_array_length(list); i++)
		json_object_array_add(rows, json_object_get(json_object_array_get_idx(list, i)));
}

#define ONE(path) (const struct render_sample[]){ { NULL, path }, { 0 } }

static const struct render_metric metrics[] = {
	{ "x_status", "Of the whole.", METRIC_RECORD, NULL, ONE("n"), NULL },
	{ "x_info", "Back\\slash\nline.", METRIC_INFO, NULL, (const struct render_sample[]){ { "label", "text" }, { "none", "null" }, { 0 } }, NULL },
	{ "x_value", "Numbers.", METRIC_VALUE, "by", (const struct render_sample[]){ { "a", "deep.n" }, { "b", "yes" }, { "c", "null" }, { "d", "missing" }, { 0 } }, NULL },
	{ "x_seconds", "Time.", METRIC_SECONDS, NULL, ONE("us"), NULL },
	{ "x_things", "Count.", METRIC_COUNT, NULL, ONE("things"), NULL },
	{ "x_state", "State.", METRIC_STATE, "state", ONE("text"), (const char *const[]){ "up", "a\"b\\c\nd", NULL } },
	{ "x_each", "Each.", METRIC_EACH, "thing", ONE("things"), NULL },
	{ "x_never", "No sample, no head.", METRIC_VALUE, NULL, ONE("null"), NULL },
	{ 0 }
};
static const struct render_table table = {
	.columns = (const struct render_column[]){ { "NAME", "name" }, { "UNKNOWN", "null" }, { "ABSENT", "missing" }, { 0 } }, .rows = all_rows,
	.tree_columns = (const struct render_column[]){ { "NAME", "name" }, { "N", "deep.n" }, { 0 } }, .tree = all_rows,
	.metrics = metrics, .metric_rows = all_rows, .row_label = { "row", "name" },
};

static const struct render_table rows_only = { .columns = (const struct render_column[]){ { 0 } },
					       .rows = all_rows };

static struct json_object *two_rows(void)
{
	return json_tokener_parse("{\"n\":3,\"list\":["
		"{\"name\":\"one\",\"text\":\"a\\\"b\\\\c\\nd\",\"null\":null,\"deep\":{\"n\":18446744073709551615},\"yes\":true,\"us\":65000,"
		"\"things\":[\"p\",\"q\"],\"children\":[{\"name\":\"below\",\"deep\":{\"n\":null}},{\"name\":\"also\"}]},"
		"{\"name\":\"two\",\"text\":\"up\",\"null\":null,\"deep\":{\"n\":null},\"yes\":false,\"us\":null,\"things\":[]}]}");
}

static void metrics_have_one_head_escaped_labels_and_no_sample_of_what_is_unknown(void **state)
{
	struct json_object *o = two_rows();
	char *text = rendered_with("prometheus", o, &table);

	(void)state;
	assert_string_equal(text,
		"# HELP x_status Of the whole.\n# TYPE x_status gauge\nx_status 3\n"
		"# HELP x_info Back\\\\slash\\nline.\n# TYPE x_info gauge\n"
		"x_info{row=\"one\",label=\"a\\\"b\\\\c\\nd\"} 1\nx_info{row=\"two\",label=\"up\"} 1\n"
		"# HELP x_value Numbers.\n# TYPE x_value gauge\n"
		"x_value{row=\"one\",by=\"a\"} 18446744073709551615\nx_value{row=\"one\",by=\"b\"} 1\nx_value{row=\"two\",by=\"b\"} 0\n"
		"# HELP x_seconds Time.\n# TYPE x_seconds gauge\nx_seconds{row=\"one\"} 0.065\n"
		"# HELP x_things Count.\n# TYPE x_things gauge\nx_things{row=\"one\"} 2\nx_things{row=\"two\"} 0\n"
		"# HELP x_state State.\n# TYPE x_state gauge\n"
		"x_state{row=\"one\",state=\"up\"} 0\nx_state{row=\"one\",state=\"a\\\"b\\\\c\\nd\"} 1\n"
		"x_state{row=\"two\",state=\"up\"} 1\nx_state{row=\"two\",state=\"a\\\"b\\\\c\\nd\"} 0\n"
		"# HELP x_each Each.\n# TYPE x_each gauge\nx_each{row=\"one\",thing=\"p\"} 1\nx_each{row=\"one\",thing=\"q\"} 1\n");
	free(text);
	json_object_put(o);
}

static void a_cell_is_a_dash_where_unknown_and_empty_where_there_is_none(void **state)
{
	struct json_object *o = two_rows();
	char *text = rendered_with("table", o, &table);

	(void)state;
	assert_string_equal(text, "NAME UNKNOWN ABSENT\none  -       \ntwo  -       \n");
	free(text);
	json_object_put(o);
}

static void a_tree_shows_children_below_their_parent(void **state)
{
	struct json_object *o = two_rows();
	char *text = rendered_with("tree", o, &table), *below, *also, *two;

	(void)state;
	below = strstr(text, "-below");
	also = strstr(text, "-also");
	two = strstr(text, "\ntwo");
	assert_true(below && also && two && below < also && also < two);
	assert_true(strstr(text, "18446744073709551615") > strstr(text, "one") && strstr(text, "18446744073709551615") < below);
	free(text);
	json_object_put(o);
}

static void a_format_fits_what_the_table_gives(void **state)
{
	char names[80];

	(void)state;
	render_names(&table, names, sizeof(names));
	assert_non_null(strstr(names, "tree, prometheus"));
	assert_string_equal(render_names(&rows_only, names, sizeof(names)), "json, json-human, table");
	assert_null(render_find("tree", &rows_only));
	assert_null(render_find("prometheus", &rows_only));
	assert_null(render_find("table", NULL));
}

static void a_file_that_cannot_be_written_is_an_error(void **state)
{
	struct json_object *o = json_object_new_object();
	struct err err = { 0 };

	(void)state;
	assert_true(render_write(render_find("json", NULL), o, NULL, &plain, "/nonexistent/dir/out", &err) < 0);
	assert_non_null(strstr(err.text, "/nonexistent/dir/out"));
	json_object_put(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(formats_are_found_by_their_exact_name),
		cmocka_unit_test(unknown_is_null_and_numbers_keep_their_size),
		cmocka_unit_test(people_read_sizes_with_their_unit),
		cmocka_unit_test(the_frame_comes_first_and_in_order),
		cmocka_unit_test(a_file_that_cannot_be_written_is_an_error),
		cmocka_unit_test(
			metrics_have_one_head_escaped_labels_and_no_sample_of_what_is_unknown),
		cmocka_unit_test(a_cell_is_a_dash_where_unknown_and_empty_where_there_is_none),
		cmocka_unit_test(a_tree_shows_children_below_their_parent),
		cmocka_unit_test(a_format_fits_what_the_table_gives),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
