// SPDX-License-Identifier: GPL-2.0-only
/* Strict reading of JSON: see json_read.h. */
#include "util/json_read.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/parse.h"

static struct json_object *parse(struct json_read *r, const char *text, size_t n, int flags)
{
	struct json_object *obj = NULL;
	struct json_tokener *tok;

	errno = 0;
	tok = json_tokener_new();
	if (!tok) {
		r->no_memory |= errno == ENOMEM;
		return NULL;
	}
	json_tokener_set_flags(tok, flags);
	obj = json_tokener_parse_ex(tok, text, (int)n + 1);
	r->no_memory |= errno == ENOMEM;	/* not every version of json-c tells it from bad input */
	if (json_tokener_get_error(tok) != json_tokener_success ||
	    json_tokener_get_parse_end(tok) != n) {
		json_object_put(obj);
		obj = NULL;
	}
	json_tokener_free(tok);
	return obj;
}

/*
 * Strictly, json-c 0.18 takes no character beyond ASCII: to it they are control characters.  They may
 * stand where a letter may that is in no word of JSON's, so one of those stands for them in what is
 * read strictly.
 */
struct json_object *json_read_whole(struct json_read *r, const char *text)
{
	_cleanup_free_ char *ascii = strdup(text);
	struct json_object *obj;
	size_t n = strlen(text);
	bool is_ascii = true;

	if (!ascii || n >= INT_MAX) {
		r->no_memory |= !ascii;
		return NULL;
	}
	for (char *c = ascii; *c; c++) {
		if ((unsigned char)*c < 0x80)
			continue;
		*c = 'x';
		is_ascii = false;
	}
	obj = parse(r, ascii, n, JSON_TOKENER_STRICT);
	if (!obj || is_ascii)
		return obj;
	json_object_put(obj);
	return parse(r, text, n, 0);
}

/* The member, which may be null: then *@ret is NULL. */
static bool member(struct json_object *obj, const char *key, struct json_object **ret)
{
	return json_object_object_get_ex(obj, key, ret);
}

bool json_read_object(struct json_read *r, struct json_object *obj, int n_members)
{
	(void)r;
	return obj && json_object_is_type(obj, json_type_object) &&
	       json_object_object_length(obj) == n_members;
}

bool json_read_string(struct json_read *r, struct json_object *v, const char **ret)
{
	const char *text;

	if (!v || !json_object_is_type(v, json_type_string))
		return false;
	text = json_object_get_string(v);
	if (strlen(text) != (size_t)json_object_get_string_len(v))
		return false;	/* a NUL inside */
	*ret = arena_strdup(r->arena, text);
	r->no_memory |= !*ret;
	return *ret;
}

bool json_read_text(struct json_read *r, struct json_object *obj, const char *key, const char **ret)
{
	struct json_object *v;

	*ret = NULL;
	return member(obj, key, &v) && (!v || json_read_string(r, v, ret));
}

bool json_read_string_of(struct json_read *r, struct json_object *obj, const char *key,
			 const char **ret)
{
	return json_read_text(r, obj, key, ret) && *ret;
}

bool json_read_name(struct json_read *r, struct json_object *obj, const char *key, const char **ret)
{
	return json_read_string_of(r, obj, key, ret) && **ret;
}

bool json_read_hex(struct json_read *r, struct json_object *obj, const char *key, bool *known,
		   uint64_t *ret)
{
	const char *text;

	if (!json_read_text(r, obj, key, &text))
		return false;
	*known = text;
	*ret = 0;
	return !text || (!strncmp(text, "0x", 2) && !parse_u64(text, ret));
}

bool json_read_optional_u64(struct json_read *r, struct json_object *obj, const char *key,
			    bool *known, uint64_t *ret)
{
	struct json_object *v;

	(void)r;
	if (!member(obj, key, &v) ||
	    (v && (!json_object_is_type(v, json_type_int) || json_object_get_int64(v) < 0)))
		return false;
	*known = v;
	*ret = v ? json_object_get_uint64(v) : 0;
	return true;
}

bool json_read_u64(struct json_read *r, struct json_object *obj, const char *key, uint64_t *ret)
{
	bool known;

	return json_read_optional_u64(r, obj, key, &known, ret) && known;
}

bool json_read_tri(struct json_read *r, struct json_object *obj, const char *key, int *ret)
{
	struct json_object *v;

	(void)r;
	if (!member(obj, key, &v) || (v && !json_object_is_type(v, json_type_boolean)))
		return false;
	*ret = v ? json_object_get_boolean(v) : -1;
	return true;
}

bool json_read_bool(struct json_read *r, struct json_object *obj, const char *key, bool *ret)
{
	int v;

	if (!json_read_tri(r, obj, key, &v) || v < 0)
		return false;
	*ret = v;
	return true;
}

bool json_read_array(struct json_read *r, struct json_object *obj, const char *key, size_t most,
		     struct json_object **ret)
{
	(void)r;
	return member(obj, key, ret) && *ret && json_object_is_type(*ret, json_type_array) &&
	       json_object_array_length(*ret) <= most;
}

bool json_read_enum(struct json_read *r, struct json_object *obj, const char *key,
		    const char *const *names, int n, int *ret)
{
	const char *text;

	if (!json_read_string_of(r, obj, key, &text))
		return false;
	for (int i = 0; i < n; i++) {
		if (!strcmp(names[i], text)) {
			*ret = i;
			return true;
		}
	}
	return false;
}
