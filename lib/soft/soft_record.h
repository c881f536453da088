/* SPDX-License-Identifier: GPL-2.0-only */
/* The records of `cxl check-soft-reserved`: schemas/cxl-check-soft-reserved.json. */
#ifndef CXL_SOFT_RECORD_H
#define CXL_SOFT_RECORD_H

#include <json-c/json.h>

#include "lib/soft/soft_reserved.h"
#include "util/render.h"

/*
 * A new object with the members policy, verdict, sources and ranges.  @p and
 * @report NULL: the same shape with nothing in it.
 */
struct json_object *soft_record(const struct soft_picture *p, const struct soft_report *report,
				const struct soft_policy *policy);

/* A row per range; its map has a row per stretch of addresses. */
extern const struct render_table soft_table;

/* soft_text.c: its text, and the colours of both. */
extern const struct render_text soft_text;
extern const struct render_colour soft_colours[];

#endif
