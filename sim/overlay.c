// SPDX-License-Identifier: GPL-2.0-only
/*
 * The overlay file: what a host differs in from its capture.  It is checked
 * strictly, since a misspelt key would silently test another host.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "sim/device.h"
#include "sim/host.h"
#include "sim/kernel.h"
#include "sim/port.h"
#include "sim/reshape.h"
#include "sim/sim.h"
#include "util/cleanup.h"
#include "util/parse.h"

static const struct {
	const char *key;
	enum json_type type;
} members[] = {
	{ "description", json_type_string },
	{ "base", json_type_string },
	{ "kernel", json_type_string },
	{ "root_ports", json_type_object },
	{ "devices", json_type_object },
	{ "soft_reserved", json_type_array },
	{ "busy_blocks", json_type_array },
	{ "etc", json_type_object },
	{ "files", json_type_object },
};

enum cap_kind { CAP_BOOL, CAP_RANGES, CAP_INTERRUPT, CAP_RESERVED, CAP_MS };

static const struct {
	const char *key;
	enum cap_kind kind;
	size_t offset;
	const char *wants;
} caps_members[] = {
#define CAP(key, kind, field, wants) { key, kind, offsetof(struct port_caps, field), wants }
	CAP("capability", CAP_BOOL, capability, "true or false"),
	CAP("mem_timeout", CAP_BOOL, mem_timeout, "true or false"),
	CAP("mem_timeout_ranges", CAP_RANGES, mem_ranges, "some of the letters ABCD"),
	CAP("mem_isolation", CAP_BOOL, mem_isolation, "true or false"),
	CAP("mem_link_down", CAP_BOOL, mem_link_down, "true or false"),
	CAP("cache_timeout", CAP_BOOL, cache_timeout, "true or false"),
	CAP("cache_timeout_ranges", CAP_RANGES, cache_ranges, "some of the letters ABCD"),
	CAP("cache_isolation", CAP_BOOL, cache_isolation, "true or false"),
	CAP("cache_link_down", CAP_BOOL, cache_link_down, "true or false"),
	CAP("err_cor", CAP_BOOL, err_cor, "true or false"),
	CAP("interrupt", CAP_INTERRUPT, interrupt, "a message number from 0 to 31, or null for none"),
	CAP("control_reserved", CAP_RESERVED, reserved, "a text like \"0x00000020\", reserved bits of the control register only"),
	CAP("unmask_sbr", CAP_BOOL, unmask_sbr, "true or false"),
	CAP("unmask_link_disable", CAP_BOOL, unmask_link_disable, "true or false"),
	CAP("unmask_writable", CAP_BOOL, unmask_writable, "true or false"),
	CAP("link_up_ms", CAP_MS, link_up_ms, "milliseconds from 0 to 60000"),
	CAP("link_down_ms", CAP_MS, link_down_ms, "milliseconds from 0 to 60000"),
#undef CAP
};

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static bool parse_ranges(struct json_object *value, uint8_t *ret)
{
	const char *text = json_object_get_string(value);

	if (!json_object_is_type(value, json_type_string))
		return false;
	*ret = 0;
	for (; *text; text++) {
		if (*text < 'A' || *text > 'D')
			return false;
		*ret = (uint8_t)(*ret | 1u << (*text - 'A'));
	}
	return true;
}

static bool parse_reserved(struct json_object *value, uint32_t *ret)
{
	uint64_t v;

	if (!json_object_is_type(value, json_type_string) || parse_u64(json_object_get_string(value), &v) ||
	    v & ~(uint64_t)ISO_CTRL_RESERVED)
		return false;
	*ret = (uint32_t)v;
	return true;
}

static bool set_cap(struct port_caps *caps, size_t i, struct json_object *value)
{
	char *field = (char *)caps + caps_members[i].offset;
	int64_t number = json_object_get_int64(value);

	switch (caps_members[i].kind) {
	case CAP_BOOL:
		*(bool *)(void *)field = json_object_get_boolean(value);
		return json_object_is_type(value, json_type_boolean);
	case CAP_RANGES:
		return parse_ranges(value, (uint8_t *)field);
	case CAP_INTERRUPT:
		*(int *)(void *)field = value ? (int)number : -1;
		return !value || (json_object_is_type(value, json_type_int) && number >= 0 && number <= 31);
	case CAP_MS:
		*(unsigned int *)(void *)field = (unsigned int)number;
		return json_object_is_type(value, json_type_int) && number >= 0 && number <= 60000;
	case CAP_RESERVED:
		return parse_reserved(value, (uint32_t *)(void *)field);
	}
	return false;
}

/* The members of one root_ports entry over what @caps holds. */
static int merge_caps(struct port_caps *caps, const char *port, struct json_object *o, struct err *err)
{
	char shown[64], known[400] = "";

	if (!json_object_is_type(o, json_type_object))
		return err_set(err, EXIT_USAGE, EINVAL, "root_ports: '%s' must be an object",
			       printable(port, shown, sizeof(shown)));
	json_object_object_foreach(o, key, value) {
		size_t i;

		for (i = 0; i < ARRAY_SIZE(caps_members); i++)
			if (!strcmp(key, caps_members[i].key))
				break;
		if (i < ARRAY_SIZE(caps_members)) {
			if (set_cap(caps, i, value))
				continue;
			return err_set(err, EXIT_USAGE, EINVAL, "root_ports: %s must be %s",
				       caps_members[i].key, caps_members[i].wants);
		}
		for (i = 0; i < ARRAY_SIZE(caps_members); i++)
			snprintf(known + strlen(known), sizeof(known) - strlen(known), "%s%s",
				 i ? ", " : "", caps_members[i].key);
		return err_set(err, EXIT_USAGE, EINVAL, "root_ports: unknown key '%s': the keys are %s",
			       printable(key, shown, sizeof(shown)), known);
	}
	return 0;
}

static int check(struct json_object *overlay, struct err *err)
{
	const char *kernel;
	char shown[64];

	if (!json_object_is_type(overlay, json_type_object))
		return err_set(err, EXIT_USAGE, EINVAL, "it must be a JSON object");
	json_object_object_foreach(overlay, key, value) {
		size_t i;

		for (i = 0; i < ARRAY_SIZE(members); i++)
			if (!strcmp(key, members[i].key))
				break;
		if (i == ARRAY_SIZE(members))
			return err_set(err, EXIT_USAGE, EINVAL, "unknown key '%s': the keys are description, "
				       "base, kernel, root_ports, devices, soft_reserved, busy_blocks, etc, files",
				       printable(key, shown, sizeof(shown)));
		if (!json_object_is_type(value, members[i].type))
			return err_set(err, EXIT_USAGE, EINVAL, "%s must be of type %s", key,
				       json_type_to_name(members[i].type));
	}
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
	struct json_object *overlay = json_object_from_file(file);

	if (!overlay) {
		const char *why = json_util_get_last_err();

		why = why ? why : "it is no JSON";
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

/* "*" first, then the port's own entry. */
static int caps_of(const struct port *port, struct json_object *root_ports, struct port_caps *caps, struct err *err)
{
	struct json_object *o;
	int rc = 0;

	*caps = port_caps_default;
	if (json_object_object_get_ex(root_ports, "*", &o))
		rc = merge_caps(caps, "*", o, err);
	if (!rc && json_object_object_get_ex(root_ports, port->address, &o))
		rc = merge_caps(caps, port->address, o, err);
	if (!caps->mem_timeout)
		caps->mem_ranges = 0;
	if (!caps->cache_timeout)
		caps->cache_ranges = 0;
	return rc;
}

static int attach_ports(struct sim *sim, struct json_object *overlay, struct err *err)
{
	struct json_object *root_ports = NULL;
	char ports[400], shown[64];

	if (overlay)
		json_object_object_get_ex(overlay, "root_ports", &root_ports);
	if (root_ports) {
		json_object_object_foreach(root_ports, key, value) {
			(void)value;
			if (strcmp(key, "*") && (!port_find(sim, key) || strcmp(port_find(sim, key)->address, key)))
				return err_set(err, EXIT_USAGE, EINVAL, "root_ports: this host has no CXL root "
					       "port '%s': it has %s", printable(key, shown, sizeof(shown)),
					       ports_list(sim, ports, sizeof(ports)));
		}
	}
	for (size_t i = 0; i < sim->n_ports; i++) {
		struct port *port = sim->ports[i];
		struct port_caps caps;
		int rc = caps_of(port, root_ports, &caps, err);

		rc = rc ? rc : port_attach(port, &caps, err);
		if (!rc && sim->kernel->discover)
			rc = sim->kernel->discover(sim->kernel, port, err);
		if (rc)
			return rc;
	}
	return 0;
}

/* ["memory146"]: blocks that never go offline */
static int apply_busy_blocks(struct sim *sim, struct json_object *overlay, struct err *err)
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

int overlay_attach_models(struct sim *sim, struct json_object *overlay, struct err *err)
{
	int rc = apply_busy_blocks(sim, overlay, err);

	return rc ? rc : attach_ports(sim, overlay, err);
}

static int apply_file(struct sim *sim, const char *path, struct json_object *value, struct err *err)
{
	char full[4096], shown[200];
	struct node *old, *n;
	char *slash;
	int len;

	if ((strncmp(path, "sys/", 4) && strncmp(path, "proc/", 5)) || strstr(path, "..") ||
	    path[strlen(path) - 1] == '/')
		return err_set(err, EXIT_USAGE, EINVAL, "files: '%s' must be the path of a file below sys/ or proc/",
			       printable(path, shown, sizeof(shown)));
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
	if (!value) {
		if (!old)
			return err_set(err, EXIT_USAGE, ENOENT, "files: the capture has no '%s' to remove",
				       printable(path, shown, sizeof(shown)));
		if (old->kind == NODE_DIR)
			tree_remove_device(&sim->tree, old);
		else
			tree_remove(&sim->tree, old);
		return 0;
	}
	n = old && old->kind == NODE_FILE ? old : tree_add_path(&sim->tree, path, NODE_FILE, 0444);
	if (!n || node_set_data(n, json_object_get_string(value), (size_t)json_object_get_string_len(value)))
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
		if (!n || node_set_data(n, json_object_get_string(value), (size_t)json_object_get_string_len(value)))
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

/* {"type": 2, "driver": "NAME"} */
static int apply_device(struct sim *sim, const char *address, struct json_object *o, struct err *err)
{
	struct json_object *type = NULL, *driver = NULL;
	char shown[64];

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
	if (!type || !json_object_is_type(type, json_type_int) || json_object_get_int(type) < 1 ||
	    json_object_get_int(type) > 2)
		return err_set(err, EXIT_USAGE, EINVAL, "devices: type must be 1 (CXL.cache) or 2 (CXL.cache and CXL.mem)");
	if (!driver || !json_object_is_type(driver, json_type_string) || !*json_object_get_string(driver) ||
	    strchr(json_object_get_string(driver), '/') || !strcmp(json_object_get_string(driver), "cxl_pci"))
		return err_set(err, EXIT_USAGE, EINVAL, "devices: driver must be the name of the accelerator's driver, "
			       "not cxl_pci");
	return reshape_device(sim, address, json_object_get_int(type), json_object_get_string(driver), err);
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
	if (rc || !json_object_object_get_ex(overlay, "soft_reserved", &o))
		return rc;
	for (size_t i = 0; !rc && i < json_object_array_length(o); i++)
		rc = apply_soft_reserved(sim, json_object_array_get_idx(o, i), err);
	return rc;
}
