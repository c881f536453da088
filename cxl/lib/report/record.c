// SPDX-License-Identifier: GPL-2.0-only
/* Snapshot objects to output records: see record.h. */
#include "cxl/lib/report/record.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cxl/lib/change/timeout.h"
#include "util/render.h"

static struct json_object *tri_json(enum tri t)
{
	return t == TRI_UNKNOWN ? NULL : json_object_new_boolean(t == TRI_YES);
}

static void add_tri(struct json_object *obj, const char *key, enum tri t)
{
	render_add(obj, key, tri_json(t));
}

/* A register bit, unknown where the registers are. */
static enum tri bit(bool known, uint32_t value, uint32_t mask)
{
	return known ? tri_of(value & mask) : TRI_UNKNOWN;
}

/* CXL.mem and CXL.cache have the same fields at different places. */
static const struct protocol {
	const char *name;
	unsigned int shift;	/* of ranges and range */
	enum iso_field range;	/* the first of four: range, timeout, isolation, link-down */
	uint32_t cap_timeout, cap_isolation, cap_link_down;
	uint32_t status_timeout, status_isolation, status_link_down;
} protocols[] = {
	{ "mem", 0, ISO_MEM_RANGE, ISO_CAP_MEM_TIMEOUT, ISO_CAP_MEM_ISOLATION, ISO_CAP_MEM_LINK_DOWN,
	  ISO_STATUS_MEM_TIMEOUT, ISO_STATUS_MEM_ISOLATION, ISO_STATUS_MEM_LINK_DOWN },
	{ "cache", 8, ISO_CACHE_RANGE, ISO_CAP_CACHE_TIMEOUT, ISO_CAP_CACHE_ISOLATION, ISO_CAP_CACHE_LINK_DOWN,
	  ISO_STATUS_CACHE_TIMEOUT, ISO_STATUS_CACHE_ISOLATION, ISO_STATUS_CACHE_LINK_DOWN },
};
enum { N_PROTOCOLS = sizeof(protocols) / sizeof(protocols[0]) };

/* A port known to lack the capability supports nothing: false, not unknown. */
static bool cap_known(const struct iso_registers *regs)
{
	return regs->valid;
}

static struct json_object *range_names(const struct iso_registers *regs, unsigned int shift)
{
	struct json_object *list;

	if (!cap_known(regs))
		return NULL;
	list = json_object_new_array();
	for (size_t i = 0; i < n_timeout_ranges; i++) {
		const struct timeout_range *r = &timeout_ranges[i];

		/* one name a group: A stands for A and A2 */
		if (r->value && !r->name[1] && regs->cap >> shift >> r->group & 1)
			json_object_array_add(list, json_object_new_string(r->name));
	}
	return list;
}

static struct json_object *record_capability(const struct iso_state *iso)
{
	const struct iso_registers *regs = &iso->regs;
	struct json_object *obj = json_object_new_object();

	for (int i = 0; i < N_PROTOCOLS; i++) {
		const struct protocol *p = &protocols[i];
		struct json_object *o = json_object_new_object();

		add_tri(o, "timeout", bit(cap_known(regs), regs->cap, p->cap_timeout));
		render_add(o, "timeout_ranges", range_names(regs, p->shift));
		add_tri(o, "isolation", bit(cap_known(regs), regs->cap, p->cap_isolation));
		add_tri(o, "link_down", bit(cap_known(regs), regs->cap, p->cap_link_down));
		render_add(obj, p->name, o);
	}
	add_tri(obj, "err_cor", bit(cap_known(regs), regs->cap, ISO_CAP_ERR_COR));
	add_tri(obj, "interrupt", bit(cap_known(regs), regs->cap, ISO_CAP_INTERRUPT));
	render_add_u64(obj, "interrupt_number", regs->cap & ISO_CAP_INTERRUPT, ISO_CAP_INTERRUPT_NUMBER(regs->cap));
	return obj;
}

static struct json_object *record_timeout(enum tri enabled, int range)
{
	const struct timeout_range *r = range < 0 ? NULL : timeout_by_value((unsigned int)range);
	struct json_object *obj = json_object_new_object();

	add_tri(obj, "enabled", enabled);
	render_add_string(obj, "range", r ? r->name : NULL);
	render_add_u64(obj, "min_us", r, r ? r->min_us : 0);
	render_add_u64(obj, "max_us", r, r ? r->max_us : 0);
	return obj;
}

struct json_object *record_control(const struct iso_control *c)
{
	struct json_object *obj = json_object_new_object();

	for (int i = 0; i < N_PROTOCOLS; i++) {
		const int *v = c->v + protocols[i].range;
		struct json_object *o = json_object_new_object();

		render_add(o, "timeout", record_timeout((enum tri)v[ISO_MEM_TIMEOUT], v[ISO_MEM_RANGE]));
		add_tri(o, "isolation", (enum tri)v[ISO_MEM_ISOLATION]);
		add_tri(o, "link_down", (enum tri)v[ISO_MEM_LINK_DOWN]);
		render_add(obj, protocols[i].name, o);
	}
	add_tri(obj, "err_cor", (enum tri)c->v[ISO_ERR_COR]);
	add_tri(obj, "interrupt", (enum tri)c->v[ISO_INTERRUPT]);
	return obj;
}

struct json_object *record_step(const struct step *step)
{
	struct json_object *obj = json_object_new_object();
	char path[PATH_MAX + 1];

	snprintf(path, sizeof(path), "/%s", step->path);
	render_add_string(obj, "op", step->op->name);
	render_add_string(obj, "path", path);
	render_add_string(obj, "value", step->value);
	render_add_string(obj, "expect_before", step->expect_before ? step->expect_before : "");
	render_add_string(obj, "expect_after", step->expect_after);
	render_add_string(obj, "undo", step->undo);
	render_add_u64(obj, "timeout_us", true, step->timeout_us);
	render_add_string(obj, "when", step_when_names[step->when]);
	render_add_string(obj, "state", step_state_names[step->state]);
	return obj;
}

static struct json_object *record_status(const struct iso_state *iso)
{
	const struct iso_registers *regs = &iso->regs;
	struct json_object *obj = json_object_new_object();
	enum tri isolated = iso_isolated(iso);

	render_add_string(obj, "state", isolated == TRI_UNKNOWN ? "unknown" :
			  isolated == TRI_YES ? "isolated" : "normal");
	for (int i = 0; i < N_PROTOCOLS; i++) {
		const struct protocol *p = &protocols[i];
		struct json_object *o = json_object_new_object();
		enum tri proto_isolated = bit(regs->valid, regs->status, p->status_isolation);

		add_tri(o, "isolated", proto_isolated);
		render_add_string(o, "cause", proto_isolated != TRI_YES ? NULL :
				  regs->status & p->status_link_down ? "link-down" : "timeout");
		add_tri(o, "timed_out", bit(regs->valid, regs->status, p->status_timeout));
		render_add(obj, p->name, o);
	}
	add_tri(obj, "busy", bit(isolated == TRI_YES, regs->status, ISO_STATUS_BUSY));
	return obj;
}

static struct json_object *record_source(const struct iso_state *iso)
{
	struct json_object *obj = json_object_new_object();
	const char *regs = iso->regs.valid ? iso_backend_registers.name : NULL;

	render_add_string(obj, "capability", regs ? regs : iso->kernel.present ? iso_backend_kernel_v1.name : NULL);
	render_add_string(obj, "control", iso->kernel.present ? iso_backend_kernel_v1.name :
			  iso->regs.capable ? regs : NULL);
	render_add_string(obj, "status", regs);
	return obj;
}

static struct json_object *record_link(const struct link_state *link)
{
	static const char *const states[] = { [TRI_NO] = "down", [TRI_YES] = "up" };
	struct json_object *obj = json_object_new_object();

	render_add_string(obj, "state", link->up == TRI_UNKNOWN ? "unknown" : states[link->up]);
	render_add_string(obj, "speed", link->speed);
	render_add_u64(obj, "width", link->width, link->width);
	return obj;
}

struct json_object *record_findings(const struct check_result *result, enum finding_class which)
{
	static const enum finding_class classes[] = {
		[CHECK_CANNOT] = FINDING_BLOCKS, [CHECK_UNSAFE] = FINDING_BLOCKS,
		[CHECK_LIMIT] = FINDING_LIMITS, [CHECK_NOTE] = FINDING_NOTES, [CHECK_OUTCOME] = FINDING_NOTES,
	};
	struct json_object *list = json_object_new_array_ext((int)result->n);

	for (size_t i = 0; i < result->n; i++)
		if (classes[result->v[i].check->kind] == which)
			json_object_array_add(list, json_object_new_string(result->v[i].check->id));
	return list;
}

/* An array of the names of what a pointer array holds. */
#define NAMES(array, n) ({ \
	struct json_object *list_ = json_object_new_array_ext((int)(n)); \
	for (size_t i_ = 0; i_ < (n); i_++) \
		json_object_array_add(list_, json_object_new_string((array)[i_]->name)); \
	list_; })

/*
 * The parts of a record that only depend on registers, attributes and findings.
 * On a big host most root ports have the same; those share the objects, and
 * their text, which is by far the most of it.
 */
enum part { SOURCE, CAPABILITY, CONTROL, STATUS, LINK, BLOCKERS, LIMITS, NOTES, N_PARTS };
static const char *const part_names[N_PARTS] = {
	[SOURCE] = "source", [CAPABILITY] = "capability", [CONTROL] = "control", [STATUS] = "status",
	[LINK] = "link", [BLOCKERS] = "blockers", [LIMITS] = "limits", [NOTES] = "notes",
};

struct shared_parts {
	unsigned int depth;	/* where their text stands, 0: it is not indented */
	const struct cxl_root_port *of;
	const struct check_result *result;
	struct json_object *v[N_PARTS];
};

/* How deep a root port's members are: buses[] . host_bridges[] . root_ports[] . member */
enum { BUSES_DEPTH = 7 };

static bool same_findings(const struct check_result *a, const struct check_result *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (a->v[i].check != b->v[i].check)
			return false;
	return a->n == b->n;
}

static bool same_iso(const struct cxl_root_port *a, const struct cxl_root_port *b)
{
	const struct iso_registers *x = &a->iso.regs, *y = &b->iso.regs;

	return a->iso.kernel.present == b->iso.kernel.present &&
	       iso_control_equal(&a->iso.kernel.control, &b->iso.kernel.control) &&
	       x->valid == y->valid && x->capable == y->capable &&
	       x->cap == y->cap && x->ctrl == y->ctrl && x->status == y->status &&
	       a->link.up == b->link.up && a->link.speed == b->link.speed && a->link.width == b->link.width;
}

static void shared_parts_put(struct shared_parts *p)
{
	for (int i = 0; i < N_PARTS; i++)
		json_object_put(p->v[i]);
	*p = (struct shared_parts){ .depth = p->depth };
}

static void shared_parts_update(struct shared_parts *p, const struct cxl_root_port *rp,
				const struct check_result *result)
{
	struct iso_control control = iso_control(&rp->iso);

	if (p->of && same_iso(p->of, rp) && same_findings(p->result, result))
		return;
	shared_parts_put(p);
	*p = (struct shared_parts){
		p->depth, rp, result, {
			[SOURCE] = record_source(&rp->iso), [CAPABILITY] = record_capability(&rp->iso),
			[CONTROL] = record_control(&control), [STATUS] = record_status(&rp->iso),
			[LINK] = record_link(&rp->link), [BLOCKERS] = record_findings(result, FINDING_BLOCKS),
			[LIMITS] = record_findings(result, FINDING_LIMITS),
			[NOTES] = record_findings(result, FINDING_NOTES),
		},
	};
	for (int i = 0; p->depth && i < N_PARTS; i++)
		render_freeze(p->v[i], p->depth);
}

static void add_part(struct json_object *obj, const struct shared_parts *parts, enum part which)
{
	render_add(obj, part_names[which], json_object_get(parts->v[which]));
}

static struct json_object *record_root_port(const struct cxl_root_port *rp, const struct check_result *result,
					    struct shared_parts *parts)
{
	struct json_object *obj = json_object_new_object();
	bool bytes_known = !rp->may_have_more;
	uint64_t bytes = 0;

	shared_parts_update(parts, rp, result);
	for (size_t i = 0; i < rp->n_regions; i++) {
		bytes_known &= rp->regions[i]->size_bytes.known;
		bytes += rp->regions[i]->size_bytes.v;
	}
	render_add_string(obj, "root_port", rp->name);
	render_add_string(obj, "host_bridge", rp->bridge ? rp->bridge->name : NULL);
	render_add_string(obj, "bus", rp->bridge && rp->bridge->bus ? rp->bridge->bus->name : NULL);
	render_add_string(obj, "abi", rp->iso.kernel.present ? "v1" : "none");
	add_part(obj, parts, SOURCE);
	add_part(obj, parts, CAPABILITY);
	add_part(obj, parts, CONTROL);
	add_part(obj, parts, STATUS);
	add_part(obj, parts, LINK);
	render_add_string(obj, "containment", containment_names[result->now]);
	render_add_string(obj, "containment_if_enabled", containment_names[result->if_enabled]);
	add_part(obj, parts, BLOCKERS);
	add_part(obj, parts, LIMITS);
	add_part(obj, parts, NOTES);
	render_add(obj, "memdevs", NAMES(rp->memdevs, rp->n_memdevs));
	render_add(obj, "regions", NAMES(rp->regions, rp->n_regions));
	render_add(obj, "dax", NAMES(rp->dax, rp->n_dax));
	render_add_u64(obj, "bytes", bytes_known, bytes);
	return obj;
}

struct json_object *record_memdev(const struct cxl_memdev *m)
{
	struct json_object *obj = json_object_new_object();

	render_add_string(obj, "memdev", m->name);
	render_add_hex(obj, "serial", m->serial.known, m->serial.v);
	render_add_string(obj, "host", m->host);
	render_add_u64(obj, "size", m->ram_bytes.known && m->pmem_bytes.known, m->ram_bytes.v + m->pmem_bytes.v);
	render_add_string(obj, "state", m->bound ? "enabled" : "disabled");
	return obj;
}

struct json_object *record_region(const struct cxl_region *r)
{
	struct json_object *obj = json_object_new_object();

	render_add_string(obj, "region", r->name);
	render_add_hex(obj, "resource", r->resource.known, r->resource.v);
	render_add_u64(obj, "size", r->size_bytes.known, r->size_bytes.v);
	render_add_string(obj, "state", region_state_names[r->state]);
	render_add_u64(obj, "ways", r->ways.known, r->ways.v);
	render_add(obj, "root_ports", NAMES(r->root_ports, r->n_root_ports));
	return obj;
}

struct json_object *record_root_ports(const struct cxl_host *host, const struct target_set *set,
				      const struct check_result *results, unsigned int depth)
{
	struct json_object *list = json_object_new_array();
	struct shared_parts parts = { .depth = depth };

	for (size_t i = 0; i < host->n_root_ports; i++)
		if (set->root_ports[i])
			json_object_array_add(list, record_root_port(&host->root_ports[i], &results[i], &parts));
	shared_parts_put(&parts);
	return list;
}

/* The root ports of @bridge on @bus (NULL: whose bridge is not known), if any is selected. */
static struct json_object *record_bridge(const struct cxl_host *host, const struct cxl_port *bridge,
					 const struct target_set *set, const struct check_result *results,
					 struct shared_parts *parts)
{
	struct json_object *obj, *list = NULL;

	for (size_t i = 0; i < host->n_root_ports; i++) {
		if (host->root_ports[i].bridge != bridge || !set->root_ports[i])
			continue;
		if (!list)
			list = json_object_new_array();
		json_object_array_add(list, record_root_port(&host->root_ports[i], &results[i], parts));
	}
	if (!list)
		return NULL;
	obj = json_object_new_object();
	render_add_string(obj, "port", bridge ? bridge->name : NULL);
	render_add_string(obj, "host", bridge ? bridge->host : NULL);
	render_add(obj, "root_ports", list);
	return obj;
}

static struct json_object *record_bridges(const struct cxl_host *host, const struct cxl_bus *bus,
					  const struct target_set *set, const struct check_result *results,
					 struct shared_parts *parts)
{
	struct json_object *list = json_object_new_array(), *obj;

	for (size_t i = 0; i < host->n_ports; i++) {
		if (host->ports[i].parent || host->ports[i].bus != bus)
			continue;
		obj = record_bridge(host, &host->ports[i], set, results, parts);
		if (obj)
			json_object_array_add(list, obj);
	}
	obj = bus == host->buses ? record_bridge(host, NULL, set, results, parts) : NULL;
	if (obj)
		json_object_array_add(list, obj);
	return list;
}

static struct json_object *record_bus(const struct cxl_host *host, const struct cxl_bus *bus,
				      const struct target_set *set, const struct check_result *results,
					 struct shared_parts *parts)
{
	struct json_object *obj = json_object_new_object(), *unattached = json_object_new_object();
	struct json_object *memdevs = json_object_new_array(), *regions = json_object_new_array();
	struct json_object *lost_memdevs = json_object_new_array(), *lost_regions = json_object_new_array();

	for (size_t i = 0; i < host->n_memdevs; i++) {
		const struct cxl_memdev *m = &host->memdevs[i];

		if (!set->memdevs[i] || m->bus != bus)
			continue;
		json_object_array_add(memdevs, record_memdev(m));
		if (!m->root_port)
			json_object_array_add(lost_memdevs, json_object_new_string(m->name));
	}
	for (size_t i = 0; i < host->n_regions; i++) {
		const struct cxl_region *r = &host->regions[i];

		if (!set->regions[i] || r->bus != bus)
			continue;
		json_object_array_add(regions, record_region(r));
		if (!r->n_root_ports)
			json_object_array_add(lost_regions, json_object_new_string(r->name));
	}
	render_add_string(obj, "bus", bus->name);
	render_add_string(obj, "provider", bus->provider);
	render_add(obj, "host_bridges", record_bridges(host, bus, set, results, parts));
	render_add(obj, "memdevs", memdevs);
	render_add(obj, "regions", regions);
	render_add(unattached, "memdevs", lost_memdevs);
	render_add(unattached, "regions", lost_regions);
	render_add(obj, "unattached", unattached);
	return obj;
}

struct json_object *record_buses(const struct cxl_host *host, const struct target_set *set,
				 const struct check_result *results)
{
	struct json_object *list = json_object_new_array();
	struct shared_parts parts = { .depth = BUSES_DEPTH };

	for (size_t i = 0; i < host->n_buses; i++)
		json_object_array_add(list, record_bus(host, &host->buses[i], set, results, &parts));
	shared_parts_put(&parts);
	return list;
}
