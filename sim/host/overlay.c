// SPDX-License-Identifier: GPL-2.0-only
/*
 * The overlay file: what a host differs in from its capture.  It is checked
 * strictly, since a misspelt key would silently test another host.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "sim/host/host.h"
#include "sim/host/reshape.h"
#include "sim/models/kernel.h"
#include "sim/models/memory.h"
#include "sim/state/sim.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/file.h"
#include "util/parse.h"
#include "util/state.h"

static const struct overlay_member members[] = {
	{ "description", json_type_string },
	{ "base", json_type_string },
	{ "kernel", json_type_string },
	{ "root_ports", json_type_object },
	{ "devices", json_type_object },
	{ "accelerators", json_type_object },
	{ "dax", json_type_object },
	{ "soft_reserved", json_type_array },
	{ "busy_blocks", json_type_array },
	{ "etc", json_type_object },
	{ "files", json_type_object },
	{ "unreadable", json_type_object },
	{ "platform", json_type_object },
	{ "einj", json_type_boolean },
};

size_t overlay_key(const char *where, const char *key, const void *list, size_t size, size_t n,
		   struct err *err)
{
	char shown[64], known[400] = "";

	for (size_t i = 0; i < n; i++) {
		const char *name;

		memcpy(&name, (const char *)list + i * size, sizeof(name));
		if (!strcmp(name, key))
			return i;
		snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s", i ? ", " : "", name);
	}
	err_set(err, EXIT_USAGE, EINVAL, "%sunknown key '%s': the keys are %s", where, printable(key, shown, sizeof(shown)), known);
	return n;
}

int overlay_members(const char *where, struct json_object *obj, const struct overlay_member *list,
		    size_t n, struct err *err)
{
	json_object_object_foreach(obj, key, value) {
		size_t i = overlay_key(where, key, list, sizeof(*list), n, err);

		if (i == n)
			return -EINVAL;
		if (!json_object_is_type(value, list[i].type))
			return err_set(err, EXIT_USAGE, EINVAL, "%s%s must be of type %s", where, key, json_type_to_name(list[i].type));
	}
	return 0;
}

static int check(struct json_object *overlay, struct err *err)
{
	const char *kernel;
	char shown[64];

	if (!json_object_is_type(overlay, json_type_object))
		return err_set(err, EXIT_USAGE, EINVAL, "it must be a JSON object");
	if (overlay_members("", overlay, members, ARRAY_SIZE(members), err))
		return -EINVAL;
	if (!overlay_text(overlay, "base", NULL))
		return err_set(err, EXIT_USAGE, EINVAL, "base is missing: it names the capture");
	kernel = overlay_text(overlay, "kernel", NULL);
	if (kernel && !kernel_find(kernel))
		return err_set(err, EXIT_USAGE, EINVAL, "unknown kernel '%s': the kernels are %s",
			       printable(kernel, shown, sizeof(shown)), kernel_names());
	return 0;
}

struct json_object *overlay_read(const char *file, struct err *err)
{
	_cleanup_close_ int fd = file_open(AT_FDCWD, file, O_RDONLY, 0, NULL);
	struct json_object *overlay = fd < 0 ? NULL : json_object_from_fd(fd);

	if (!overlay) {
		const char *why = fd < 0 ? err_text(-fd) : json_util_get_last_err();

		why = why ? why : "it is not JSON";
		err_set(err, EXIT_USAGE, EINVAL, "cannot read the host file %.300s: %.*s", file,
			(int)strcspn(why, "\n"), why);	/* json-c ends it with one */
		return NULL;
	}
	if (check(overlay, err)) {
		err_wrap(err, "the host file %.300s is wrong", file);
		json_object_put(overlay);
		return NULL;
	}
	return overlay;
}

const char *overlay_text(struct json_object *overlay, const char *key, const char *otherwise)
{
	struct json_object *o;

	return json_object_object_get_ex(overlay, key, &o) ? json_object_get_string(o) : otherwise;
}

/* ["memory146"]: blocks that never go offline */
int overlay_apply_busy_blocks(struct sim *sim, struct json_object *overlay, struct err *err)
{
	struct json_object *o;

	if (!overlay || !json_object_object_get_ex(overlay, "busy_blocks", &o))
		return 0;
	for (size_t i = 0; i < json_object_array_length(o); i++) {
		struct json_object *name = json_object_array_get_idx(o, i);
		unsigned int number;

		if (!json_object_is_type(name, json_type_string) ||
		    !parse_name(json_object_get_string(name), "memory", &number))
			return err_set(err, EXIT_USAGE, EINVAL, "busy_blocks: a block is a text like \"memory146\"");
		if (memory_set_busy(sim, number, MEMORY_BUSY))
			return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
	}
	return 0;
}

/* {"sys/bus/...": "EIO"}: found when everything is there, models' files too. */
int overlay_apply_unreadable(struct sim *sim, struct json_object *overlay, struct err *err)
{
	struct json_object *o;

	if (!overlay || !json_object_object_get_ex(overlay, "unreadable", &o))
		return 0;
	json_object_object_foreach(o, path, value) {
		const char *name = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
		struct node *n = strncmp(path, "sys/", 4) && strncmp(path, "proc/", 5) ? NULL :
			tree_resolve(&sim->tree, NULL, path);
		char shown[200];

		if (!n || n->kind != NODE_FILE)
			return err_set(err, EXIT_USAGE, ENOENT, "unreadable: this host has no file '%s': it must be a path below "
				       "sys/ or proc/", printable(path, shown, sizeof(shown)));
		n->fail_errno = fault_errno(name);
		if (!n->fail_errno)
			return err_set(err, EXIT_USAGE, EINVAL, "unreadable: '%s' must fail with the name of an errno, like \"EIO\"",
				       printable(path, shown, sizeof(shown)));
	}
	return 0;
}

#define STATE STATE_DIR_CAPTURED "/"

/* The PCI function of a memory device, @dir or below it: port, decoders and region are elsewhere in the tree. */
static const struct node *find_memdev_function(struct node *dir)
{
	const struct node *found = NULL;
	unsigned int number;

	for (size_t i = 0; !found && i < dir->n_children; i++) {
		struct node *child = dir->children[i];

		if (child->kind != NODE_DIR)
			continue;
		found = parse_name(child->name, "mem", &number) && tree_child(dir, "config") ? dir : find_memdev_function(child);
	}
	return found;
}

static int remove_file(struct sim *sim, const char *path, struct node *old, struct err *err)
{
	const struct node *function = NULL;
	char shown[200];

	if (!old)
		return err_set(err, EXIT_USAGE, ENOENT, "files: the capture has no '%s' to remove",
			       printable(path, shown, sizeof(shown)));
	if (old->kind == NODE_DIR)
		function = find_memdev_function(old);
	if (function)
		return err_set(err, EXIT_USAGE, EBUSY, "files: '%s' has the memory device %s in it, which is more than that directory: \"devices\": {\"%s\": null} takes it away as a whole",
			       printable(path, shown, sizeof(shown)), function->name,
			       function->name);
	if (old->kind == NODE_DIR)
		tree_remove_device(&sim->tree, old);
	else
		tree_remove(&sim->tree, old);
	return 0;
}

static int apply_file(struct sim *sim, const char *path, struct json_object *value, struct err *err)
{
	char full[4096], shown[200];
	struct node *old, *n;
	char *slash;
	int len;

	if ((strncmp(path, "sys/", 4) && strncmp(path, "proc/", 5) && strncmp(path, STATE, strlen(STATE))) ||
	    strstr(path, "..") || path[strlen(path) - 1] == '/')
		return err_set(err, EXIT_USAGE, EINVAL, "files: '%s' must be the path of a file below sys/ or proc/, or "
			       "below " STATE, printable(path, shown, sizeof(shown)));
	if (value && !json_object_is_type(value, json_type_string))
		return err_set(err, EXIT_USAGE, EINVAL, "files: '%s' must be a text, or null to remove it",
			       printable(path, shown, sizeof(shown)));
	len = snprintf(full, sizeof(full), "/%s", path);
	if (len < 0 || (size_t)len >= sizeof(full))
		return err_set(err, EXIT_USAGE, ENAMETOOLONG, "files: a path is too long");
	slash = strrchr(full, '/');
	*slash = '\0';
	n = tree_dir(&sim->tree, full);
	old = n ? tree_child(n, slash + 1) : NULL;
	if (!value)
		return remove_file(sim, path, old, err);
	n = old && old->kind == NODE_FILE ? old : tree_add_path(&sim->tree, path, NODE_FILE, 0444);
	if (!n && errno == ENOTDIR)
		return err_set(err, EXIT_USAGE, ENOTDIR, "files: '%s' lies below what is not a directory", printable(path, shown, sizeof(shown)));
	if (!n || node_set_data(n, json_object_get_string(value),
				(size_t)json_object_get_string_len(value)))
		return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
	n->unreadable = false;
	if (!strncmp(path, "proc/", 5))
		n->size = 0;
	return 0;
}

/* {"udev/rules.d/x.rules": "text"}: kept below /etc of the tree until the run has its own. */
static int apply_etc(struct sim *sim, struct json_object *etc, struct err *err)
{
	json_object_object_foreach(etc, path, value) {
		char full[300], shown[200];
		struct node *n;

		if ((strncmp(path, "udev/rules.d/", 13) && strncmp(path, "cxl/", 4)) || strstr(path, "..") ||
		    strstr(path, "//") || path[strlen(path) - 1] == '/' || strlen(path) > 200 ||
		    !json_object_is_type(value, json_type_string))
			return err_set(err, EXIT_USAGE, EINVAL, "etc: '%s' must be the path of a file below udev/rules.d/ or "
				       "cxl/, its value a text", printable(path, shown, sizeof(shown)));
		snprintf(full, sizeof(full), "etc/%s", path);
		n = tree_add_path(&sim->tree, full, NODE_FILE, 0644);
		if (!n || node_set_data(n, json_object_get_string(value),
					(size_t)json_object_get_string_len(value)))
			return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
	}
	return 0;
}

int overlay_apply_files(struct sim *sim, struct json_object *overlay, struct err *err)
{
	struct json_object *files;
	int first = 0;

	if (json_object_object_get_ex(overlay, "etc", &files))
		first = apply_etc(sim, files, err);
	if (first || !json_object_object_get_ex(overlay, "files", &files))
		return first;
	json_object_object_foreach(files, path, value) {
		int rc = apply_file(sim, path, value, err);

		if (rc)
			return rc;
	}
	return 0;
}

/* --- what is reshaped ----------------------------------------------------- */

/* {"type": 2, "driver": "NAME"}, or null where it is not there */
static int apply_device(struct sim *sim, const char *address, struct json_object *o,
			struct err *err)
{
	struct json_object *type = NULL, *driver = NULL;
	char shown[64];

	if (!o)
		return reshape_absent(sim, address, err);
	if (json_object_is_type(o, json_type_object)) {
		json_object_object_foreach(o, key, value) {
			if (!strcmp(key, "type"))
				type = value;
			else if (!strcmp(key, "driver"))
				driver = value;
			else
				return err_set(err, EXIT_USAGE, EINVAL, "devices: unknown key '%s': the keys are type, driver",
					       printable(key, shown, sizeof(shown)));
		}
	}
	if (!type || !json_object_is_type(type, json_type_int) || json_object_get_int(type) < 0 ||
	    json_object_get_int(type) > 2)
		return err_set(err, EXIT_USAGE, EINVAL, "devices: type must be 1 (CXL.cache), 2 (CXL.cache and CXL.mem) or 0 (no "
			       "CXL)");
	if (!driver || !json_object_is_type(driver, json_type_string) ||
	    !*json_object_get_string(driver) || strchr(json_object_get_string(driver), '/') ||
	    !strcmp(json_object_get_string(driver), "cxl_pci"))
		return err_set(err, EXIT_USAGE, EINVAL, "devices: driver must be the name of the device's driver, not "
			       "cxl_pci");
	return reshape_device(sim, address, json_object_get_int(type),
			      json_object_get_string(driver), err);
}

/* "0x490000000-0x49fffffff" */
static int apply_soft_reserved(struct sim *sim, struct json_object *value, struct err *err)
{
	char text[64] = "", *dash;
	uint64_t start, end;

	if (json_object_is_type(value, json_type_string))
		snprintf(text, sizeof(text), "%s", json_object_get_string(value));
	dash = strchr(text, '-');
	if (dash)
		*dash++ = '\0';
	if (!dash || parse_u64(text, &start) || parse_u64(dash, &end) || end <= start)
		return err_set(err, EXIT_USAGE, EINVAL, "soft_reserved: a range is a text like \"0x490000000-0x49fffffff\"");
	return reshape_soft_reserved(sim, start, end, err);
}

int overlay_reshape(struct sim *sim, struct json_object *overlay, struct err *err)
{
	struct json_object *o;
	int rc = 0;

	if (json_object_object_get_ex(overlay, "devices", &o)) {
		json_object_object_foreach(o, address, value) {
			rc = rc ? rc : apply_device(sim, address, value, err);
		}
	}
	return rc;
}

int overlay_reserve(struct sim *sim, struct json_object *overlay, struct err *err)
{
	struct json_object *o;
	int rc = 0;

	if (!json_object_object_get_ex(overlay, "soft_reserved", &o))
		return 0;
	for (size_t i = 0; !rc && i < json_object_array_length(o); i++)
		rc = apply_soft_reserved(sim, json_object_array_get_idx(o, i), err);
	return rc;
}
