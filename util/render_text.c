// SPDX-License-Identifier: GPL-2.0-only
/* Output back-end for people: see render_text.h. */
#include "util/render_text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/fold.h"
#include "util/output.h"
#include "util/parse.h"
#include "util/render_format.h"
#include "util/size.h"
#include "util/typed.h"

/* Where values are looked for: the element, its row, the record. */
struct scope {
	struct json_object *obj;
	const struct scope *outer;
};

struct writer {
	const struct render_table *table;
	const struct render_look *look;
	FILE *f;
	int rc;
	bool any;	/* something was written */
	bool is_plain;	/* no colours in this line: it is to be typed */
	const char *last_label;	/* of the line before in this block, */
	char *last;		/* and what it says */
};

/* --- values ------------------------------------------------------------------------ */

/* The member that @path begins with is in the innermost object that has it. */
static struct json_object *scope_of(const struct scope *s, const char *path)
{
	struct json_object *v;
	char first[64];

	snprintf(first, sizeof(first), "%.*s", (int)strcspn(path, "."), path);
	for (; s; s = s->outer)
		if (!*first || (json_object_is_type(s->obj, json_type_object) &&
				json_object_object_get_ex(s->obj, first, &v)))
			return s->obj;
	return NULL;
}

static void visit_all(struct json_object *v, const char *path, const char *key,
		      void (*visit)(const char *key, struct json_object *v, void *data),
		      void *data);

/* The values at @path below @v, through arrays. */
static void visit_below(struct json_object *v, const char *path,
			void (*visit)(const char *key, struct json_object *v, void *data),
			void *data)
{
	struct json_object *member;
	char key[64];
	size_t n = strcspn(path, ".");

	snprintf(key, sizeof(key), "%.*s", (int)n, path);
	if (json_object_is_type(v, json_type_object) && json_object_object_get_ex(v, key, &member))
		visit_all(member, path + n + (path[n] == '.'), key, visit, data);
}

static void visit_all(struct json_object *v, const char *path, const char *key,
		      void (*visit)(const char *key, struct json_object *v, void *data), void *data)
{
	if (json_object_is_type(v, json_type_array)) {
		for (size_t i = 0; i < render_length(v); i++)
			visit_all(json_object_array_get_idx(v, i), path, key, visit, data);
		return;
	}
	if (*path)
		visit_below(v, path, visit, data);
	else
		visit(key, v, data);
}

static void visit_path(const struct scope *s, const char *path,
		       void (*visit)(const char *key, struct json_object *v, void *data),
		       void *data)
{
	if (!strcmp(path, "."))
		visit_all(s->obj, "", "", visit, data);
	else
		visit_below(scope_of(s, path), path, visit, data);
}

/* Of all but texts. */
static void value_text(const char *key, struct json_object *v, char *buf, size_t size)
{
	switch (json_object_get_type(v)) {
	case json_type_null:
		snprintf(buf, size, "unknown");
		return;
	case json_type_boolean:
		snprintf(buf, size, "%s", json_object_get_boolean(v) ? "on" : "off");
		return;
	case json_type_int:
		render_number(key, v, buf, size);
		return;
	default:	/* an object: a table names members of it instead */
		snprintf(buf, size, "...");
	}
}

struct put {
	const struct writer *w;
	FILE *f;
	size_t n;
};

static void put_value(const char *key, struct json_object *v, void *data)
{
	struct put *p = data;
	const char *text = json_object_is_type(v, json_type_string) ? json_object_get_string(v)
								    : NULL;
	const char *colour = p->w->look->colour && !p->w->is_plain
				     ? render_colour_of(p->w->table, key, v)
				     : NULL;
	char buf[64];

	fputs(p->n++ ? ", " : "", p->f);
	fputs(colour ? colour : "", p->f);
	for (; text && *text; text++)	/* it may be another program's name for itself */
		fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, p->f);
	if (!text) {
		value_text(key, v, buf, sizeof(buf));
		fputs(buf, p->f);
	}
	fputs(colour ? RENDER_COLOUR_END : "", p->f);
}

/* --- conditions ---------------------------------------------------------------------- */

static void note_true(const char *key, struct json_object *v, void *data)
{
	bool *any = data;

	(void)key;
	switch (json_object_get_type(v)) {
	case json_type_null:
		return;
	case json_type_string:
		*any |= json_object_get_string_len(v) > 0;
		return;
	case json_type_object:
		*any |= json_object_object_length(v) > 0;
		return;
	default:
		*any |= json_object_get_boolean(v);
	}
}

struct equal {
	const char *text;
	char number[24];	/* that @text may be in */
	size_t len;
	bool any;
};

static void note_equal(const char *key, struct json_object *v, void *data)
{
	struct equal *e = data;
	char buf[24];
	const char *text = render_scalar(v, buf, sizeof(buf));

	(void)key;
	e->any |= strlen(text) == e->len && !strncmp(text, e->text, e->len);
}

/* What is to be found, into @e: the text of the member @name. */
static void named_value(const struct scope *s, const char *name, size_t len, struct equal *e)
{
	struct json_object *of, *v;
	char path[64];

	snprintf(path, sizeof(path), "%.*s", (int)len, name);
	of = scope_of(s, path);
	v = of ? json_object_object_get(of, path) : NULL;
	e->text = v ? render_scalar(v, e->number, sizeof(e->number)) : "";
	e->len = strlen(e->text);
}

/* One condition, of @len bytes. */
static bool holds_one(const struct scope *s, const char *text, size_t len)
{
	size_t eq = strcspn(text, "=");
	bool any = false, is_not = *text == '!';
	char path[128];

	if (eq < len) {
		struct equal e = { .text = text + eq + 1, .len = len - eq - 1 };

		if (*e.text == '$')
			named_value(s, e.text + 1, e.len - 1, &e);
		is_not = text[eq - 1] == '!';
		snprintf(path, sizeof(path), "%.*s", (int)(eq - is_not), text);
		visit_path(s, path, note_equal, &e);
		return e.any != is_not;
	}
	snprintf(path, sizeof(path), "%.*s", (int)(len - is_not), text + is_not);
	visit_path(s, path, note_true, &any);
	return any != is_not;
}

static bool holds(const struct scope *s, const char *text)
{
	while (text && *text) {
		size_t n = strcspn(text, ",");

		if (!holds_one(s, text, n))
			return false;
		text += n + (text[n] == ',');
	}
	return true;
}

/* --- templates ----------------------------------------------------------------------- */

/* "path condition:one:many", cut at its colons. */
static size_t count_of(const struct scope *s, char *text, const char **ret_one,
		       const char **ret_many)
{
	char *one = strchr(text, ':'), *many = one ? strchr(one + 1, ':') : NULL, *condition;
	struct json_object *list, *of;
	size_t n = 0;

	if (many)
		*one = *many = '\0';
	*ret_one = many ? one + 1 : NULL;
	*ret_many = many ? many + 1 : NULL;
	condition = strchr(text, ' ');
	if (condition)
		*condition++ = '\0';
	of = scope_of(s, text);
	if (!of || !render_value_at(of, text, (char[64]){ 0 }, 64, &list) ||
	    !json_object_is_type(list, json_type_array))
		return 0;
	for (size_t i = 0; i < render_length(list); i++) {
		const struct scope inner = { json_object_array_get_idx(list, i), NULL };

		n += holds(&inner, condition);
	}
	return n;
}

/* What stands for the braces' @text; false: nothing is there. */
static bool put_braces(struct writer *w, const struct scope *s, const char *text, size_t len,
		       FILE *f)
{
	struct put put = { .w = w, .f = f };
	const char *one, *many;
	char path[128];
	bool any = false;

	snprintf(path, sizeof(path), "%.*s", (int)len, text);
	if (*path == '#') {
		size_t n = count_of(s, path + 1, &one, &many);

		fprintf(f, "%zu%s%s", n, one ? " " : "", !one ? "" : n == 1 ? one : many);
		return n;
	}
	visit_path(s, path, note_true, &any);
	visit_path(s, path, put_value, &put);
	if (!put.n)
		fputs("none", f);
	return any;
}

/* @text up to @end into @f; false: something in it is not there. */
static bool put_template(struct writer *w, const struct scope *s, const char *text,
			 const char *end, FILE *f)
{
	bool all = true;

	while (text < end) {
		size_t n = strcspn(text, "{[");

		n = n > (size_t)(end - text) ? (size_t)(end - text) : n;
		fwrite(text, 1, n, f);
		text += n;
		if (text == end)
			break;
		if (*text == '{') {
			n = strcspn(text, "}");
			all &= put_braces(w, s, text + 1, n - 1, f);
			text += n + 1;
		} else {
			_cleanup_free_ char *group = NULL;
			size_t size;
			FILE *g = open_memstream(&group, &size);
			bool there;

			n = strcspn(text, "]");
			there = g && put_template(w, s, text + 1, text + n, g);
			if (!g || !output_is_whole(g, &group))
				w->rc = -ENOMEM;
			else if (there)
				fputs(group, f);
			text += n + 1;
		}
	}
	return all;
}

/* --- lines ------------------------------------------------------------------------------ */

enum { MARGIN = 2, TEXT = 15, FOLDED = 6 };

static void put_line(struct writer *w, const struct scope *s, const struct text_line *line,
		     bool is_first)
{
	_cleanup_free_ char *text = NULL, *typed = NULL;
	const char *said;
	size_t size;
	bool lost;
	FILE *f = open_memstream(&text, &size);

	if (!f) {
		w->rc = -ENOMEM;
		return;
	}
	w->is_plain = line->label && !strcmp(line->label, "next");
	put_template(w, s, line->text, line->text + strlen(line->text), f);
	if (!output_is_whole(f, &text)) {
		w->rc = -ENOMEM;
		return;
	}
	typed = typed_text(text, &lost);
	said = typed ? typed : text;
	w->rc = lost ? -ENOMEM : w->rc;
	/* two reasons for one thing to do */
	if (line->label && w->last_label && !strcmp(w->last_label, line->label) &&
	    !strcmp(w->last, said))
		return;
	free(w->last);
	w->last = strdup(said);
	w->last_label = line->label;
	w->rc = w->last ? w->rc : -ENOMEM;
	if (!line->label)
		fold_text(w->f, said, 0, MARGIN, w->look->width);
	else if (!*line->label)
		fold_text(w->f, said, fprintf(w->f, "%*s", MARGIN, ""), FOLDED, w->look->width);
	else
		fold_text(w->f, said, fprintf(w->f, "%*s%-*s", MARGIN, "", TEXT - MARGIN, is_first ? line->label : ""),
			  TEXT, w->look->width);
	w->any = true;
}

struct each {
	struct writer *w;
	const struct scope *outer;
	const struct text_line *line;
	bool any;
};

static void put_element(const char *key, struct json_object *v, void *data)
{
	struct each *e = data;
	struct json_object *more = e->line->look_up && v
					   ? e->line->look_up(json_object_get_string(v))
					   : NULL;
	const struct scope s = { more ? more : v, e->outer };

	(void)key;
	if (v && !e->w->rc && holds(&s, e->line->when)) {
		put_line(e->w, &s, e->line, !e->any);
		e->any = true;
	}
	json_object_put(more);
}

static void put_lines(struct writer *w, const struct scope *s, const struct text_line *lines)
{
	for (; lines && lines->text && !w->rc; lines++)
		if (lines->each) {
			struct each each = { w, s, lines, false };

			visit_path(s, lines->each, put_element, &each);
		} else if (holds(s, lines->when)) {
			put_line(w, s, lines, true);
		}
}

static void put_block(struct writer *w, const struct scope *s, const struct text_line *lines)
{
	if (w->any)
		fputc('\n', w->f);
	w->last_label = NULL;
	put_lines(w, s, lines);
}

static void put_messages(struct writer *w, struct json_object *messages)
{
	static const struct text_line line = { NULL, "{severity}: {text}", NULL, NULL, NULL };
	bool is_parted = !w->any;

	for (size_t i = 0; i < render_length(messages) && !w->rc; i++) {
		const struct scope s = { json_object_array_get_idx(messages, i), NULL };
		const char *severity = json_object_get_string(json_object_object_get(s.obj, "severity"));

		if (!severity || name_index(severity_names, severity) >= (int)w->look->said_from)
			continue;
		if (!is_parted)
			fputc('\n', w->f);
		is_parted = true;
		put_line(w, &s, &line, true);
	}
}

static void put_all(struct writer *w, struct json_object *record, struct json_object *rows,
		    struct json_object *all)
{
	const struct render_text *text = w->table->text;
	const struct scope outer = { all, NULL }, whole = { record, &outer };

	put_lines(w, &whole, text->head);
	for (int second = 0; second < (text->first ? 2 : 1); second++)
		for (size_t i = 0; i < render_length(rows) && !w->rc; i++) {
			const struct scope row = { json_object_array_get_idx(rows, i), &whole };

			if (!text->first || holds(&row, text->first) != second)
				put_block(w, &row, text->lines);
		}
	put_lines(w, &whole, text->tail);
	put_messages(w, json_object_object_get(record, "messages"));
}

/* Whole or not at all: half of a text may say the opposite. */
int render_text_write(struct json_object *record, const struct render_table *table,
		      const struct render_look *look, FILE *f)
{
	struct writer w = { .table = table, .look = look };
	struct json_object *rows = render_array(), *all = render_object();
	_cleanup_free_ char *made = NULL;
	size_t size;

	w.f = open_memstream(&made, &size);
	if (table->text->rows)
		table->text->rows(record, rows);
	render_add(all, "rows", json_object_get(rows));
	w.rc = !w.f || render_take_lost() ? -ENOMEM : 0;
	if (!w.rc)
		put_all(&w, record, rows, all);
	if (render_take_lost() || !w.f || !output_is_whole(w.f, &made))
		w.rc = -ENOMEM;
	if (!w.rc)
		fputs(made, f);
	free(w.last);
	json_object_put(all);
	json_object_put(rows);
	return w.rc;
}
