/* SPDX-License-Identifier: GPL-2.0-only */
/* Format "dot": the record of a listing as a graph for graphviz, dot(1). */
#ifndef CXL_DOT_FORMAT_H
#define CXL_DOT_FORMAT_H

#include "util/render_format.h"

/* Of any record with "buses" (cxl list), "root_ports" (isolation-status) or "dax" (daxctl list). */
int dot_write(struct json_object *record, const struct render_table *table,
	      const struct render_look *look, FILE *f);

#define DOT_FORMAT { "dot", NULL, dot_write, NULL }

#endif
