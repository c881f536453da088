// SPDX-License-Identifier: GPL-2.0-only
/* util/render.c: from records to what is printed, and files written whole or not at all. */
#include "test/unit/unit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/render.h"

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
static char *rendered(const char *format, struct json_object *record)
{
	char path[64], *text;
	struct err err;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/out", dir);
	assert_int_equal(render_write(render_find(format, NULL), record, NULL, path, &err), 0);
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

static void formats_are_found_by_their_exact_name(void **state)
{
	char names[80];

	(void)state;
	assert_non_null(render_find("json", NULL));
	assert_non_null(render_find("human", NULL));
	assert_null(render_find("", NULL));
	assert_null(render_find("JSON", NULL));
	assert_null(render_find("jso", NULL));
	assert_string_equal(render_names(NULL, names, sizeof(names)), "json, human");
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
	text = rendered("human", o);
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

static void a_file_that_cannot_be_written_is_an_error(void **state)
{
	struct json_object *o = json_object_new_object();
	struct err err = { 0 };

	(void)state;
	assert_true(render_write(render_find("json", NULL), o, NULL, "/nonexistent/dir/out", &err) < 0);
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
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
