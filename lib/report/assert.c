// SPDX-License-Identifier: GPL-2.0-only
/* Assertions about a record: see assert.h. */
#include "lib/report/assert.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/check/check.h"
#include "lib/iso/backend.h"
#include "util/array.h"
#include "util/parse.h"
#include "util/similar.h"

#define UNKNOWN "unknown"

static const struct {
	const char *sign, *text;
} ops[] = {
	[ASSERT_EQUAL] = { "=", "is" }, [ASSERT_NOT_EQUAL] = { "!=", "is not" }, [ASSERT_AT_LEAST] = { ">=", "is at least" },
};

/* The values of fields that have a few words only, as in schemas/root-port.json;
 * a word that is none of them would never match, or with != always. */
static const char *const sources[] = { "kernel", "registers", NULL };
static const char *const states[] = { "normal", "isolated", NULL };
static const char *const causes[] = { "link-down", "timeout", NULL };
static const char *const proofs[] = { "unproven", "other-kernel", "proven", NULL };
static const char *const links[] = { "up", "down", NULL };
static const char *const ranges[] = { "default", "A", "A2", "B", "B2", "C", "C2", "D", "D2", NULL };

static const struct {
	const char *path;
	const char *const *words;
} worded[] = {
	{ "containment", containment_names }, { "containment_if_enabled", containment_names }, { "abi", iso_abi_names },
	{ "containment_by_cause.mem_link_down", containment_names }, { "containment_by_cause.mem_timeout", containment_names },
	{ "containment_by_cause.cache_link_down", containment_names },
	{ "containment_by_cause.cache_timeout", containment_names },
	{ "containment_by_cause.protocol_error", containment_names },
	{ "source.capability", sources }, { "source.control", sources }, { "source.status", sources },
	{ "status.state", states }, { "status.mem.cause", causes }, { "status.cache.cause", causes },
	{ "link.state", links }, { "recovery.state", proofs },
	{ "control.mem.timeout.range", ranges }, { "control.cache.timeout.range", ranges },
};

static const char *const *words_of(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(worded); i++)
		if (!strcmp(worded[i].path, path))
			return worded[i].words;
	return NULL;
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
static struct json_object *value_at(struct json_object *v, const char *path,
				    struct json_object **ret_parent, bool *ret_exists)
{
	char key[64];

	*ret_exists = true;
	for (*ret_parent = v; *path; path += strcspn(path, "."), path += *path == '.') {
		*ret_parent = v;
		snprintf(key, sizeof(key), "%.*s", (int)strcspn(path, "."), path);
		if (!json_object_is_type(v, json_type_object) ||
		    !json_object_object_get_ex(v, key, &v)) {
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

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		size_t len = strlen(ops[i].sign);

		if (!n || n >= sizeof(ret->path) || strncmp(text + n, ops[i].sign, len) ||
		    !text[n + len])
			continue;
		memcpy(ret->path, text, n);
		ret->path[n] = '\0';
		ret->op = (enum assert_op)i;
		ret->value = text + n + len;
		return 0;
	}
	return err_set(err, EXIT_USAGE, EINVAL,
		       "'%s' is not an assertion: write FIELD=VALUE, FIELD!=VALUE or containment>=LEVEL, as in status.state=normal",
		       printable(text, shown, sizeof(shown)));
}

/* The first single value below @v whose path has a part like that word, as its path in @path. */
static struct json_object *find_like(struct json_object *v, const char *word, bool is_like,
				     char *path, size_t size)
{
	size_t n = strlen(path);

	if (!json_object_is_type(v, json_type_object))
		return is_like && !json_object_is_type(v, json_type_array) ? v : NULL;
	json_object_object_foreach(v, key, member) {
		struct similar meant = SIMILAR_TO(word, strlen(word));
		struct json_object *found;

		similar_offer(&meant, key);
		snprintf(path + n, size - n, "%s%s", n ? "." : "", key);
		found = find_like(member, word, is_like || meant.best, path, size);
		if (found)
			return found;
	}
	path[n] = '\0';
	return NULL;
}

/*
 * The field that was meant by the last part of @a's path, at @parent, to which the path leads;
 * when that is nowhere: what can be set before what is, then all else.
 */
static struct json_object *guess_field(const struct assertion *a, struct json_object *example,
				       struct json_object *parent, char *path, size_t size)
{
	static const char *const first[] = { "control", "status", "" };
	const char *dot = strrchr(a->path, '.'), *word = dot ? dot + 1 : a->path;
	struct json_object *found = NULL;

	if (parent != example) {
		snprintf(path, size, "%.*s", dot ? (int)(dot - a->path) : 0, a->path);
		return find_like(parent, word, false, path, size);
	}
	for (size_t i = 0; !found && i < sizeof(first) / sizeof(first[0]); i++) {
		snprintf(path, size, "%s", first[i]);
		found = find_like(*first[i] ? json_object_object_get(example, first[i]) : example,
				  word, false, path, size);
	}
	return found;
}

/* As it has to be written: a switch that is "on" is true. */
static const char *guess_value(const struct assertion *a, const struct json_object *field)
{
	static const char *const off[] = { "false", "off", "no", "0", NULL };

	return !json_object_is_type(field, json_type_boolean) ? a->value :
	       name_index(off, a->value) < 0 ? "true" : "false";
}

static int refuse_field(const struct assertion *a, struct json_object *example,
			struct json_object *v, struct json_object *parent, struct err *err)
{
	struct json_object *guess;
	char path[100], value[48];
	char shown[72], members[500];
	bool is_object = json_object_is_type(v, json_type_object);

	printable(a->path, shown, sizeof(shown));
	if (json_object_is_type(v, json_type_array))
		return err_set(err, EXIT_USAGE, EINVAL, "'%s' is a list, which cannot be compared with one value", shown);
	if (!is_object && !json_object_is_type(parent, json_type_object))
		return err_set(err, EXIT_USAGE, EINVAL, "there is no field '%s' in a root port's record: its last part is inside a single value or a list", shown);
	guess = is_object ? NULL : guess_field(a, example, parent, path, sizeof(path));
	if (guess)
		return err_set(err, EXIT_USAGE, EINVAL, "there is no field '%s' in a root port's record: did you mean %s%s%s?",
			       shown, path, ops[a->op].sign,
			       printable(guess_value(a, guess), value, sizeof(value)));
	list_members(is_object ? v : parent, members, sizeof(members));
	return err_set(err, EXIT_USAGE, EINVAL, is_object ? "'%s' is not a single value; it has: %s" :
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

int assert_parse(const char *text, struct json_object *example, struct assertion *ret,
		 struct err *err)
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
	if (!exists || json_object_is_type(v, json_type_object) ||
	    json_object_is_type(v, json_type_array))
		return refuse_field(ret, example, v, parent, err);
	words = words_of(ret->path);
	if (ret->op == ASSERT_AT_LEAST && words != containment_names)
		return err_set(err, EXIT_USAGE, EINVAL, "%s has no order: >= is for containment, containment_if_enabled and the causes of containment_by_cause", ret->path);
	if (words && name_index(words, ret->value) < 0) {
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

/* @sign NULL: the field itself is wanted. */
static void offer_field(const struct complete *c, const char *path, const struct json_object *field,
			const char *sign)
{
	static const char *const booleans[] = { "true", "false", NULL };
	bool is_switch = json_object_is_type(field, json_type_boolean);
	const char *const *words = is_switch ? booleans : words_of(path);
	char text[128];

	if (!sign) {
		snprintf(text, sizeof(text), "%s=", path);
		complete_offer(c, text, NULL);
	}
	for (; sign && words && *words; words++) {
		snprintf(text, sizeof(text), "%s%s%s", path, sign, *words);
		complete_offer(c, text, NULL);
	}
}

static void offer_below(const struct complete *c, struct json_object *v, const char *above,
			const char *sign)
{
	json_object_object_foreach(v, key, member) {
		char path[100];

		snprintf(path, sizeof(path), "%s%s%s", above, *above ? "." : "", key);
		if (json_object_is_type(member, json_type_object))
			offer_below(c, member, path, sign);
		else if (!json_object_is_type(member, json_type_array))
			offer_field(c, path, member, sign);
	}
}

void assert_complete(const struct complete *c, struct json_object *example)
{
	const char *typed = c->value + strcspn(c->value, "=!<>~"), *sign = NULL;

	for (size_t i = 0; *typed && i < sizeof(ops) / sizeof(ops[0]); i++)
		if (*typed == *ops[i].sign)
			sign = ops[i].sign;
	if (!*typed || sign)
		offer_below(c, example, "", sign);
}
