// SPDX-License-Identifier: GPL-2.0-only
/* Timeouts that are set for a while, as text: see temporary.h. */
#include "lib/kept/temporary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/model/host.h"
#include "util/json_read.h"
#include "util/parse.h"
#include "util/render.h"

#define SCHEMA "cxl-temporary/1"

static const char *const protocols[] = { "mem", "cache" };

void temporary_file(const char *root_port, bool cache, char *buf, size_t size)
{
	snprintf(buf, size, "%s-%s" TEMPORARY_SUFFIX, root_port, protocols[cache]);
}

char *temporary_text(const struct kept_temporary *t)
{
	struct json_object *obj = render_object();
	char *text;

	render_add_string(obj, "schema", SCHEMA);
	render_add_string(obj, "root_port", t->root_port);
	render_add_string(obj, "protocol", protocols[t->cache]);
	render_add_string(obj, "boot_id", t->boot_id);
	render_add_u64(obj, "pid", true, t->pid);
	render_add_string(obj, "command", t->command);
	render_add(obj, "registers", render_boolean(t->registers));
	render_add_u64(obj, "was_range", t->was_range >= 0, (uint64_t)t->was_range);
	render_add_u64(obj, "was_enabled", t->was_enabled >= 0, (uint64_t)t->was_enabled);
	render_add_u64(obj, "set_range", t->set_range >= 0, (uint64_t)t->set_range);
	render_add_u64(obj, "set_enabled", t->set_enabled >= 0, (uint64_t)t->set_enabled);
	text = render_text(obj, true);
	json_object_put(obj);
	return text;
}

static bool read_setting(struct json_read *r, struct json_object *obj, const char *key,
			 uint64_t most, int *ret)
{
	uint64_t v = 0;
	bool known;

	if (!json_read_optional_u64(r, obj, key, &known, &v) || (known && v > most))
		return false;
	*ret = known ? (int)v : -1;
	return true;
}

bool temporary_parse(const char *text, struct arena *a, struct kept_temporary *ret)
{
	struct json_read r = { .arena = a };
	struct json_object *obj = json_read_whole(&r, text);
	const char *schema;
	int protocol;
	bool ok;

	*ret = (struct kept_temporary){ 0 };
	ok = obj && json_read_object(&r, obj, 11) && json_read_name(&r, obj, "schema", &schema) && !strcmp(schema, SCHEMA) &&
		json_read_name(&r, obj, "root_port", &ret->root_port) && json_read_enum(&r, obj, "protocol", protocols, 2, &protocol) &&
		json_read_name(&r, obj, "boot_id", &ret->boot_id) && json_read_u64(&r, obj, "pid", &ret->pid) &&
		json_read_name(&r, obj, "command", &ret->command) && json_read_bool(&r, obj, "registers", &ret->registers) &&
		read_setting(&r, obj, "was_range", 15, &ret->was_range) && read_setting(&r, obj, "was_enabled", 1, &ret->was_enabled) &&
		read_setting(&r, obj, "set_range", 15, &ret->set_range) && read_setting(&r, obj, "set_enabled", 1, &ret->set_enabled);
	ret->cache = ok && protocol;
	json_object_put(obj);
	return ok;
}

bool temporary_is_own(const struct kept_temporary *t)
{
	const char *text = secure_getenv(TEMPORARY_ENV);
	char pid[24];

	snprintf(pid, sizeof(pid), "%" PRIu64, t->pid);
	return text && has_word(text, strlen(text), pid);
}
