// SPDX-License-Identifier: GPL-2.0-only
/*
 * "accelerators" of the overlay: what an accelerator of "devices" has beside its one function,
 * and the region that its driver makes.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/host/host.h"
#include "sim/host/reshape.h"
#include "sim/models/accel.h"
#include "sim/models/sriov.h"
#include "sim/state/device.h"
#include "sim/state/sim.h"
#include "util/array.h"
#include "util/parse.h"

enum { MAX_FUNCTIONS = SRIOV_OFFSET };

static const struct overlay_member members[] = {
	{ "functions", json_type_int },
	{ "vfs", json_type_array },
	{ "region", json_type_int },
	{ "locked", json_type_boolean },
};

static int out_of_memory(struct err *err)
{
	return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
}

static bool is_vf_driver(struct json_object *o)
{
	const char *name = json_object_is_type(o, json_type_string) ? json_object_get_string(o) : "";

	return !o || !strcmp(name, ACCEL_DRIVER) || !strcmp(name, VFIO_DRIVER);
}

static int check(struct json_object *o, struct err *err)
{
	struct json_object *vfs;

	if (!json_object_is_type(o, json_type_object))
		return err_set(err, EXIT_USAGE, EINVAL, "accelerators: the values must be objects");
	if (overlay_members("accelerators: ", o, members, ARRAY_SIZE(members), err))
		return -EINVAL;
	if (!json_object_object_get_ex(o, "vfs", &vfs))
		return 0;
	if (json_object_array_length(vfs) > SRIOV_TOTAL)
		return err_set(err, EXIT_USAGE, EINVAL, "accelerators: there are at most %d vfs", SRIOV_TOTAL);
	for (size_t i = 0; i < json_object_array_length(vfs); i++)
		if (!is_vf_driver(json_object_array_get_idx(vfs, i)))
			return err_set(err, EXIT_USAGE, EINVAL, "accelerators: each of vfs is \"" ACCEL_DRIVER "\", \"" VFIO_DRIVER "\" or null");
	return 0;
}

/* --- before the models -------------------------------------------------------- */

static int add_sriov(struct sim *sim, struct node *function)
{
	static const struct {
		const char *name, *text;
		mode_t mode;
	} attrs[] = {
		{ "sriov_totalvfs", "4\n", 0444 }, { "sriov_numvfs", "0\n", 0644 },
		{ "sriov_offset", "4\n", 0444 },   { "sriov_stride", "1\n", 0444 },
		{ "sriov_drivers_autoprobe", "1\n", 0644 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++)
		if (dev_add_attr(sim, function, attrs[i].name, attrs[i].mode, attrs[i].text))
			return -ENOMEM;
	return reshape_add_driver(sim, VFIO_DRIVER) ? 0 : -ENOMEM;
}

static int give_functions(struct sim *sim, const char *address, struct json_object *o,
			  struct err *err)
{
	struct node *function = dev_find(sim, "pci", address);
	struct json_object *more;
	int n = 1;

	if (!function || !dev_driver(function) || strcmp(dev_driver(function), ACCEL_DRIVER))
		return err_set(err, EXIT_USAGE, EINVAL, "accelerators: '%.32s' is not a device of driver " ACCEL_DRIVER " in \"devices\"", address);
	if (check(o, err))
		return -EINVAL;
	if (json_object_object_get_ex(o, "functions", &more))
		n = json_object_get_int(more);
	if (n < 1 || n > MAX_FUNCTIONS)
		return err_set(err, EXIT_USAGE, EINVAL, "accelerators: functions must be 1 to %d", MAX_FUNCTIONS);
	for (int i = 1; i < n; i++)
		if (reshape_add_function(sim, function, i, ACCEL_DRIVER))
			return out_of_memory(err);
	return json_object_object_get_ex(o, "vfs", &more) && add_sriov(sim, function) ? out_of_memory(err) : 0;
}

int overlay_add_functions(struct sim *sim, struct json_object *overlay, struct err *err)
{
	struct json_object *o;
	int rc = 0;

	if (!json_object_object_get_ex(overlay, "accelerators", &o))
		return 0;
	json_object_object_foreach(o, address, value) {
		rc = rc ? rc : give_functions(sim, address, value, err);
	}
	return rc;
}

/* --- with them ------------------------------------------------------------------ */

static int make_region(struct sim *sim, const struct node *function, uint64_t bytes, bool locked,
		       struct err *err)
{
	const struct node *memdev = reshape_memdev(function);
	struct accel wanted = { .root = "decoder0.0", .decoder_number = ".0", .mode = "ram", .bytes = bytes,
				.granularity = 256, .dpa_bytes = bytes, .is_locked = locked };

	if (!memdev || accel_make(sim, &wanted, memdev))
		return err_set(err, EXIT_USAGE, EINVAL, "accelerators: no region of %llu bytes can be made of %s", (unsigned long long)bytes,
			       function->name);
	return 0;
}

/* Their drivers as asked for, whatever is probed by itself. */
static int add_vfs(struct sim *sim, struct node *function, struct json_object *list)
{
	size_t n = json_object_array_length(list);
	int rc = dev_set(sim, function, "sriov_drivers_autoprobe", "0");

	rc = rc ? rc : sriov_set(sim, function, (unsigned int)n);
	rc = rc ? rc : dev_set(sim, function, "sriov_drivers_autoprobe", "1");
	for (size_t i = 0; !rc && i < n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *driver = o ? json_object_get_string(o) : NULL;
		struct node *vf;
		char name[32];

		snprintf(name, sizeof(name), "virtfn%zu", i);
		vf = tree_resolve(&sim->tree, function, name);
		if (!vf || !driver)
			continue;
		if (strcmp(driver, VFIO_DRIVER))
			rc = dev_bind(sim, vf, "pci", driver);
		else
			rc = dev_set(sim, vf, "driver_override", "%s", driver) ? -ENOMEM : sriov_vfio_probe(sim, vf, driver);
	}
	return rc;
}

int overlay_start_accelerators(struct sim *sim, struct json_object *overlay, struct err *err)
{
	struct json_object *o, *region, *vfs, *locked;

	if (!overlay || !json_object_object_get_ex(overlay, "accelerators", &o))
		return 0;
	json_object_object_foreach(o, address, value) {
		struct node *function = dev_find(sim, "pci", address);
		bool is_locked = json_object_object_get_ex(value, "locked", &locked) && json_object_get_boolean(locked);

		if (json_object_object_get_ex(value, "region", &region) &&
		    make_region(sim, function, json_object_get_uint64(region), is_locked, err))
			return -EINVAL;
		if (json_object_object_get_ex(value, "vfs", &vfs) && add_vfs(sim, function, vfs))
			return out_of_memory(err);
	}
	return 0;
}
