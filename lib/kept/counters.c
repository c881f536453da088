// SPDX-License-Identifier: GPL-2.0-only
/* What happened to a root port, counted, as text: see counters.h. */
#include "lib/kept/counters.h"

#include <string.h>

#include "lib/report/history.h"
#include "util/json_read.h"
#include "util/render.h"

#define SCHEMA "cxl-counters/1"

enum { MAX_BYTES = 4096 };

char *counters_text(const struct kept_counters *c, const char *root_port)
{
	struct json_object *obj = render_object();
	char *text;

	render_add_string(obj, "schema", SCHEMA);
	render_add_string(obj, "root_port", root_port);
	history_add(obj, c);
	render_add_string(obj, "boot_id", c->boot_id);
	render_add_u64(obj, "since_us", true, c->since_us);
	text = render_text(obj, true);
	json_object_put(obj);
	return text;
}

static bool read_numbers(struct json_read *r, struct json_object *parent, const char *key,
			 const char *const *names, int n, uint64_t *ret)
{
	struct json_object *obj;

	if (!json_object_object_get_ex(parent, key, &obj) || !json_read_object(r, obj, n))
		return false;
	for (int i = 0; i < n; i++)
		if (!json_read_u64(r, obj, names[i], &ret[i]))
			return false;
	return true;
}

bool counters_parse(const char *text, const char *root_port, struct arena *a,
		    struct kept_counters *ret)
{
	struct json_read r = { .arena = a };
	struct json_object *obj = strlen(text) <= MAX_BYTES ? json_read_whole(&r, text) : NULL;
	const char *schema, *name;
	bool ok;

	*ret = (struct kept_counters){ 0 };
	ok = obj && json_read_object(&r, obj, 8) &&
	     json_read_name(&r, obj, "schema", &schema) && !strcmp(schema, SCHEMA) &&
	     json_read_name(&r, obj, "root_port", &name) && !strcmp(name, root_port) &&
	     read_numbers(&r, obj, "isolations", counted_failure_names, N_COUNTED_FAILURES, ret->isolations) &&
	     read_numbers(&r, obj, "recoveries", counted_end_names, N_COUNTED_ENDS, ret->recoveries) &&
	     json_read_u64(&r, obj, "recovery_us", &ret->recovery_us) &&
	     json_read_u64(&r, obj, "isolated_us", &ret->isolated_us) &&
	     json_read_text(&r, obj, "boot_id", &ret->boot_id) &&
	     json_read_u64(&r, obj, "since_us", &ret->since_us);
	json_object_put(obj);
	return ok;
}
