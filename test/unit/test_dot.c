// SPDX-License-Identifier: GPL-2.0-only
/* lib/report/dot_format.c: any name is quoted so that graphviz reads it, and nothing is in the graph twice. */
#include "test/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "lib/report/dot_format.h"

/* @json as a graph; the caller frees. */
static char *graph(const char *json)
{
	struct json_object *record = json_tokener_parse(json);
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(record);
	assert_non_null(f);
	assert_int_equal(dot_write(record, NULL, NULL, f), 0);
	fclose(f);
	json_object_put(record);
	return text;
}

static bool is_read_by_graphviz(const char *text)
{
	FILE *p;
	bool written;

	if (system("command -v dot >/dev/null"))
		return true;	/* it is not installed: test/cli/test_dot.py says so */
	p = popen("dot -Tsvg >/dev/null 2>&1", "w");
	written = p && fputs(text, p) >= 0;
	return p && !pclose(p) && written;
}

static void a_name_is_quoted(void **state)
{
	static const struct {
		const char *name, *line;	/* as JSON has it; as the graph has it */
	} names[] = {
		{ "a\\\"b", "\"port a\\\"b\" [label=\"a\\\"b\\n" }, { "c\\\\", "\"port c\\\\\" [label=\"c\\\\\\n" },
		{ "d\\ne\\t", "\"port d?e?\" [label=\"d?e?\\n" }, { "<b>", "\"port <b>\" [label=\"<b>\\n" },
		{ "\\u00e4", "\"port ??\" [label=\"??\\n" }, { "\\\\N{x|y}", "\"port \\\\N{x|y}\" [label=\"\\\\N{x|y}\\n" },
		{ "", "\"port \" [label=\"\\n" },
	};
	char json[256], *text;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(json, sizeof(json), "{\"root_ports\":[{\"root_port\":\"%s\",\"bus\":\"root0\",\"containment\":null}]}", names[i].name);
		text = graph(json);
		if (!strstr(text, names[i].line))
			fail_msg("%s is not in\n%s", names[i].line, text);
		assert_non_null(strstr(text, "containment: unknown\", fillcolor=\"white\""));
		assert_true(is_read_by_graphviz(text));
		free(text);
	}
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text++)
		n++;
	return n;
}

static void a_region_of_two_ports_is_there_once_with_an_edge_from_each(void **state)
{
	char *text = graph("{\"root_ports\":[{\"root_port\":\"p\",\"regions\":[\"region1\"],\"dax\":[\"dax1.0\"]},"
			   "{\"root_port\":\"q\",\"regions\":[\"region1\",\"region10\"],\"dax\":[\"dax1.0\",\"dax10.0\",\"dax2.0\"]}]}");

	(void)state;
	assert_int_equal(count(text, "\t\"region region1\" [label="), 1);
	assert_int_equal(count(text, "\t\"dax dax1.0\" [label="), 1);
	assert_int_equal(count(text, " -> \"region region1\";"), 2);
	assert_int_equal(count(text, "\"region region1\" -> \"dax dax1.0\";"), 1);
	assert_int_equal(count(text, "\"region region10\" -> \"dax dax10.0\";"), 1);
	assert_int_equal(count(text, "\"port q\" -> \"dax dax2.0\";"), 1);	/* of which region is not told */
	assert_true(is_read_by_graphviz(text));
	free(text);
}

static void nothing_makes_an_empty_graph(void **state)
{
	char *text = graph("{}");

	(void)state;
	assert_int_equal(count(text, "label"), 0);
	assert_true(is_read_by_graphviz(text));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_quoted),
		cmocka_unit_test(a_region_of_two_ports_is_there_once_with_an_edge_from_each),
		cmocka_unit_test(nothing_makes_an_empty_graph),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
