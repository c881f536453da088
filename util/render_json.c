// SPDX-License-Identifier: GPL-2.0-only
/*
 * JSON: records are built, and printed, so that memory running out is noticed.
 * json-c itself aborts where an object is missing, and prints text with holes
 * where its buffer cannot grow.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "util/array.h"
#include "util/cleanup.h"
#include "util/output.h"
#include "util/parse.h"
#include "util/render_format.h"
#include "util/size.h"
#include "util/typed.h"

/* --- building ----------------------------------------------------------------- */

/* Of the process: an object that could not be made has no place to keep it in. */
static bool is_lost;

bool render_take_lost(void)
{
	bool was = is_lost;

	is_lost = false;
	return was;
}

static struct json_object *made(struct json_object *v)
{
	is_lost |= !v;
	return v;
}

struct json_object *render_object(void)
{
	return made(json_object_new_object());
}

struct json_object *render_array(void)
{
	return made(json_object_new_array());
}

struct json_object *render_array_of(size_t n)
{
	return made(json_object_new_array_ext((int)n));
}

struct json_object *render_string(const char *s)
{
	return made(json_object_new_string(s));
}

struct json_object *render_boolean(bool v)
{
	return made(json_object_new_boolean(v));
}

struct json_object *render_int(int v)
{
	return made(json_object_new_int(v));
}

struct json_object *render_uint64(uint64_t v)
{
	return made(json_object_new_uint64(v));
}

void render_append(struct json_object *array, struct json_object *value)
{
	if (array && !json_object_array_add(array, value))
		return;
	is_lost = true;
	json_object_put(value);
}

size_t render_length(const struct json_object *array)
{
	return array ? json_object_array_length(array) : 0;
}

static void add(struct json_object *obj, const char *key, struct json_object *value,
		unsigned int flags)
{
	if (obj && !json_object_object_add_ex(obj, key, value, flags))
		return;
	is_lost = true;
	json_object_put(value);
}

void render_add(struct json_object *obj, const char *key, struct json_object *value)
{
	add(obj, key, value, JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY);
}

void render_set(struct json_object *obj, const char *key, struct json_object *value)
{
	add(obj, key, value, 0);
}

void render_add_string(struct json_object *obj, const char *key, const char *value)
{
	_cleanup_free_ char *typed = NULL;
	bool lost;

	if (!strcmp(key, "text") || !strcmp(key, "remedy") || !strcmp(key, "why") || !strcmp(key, "next")) {
		typed = typed_text(value, &lost);
		is_lost |= lost;
	}
	render_add(obj, key, value ? render_string(typed ? typed : value) : NULL);
}

void render_add_hex(struct json_object *obj, const char *key, bool known, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	render_add_string(obj, key, known ? text : NULL);
}

void render_add_u64(struct json_object *obj, const char *key, bool known, uint64_t value)
{
	render_add(obj, key, known ? render_uint64(value) : NULL);
}

/* --- printing ------------------------------------------------------------------- */

/* Where a value stands: in how many others; NULL: all of it in one line. */
struct place {
	FILE *f;
	bool pretty;
	unsigned int depth;
};

static void new_line(const struct place *p)
{
	if (!p->pretty)
		return;
	putc_unlocked('\n', p->f);
	for (unsigned int i = 0; i < p->depth; i++)
		fwrite_unlocked("  ", 1, 2, p->f);
}

static void write_string(const char *s, size_t n, FILE *f)
{
	/* as json-c has them */
	static const char *const short_escapes[] = {
		['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r", ['"'] = "\\\"", ['\\'] = "\\\\",
	};
	size_t plain = 0;

	putc_unlocked('"', f);
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		const char *escape = c < ARRAY_SIZE(short_escapes)
					     ? short_escapes[c]
					     : NULL;

		if (c >= ' ' && !escape)
			continue;
		fwrite_unlocked(s + plain, 1, i - plain, f);
		plain = i + 1;
		if (escape)
			fputs_unlocked(escape, f);
		else
			fprintf(f, "\\u%04x", c);
	}
	fwrite_unlocked(s + plain, 1, n - plain, f);
	putc_unlocked('"', f);
}

static void write_value(struct json_object *v, const struct place *p)
{
	const struct place inside = { p->f, p->pretty, p->depth + 1 };
	const char *comma = "";

	switch (json_object_get_type(v)) {
	case json_type_object:
		putc_unlocked('{', p->f);
		{
			json_object_object_foreach(v, key, member) {
				fputs_unlocked(comma, p->f);
				new_line(&inside);
				write_string(key, strlen(key), p->f);
				putc_unlocked(':', p->f);
				write_value(member, &inside);
				comma = ",";
			}
		}
		new_line(p);
		putc_unlocked('}', p->f);
		return;
	case json_type_array:
		putc_unlocked('[', p->f);
		for (size_t i = 0; i < json_object_array_length(v); i++) {
			fputs_unlocked(comma, p->f);
			new_line(&inside);
			write_value(json_object_array_get_idx(v, i), &inside);
			comma = ",";
		}
		new_line(p);
		putc_unlocked(']', p->f);
		return;
	case json_type_string:
		write_string(json_object_get_string(v), (size_t)json_object_get_string_len(v),
			     p->f);
		return;
	case json_type_int:
		fputs_unlocked(render_scalar(v, (char[24]){ 0 }, 24), p->f);
		return;
	case json_type_boolean:
		fputs_unlocked(json_object_get_boolean(v) ? "true" : "false", p->f);
		return;
	default:	/* there are no fractions */
		fputs_unlocked("null", p->f);
	}
}

int render_json(struct json_object *v, bool pretty, FILE *f)
{
	const struct place top = { .f = f, .pretty = pretty };

	write_value(v, &top);
	if (!ferror(f))
		return 0;
	/* json-c 0.18 sets errno while it is asked for a value; the rest fails for the same reason */
	return output_flush(f);
}

char *render_text(struct json_object *v, bool pretty)
{
	_cleanup_free_ char *text = NULL;
	bool lost = render_take_lost();
	size_t size;
	FILE *f = lost ? NULL : open_memstream(&text, &size);
	int rc;

	if (!f)
		return NULL;
	rc = render_json(v, pretty, f);
	return !output_is_whole(f, &text) || rc ? NULL : steal_ptr(&text);
}

/* --- asking --------------------------------------------------------------------- */

const char *render_scalar(struct json_object *v, char *buf, size_t size)
{
	switch (json_object_get_type(v)) {
	case json_type_string:
		return json_object_get_string(v);
	case json_type_boolean:
		return json_object_get_boolean(v) ? "true" : "false";
	case json_type_null:
		return "null";
	case json_type_int:
		if (json_object_get_int64(v) < 0)
			snprintf(buf, size, "%" PRId64, json_object_get_int64(v));
		else
			snprintf(buf, size, "%" PRIu64, json_object_get_uint64(v));
		return buf;
	default:	/* an object: no value */
		return "";
	}
}

bool render_is_size(const char *key)
{
	return !strcmp(key, "size") || !strcmp(key, "bytes") || has_suffix(key, "_bytes");
}

const char *render_number(const char *key, struct json_object *v, char *buf, size_t size)
{
	if (render_is_size(key))
		return size_iec(json_object_get_uint64(v), buf, size);
	if (has_suffix(key, "_us"))
		return duration_human(json_object_get_uint64(v), buf, size);
	return render_scalar(v, buf, size);
}

/* The value at dotted @path below @v; @ret_key is its last part. */
bool render_value_at(struct json_object *v, const char *path, char *key, size_t size,
		     struct json_object **ret)
{
	*ret = v;
	snprintf(key, size, "%s", "");
	while (*path) {
		size_t n = strcspn(path, ".");

		snprintf(key, size, "%.*s", (int)n, path);
		if (!json_object_is_type(*ret, json_type_object) ||
		    !json_object_object_get_ex(*ret, key, ret))
			return false;
		path += n + (path[n] == '.');
	}
	return true;
}
