/* SPDX-License-Identifier: GPL-2.0-only */
/* How the records of cxl's commands read for people, and the tree of root ports. */
#ifndef CXL_TEXTS_H
#define CXL_TEXTS_H

#include "lib/report/port_text.h"

/* texts.c */
extern const struct render_text list_text, status_text, evidence_text, change_text, recover_text;
extern const struct render_text explain_text, explain_all_text;

/* Of a record with "root_ports": a row for each. */
void root_port_rows(struct json_object *record, struct json_object *rows);
/* Of a record of list --isolation: the same. */
void listed_port_rows(struct json_object *record, struct json_object *rows);
/* Of a record of explain, and of --evidence. */
void check_rows(struct json_object *record, struct json_object *rows);
void evidence_rows(struct json_object *record, struct json_object *rows);

/* port_tree.c: bus, host bridge, root port, what is below it; for records of either kind. */
void port_tree_rows(struct json_object *record, struct json_object *rows);
extern const struct render_column port_tree_columns[];

#endif
