/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The layout of memory in records: regions by what they are known again, dax devices
 * with their place and their file; schemas/daxctl-list.json describes them.  From those
 * records come the formats of layout_formats.h.
 */
#ifndef DAXCTL_LAYOUT_RECORD_H
#define DAXCTL_LAYOUT_RECORD_H

#include <json-c/json.h>

#include "lib/kept/kept_names.h"

/* What a dax record's "device" is. */
struct json_object *record_device(const struct layout_view *view, const struct cxl_dax *d);
struct json_object *record_region_layout(const struct layout_view *view,
					 const struct cxl_region *r);

#endif
