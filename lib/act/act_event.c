// SPDX-License-Identifier: GPL-2.0-only
/* Telling a program of an event: see act_event.h. */
#include "lib/act/act_event.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

#include "lib/act/act_say.h"
#include "lib/act/hook.h"
#include "lib/kept/evidence.h"
#include "lib/report/evidence_record.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/render.h"
#include "util/state.h"

#define SCHEMA "cxl-isolation-hook/1"

enum { MAX_VARIABLES = 24 };

const char *const act_kind_names[] = {
	[ACT_ISOLATED] = "isolated", [ACT_RECOVERED] = "recovered", [ACT_PROBLEM] = "problem", [ACT_TEST] = "test",
};

static const char *const recover_names[] = {
	[POLICY_NEVER] = "never", [POLICY_MANUAL] = "manual", [POLICY_AUTOMATIC] = "automatic",
};

const char *act_program(const struct policy_wish *wish, enum policy_key key)
{
	return wish->applies && wish->settings[key].line ? wish->settings[key].text : NULL;
}

static const char *recover_name(const struct policy_wish *wish)
{
	const struct policy_setting *s = &wish->settings[POLICY_RECOVER];

	return recover_names[s->line ? s->value : POLICY_MANUAL];
}

/* --- the environment ------------------------------------------------------------------- */

struct environment {
	struct arena *a;
	char *v[MAX_VARIABLES];
	size_t n;
};

/* What is not known is not set. */
static void set(struct environment *e, const char *name, const char *value)
{
	char *text = value && e->n + 1 < MAX_VARIABLES ? arena_printf(e->a, "%s=%s", name, value) : NULL;

	if (text)
		e->v[e->n++] = text;
}

static void set_number(struct environment *e, const char *name, bool is_known, uint64_t value)
{
	set(e, name, is_known ? arena_printf(e->a, "%" PRIu64, value) : NULL);
}

/* The value at @path below @obj, "status.mem.cause"; NULL: there is none. */
static struct json_object *at(struct json_object *obj, const char *path)
{
	while (obj && *path) {
		size_t n = strcspn(path, ".");
		char name[64];

		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		obj = json_object_is_type(obj, json_type_object) ?
			json_object_object_get(obj, name) : NULL;
		path += n + (path[n] == '.');
	}
	return obj;
}

static const char *text_at(struct json_object *obj, const char *path)
{
	struct json_object *v = at(obj, path);

	return v ? json_object_get_string(v) : NULL;
}

/* "mem0 mem1" of an array of texts, or of @member of an array of objects; NULL where it is not known. */
static const char *words(struct environment *e, struct json_object *list, const char *member)
{
	const char *text = "";

	if (!list)
		return NULL;
	for (size_t i = 0; text && i < render_length(list); i++) {
		const char *word = text_at(json_object_array_get_idx(list, i), member);

		if (word)
			text = arena_join(e->a, text, " ", word);
	}
	return text;
}

/* Of all dax devices; NULL: not all of them are known. */
static const char *pids(struct environment *e, struct json_object *dax)
{
	const char *text = "";

	if (!dax)
		return NULL;
	for (size_t i = 0; text && i < render_length(dax); i++) {
		const char *some = words(e, at(json_object_array_get_idx(dax, i), "users"), "pid");

		text = some ? arena_printf(e->a, "%s%s%s", text, *text && *some ? " " : "", some) : NULL;
	}
	return text;
}

static void fill_in(struct environment *e, const struct cxl_root_port *rp,
		    const struct policy_wish *wish, const struct act_event *event,
		    const struct act_state *s, struct json_object *record)
{
	const char *cause = text_at(record, "status.mem.cause");

	set(e, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	set(e, "LC_ALL", "C.UTF-8");
	set(e, "CXL_STATE_DIR", secure_getenv("CXL_STATE_DIR"));
	set(e, "CXL_ISOLATION_EVENT", act_kind_names[event->kind]);
	set(e, "CXL_ISOLATION_ROOT_PORT", rp->name);
	set(e, "CXL_ISOLATION_TEXT", event->text);
	set(e, "CXL_ISOLATION_RECOVER", recover_name(wish));
	set(e, "CXL_ISOLATION_CONTAINMENT", s->containment < 0 ? NULL : containment_names[s->containment]);
	set(e, "CXL_ISOLATION_CAUSE", cause ? cause : text_at(record, "status.cache.cause"));
	set_number(e, EVIDENCE_VARIABLE, s->evidence, s->evidence);
	set_number(e, "CXL_ISOLATION_ATTEMPT", event->kind == ACT_ISOLATED || event->kind == ACT_RECOVERED, s->attempts);
	set(e, "CXL_ISOLATION_PROBLEMS", words(e, at(record, "problems"), ""));
	set(e, "CXL_ISOLATION_MEMDEVS", words(e, at(record, "impact.memdevs"), "memdev"));
	set(e, "CXL_ISOLATION_SERIALS", words(e, at(record, "impact.memdevs"), "serial"));
	set(e, "CXL_ISOLATION_REGIONS", words(e, at(record, "impact.regions"), "region"));
	set(e, "CXL_ISOLATION_DAX", words(e, at(record, "impact.dax"), "dax"));
	set(e, "CXL_ISOLATION_PIDS", pids(e, at(record, "impact.dax")));
}

/* --- its standard input ------------------------------------------------------------------- */

static char *input(const struct cxl_root_port *rp, const struct policy_wish *wish,
		   const struct act_event *event, const struct act_state *s,
		   struct json_object *record)
{
	struct json_object *obj = render_object();
	time_t now = time(NULL);
	char date[32], *ret;
	struct tm tm;

	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	render_add_string(obj, "schema", SCHEMA);
	render_add_string(obj, "event", act_kind_names[event->kind]);
	render_add_string(obj, "time", date);
	render_add_string(obj, "root_port", rp->name);
	render_add_string(obj, "text", event->text);
	render_add_string(obj, "recover", recover_name(wish));
	render_add_string(obj, "containment", s->containment < 0 ? NULL : containment_names[s->containment]);
	render_add_u64(obj, "evidence", s->evidence, s->evidence);
	render_add(obj, "record", json_object_get(record));
	ret = render_text(obj, false);
	json_object_put(obj);
	return ret;
}

/* --- running it ------------------------------------------------------------------------------ */

bool act_event_may_run(const struct cxl_root_port *rp, enum policy_key key, struct act_state *s)
{
	uint64_t now = (uint64_t)time(NULL);

	if (act_times_since(&s->hooks, now, HOOK_LIMIT_S) >= HOOK_LIMIT_N) {
		act_say(LOG_ERR, rp->name, "%s is not run: programs of this root port were run %d times within %d minutes", policy_key_names[key], HOOK_LIMIT_N,
			HOOK_LIMIT_S / 60);
		return false;
	}
	act_times_add(&s->hooks, now);
	return true;
}

int act_event_run(const struct cxl_host *host, const struct cxl_root_port *rp,
		  const struct policy_wish *wish, const struct act_event *event,
		  const struct act_state *s, bool (*is_stopped)(void), bool *ret_failed)
{
	const struct policy_setting *timeout = &wish->settings[POLICY_HOOK_TIMEOUT];
	const char *key = policy_key_names[event->key], *program = act_program(wish, event->key);
	struct environment e = { .a = host->arena };
	_cleanup_free_ char *text = NULL;
	struct json_object *record;
	struct err err;
	int rc;

	if (ret_failed)
		*ret_failed = program;
	if (!program)
		return 0;
	record = evidence_status(host, rp);
	fill_in(&e, rp, wish, event, s, record);
	text = input(rp, wish, event, s, record);
	json_object_put(record);
	if (!text) {
		act_say(LOG_ERR, rp->name, "%s is not run: out of memory", key);
		return 0;
	}
	act_say(LOG_NOTICE, rp->name, "%s: %s is run", key, program);
	rc = hook_run(&(struct hook){ key, program, rp->name, e.v, text,
				      timeout->line ? timeout->duration_us : HOOK_TIMEOUT_US },
		      is_stopped, &err);
	if (rc)
		act_say(rc == -EINTR ? LOG_NOTICE : LOG_ERR, rp->name, "%s", err.text);
	if (ret_failed)
		*ret_failed = rc;
	return rc == -EINTR ? rc : 0;
}
