// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/cpuinfo, /proc/version and /sys/class/dmi/id of the simulated machine: see
 * platform.h.  The real machine's are never seen, since checks tell platforms apart.
 */
#include "sim/host/platform.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/host/host.h"
#include "sim/state/device.h"
#include "sim/state/sim.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/parse.h"

#define PLATFORM_CPUINFO "proc/cpuinfo"
#define PLATFORM_DMI "sys/class/dmi/id"
#define DEFAULT_VERSION "Linux version 6.12.0 () () #1 SMP\n"

/* What QEMU's q35 machine says, and its processor of that many years. */
static const struct {
	const char *key;
	const char *field;	/* of cpuinfo; NULL: of DMI */
	const char *attribute;
	const char *otherwise;
	bool is_number;
} members[] = {
	{ "cpu_vendor", "vendor_id", NULL, "GenuineIntel", false },
	{ "cpu_family", "cpu family", NULL, "6", true },
	{ "cpu_model", "model", NULL, "6", true },
	{ "cpu_name", "model name", NULL, "QEMU Virtual CPU version 2.5+", false },
	{ "system_vendor", NULL, "sys_vendor", "QEMU", false },
	{ "product", NULL, "product_name", "Standard PC (Q35 + ICH9, 2009)", false },
	{ "bios_version", NULL, "bios_version", "1.16.3", false },
};

enum { N_MEMBERS = ARRAY_SIZE(members), TEXT_SIZE = 256 };

struct platform {
	char text[N_MEMBERS][TEXT_SIZE];	/* "": the host file does not say */
};

static int out_of_memory(struct err *err)
{
	return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
}

/* --- "platform" -------------------------------------------------------------- */

static int set_member(char *text, size_t i, struct json_object *value, struct err *err)
{
	int64_t number = json_object_get_int64(value);
	const char *s = json_object_get_string(value);

	if (members[i].is_number &&
	    (!json_object_is_type(value, json_type_int) || number < 0 || number > INT_MAX))
		return err_set(err, EXIT_USAGE, EINVAL, "platform: %s must be a number", members[i].key);
	if (!members[i].is_number && (!json_object_is_type(value, json_type_string) || !*s ||
				      strlen(s) >= TEXT_SIZE || strchr(s, '\n')))
		return err_set(err, EXIT_USAGE, EINVAL, "platform: %s must be a text of one line of at most %d bytes", members[i].key,
			       TEXT_SIZE - 1);
	snprintf(text, TEXT_SIZE, "%s", s);
	return 0;
}

static int parse(struct json_object *o, struct platform *ret, struct err *err)
{
	json_object_object_foreach(o, key, value) {
		size_t i = overlay_key("platform: ", key, members, sizeof(*members), N_MEMBERS, err);
		int rc = i < N_MEMBERS ? set_member(ret->text[i], i, value, err) : -EINVAL;

		if (rc)
			return rc;
	}
	return 0;
}

/* --- into the tree ------------------------------------------------------------ */

/* "model name\t: Xeon": the value of the first processor, of *@ret_n bytes; NULL when there is none. */
static const char *field_of(const char *cpuinfo, const char *field, size_t *ret_n)
{
	size_t n = strlen(field);

	for (const char *line = cpuinfo, *nl; line;
	     nl = strchr(line, '\n'), line = nl ? nl + 1 : NULL) {
		const char *value = strncmp(line, field, n) ? NULL : line + n + strspn(line + n, "\t ");

		if (!value || *value != ':')
			continue;
		value += 1 + strspn(value + 1, " ");
		*ret_n = strcspn(value, "\n");
		return value;
	}
	return NULL;
}

static bool is_hypervisor(const char *cpuinfo)
{
	size_t n;
	const char *flags = field_of(cpuinfo, "flags", &n);

	return flags && has_word(flags, n, "hypervisor");
}

/* What the host file does not say of the processor is as it was, or the default. */
static void fill_in(struct platform *p, const char *cpuinfo)
{
	for (size_t i = 0; i < N_MEMBERS; i++) {
		size_t n = 0;
		const char *was = cpuinfo && members[i].field
					  ? field_of(cpuinfo, members[i].field, &n)
					  : NULL;

		if (!*p->text[i])
			snprintf(p->text[i], TEXT_SIZE, "%.*s", was ? (int)n : TEXT_SIZE, was ? was : members[i].otherwise);
	}
}

static int write_cpuinfo(struct sim *sim, const struct platform *p)
{
	struct node *n = tree_resolve(&sim->tree, NULL, "/" PLATFORM_CPUINFO);
	const char *old = n && n->data ? n->data : NULL;
	_cleanup_free_ char *text = NULL;
	struct platform all = *p;
	bool says = false, hypervisor;

	for (size_t i = 0; i < N_MEMBERS; i++)
		says = says || (members[i].field && *p->text[i]);
	if (old && !says)
		return 0;
	hypervisor = !*p->text[0] && (!old || is_hypervisor(old));
	fill_in(&all, old);
	if (asprintf(&text, "processor\t: 0\nvendor_id\t: %s\ncpu family\t: %s\nmodel\t\t: %s\nmodel name\t: %s\nflags\t\t:%s\n\n",
		     all.text[0], all.text[1], all.text[2], all.text[3], hypervisor ? " hypervisor" : "") < 0) {
		text = NULL;
		return -ENOMEM;
	}
	n = n ? n : tree_add_path(&sim->tree, PLATFORM_CPUINFO, NODE_FILE, 0444);
	return n ? node_set_data(n, text, strlen(text)) : -ENOMEM;
}

static int write_dmi(struct sim *sim, const struct platform *p)
{
	struct node *dir = tree_dir(&sim->tree, "/" PLATFORM_DMI);

	dir = dir ? dir : tree_add_path(&sim->tree, PLATFORM_DMI, NODE_DIR, 0755);
	for (size_t i = 0; dir && i < N_MEMBERS; i++) {
		if (!members[i].attribute ||
		    (!*p->text[i] && tree_child(dir, members[i].attribute)))
			continue;
		if (dev_set(sim, dir, members[i].attribute, "%s", *p->text[i] ? p->text[i] : members[i].otherwise))
			return -ENOMEM;
	}
	return dir ? 0 : -ENOMEM;
}

int platform_apply(struct sim *sim, struct json_object *overlay, struct err *err)
{
	struct platform p = { 0 };
	struct json_object *o;
	struct node *version;
	int rc = 0;

	if (overlay && json_object_object_get_ex(overlay, "platform", &o))
		rc = parse(o, &p, err);
	if (rc)
		return rc;
	if (write_cpuinfo(sim, &p) || write_dmi(sim, &p))
		return out_of_memory(err);
	if (tree_resolve(&sim->tree, NULL, "/proc/version"))
		return 0;
	version = tree_add_path(&sim->tree, "proc/version", NODE_FILE, 0444);
	if (!version || node_set_data(version, DEFAULT_VERSION, strlen(DEFAULT_VERSION)))
		return out_of_memory(err);
	return 0;
}

int platform_hide(struct sim *sim, struct err *err)
{
	static const char *const paths[] = { PLATFORM_CPUINFO, "proc/version" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		struct node *n;

		if (tree_resolve(&sim->tree, NULL, paths[i]))
			continue;
		n = tree_add_path(&sim->tree, paths[i], NODE_FILE, 0444);
		if (!n || node_set_data(n, "", 0))
			return out_of_memory(err);
		n->fail_errno = ENOENT;
	}
	return 0;
}
