/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * FIELD=VALUE against a record: pure, no I/O.  FIELD is a dotted path to one
 * value of the record as it is printed; the operators are = and !=, and >= for
 * the levels of containment.
 */
#ifndef CXL_ASSERT_H
#define CXL_ASSERT_H

#include <json-c/json.h>
#include <stdbool.h>

#include "util/complete.h"
#include "util/err.h"

enum assert_op { ASSERT_EQUAL, ASSERT_NOT_EQUAL, ASSERT_AT_LEAST };

struct assertion {
	char path[64];
	enum assert_op op;
	const char *value;	/* points into the text */
};

/*
 * Parse @text; @example is a record in which every field has a value, so that
 * fields, and values of the wrong type, are told without a host.  -EINVAL with
 * @err (EXIT_USAGE) for an unknown field, one that is not a single value, or a
 * value that it can never have.
 */
int assert_parse(const char *text, struct json_object *example, struct assertion *ret,
		 struct err *err);

/*
 * Does it hold for @record?  What is null or "unknown" there holds for nothing.
 * *@ret_found is the value as text.
 */
bool assert_holds(const struct assertion *a, struct json_object *record, const char **ret_found);

/*
 * For shell completion: fields of @example, "FIELD=", or once an operator is typed those with it
 * and each of the few words that the field may have.
 */
void assert_complete(const struct complete *c, struct json_object *example);

/* "is", "is not", "is at least". */
const char *assert_op_text(enum assert_op op);

#endif
