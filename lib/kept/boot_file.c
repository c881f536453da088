// SPDX-License-Identifier: GPL-2.0-only
/* Files of one boot: see boot_file.h. */
#include "lib/kept/boot_file.h"

#include <errno.h>
#include <string.h>

#include "lib/kept/kept_read.h"
#include "util/cleanup.h"
#include "util/render.h"
#include "util/state.h"

struct json_object *boot_file_begin(const struct cxl_host *host, const char *schema)
{
	struct json_object *obj = render_object();
	char boot[64];

	render_add_string(obj, "schema", schema);
	render_add_string(obj, "boot_id", kept_boot_id(host, boot, sizeof(boot)));
	return obj;
}

int boot_file_write(struct json_object *obj, const char *name)
{
	_cleanup_free_ char *text = render_text(obj, true);
	_cleanup_close_ int dir = -1;
	struct err err;

	json_object_put(obj);
	dir = state_open(true, &err);
	return dir < 0 ? -err.errnum : text ? state_write(dir, name, text) : -ENOMEM;
}

static bool parse(const struct cxl_host *host, const struct boot_file *file, struct json_read *r,
		  struct json_object *obj, void *data)
{
	const char *schema, *boot_id;
	char boot[64];

	return obj && json_read_object(r, obj, file->n_members) &&
	       json_read_name(r, obj, "schema", &schema) && !strcmp(schema, file->schema) &&
	       json_read_name(r, obj, "boot_id", &boot_id) &&
	       file->take(r, obj, !strcmp(boot_id, kept_boot_id(host, boot, sizeof(boot))), data);
}

int boot_file_read(const struct cxl_host *host, const struct boot_file *file, void *data,
		   struct arena *a, const char **ret_why)
{
	struct json_read r = { .arena = a };
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int dir = -1;
	struct json_object *obj;
	struct err err;
	int rc;

	*ret_why = NULL;
	dir = state_open(false, &err);
	rc = dir < 0 ? -err.errnum : state_read(dir, file->name, &text);
	if (!rc) {
		obj = json_read_whole(&r, text);
		rc = parse(host, file, &r, obj, data) ? 0 : r.no_memory ? -ENOMEM : -EINVAL;
		json_object_put(obj);
	}
	if (!rc || rc == -ENOMEM || rc == -ENOENT)
		return rc;
	*ret_why = arena_printf(a, "%.200s/%s %s%s", state_path(), file->name, rc == -EINVAL ? "is damaged" : "cannot be read: ",
				rc == -EINVAL ? "" : err_text(-rc));
	return *ret_why ? -ENOENT : -ENOMEM;
}
