// SPDX-License-Identifier: GPL-2.0-only
/*
 * The journal as a file: see journal.h.  Its content is guarded by a checksum:
 * a journal that was cut or changed is refused, never guessed at.
 */
#include "lib/kept/journal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lib/report/record.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/hash.h"
#include "util/json_read.h"
#include "util/render.h"
#include "util/state.h"

#define SCHEMA_NAME "cxl-recover-journal/"
#define SCHEMA SCHEMA_NAME "6"
enum { MAX_STEPS = 65536, MAX_NAMES = 65536 };

static uint64_t checksum(const char *text)
{
	return hash_bytes(HASH_START, text, strlen(text));
}

static const char *const phase_names[N_RECOVER_PHASES] = {
	[PHASE_PLANNED] = "planned",	 [PHASE_PREPARING] = "preparing",   [PHASE_TAKEN_DOWN] = "taken-down",
	[PHASE_RETURNING] = "returning", [PHASE_REBUILDING] = "rebuilding", [PHASE_FENCING] = "fencing",
};

enum recover_phase recover_phase_of(const struct step *steps, size_t at)
{
	static const struct {
		const struct step_op *op;
		enum recover_phase phase;
	} begins[] = {
		{ &step_remove, PHASE_TAKEN_DOWN },
		{ &step_rescan, PHASE_RETURNING },
		{ &step_create, PHASE_REBUILDING },
	};
	enum recover_phase phase = PHASE_PREPARING;

	for (size_t i = 0; i <= at; i++)
		for (size_t k = 0; k < ARRAY_SIZE(begins); k++)
			if (steps[i].op == begins[k].op && begins[k].phase > phase)
				phase = begins[k].phase;
	return phase;
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
	struct json_object *obj = render_object();

	render_add_string(obj, "link_method", link_method_names[o->method]);
	render_add(obj, "rebuild", render_boolean(o->rebuild));
	render_add(obj, "accept_replacement", render_boolean(o->accept_replacement));
	render_add(obj, "with_neighbours", render_boolean(o->with_neighbours));
	render_add(obj, "accept_move", render_boolean(o->accept_move));
	render_add_u64(obj, "timeout_us", true, o->timeout_us);
	return obj;
}

static struct json_object *body_json(const struct journal *j)
{
	struct json_object *obj = render_object(), *names = render_array(), *steps = render_array();

	render_add_string(obj, "boot_id", j->boot_id);
	render_add_string(obj, "phase", phase_names[j->phase]);
	render_add_u64(obj, "tries", true, j->tries);
	render_add(obj, "dax_autoprobe", j->dax_autoprobe < 0 ? NULL : render_boolean(j->dax_autoprobe));
	render_add_string(obj, "link_method", link_method_names[j->method]);
	render_add(obj, "options", options_json(&j->options));
	render_add(obj, "recipe", recipe_json(&j->recipe));
	for (size_t i = 0; i < j->n_names; i++) {
		struct json_object *n = render_object();

		render_add_string(n, "key", j->names[i].key);
		render_add_string(n, "name", j->names[i].name);
		render_append(names, n);
	}
	render_add(obj, "names", names);
	for (size_t i = 0; i < j->n_steps; i++)
		render_append(steps, step_json(&j->steps[i]));
	render_add(obj, "steps", steps);
	return obj;
}

char *journal_text(const struct journal *j)
{
	struct json_object *body = body_json(j), *obj = render_object();
	_cleanup_free_ char *text = render_text(body, false);
	char *ret;

	render_add_string(obj, "schema", SCHEMA);
	render_add_hex(obj, "checksum", text, text ? checksum(text) : 0);
	render_add(obj, "journal", body);
	ret = text ? render_text(obj, false) : NULL;
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

	if (!json_read_object(r, obj, 6) || !json_read_enum(r, obj, "link_method", link_method_names, N_LINK_METHODS, &method) ||
	    !json_read_bool(r, obj, "rebuild", &ret->rebuild) ||
	    !json_read_bool(r, obj, "accept_replacement", &ret->accept_replacement) ||
	    !json_read_bool(r, obj, "with_neighbours", &ret->with_neighbours) ||
	    !json_read_bool(r, obj, "accept_move", &ret->accept_move) ||
	    !json_read_u64(r, obj, "timeout_us", &ret->timeout_us))
		return false;
	ret->method = (enum link_method)method;
	return true;
}

static bool parse_names(struct json_read *r, struct json_object *list, struct journal *ret)
{
	ret->n_names = json_object_array_length(list);
	ret->max_names = ret->n_names + recipe_most_names(&ret->recipe);
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
	int method, phase;

	if (!json_read_object(r, obj, 9) || !json_read_name(r, obj, "boot_id", &ret->boot_id) ||
	    !json_read_enum(r, obj, "phase", phase_names, N_RECOVER_PHASES, &phase) ||
	    !json_read_u64(r, obj, "tries", &tries) || !tries || tries > 1000 ||
	    !json_read_tri(r, obj, "dax_autoprobe", &ret->dax_autoprobe) ||
	    !json_read_enum(r, obj, "link_method", link_method_names, N_LINK_METHODS, &method) ||
	    !json_object_object_get_ex(obj, "options", &options) || !parse_options(r, options, &ret->options) ||
	    !json_object_object_get_ex(obj, "recipe", &recipe) || recipe_parse(recipe, r->arena, &ret->recipe) ||
	    !json_read_array(r, obj, "names", MAX_NAMES, &names) || !parse_names(r, names, ret) ||
	    !json_read_array(r, obj, "steps", MAX_STEPS, &steps))
		return false;
	ret->method = (enum link_method)method;
	ret->phase = (enum recover_phase)phase;
	ret->tries = (unsigned int)tries;
	ret->n_steps = json_object_array_length(steps);
	ret->steps = arena_alloc(r->arena, ret->n_steps, sizeof(*ret->steps));
	for (size_t i = 0; ret->steps && i < ret->n_steps; i++)
		if (!parse_step(r, json_object_array_get_idx(steps, i), &ret->steps[i]))
			return false;
	return ret->steps;
}

int journal_parse(const char *text, struct arena *a, struct journal *ret)
{
	struct json_read r = { .arena = a };
	struct json_object *obj = json_read_whole(&r, text), *body;
	_cleanup_free_ char *plain = NULL;
	uint64_t sum;
	bool known, good;

	*ret = (struct journal){ 0 };
	good = json_read_object(&r, obj, 3) && json_read_name(&r, obj, "schema", &ret->version) && !strcmp(ret->version, SCHEMA) &&
	       json_read_hex(&r, obj, "checksum", &known, &sum) && known && json_object_object_get_ex(obj, "journal", &body);
	plain = good ? render_text(body, false) : NULL;
	r.no_memory |= good && !plain;
	good = plain && checksum(plain) == sum && parse_body(&r, body, ret);
	json_object_put(obj);
	return good ? 0 : r.no_memory ? -ENOMEM : -EINVAL;
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

int journal_read(int dirfd, const char *root_port, struct arena *a, struct journal *ret,
		 enum journal_state *ret_state, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char file[96];
	int rc;

	journal_file(root_port, file, sizeof(file));
	rc = state_read(dirfd, file, &text);
	*ret_state = rc == -ENOENT ? JOURNAL_NONE : JOURNAL_DAMAGED;
	if (rc == -ENOENT || rc == -ELOOP || rc == -ENOFILE || rc == -EISDIR)	/* a thing in its place is as good as damage */
		return 0;
	if (rc)
		return err_set(err, rc == -EUNTRUSTED ? EXIT_PREREQ : EXIT_REFUSED, -rc, "the journal %.200s/%s cannot be read: %s; nothing was done",
			       state_path(), file, err_text(-rc));
	rc = journal_parse(text, a, ret);
	if (rc == -ENOMEM)
		return err_no_memory(err, " while a journal was read; nothing was done");
	if (!rc) {
		if (!strcmp(ret->recipe.root_port, root_port))
			*ret_state = JOURNAL_HERE;
	} else if (ret->version && strcmp(ret->version, SCHEMA) &&
		   !strncmp(ret->version, SCHEMA_NAME, strlen(SCHEMA_NAME))) {
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
