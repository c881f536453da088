/* SPDX-License-Identifier: GPL-2.0-only */
/* What was counted of a root port, in records and in the file that keeps it. */
#ifndef CXL_HISTORY_H
#define CXL_HISTORY_H

#include <json-c/json.h>

#include "lib/model/kept.h"

/* As members of @obj: all but the isolation that goes on. */
void history_add(struct json_object *obj, const struct kept_counters *c);

#endif
