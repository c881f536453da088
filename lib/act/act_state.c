// SPDX-License-Identifier: GPL-2.0-only
/* How far the acting monitor came, as files: see act_state.h. */
#include "lib/act/act_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/model/containment.h"
#include "util/cleanup.h"
#include "util/json_read.h"
#include "util/render.h"
#include "util/state.h"

#define SCHEMA "cxl-act/1"

enum {
	N_MEMBERS = 16,
	ROUNDED_S = 2,	/* two clocks are not read at one moment, and in seconds */
	FRESH_S = 120,	/* a monitor that is killed is started again before that, and looks more often */
};

static const char *const phase_names[N_ACT_PHASES] = {
	[ACT_IDLE] = "idle", [ACT_HOOK] = "hook", [ACT_DECIDE] = "decide", [ACT_RECOVER] = "recover", [ACT_AFTER] = "after", [ACT_LEFT] = "left",
};

static void state_file(const char *root_port, char *buf, size_t size)
{
	snprintf(buf, size, "%.64s" ACT_SUFFIX, root_port);
}

/* --- times ------------------------------------------------------------------------ */

void act_times_add(struct act_times *t, uint64_t now)
{
	if (t->n == ACT_MAX_TIMES)
		memmove(&t->v[0], &t->v[1], --t->n * sizeof(t->v[0]));
	t->v[t->n++] = now;
}

size_t act_times_since(const struct act_times *t, uint64_t now, uint64_t seconds)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += t->v[i] >= now || now - t->v[i] <= seconds;
	return n;
}

static void shift(uint64_t *at, int64_t by)
{
	if (*at)	/* 0 is no time */
		*at = by < 0 && *at <= 0 - (uint64_t)by ? 1 : *at + (uint64_t)by;
}

static void shift_all(struct act_times *t, int64_t by)
{
	for (size_t i = 0; i < t->n; i++)
		shift(&t->v[i], by);
}

void act_state_follow_clock(struct act_state *s, const char *boot_id, uint64_t booted_at)
{
	int64_t by = (int64_t)(booted_at - s->booted_at);
	bool is_known = s->clock_boot_id && !strcmp(s->clock_boot_id, boot_id);

	if (is_known && by >= -ROUNDED_S && by <= ROUNDED_S)
		return;
	if (is_known) {
		shift(&s->failed_at, by);
		shift(&s->recovered_at, by);
		shift_all(&s->recoveries, by);
		shift_all(&s->hooks, by);
	}
	s->clock_boot_id = boot_id;
	s->booted_at = booted_at;
}

/* --- out -------------------------------------------------------------------------- */

static struct json_object *times_json(const struct act_times *t)
{
	struct json_object *list = render_array();

	for (size_t i = 0; i < t->n; i++)
		render_append(list, render_uint64(t->v[i]));
	return list;
}

char *act_state_text(const struct act_state *s, const char *root_port)
{
	struct json_object *obj = render_object();
	char *ret;

	render_add_string(obj, "schema", SCHEMA);
	render_add_string(obj, "root_port", root_port);
	render_add_string(obj, "boot_id", s->boot_id);
	render_add_string(obj, "containment", s->containment < 0 ? NULL : containment_names[s->containment]);
	render_add_string(obj, "phase", phase_names[s->phase]);
	render_add(obj, "problem_told", render_boolean(s->problem_told));
	render_add_u64(obj, "evidence", true, s->evidence);
	render_add_u64(obj, "attempts", true, s->attempts);
	render_add_string(obj, "text", s->text);
	render_add_string(obj, "problems", s->problems ? s->problems : "");
	render_add_u64(obj, "failed_at", true, s->failed_at);
	render_add_u64(obj, "recovered_at", true, s->recovered_at);
	render_add_string(obj, "clock_boot_id", s->clock_boot_id);
	render_add_u64(obj, "booted_at", true, s->booted_at);
	render_add(obj, "recoveries", times_json(&s->recoveries));
	render_add(obj, "hooks", times_json(&s->hooks));
	ret = render_text(obj, true);
	json_object_put(obj);
	return ret;
}

int act_state_write(int dirfd, const char *root_port, const struct act_state *s, struct err *err)
{
	_cleanup_free_ char *text = act_state_text(s, root_port);
	char file[96];
	int rc;

	state_file(root_port, file, sizeof(file));
	rc = text ? state_write(dirfd, file, text) : -ENOMEM;
	return rc ? err_set(err, EXIT_REFUSED, -rc, "%.200s/%s cannot be written: %s", state_path(), file, strerror(-rc)) : 0;
}

/* --- in --------------------------------------------------------------------------- */

static bool read_times(struct json_read *r, struct json_object *obj, const char *key,
		       struct act_times *ret)
{
	struct json_object *list;

	if (!json_read_array(r, obj, key, ACT_MAX_TIMES, &list))
		return false;
	ret->n = render_length(list);
	for (size_t i = 0; i < ret->n; i++) {
		struct json_object *v = json_object_array_get_idx(list, i);

		if (!json_object_is_type(v, json_type_int))
			return false;
		ret->v[i] = json_object_get_uint64(v);
	}
	return true;
}

static bool read_members(struct json_read *r, struct json_object *obj, const char *root_port,
			 struct act_state *ret)
{
	const char *schema, *name, *containment;
	int phase;

	if (!json_read_object(r, obj, N_MEMBERS) || !json_read_name(r, obj, "schema", &schema) ||
	    !json_read_name(r, obj, "root_port", &name) || strcmp(schema, SCHEMA) ||
	    strcmp(name, root_port) || !json_read_text(r, obj, "boot_id", &ret->boot_id) ||
	    !json_read_text(r, obj, "containment", &containment) ||
	    !json_read_enum(r, obj, "phase", phase_names, N_ACT_PHASES, &phase) ||
	    !json_read_bool(r, obj, "problem_told", &ret->problem_told) ||
	    !json_read_u64(r, obj, "evidence", &ret->evidence) ||
	    !json_read_u64(r, obj, "attempts", &ret->attempts) ||
	    !json_read_text(r, obj, "text", &ret->text) ||
	    !json_read_string_of(r, obj, "problems", &ret->problems) ||
	    !json_read_u64(r, obj, "failed_at", &ret->failed_at) ||
	    !json_read_u64(r, obj, "recovered_at", &ret->recovered_at) ||
	    !json_read_text(r, obj, "clock_boot_id", &ret->clock_boot_id) ||
	    !json_read_u64(r, obj, "booted_at", &ret->booted_at))
		return false;
	ret->phase = (enum act_phase)phase;
	ret->containment = containment ? containment_parse(containment) : -1;
	return (!containment || ret->containment >= 0) &&
	       read_times(r, obj, "recoveries", &ret->recoveries) &&
	       read_times(r, obj, "hooks", &ret->hooks);
}

bool act_state_parse(const char *text, const char *root_port, struct arena *a,
		     struct act_state *ret)
{
	struct json_read r = { .arena = a };
	struct json_object *obj = json_read_whole(&r, text);
	bool is_whole = read_members(&r, obj, root_port, ret);

	json_object_put(obj);
	return is_whole;
}

int act_state_read(int dirfd, const char *root_port, struct arena *a, struct act_state *ret,
		   struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char file[96];
	int rc;

	*ret = (struct act_state){ .containment = -1, .problems = "" };
	state_file(root_port, file, sizeof(file));
	rc = state_read(dirfd, file, &text);
	if (rc == -ENOENT)
		return 0;
	if (!rc && act_state_parse(text, root_port, a, ret))
		return 0;
	return err_set(err, EXIT_REFUSED, rc ? -rc : EINVAL, "%.200s/%s, how far acting on %s came, %s; nothing is done about it until that is put right: 'rm %.200s/%s' forgets it",
		       state_path(), file, root_port, rc ? err_text(-rc) : "is damaged", state_path(), file);
}

/* --- how old it is ------------------------------------------------------------------ */

bool act_state_is_fresh(int dirfd, const char *root_port)
{
	struct timespec now, up;
	char file[96];
	struct stat st;
	time_t age;

	state_file(root_port, file, sizeof(file));
	if (fstatat(dirfd, file, &st, AT_SYMLINK_NOFOLLOW) ||
	    clock_gettime(CLOCK_REALTIME, &now) || clock_gettime(CLOCK_BOOTTIME, &up))
		return false;
	age = now.tv_sec - st.st_mtim.tv_sec;
	return age >= 0 && age <= FRESH_S && age < up.tv_sec;
}

void act_state_confirm(int dirfd, const char *root_port)
{
	char file[96];

	state_file(root_port, file, sizeof(file));
	utimensat(dirfd, file, NULL, AT_SYMLINK_NOFOLLOW);	/* where it fails it is not fresh */
}

/* --- one at a time ------------------------------------------------------------------ */

int act_lock(int dirfd, const char *name)
{
	char file[96];

	snprintf(file, sizeof(file), "%.64s" ACT_LOCK_SUFFIX, name);
	return state_lock(dirfd, file);
}
