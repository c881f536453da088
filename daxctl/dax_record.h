/* SPDX-License-Identifier: GPL-2.0-only */
/* The neutral record of a dax device; schemas/dax.json describes it. */
#ifndef DAXCTL_RECORD_H
#define DAXCTL_RECORD_H

#include <json-c/json.h>

#include "lib/model/dax_facts.h"

/* A new object that the caller owns; its "device" is null, and layout_record.h's. */
struct json_object *record_dax(const struct dax_view *view, const struct dax_facts *f);

/* NULL where the region has none. */
struct json_object *record_sysram(const struct sysram_region *s);

/* A row per dax device, for struct render_table. */
void record_dax_rows(struct json_object *record, struct json_object *rows);

#endif
