// SPDX-License-Identifier: GPL-2.0-only
/* "dax" of the overlay: how the memory of regions is cut into dax devices. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "sim/host/host.h"
#include "sim/models/dax.h"
#include "sim/state/device.h"
#include "sim/state/sim.h"
#include "util/array.h"
#include "util/parse.h"

enum {
	MAX_PARTS = 64,
	ALIGN = 2 << 20,		/* of dax devices, where pages of 2 MiB are used */
};

static const char *const drivers[] = { "device_dax", "kmem", "fsdev_dax" };

static bool parse_driver(struct json_object *value, const char **ret)
{
	*ret = NULL;
	if (!value)
		return true;		/* null */
	for (size_t i = 0;
	     json_object_is_type(value, json_type_string) && i < ARRAY_SIZE(drivers);
	     i++)
		if (!strcmp(drivers[i], json_object_get_string(value)))
			*ret = drivers[i];
	return *ret;
}

/* {"size": BYTES, "driver": NAME or null} */
static int parse_part(struct json_object *o, struct dax_part *ret, struct err *err)
{
	struct json_object *size = NULL, *driver = NULL;
	bool has_driver = false;
	int64_t bytes;
	char shown[64];

	if (!json_object_is_type(o, json_type_object))
		return err_set(err, EXIT_USAGE, EINVAL, "dax: a device is an object of size and driver");
	json_object_object_foreach(o, key, value) {
		if (!strcmp(key, "size"))
			size = value;
		else if (!strcmp(key, "driver"))
			driver = value, has_driver = true;
		else
			return err_set(err, EXIT_USAGE, EINVAL, "dax: unknown key '%s': the keys are size, driver",
				       printable(key, shown, sizeof(shown)));
	}
	bytes = json_object_get_int64(size);
	if (!json_object_is_type(size, json_type_int) || bytes < 0 || bytes % ALIGN)
		return err_set(err, EXIT_USAGE, EINVAL, "dax: size must be a number of bytes, a multiple of 2097152");
	if (!has_driver || !parse_driver(driver, &ret->driver))
		return err_set(err, EXIT_USAGE, EINVAL, "dax: driver must be one of device_dax, kmem, fsdev_dax, or null");
	if (!bytes && ret->driver)
		return err_set(err, EXIT_USAGE, EINVAL, "dax: a device of size 0 has no driver: its driver must be null");
	ret->size = (uint64_t)bytes;
	return 0;
}

static int lay_out(struct sim *sim, const char *name, struct json_object *list, struct err *err)
{
	struct node *region = dev_find(sim, "cxl", name);
	struct dax_part parts[MAX_PARTS];
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	uint64_t sum = 0, size;
	char shown[64];
	int rc;

	if (!region || !dev_is(region, "devtype", "cxl_region"))
		return err_set(err, EXIT_USAGE, ENOENT, "dax: this host has no region '%s'", printable(name, shown, sizeof(shown)));
	if (!n || n > MAX_PARTS)
		return err_set(err, EXIT_USAGE, EINVAL, "dax: %s must be an array of 1 to %d devices", region->name, MAX_PARTS);
	for (size_t i = 0; i < n; i++) {
		rc = parse_part(json_object_array_get_idx(list, i), &parts[i], err);
		if (rc)
			return rc;
		sum += parts[i].size;
	}
	size = dev_number(region, "size", 0);
	if (sum > size)
		return err_set(err, EXIT_USAGE, ENOSPC, "dax: the devices of %s have %" PRIu64 " bytes, but the region only %" PRIu64,
			       region->name, sum, size);
	rc = dax_lay_out(sim, region, parts, n);
	if (rc == -ENODEV)
		return err_set(err, EXIT_USAGE, ENODEV, "dax: %s has no dax devices that could be laid out", region->name);
	if (rc == -EINVAL)
		return err_set(err, EXIT_USAGE, EINVAL, "dax: a device of %s is too small for kmem: it has no whole memory block",
			       region->name);
	return rc ? err_set(err, EXIT_REFUSED, -rc, "dax: %s cannot be laid out: %s", region->name, strerror(-rc)) : 0;
}

int overlay_lay_out_dax(struct sim *sim, struct json_object *overlay, struct err *err)
{
	struct json_object *o;
	int rc = 0;

	if (!overlay || !json_object_object_get_ex(overlay, "dax", &o))
		return 0;
	json_object_object_foreach(o, region, list) {
		rc = rc ? rc : lay_out(sim, region, list, err);
	}
	return rc;
}
