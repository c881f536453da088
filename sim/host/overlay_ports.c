// SPDX-License-Identifier: GPL-2.0-only
/* "root_ports" of the overlay: what each root port offers and how it is set. */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "sim/host/host.h"
#include "sim/models/kernel.h"
#include "sim/models/port.h"
#include "sim/state/sim.h"
#include "util/array.h"
#include "util/parse.h"

enum cap_kind { CAP_BOOL, CAP_RANGES, CAP_INTERRUPT, CAP_RESERVED, CAP_MS, CAP_PRESET };

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
	CAP("preset", CAP_PRESET, preset, "an object"),
#undef CAP
};

/* Bits of the control register, or the field that a timeout range is in. */
static const struct {
	const char *key;
	uint32_t bit;
	bool is_range;
	unsigned int shift;
} preset_members[] = {
	{ "mem_isolation", SIM_ISO_MEM_ISOLATION, false, 0 },
	{ "mem_timeout", SIM_ISO_MEM_TIMEOUT, false, 0 },
	{ "mem_link_down", SIM_ISO_MEM_LINK_DOWN, false, 0 },
	{ "mem_timeout_range", 0, true, 0 },
	{ "cache_isolation", SIM_ISO_CACHE_ISOLATION, false, 0 },
	{ "cache_timeout", SIM_ISO_CACHE_TIMEOUT, false, 0 },
	{ "cache_link_down", SIM_ISO_CACHE_LINK_DOWN, false, 0 },
	{ "cache_timeout_range", 0, true, SIM_ISO_CACHE_RANGE_SHIFT },
	{ "err_cor", SIM_ISO_ERR_COR, false, 0 },
	{ "interrupt", SIM_ISO_INTERRUPT, false, 0 },
};

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

	if (!json_object_is_type(value, json_type_string) ||
	    parse_u64(json_object_get_string(value), &v) || v & ~(uint64_t)SIM_ISO_CTRL_RESERVED)
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
		return !value ||
		       (json_object_is_type(value, json_type_int) && number >= 0 && number <= 31);
	case CAP_MS:
		*(unsigned int *)(void *)field = (unsigned int)number;
		return json_object_is_type(value, json_type_int) && number >= 0 && number <= 60000;
	case CAP_RESERVED:
		return parse_reserved(value, (uint32_t *)(void *)field);
	case CAP_PRESET:
		return json_object_is_type(value, json_type_object);	/* see merge_preset() */
	}
	return false;
}

/* "default", or "A" to "D2" */
static bool parse_range(struct json_object *value, uint32_t *ret)
{
	const char *text = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";

	*ret = 0;
	for (const struct iso_range *r = iso_ranges; r->name; r++)
		if (!strcmp(r->name, text))
			*ret = r->value;
	return *ret || !strcmp(text, "default");
}

static int set_preset(struct port_preset *preset, size_t i, struct json_object *value,
		      struct err *err)
{
	uint32_t mask = preset_members[i].bit, bits = 0;

	if (preset_members[i].is_range) {
		if (!parse_range(value, &bits))
			return err_set(err, EXIT_USAGE, EINVAL, "root_ports: preset: %s must be one of default, A, A2, B, B2, C, C2, "
				       "D, D2", preset_members[i].key);
		mask = (uint32_t)SIM_ISO_MEM_RANGE << preset_members[i].shift;
		bits <<= preset_members[i].shift;
	} else {
		if (!json_object_is_type(value, json_type_boolean))
			return err_set(err, EXIT_USAGE, EINVAL, "root_ports: preset: %s must be true or false",
				       preset_members[i].key);
		bits = json_object_get_boolean(value) ? mask : 0;
	}
	preset->mask |= mask;
	preset->bits = (preset->bits & ~mask) | bits;
	return 0;
}

static int merge_preset(struct port_preset *preset, struct json_object *o, struct err *err)
{
	json_object_object_foreach(o, key, value) {
		size_t i = overlay_key("root_ports: preset: ", key, preset_members, sizeof(*preset_members), ARRAY_SIZE(preset_members), err);
		int rc = i < ARRAY_SIZE(preset_members) ? set_preset(preset, i, value, err)
							: -EINVAL;

		if (rc)
			return rc;
	}
	return 0;
}

/* The members of one root_ports entry over what @caps holds. */
static int merge_caps(struct port_caps *caps, const char *port, struct json_object *o,
		      struct err *err)
{
	char shown[64];

	if (!json_object_is_type(o, json_type_object))
		return err_set(err, EXIT_USAGE, EINVAL, "root_ports: '%s' must be an object",
			       printable(port, shown, sizeof(shown)));
	json_object_object_foreach(o, key, value) {
		size_t i = overlay_key("root_ports: ", key, caps_members, sizeof(*caps_members), ARRAY_SIZE(caps_members), err);
		int rc;

		if (i == ARRAY_SIZE(caps_members))
			return -EINVAL;
		if (!set_cap(caps, i, value))
			return err_set(err, EXIT_USAGE, EINVAL, "root_ports: %s must be %s",
				       caps_members[i].key, caps_members[i].wants);
		rc = caps_members[i].kind == CAP_PRESET ? merge_preset(&caps->preset, value, err)
							: 0;
		if (rc)
			return rc;
	}
	return 0;
}

/* "*" first, then the port's own entry. */
static int caps_of(const struct port *port, struct json_object *root_ports, struct port_caps *caps,
		   struct err *err)
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

int overlay_attach_ports(struct sim *sim, struct json_object *overlay, struct err *err)
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
		port_preset(port, &caps.preset);
	}
	return 0;
}
