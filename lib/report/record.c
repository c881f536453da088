// SPDX-License-Identifier: GPL-2.0-only
/* Snapshot objects to output records: see record.h. */
#include "lib/report/record.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/iso/backend.h"
#include "lib/model/isolation_regs.h"
#include "lib/model/timeout.h"
#include "util/array.h"
#include "util/render.h"

static struct json_object *tri_json(enum tri t)
{
	return t == TRI_UNKNOWN ? NULL : render_boolean(t == TRI_YES);
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
enum { N_PROTOCOLS = ARRAY_SIZE(protocols) };

/* The ranges that are known to be supported; NULL: unknown. */
static struct json_object *range_names(uint32_t known, uint32_t cap, unsigned int shift)
{
	struct json_object *list;

	if (!(known >> shift & 1))
		return NULL;
	list = render_array();
	for (size_t i = 0; i < n_timeout_ranges; i++) {
		const struct timeout_range *r = &timeout_ranges[i];

		/* one name a group: A stands for A and A2 */
		if (r->value && !r->name[1] && cap >> shift >> r->group & 1)
			render_append(list, render_string(r->name));
	}
	return list;
}

/* A port known to lack the capability supports nothing: false, not unknown. */
static struct json_object *record_capability(const struct iso_state *iso)
{
	struct json_object *obj = render_object();
	uint32_t known, cap = iso_cap(iso, &known);

	for (int i = 0; i < N_PROTOCOLS; i++) {
		const struct protocol *p = &protocols[i];
		struct json_object *o = render_object();

		add_tri(o, "timeout", bit(known & p->cap_timeout, cap, p->cap_timeout));
		render_add(o, "timeout_ranges", range_names(known, cap, p->shift));
		add_tri(o, "isolation", bit(known & p->cap_isolation, cap, p->cap_isolation));
		add_tri(o, "link_down", bit(known & p->cap_link_down, cap, p->cap_link_down));
		render_add(obj, p->name, o);
	}
	add_tri(obj, "err_cor", bit(known & ISO_CAP_ERR_COR, cap, ISO_CAP_ERR_COR));
	add_tri(obj, "interrupt", bit(known & ISO_CAP_INTERRUPT, cap, ISO_CAP_INTERRUPT));
	render_add_u64(obj, "interrupt_number", cap & ISO_CAP_INTERRUPT, ISO_CAP_INTERRUPT_NUMBER(cap));
	return obj;
}

static struct json_object *record_timeout(enum tri enabled, int range)
{
	const struct timeout_range *r = range < 0 ? NULL : timeout_by_value((unsigned int)range);
	struct json_object *obj = render_object();

	add_tri(obj, "enabled", enabled);
	render_add_string(obj, "range", r ? r->name : NULL);
	render_add_u64(obj, "min_us", r, r ? r->min_us : 0);
	render_add_u64(obj, "max_us", r, r ? r->max_us : 0);
	return obj;
}

struct json_object *record_control(const struct iso_control *c)
{
	struct json_object *obj = render_object();

	for (int i = 0; i < N_PROTOCOLS; i++) {
		const int *v = c->v + protocols[i].range;
		struct json_object *o = render_object();

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
	struct json_object *obj = render_object();
	char path[PATH_MAX + 1];

	snprintf(path, sizeof(path), "/%s", step->path);
	render_add_string(obj, "op", step->op->recorded_as ? step->op->recorded_as : step->op->name);
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
	struct json_object *obj = render_object();
	enum tri isolated = iso_isolated(iso);

	render_add_string(obj, "state", isolated == TRI_UNKNOWN ? "unknown" :
			  isolated == TRI_YES ? "isolated" : "normal");
	for (int i = 0; i < N_PROTOCOLS; i++) {
		const struct protocol *p = &protocols[i];
		struct json_object *o = render_object();
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
	struct json_object *obj = render_object();
	const char *regs = iso->regs.valid ? iso_backend_registers.source : NULL;
	const char *kernel = iso->kernel.backend ? iso->kernel.backend->source : NULL;

	render_add_string(obj, "capability", regs ? regs : kernel);
	render_add_string(obj, "control", kernel ? kernel : iso->regs.capable ? regs : NULL);
	render_add_string(obj, "status", regs);
	return obj;
}

static struct json_object *record_link(const struct link_state *link)
{
	static const char *const states[] = { [TRI_NO] = "down", [TRI_YES] = "up" };
	struct json_object *obj = render_object();

	render_add_string(obj, "state", link->up == TRI_UNKNOWN ? "unknown" : states[link->up]);
	render_add_string(obj, "speed", link->speed);
	render_add_u64(obj, "width", link->width, link->width);
	return obj;
}

void record_owner(struct json_object *obj, const struct process_owner *o)
{
	render_add_string(obj, "guest", o->guest);
	render_add_string(obj, "machine", o->machine);
	render_add_string(obj, "unit", o->unit);
	render_add_string(obj, "cgroup", o->cgroup);
}

struct json_object *record_by_cause(const struct containment_levels *levels)
{
	struct json_object *obj = render_object();

	for (int c = 0; c < N_CAUSES; c++)
		render_add_string(obj, cause_names[c],
				  levels->v[c] < 0 || levels->are_assumed
					  ? NULL
					  : containment_names[levels->v[c]]);
	return obj;
}

/* What speaks for a recovery: that one succeeded here, or that the policy says so. */
static struct json_object *record_proof(const struct port_kept *kept)
{
	static const char *const states[] = {
		[PROOF_NONE] = "unproven", [PROOF_OTHER_KERNEL] = "other-kernel", [PROOF_HOLDS] = "proven",
	};
	struct json_object *obj = render_object();

	render_add_string(obj, "state", states[kept->proof]);
	render_add_string(obj, "date", kept->proof_date);
	render_add_string(obj, "kernel", kept->proof_kernel);
	render_add_string(obj, "policy", kept->platform_recovery);
	return obj;
}

struct json_object *record_findings(const struct check_result *result, enum finding_class which)
{
	static const enum finding_class classes[] = {
		[CHECK_CANNOT] = FINDING_BLOCKS, [CHECK_UNSAFE] = FINDING_BLOCKS,
		[CHECK_LIMIT] = FINDING_LIMITS,	 [CHECK_NOTE] = FINDING_NOTES,
		[CHECK_OUTCOME] = FINDING_NOTES,
	};
	struct json_object *list = render_array_of(result->n);

	for (size_t i = 0; i < result->n; i++)
		if (finding_counts(&result->v[i]) && classes[finding_kind(&result->v[i])] == which)
			render_append(list, render_string(result->v[i].check->id));
	return list;
}

struct json_object *record_untold(const struct check_result *result)
{
	struct json_object *list = render_array();

	for (size_t i = 0; i < result->n; i++)
		if (finding_counts(&result->v[i]) && result->v[i].answer == ANSWER_UNTOLD)
			render_append(list, render_string(result->v[i].check->id));
	return list;
}

/* An array of the names of what a pointer array holds. */
#define NAMES(array, n) ({ \
	struct json_object *list_ = render_array_of(n); \
	for (size_t i_ = 0; i_ < (n); i_++) \
		render_append(list_, render_string((array)[i_]->name)); \
	list_; })

/*
 * The parts of a record that only depend on registers, attributes and findings.
 * On a big host most root ports have the same; those share the objects, and
 * their text, which is by far the most of it.
 */
enum part {
	SOURCE,
	CAPABILITY,
	CONTROL,
	STATUS,
	LINK,
	BY_CAUSE,
	RECOVERY,
	BLOCKERS,
	LIMITS,
	NOTES,
	UNTOLD,
	N_PARTS
};
static const char *const part_names[N_PARTS] = {
	[SOURCE] = "source", [CAPABILITY] = "capability", [CONTROL] = "control", [STATUS] = "status",
	[LINK] = "link", [BY_CAUSE] = "containment_by_cause", [RECOVERY] = "recovery",
	[BLOCKERS] = "blockers", [LIMITS] = "limits", [NOTES] = "notes", [UNTOLD] = "untold",
};

struct shared_parts {
	const struct cxl_root_port *of;
	const struct check_result *result;
	struct json_object *v[N_PARTS];
};

static bool same_findings(const struct check_result *a, const struct check_result *b)
{
	for (size_t i = 0; i < a->n && i < b->n; i++)
		if (a->v[i].check != b->v[i].check || a->v[i].answer != b->v[i].answer)
			return false;
	return a->n == b->n && containment_levels_equal(&a->now, &b->now);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_kept(const struct port_kept *a, const struct port_kept *b)
{
	return a->proof == b->proof && same_text(a->proof_date, b->proof_date) &&
	       same_text(a->proof_kernel, b->proof_kernel) &&
	       same_text(a->platform_recovery, b->platform_recovery);
}

static bool same_iso(const struct cxl_root_port *a, const struct cxl_root_port *b)
{
	const struct iso_registers *x = &a->iso.regs, *y = &b->iso.regs;

	return a->iso.kernel.backend == b->iso.kernel.backend &&
	       iso_control_equal(&a->iso.kernel.control, &b->iso.kernel.control) &&
	       a->iso.kernel.cap == b->iso.kernel.cap &&
	       a->iso.kernel.cap_known == b->iso.kernel.cap_known && x->valid == y->valid &&
	       x->capable == y->capable && x->cap == y->cap && x->ctrl == y->ctrl &&
	       x->status == y->status && a->link.up == b->link.up &&
	       a->link.speed == b->link.speed && a->link.width == b->link.width;
}

static void shared_parts_put(struct shared_parts *p)
{
	for (int i = 0; i < N_PARTS; i++)
		json_object_put(p->v[i]);
	*p = (struct shared_parts){ 0 };
}

static void shared_parts_update(struct shared_parts *p, const struct cxl_root_port *rp,
				const struct check_result *result)
{
	struct iso_control control = iso_control(&rp->iso);

	if (p->of && same_iso(p->of, rp) && same_kept(&p->of->kept, &rp->kept) &&
	    same_findings(p->result, result))
		return;
	shared_parts_put(p);
	*p = (struct shared_parts){
		rp,
		result,
		{
			[SOURCE] = record_source(&rp->iso),
			[CAPABILITY] = record_capability(&rp->iso),
			[CONTROL] = record_control(&control),
			[STATUS] = record_status(&rp->iso),
			[LINK] = record_link(&rp->link),
			[BY_CAUSE] = record_by_cause(&result->now),
			[RECOVERY] = record_proof(&rp->kept),
			[BLOCKERS] = record_findings(result, FINDING_BLOCKS),
			[LIMITS] = record_findings(result, FINDING_LIMITS),
			[NOTES] = record_findings(result, FINDING_NOTES),
			[UNTOLD] = record_untold(result),
		},
	};
}

static void add_part(struct json_object *obj, const struct shared_parts *parts, enum part which)
{
	render_add(obj, part_names[which], json_object_get(parts->v[which]));
}

static struct json_object *record_root_port(const struct cxl_root_port *rp,
					    const struct check_result *result,
					    struct shared_parts *parts)
{
	struct json_object *obj = render_object();
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
	render_add_string(obj, "abi", rp->iso.kernel.backend ? rp->iso.kernel.backend->name : "none");
	add_part(obj, parts, SOURCE);
	add_part(obj, parts, CAPABILITY);
	add_part(obj, parts, CONTROL);
	add_part(obj, parts, STATUS);
	add_part(obj, parts, LINK);
	render_add_string(obj, "containment", containment_names[containment_worst(&result->now)]);
	add_part(obj, parts, BY_CAUSE);
	add_part(obj, parts, RECOVERY);
	render_add_string(obj, "containment_if_enabled", containment_names[containment_worst(&result->if_enabled)]);
	add_part(obj, parts, BLOCKERS);
	add_part(obj, parts, LIMITS);
	add_part(obj, parts, NOTES);
	add_part(obj, parts, UNTOLD);
	render_add(obj, "memdevs", NAMES(rp->memdevs, rp->n_memdevs));
	render_add(obj, "regions", NAMES(rp->regions, rp->n_regions));
	render_add(obj, "dax", NAMES(rp->dax, rp->n_dax));
	render_add_u64(obj, "bytes", bytes_known, bytes);
	return obj;
}

struct json_object *record_memdev(const struct cxl_memdev *m)
{
	struct json_object *obj = render_object();

	render_add_string(obj, "memdev", m->name);
	render_add_hex(obj, "serial", m->serial.known, m->serial.v);
	render_add_string(obj, "host", m->host);
	render_add_u64(obj, "size", m->ram_bytes.known && m->pmem_bytes.known, m->ram_bytes.v + m->pmem_bytes.v);
	render_add_string(obj, "state", m->bound ? "enabled" : "disabled");
	return obj;
}

struct json_object *record_region(const struct cxl_region *r)
{
	struct json_object *obj = render_object();

	render_add_string(obj, "region", r->name);
	render_add_hex(obj, "resource", r->resource.known, r->resource.v);
	render_add_u64(obj, "size", r->size_bytes.known, r->size_bytes.v);
	render_add_string(obj, "state", region_state_names[r->state]);
	render_add_u64(obj, "ways", r->ways.known, r->ways.v);
	render_add(obj, "root_ports", NAMES(r->root_ports, r->n_root_ports));
	return obj;
}

struct json_object *record_root_ports(const struct cxl_host *host, const struct target_set *set,
				      const struct check_result *results)
{
	struct json_object *list = render_array();
	struct shared_parts parts = { 0 };

	for (size_t i = 0; i < host->n_root_ports; i++)
		if (set->root_ports[i])
			render_append(list,
				      record_root_port(&host->root_ports[i], &results[i], &parts));
	shared_parts_put(&parts);
	return list;
}

/* The root ports of @bridge on @bus (NULL: whose bridge is not known), if any is selected. */
static struct json_object *record_bridge(const struct cxl_host *host, const struct cxl_port *bridge,
					 const struct target_set *set,
					 const struct check_result *results,
					 struct shared_parts *parts)
{
	struct json_object *obj, *list = NULL;

	for (size_t i = 0; i < host->n_root_ports; i++) {
		if (host->root_ports[i].bridge != bridge || !set->root_ports[i])
			continue;
		if (!list)
			list = render_array();
		render_append(list, record_root_port(&host->root_ports[i], &results[i], parts));
	}
	if (!list)
		return NULL;
	obj = render_object();
	render_add_string(obj, "port", bridge ? bridge->name : NULL);
	render_add_string(obj, "host", bridge ? bridge->host : NULL);
	render_add(obj, "root_ports", list);
	return obj;
}

static struct json_object *record_bridges(const struct cxl_host *host, const struct cxl_bus *bus,
					  const struct target_set *set,
					  const struct check_result *results,
					  struct shared_parts *parts)
{
	struct json_object *list = render_array(), *obj;

	for (size_t i = 0; i < host->n_ports; i++) {
		if (host->ports[i].parent || host->ports[i].bus != bus)
			continue;
		obj = record_bridge(host, &host->ports[i], set, results, parts);
		if (obj)
			render_append(list, obj);
	}
	obj = bus == host->buses ? record_bridge(host, NULL, set, results, parts) : NULL;
	if (obj)
		render_append(list, obj);
	return list;
}

static struct json_object *record_bus(const struct cxl_host *host, const struct cxl_bus *bus,
				      const struct target_set *set,
				      const struct check_result *results,
				      struct shared_parts *parts)
{
	struct json_object *obj = render_object(), *unattached = render_object();
	struct json_object *memdevs = render_array(), *regions = render_array();
	struct json_object *lost_memdevs = render_array(), *lost_regions = render_array();

	for (size_t i = 0; i < host->n_memdevs; i++) {
		const struct cxl_memdev *m = &host->memdevs[i];

		if (!set->memdevs[i] || m->bus != bus)
			continue;
		render_append(memdevs, record_memdev(m));
		if (!m->root_port)
			render_append(lost_memdevs, render_string(m->name));
	}
	for (size_t i = 0; i < host->n_regions; i++) {
		const struct cxl_region *r = &host->regions[i];

		if (!set->regions[i] || r->bus != bus)
			continue;
		render_append(regions, record_region(r));
		if (!r->n_root_ports)
			render_append(lost_regions, render_string(r->name));
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
	struct json_object *list = render_array();
	struct shared_parts parts = { 0 };

	for (size_t i = 0; i < host->n_buses; i++)
		render_append(list, record_bus(host, &host->buses[i], set, results, &parts));
	shared_parts_put(&parts);
	return list;
}
