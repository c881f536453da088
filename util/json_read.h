/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Strict reading of JSON that this program wrote itself and somebody may have
 * damaged: every member must be there, of its type, and there are no others.
 */
#ifndef CXL_JSON_READ_H
#define CXL_JSON_READ_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/arena.h"

struct json_read {
	struct arena *arena;	/* for the texts */
	bool no_memory;		/* that is why something failed */
};

/* All of @text as one value; NULL when it is more, or none, or for lack of memory. */
struct json_object *json_read_whole(struct json_read *r, const char *text);

/* All are true when @obj is as asked for. */
bool json_read_object(struct json_read *r, struct json_object *obj, int n_members);
bool json_read_string(struct json_read *r, struct json_object *v, const char **ret);
bool json_read_text(struct json_read *r, struct json_object *obj, const char *key, const char **ret);	/* or null */
bool json_read_name(struct json_read *r, struct json_object *obj, const char *key, const char **ret);	/* neither null nor empty */
bool json_read_string_of(struct json_read *r, struct json_object *obj, const char *key, const char **ret);	/* not null */
bool json_read_hex(struct json_read *r, struct json_object *obj, const char *key, bool *known,
		   uint64_t *ret);
bool json_read_u64(struct json_read *r, struct json_object *obj, const char *key, uint64_t *ret);
bool json_read_optional_u64(struct json_read *r, struct json_object *obj, const char *key,
			    bool *known, uint64_t *ret);
bool json_read_bool(struct json_read *r, struct json_object *obj, const char *key, bool *ret);
bool json_read_tri(struct json_read *r, struct json_object *obj, const char *key, int *ret);	/* null is -1 */
bool json_read_array(struct json_read *r, struct json_object *obj, const char *key, size_t most,
		     struct json_object **ret);
/* The index of the text in @names[0..n). */
bool json_read_enum(struct json_read *r, struct json_object *obj, const char *key,
		    const char *const *names, int n, int *ret);

#endif
