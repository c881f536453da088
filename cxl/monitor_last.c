// SPDX-License-Identifier: GPL-2.0-only
/* The records of the monitor before this one: see monitor_last.h. */
#include "cxl/monitor_last.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/arena.h"
#include "util/cleanup.h"
#include "util/json_read.h"
#include "util/render.h"
#include "util/state.h"
#include "util/systemd.h"

#define FILE_NAME "last.json"

/* Records are objects that name their port, or null. */
static bool is_usable(struct json_object *last)
{
	if (!json_object_is_type(last, json_type_object))
		return false;
	json_object_object_foreach(last, name, record) {
		struct json_object *port = json_object_object_get(record, "root_port");
		const char *text = json_object_get_string(port);

		if (record && (!text || strcmp(text, name)))
			return false;
	}
	return true;
}

struct json_object *monitor_last_read(bool *ret_known)
{
	_cleanup_close_ int dir = service_directory();
	_cleanup_free_ char *text = NULL;
	struct arena a = { 0 };
	struct json_read r = { .arena = &a };
	struct json_object *last = NULL;

	if (dir >= 0 && !state_read(dir, FILE_NAME, &text))
		last = json_read_whole(&r, text);
	arena_free(&a);
	*ret_known = is_usable(last);
	if (*ret_known)
		return last;
	json_object_put(last);
	return render_object();
}

void monitor_last_write(struct json_object *last)
{
	static bool is_said;
	_cleanup_close_ int dir = service_directory();
	_cleanup_free_ char *text = dir < 0 ? NULL : render_text(last, false);
	int rc = dir < 0 && dir != -ENOENT ? dir : 0;

	if (dir >= 0)
		rc = text ? state_write(dir, FILE_NAME, text) : -ENOMEM;
	if (rc && !is_said)
		fprintf(stderr, "cxl isolation-status: %s cannot be written: %s; what changes while the monitor is not running will not be told\n",
			FILE_NAME, strerror(-rc));
	is_said |= rc != 0;
}
