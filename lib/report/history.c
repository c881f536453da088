// SPDX-License-Identifier: GPL-2.0-only
/* What was counted of a root port: see history.h. */
#include "lib/report/history.h"

#include "util/render.h"

static struct json_object *numbers_json(const uint64_t *v, const char *const *names, int n)
{
	struct json_object *obj = render_object();

	for (int i = 0; i < n; i++)
		render_add_u64(obj, names[i], true, v[i]);
	return obj;
}

void history_add(struct json_object *obj, const struct kept_counters *c)
{
	render_add(obj, "isolations", numbers_json(c->isolations, counted_failure_names, N_COUNTED_FAILURES));
	render_add_u64(obj, "isolated_us", true, c->isolated_us);
	render_add(obj, "recoveries", numbers_json(c->recoveries, counted_end_names, N_COUNTED_ENDS));
	render_add_u64(obj, "recovery_us", true, c->recovery_us);
}
