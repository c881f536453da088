// SPDX-License-Identifier: GPL-2.0-only
/* Assertions about a record: see assert.h. */
#include "cxl/lib/report/assert.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cxl/lib/checks/check.h"
#include "util/parse.h"

#define UNKNOWN "unknown"

static const struct {
	const char *sign, *text;
} ops[] = {
	[ASSERT_EQUAL] = { "=", "is" }, [ASSERT_NOT_EQUAL] = { "!=", "is not" }, [ASSERT_AT_LEAST] = { ">=", "is at least" },
};

/* The values of fields that have a few words only, as in schemas/root-port.json;
 * a word that is none of them would never match, or with != always. */
static const char *const abis[] = { "v1", "none", NULL };
static const char *const sources[] = { "kernel", "registers", NULL };
static const char *const states[] = { "normal", "isolated", NULL };
static const char *const causes[] = { "link-down", "timeout", NULL };
static const char *const links[] = { "up", "down", NULL };
static const char *const ranges[] = { "default", "A", "A2", "B", "B2", "C", "C2", "D", "D2", NULL };

static const struct {
	const char *path;
	const char *const *words;
} worded[] = {
	{ "containment", containment_names }, { "containment_if_enabled", containment_names }, { "abi", abis },
	{ "source.capability", sources }, { "source.control", sources }, { "source.status", sources },
	{ "status.state", states }, { "status.mem.cause", causes }, { "status.cache.cause", causes },
	{ "link.state", links },
	{ "control.mem.timeout.range", ranges }, { "control.cache.timeout.range", ranges },
};

static const char *const *words_of(const char *path)
{
	for (size_t i = 0; i < sizeof(worded) / sizeof(worded[0]); i++)
		if (!strcmp(worded[i].path, path))
			return worded[i].words;
	return NULL;
}

static int rank(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], word))
			return i;
	return -1;
}

const char *assert_op_text(enum assert_op op)
{
	return ops[op].text;
}

static void list_words(const char *const *words, char *buf, size_t size)
{
	size_t n = (size_t)snprintf(buf, size, "one of:");

	for (; *words && n < size; words++)
		n += (size_t)snprintf(buf + n, size - n, " %s", *words);
}

static void list_members(struct json_object *obj, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	json_object_object_foreach(obj, key, v) {
		(void)v;
		if (n < size)
			n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? " " : "", key);
	}
}

/* The value at @path; where there is none *@ret_parent is how far it leads. */
static struct json_object *value_at(struct json_object *v, const char *path, struct json_object **ret_parent, bool *ret_exists)
{
	char key[64];

	*ret_exists = true;
	for (*ret_parent = v; *path; path += strcspn(path, "."), path += *path == '.') {
		*ret_parent = v;
		snprintf(key, sizeof(key), "%.*s", (int)strcspn(path, "."), path);
		if (!json_object_is_type(v, json_type_object) || !json_object_object_get_ex(v, key, &v)) {
			*ret_exists = false;
			return NULL;
		}
	}
	return v;
}

/* Cut @text at its operator. */
static int split(const char *text, struct assertion *ret, struct err *err)
{
	size_t n = strcspn(text, "=!<>~");
	char shown[80];

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		size_t len = strlen(ops[i].sign);

		if (!n || n >= sizeof(ret->path) || strncmp(text + n, ops[i].sign, len) || !text[n + len])
			continue;
		memcpy(ret->path, text, n);
		ret->path[n] = '\0';
		ret->op = (enum assert_op)i;
		ret->value = text + n + len;
		return 0;
	}
	return err_set(err, EXIT_USAGE, EINVAL,
		       "'%s' is no assertion: write FIELD=VALUE, FIELD!=VALUE or containment>=LEVEL, as in status.state=normal",
		       printable(text, shown, sizeof(shown)));
}

static int refuse_field(const struct assertion *a, struct json_object *v, struct json_object *parent, struct err *err)
{
	char shown[72], members[500];
	bool is_object = json_object_is_type(v, json_type_object);

	printable(a->path, shown, sizeof(shown));
	if (json_object_is_type(v, json_type_array))
		return err_set(err, EXIT_USAGE, EINVAL, "'%s' is a list, which cannot be compared with one value", shown);
	if (!is_object && !json_object_is_type(parent, json_type_object))
		return err_set(err, EXIT_USAGE, EINVAL, "there is no field '%s' in a root port's record: its last part is inside a single value or a list", shown);
	list_members(is_object ? v : parent, members, sizeof(members));
	return err_set(err, EXIT_USAGE, EINVAL, is_object ? "'%s' is no single value; it has: %s" :
		       "there is no field '%s' in a root port's record; at that place are: %s", shown, members);
}

static int refuse_value(const struct assertion *a, const char *allowed, struct err *err)
{
	char shown[72];

	printable(a->value, shown, sizeof(shown));
	if (!strcmp(a->value, UNKNOWN) || !strcmp(a->value, "null"))
		return err_set(err, EXIT_USAGE, EINVAL, "%s can be no '%s': a value that is not known fails every assertion; use %s",
			       a->path, shown, allowed);
	return err_set(err, EXIT_USAGE, EINVAL, "%s can be no '%s'; use %s", a->path, shown, allowed);
}

int assert_parse(const char *text, struct json_object *example, struct assertion *ret, struct err *err)
{
	const char *const *words;
	struct json_object *v, *parent;
	char allowed[128];
	uint64_t number;
	bool exists;
	int rc = split(text, ret, err);

	if (rc)
		return rc;
	v = value_at(example, ret->path, &parent, &exists);
	if (!exists || json_object_is_type(v, json_type_object) || json_object_is_type(v, json_type_array))
		return refuse_field(ret, v, parent, err);
	words = words_of(ret->path);
	if (ret->op == ASSERT_AT_LEAST && words != containment_names)
		return err_set(err, EXIT_USAGE, EINVAL, "%s has no order: >= is for containment and containment_if_enabled", ret->path);
	if (words && rank(words, ret->value) < 0) {
		list_words(words, allowed, sizeof(allowed));
		return refuse_value(ret, allowed, err);
	}
	if (json_object_is_type(v, json_type_boolean) && strcmp(ret->value, "true") && strcmp(ret->value, "false"))
		return refuse_value(ret, "true or false", err);
	if (json_object_is_type(v, json_type_int) && parse_u64(ret->value, &number))
		return refuse_value(ret, "a whole number", err);
	return 0;
}

bool assert_holds(const struct assertion *a, struct json_object *record, const char **ret_found)
{
	struct json_object *parent, *v;
	uint64_t number;
	bool exists, equal;

	v = value_at(record, a->path, &parent, &exists);
	*ret_found = v ? json_object_get_string(v) : UNKNOWN;
	if (!v || !strcmp(*ret_found, UNKNOWN))
		return false;
	if (a->op == ASSERT_AT_LEAST)
		return containment_parse(*ret_found) >= containment_parse(a->value);
	equal = json_object_is_type(v, json_type_int) && !parse_u64(a->value, &number) ?
		json_object_get_uint64(v) == number : !strcmp(*ret_found, a->value);
	return equal == (a->op == ASSERT_EQUAL);
}
