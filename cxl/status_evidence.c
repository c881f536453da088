// SPDX-License-Identifier: GPL-2.0-only
/* cxl isolation-status --evidence: what was kept of root ports that failed. */
#include "cxl/status.h"
#include "cxl/texts.h"

#include <errno.h>
#include <string.h>

#include "lib/kept/evidence.h"
#include "util/cleanup.h"
#include "util/json_read.h"
#include "util/parse.h"
#include "util/state.h"

#define LIST "evidence"

static const struct render_column columns[] = {
	{ "NUMBER", "number" }, { "ROOT PORT", "root_port" }, { "TIME", "time" }, { "BYTES", "bytes" },
	{ "COMPLETE", "complete" },
	{ 0 }
};
static const struct render_table table = {
	.columns = columns, .rows = evidence_rows, .text = &evidence_text, .colours = report_colours
};
const struct command_output status_evidence_output = { "cxl-isolation-evidence/1", LIST, &table, .with = "evidence" };

static bool is_evidence(struct json_object *obj)
{
	struct json_object *schema = json_object_is_type(obj, json_type_object) ?
					     json_object_object_get(obj, "schema") : NULL;

	return schema && !strcmp(json_object_get_string(schema), EVIDENCE_SCHEMA);
}

/* NULL: it is damaged, or cannot be read, which is said. */
static struct json_object *read_bundle(int dirfd, const struct evidence *e, struct arena *a,
				       struct messages *messages)
{
	struct json_read r = { .arena = a };
	struct json_object *obj = NULL;
	_cleanup_free_ char *text = NULL;
	int rc = state_read(dirfd, e->file, &text);

	if (!rc)
		obj = json_read_whole(&r, text);
	if (is_evidence(obj)) {
		if (!json_object_object_get_ex(obj, "events", NULL))	/* of an older version */
			render_set(obj, "events", NULL);
		return obj;
	}
	json_object_put(obj);
	message_add(messages, SEV_WARNING, "EVIDENCE", e->root_port, "evidence %lu of %s cannot be used: %s", e->number, e->root_port,
		    rc ? err_text(-rc) : "it is damaged");
	return NULL;
}

static struct json_object *entry(const struct evidence *e, struct json_object *bundle,
				 bool is_wanted)
{
	struct json_object *obj = render_object(), *time = json_object_object_get(bundle, "time");

	render_add_u64(obj, "number", true, e->number);
	render_add_string(obj, "root_port", e->root_port);
	render_add_string(obj, "time", time ? json_object_get_string(time) : NULL);
	render_add_u64(obj, "bytes", true, e->bytes);
	render_add(obj, "complete", render_boolean(json_object_object_get(bundle, "functions")));
	render_add(obj, "bundle", is_wanted ? json_object_get(bundle) : NULL);
	return obj;
}

/* "1, 2, 3" of what there is. */
static int no_such(const char *value, const struct evidence *v, size_t n, struct err *err)
{
	char there[256] = "", shown[32];
	size_t len = 0;

	for (size_t i = 0; i < n && len < sizeof(there); i++)
		len += (size_t)snprintf(there + len, sizeof(there) - len, "%s%lu", i ? ", " : "", v[i].number);
	return err_set(err, EXIT_USAGE, ENOENT, "there is no evidence '%s'; %s%s", printable(value, shown, sizeof(shown)),
		       n ? "there is: " : "none is kept on this host", there);
}

struct json_object *status_evidence(const char *value, struct arena *a, struct messages *messages,
				    struct err *err)
{
	_cleanup_close_ int dirfd = state_open(false, err);
	struct json_object *list;
	struct evidence *v = NULL;
	size_t n = 0, found = 0;
	int rc = dirfd < 0 ? dirfd : evidence_list(dirfd, a, &v, &n);

	if (rc && rc != -ENOENT) {
		if (dirfd >= 0)
			err_set(err, EXIT_PREREQ, -rc, "the state directory %.200s cannot be listed: %s", state_path(), strerror(-rc));
		return NULL;
	}
	list = render_array();
	for (size_t i = 0; i < n; i++) {
		char number[32];
		struct json_object *bundle;

		snprintf(number, sizeof(number), "%lu", v[i].number);
		if (value && strcmp(value, number))
			continue;
		found++;
		bundle = read_bundle(dirfd, &v[i], a, messages);
		render_append(list, entry(&v[i], bundle, value));
		json_object_put(bundle);
	}
	if (!value || found)
		return list;
	json_object_put(list);
	no_such(value, v, n, err);
	return NULL;
}
