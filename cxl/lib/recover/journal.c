// SPDX-License-Identifier: GPL-2.0-only
/*
 * The journal as a file: see journal.h.  Its content is guarded by a checksum:
 * a journal that was cut or changed is refused, never guessed at.
 */
#include "cxl/lib/recover/journal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cxl/lib/report/json_read.h"
#include "cxl/lib/report/record.h"
#include "util/cleanup.h"
#include "util/render.h"
#include "util/state.h"

#define SCHEMA_NAME "cxl-recover-journal/"
#define SCHEMA SCHEMA_NAME "1"
enum { MAX_STEPS = 65536, MAX_NAMES = 65536 };

/* FNV-1a, 64 bits: against damage, not against malice. */
static uint64_t checksum(const char *text)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		h = (h ^ *p) * 0x100000001b3ull;
	return h;
}

/* --- out -------------------------------------------------------------------------- */

static struct json_object *step_json(const struct step *s)
{
	struct json_object *obj = record_step(s);

	render_add_string(obj, "title", s->title);
	render_add_u64(obj, "took_us", true, s->took_us);
	return obj;
}

static struct json_object *options_json(const struct recover_options *o)
{
	struct json_object *obj = json_object_new_object();

	render_add_string(obj, "link_method", link_method_names[o->method]);
	render_add(obj, "rebuild", json_object_new_boolean(o->rebuild));
	render_add(obj, "accept_replacement", json_object_new_boolean(o->accept_replacement));
	render_add_u64(obj, "timeout_us", true, o->timeout_us);
	return obj;
}

static struct json_object *body_json(const struct journal *j)
{
	struct json_object *obj = json_object_new_object(), *names = json_object_new_array(), *steps = json_object_new_array();

	render_add_string(obj, "boot_id", j->boot_id);
	render_add(obj, "is_running", json_object_new_boolean(j->is_running));
	render_add_u64(obj, "tries", true, j->tries);
	render_add(obj, "dax_autoprobe", j->dax_autoprobe < 0 ? NULL : json_object_new_boolean(j->dax_autoprobe));
	render_add_string(obj, "link_method", link_method_names[j->method]);
	render_add(obj, "options", options_json(&j->options));
	render_add(obj, "recipe", recipe_json(&j->recipe));
	for (size_t i = 0; i < j->n_names; i++) {
		struct json_object *n = json_object_new_object();

		render_add_string(n, "key", j->names[i].key);
		render_add_string(n, "name", j->names[i].name);
		json_object_array_add(names, n);
	}
	render_add(obj, "names", names);
	for (size_t i = 0; i < j->n_steps; i++)
		json_object_array_add(steps, step_json(&j->steps[i]));
	render_add(obj, "steps", steps);
	return obj;
}

char *journal_text(const struct journal *j)
{
	struct json_object *body = body_json(j), *obj = json_object_new_object();
	const char *text = json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	char *ret;

	render_add_string(obj, "schema", SCHEMA);
	render_add_hex(obj, "checksum", text, text ? checksum(text) : 0);
	render_add(obj, "journal", body);
	text = json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	ret = text ? strdup(text) : NULL;
	json_object_put(obj);
	return ret;
}

/* --- in --------------------------------------------------------------------------- */

static bool parse_step(struct json_read *r, struct json_object *obj, struct step *ret)
{
	const char *op;
	int when, state;

	if (!json_read_object(r, obj, 11) || !json_read_name(r, obj, "op", &op) || !json_read_name(r, obj, "path", &ret->path) ||
	    !json_read_string_of(r, obj, "value", &ret->value) || !json_read_string_of(r, obj, "expect_before", &ret->expect_before) ||
	    !json_read_string_of(r, obj, "expect_after", &ret->expect_after) || !json_read_text(r, obj, "undo", &ret->undo) ||
	    !json_read_u64(r, obj, "timeout_us", &ret->timeout_us) || !json_read_name(r, obj, "title", &ret->title) ||
	    !json_read_u64(r, obj, "took_us", &ret->took_us) ||
	    !json_read_enum(r, obj, "when", step_when_names, N_STEP_WHENS, &when) ||
	    !json_read_enum(r, obj, "state", step_state_names, N_STEP_STATES, &state))
		return false;
	ret->op = step_op_by_name(op);
	ret->when = (enum step_when)when;
	ret->state = (enum step_state)state;
	/* "/sys/..." in the record; nothing leads out of where the kernel's files are */
	if (!ret->op || strstr(ret->path, "..") || (strncmp(ret->path, "/sys/", 5) && strncmp(ret->path, "/dev/", 5)))
		return false;
	ret->path++;
	return true;
}

static bool parse_options(struct json_read *r, struct json_object *obj, struct recover_options *ret)
{
	int method;

	if (!json_read_object(r, obj, 4) || !json_read_enum(r, obj, "link_method", link_method_names, N_LINK_METHODS, &method) ||
	    !json_read_bool(r, obj, "rebuild", &ret->rebuild) ||
	    !json_read_bool(r, obj, "accept_replacement", &ret->accept_replacement) ||
	    !json_read_u64(r, obj, "timeout_us", &ret->timeout_us))
		return false;
	ret->method = (enum link_method)method;
	return true;
}

static bool parse_names(struct json_read *r, struct json_object *list, struct journal *ret)
{
	ret->n_names = json_object_array_length(list);
	ret->max_names = ret->n_names + 4 * ret->recipe.n_regions + 1;
	ret->names = arena_alloc(r->arena, ret->max_names, sizeof(*ret->names));
	for (size_t i = 0; ret->names && i < ret->n_names; i++) {
		struct json_object *obj = json_object_array_get_idx(list, i);
		const char *name;

		if (!json_read_object(r, obj, 2) || !json_read_name(r, obj, "key", &ret->names[i].key) ||
		    !json_read_name(r, obj, "name", &name) || strlen(name) >= sizeof(ret->names[i].name) || strchr(name, '/'))
			return false;
		snprintf(ret->names[i].name, sizeof(ret->names[i].name), "%s", name);
	}
	return ret->names;
}

static bool parse_body(struct json_read *r, struct json_object *obj, struct journal *ret)
{
	struct json_object *names, *steps, *options, *recipe;
	uint64_t tries;
	int method;

	if (!json_read_object(r, obj, 9) || !json_read_name(r, obj, "boot_id", &ret->boot_id) ||
	    !json_read_bool(r, obj, "is_running", &ret->is_running) || !json_read_u64(r, obj, "tries", &tries) || !tries || tries > 1000 ||
	    !json_read_tri(r, obj, "dax_autoprobe", &ret->dax_autoprobe) ||
	    !json_read_enum(r, obj, "link_method", link_method_names, N_LINK_METHODS, &method) ||
	    !json_object_object_get_ex(obj, "options", &options) || !parse_options(r, options, &ret->options) ||
	    !json_object_object_get_ex(obj, "recipe", &recipe) || recipe_parse(recipe, r->arena, &ret->recipe) ||
	    !json_read_array(r, obj, "names", MAX_NAMES, &names) || !parse_names(r, names, ret) ||
	    !json_read_array(r, obj, "steps", MAX_STEPS, &steps))
		return false;
	ret->method = (enum link_method)method;
	ret->tries = (unsigned int)tries;
	ret->n_steps = json_object_array_length(steps);
	ret->steps = arena_alloc(r->arena, ret->n_steps, sizeof(*ret->steps));
	for (size_t i = 0; ret->steps && i < ret->n_steps; i++)
		if (!parse_step(r, json_object_array_get_idx(steps, i), &ret->steps[i]))
			return false;
	return ret->steps;
}

/* All of @text as one value; NULL when it is more, or none. */
static struct json_object *parse_whole(const char *text)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *obj = NULL;
	size_t n = strlen(text);

	if (!tok || n >= INT_MAX) {
		if (tok)
			json_tokener_free(tok);
		return NULL;
	}
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	obj = json_tokener_parse_ex(tok, text, (int)n + 1);
	if (json_tokener_get_error(tok) != json_tokener_success || json_tokener_get_parse_end(tok) != n) {
		json_object_put(obj);
		obj = NULL;
	}
	json_tokener_free(tok);
	return obj;
}

bool journal_parse(const char *text, struct arena *a, struct journal *ret)
{
	struct json_object *obj = parse_whole(text), *body;
	struct json_read r = { .arena = a };
	const char *plain;
	uint64_t sum;
	bool known, good;

	*ret = (struct journal){ 0 };
	good = json_read_object(&r, obj, 3) && json_read_name(&r, obj, "schema", &ret->version) && !strcmp(ret->version, SCHEMA) &&
	       json_read_hex(&r, obj, "checksum", &known, &sum) && known && json_object_object_get_ex(obj, "journal", &body);
	plain = good ? json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE) : NULL;
	good = plain && checksum(plain) == sum && parse_body(&r, body, ret);
	json_object_put(obj);
	return good;
}

/* --- files ------------------------------------------------------------------------ */

void journal_file(const char *root_port, char *buf, size_t size)
{
	snprintf(buf, size, "%.64s" JOURNAL_SUFFIX, root_port);
}

int journal_write(int dirfd, const struct journal *j)
{
	_cleanup_free_ char *text = journal_text(j);
	char file[96];

	journal_file(j->recipe.root_port, file, sizeof(file));
	return text ? state_write(dirfd, file, text) : -ENOMEM;
}

int journal_read(int dirfd, const char *root_port, struct arena *a, struct journal *ret, enum journal_state *ret_state,
		 struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char file[96];
	int rc;

	journal_file(root_port, file, sizeof(file));
	rc = state_read(dirfd, file, &text);
	*ret_state = rc == -ENOENT ? JOURNAL_NONE : JOURNAL_DAMAGED;
	if (rc == -ENOENT || rc == -ELOOP)
		return 0;
	if (rc)
		return err_set(err, EXIT_REFUSED, -rc, "the journal %.200s/%s cannot be read: %s; nothing was done", state_path(), file,
			       strerror(-rc));
	if (journal_parse(text, a, ret)) {
		if (!strcmp(ret->recipe.root_port, root_port))
			*ret_state = JOURNAL_HERE;
	} else if (ret->version && strcmp(ret->version, SCHEMA) && !strncmp(ret->version, SCHEMA_NAME, strlen(SCHEMA_NAME))) {
		*ret_state = JOURNAL_OTHER;
	}
	if (*ret_state != JOURNAL_HERE)
		*ret = (struct journal){ .version = ret->version };
	return 0;
}

int journal_remove(int dirfd, const char *root_port)
{
	char file[96];

	journal_file(root_port, file, sizeof(file));
	return state_remove(dirfd, file);
}
