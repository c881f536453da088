/* SPDX-License-Identifier: GPL-2.0-only */
/* The record of `daxctl prepare-isolation --policy`, and its rows. */
#ifndef DAXCTL_PREPARE_LAYOUT_H
#define DAXCTL_PREPARE_LAYOUT_H

#include <json-c/json.h>

#include "lib/prepare/layout_make.h"

/* A new object that the caller owns: "layout", with what layout_make() came to. */
struct json_object *record_layout(const struct layout_make *m);
/* What is there to be said of it beside its error. */
void tell_layout(const struct layout_make *m, int status);
/* Rows of a record of prepare-isolation: its dax devices, of a layout those of the layout. */
void record_prepared_rows(struct json_object *record, struct json_object *rows);

#endif
