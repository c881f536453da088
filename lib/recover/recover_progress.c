// SPDX-License-Identifier: GPL-2.0-only
/* What a recovery tells of its steps on standard error while it runs.  See recover.h. */
#include <json-c/json.h>
#include <stdio.h>

#include "lib/recover/recover.h"
#include "util/cleanup.h"
#include "util/render.h"

static void progress_json(const struct step_run *run, const struct step *s)
{
	struct json_object *obj = render_object();
	_cleanup_free_ char *text = NULL;

	render_add_string(obj, "schema", "cxl-recover-progress/1");
	render_add_u64(obj, "step", true, run->at + 1);
	render_add_u64(obj, "steps", true, run->n);
	render_add_string(obj, "op", s->op->name);
	render_add_string(obj, "title", s->title);
	render_add_string(obj, "state", step_state_names[s->state]);
	render_add_u64(obj, "took_us", true, s->took_us);
	text = render_text(obj, false);
	if (text)
		fprintf(stderr, "%s\n", text);
	json_object_put(obj);
}

/* Some take their time: it is said when one begins, and, where lines stay, how long it took. */
void recover_progress_begin(const struct step_run *run, struct recover *r)
{
	if (r->progress.how == PROGRESS_AUTO)
		progress_say(&r->progress, "[%zu/%zu] %s ...", run->at + 1, run->n, run->steps[run->at].title);
}

void recover_progress_end(struct step_run *run)
{
	const struct step *s = &run->steps[run->at];
	struct recover *r = run->data;

	if (r->progress.how == PROGRESS_JSON)
		progress_json(run, s);
	else if (r->progress.how == PROGRESS_LINES)
		progress_say(&r->progress, "[%zu/%zu] %s ... %s %.1f s", run->at + 1, run->n, s->title,
			     s->state == STEP_SKIPPED ? "already so" : s->state == STEP_PLANNED ? "stopped" : step_state_names[s->state], (double)s->took_us / 1e6);
}
