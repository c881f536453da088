// SPDX-License-Identifier: GPL-2.0-only
/* Status records: see record_status.h.  The root port's own part is record.c's. */
#include "cxl/lib/report/record_status.h"

#include <string.h>

#include "cxl/lib/report/problem.h"
#include "util/render.h"

enum { STATUS_DEPTH = 3 };	/* root_ports[] . member */

static struct json_object *record_problems(const struct cxl_root_port *rp, const struct check_result *result)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < n_problems; i++)
		if (problems[i].applies(rp, result))
			json_object_array_add(list, json_object_new_string(problems[i].id));
	return list;
}

/* Every check of the table; the findings are in its order. */
static struct json_object *record_checks(const struct cxl_root_port *rp, const struct check_result *result)
{
	struct json_object *list = json_object_new_array_ext((int)n_checks);
	size_t next = 0;

	for (size_t i = 0; i < n_checks; i++) {
		const struct check *c = &checks[i];
		struct json_object *obj = json_object_new_object();
		bool failed = next < result->n && result->v[next].check == c;
		const struct finding *f = failed ? &result->v[next++] : NULL;
		const char *unknown = !failed && c->cannot_tell ? c->cannot_tell(rp) : NULL;

		render_add_string(obj, "check", c->id);
		render_add_string(obj, "severity", check_kind_names[c->kind]);
		render_add_string(obj, "caps_at", c->caps_at == CONTAINMENT_RECOVER ? NULL : containment_names[c->caps_at]);
		render_add_string(obj, "result", failed ? "failed" : unknown ? "unknown" : "passed");
		render_add_string(obj, "text", failed ? f->text : unknown);
		render_add_string(obj, "remedy", failed ? f->remedy : NULL);
		json_object_array_add(list, obj);
	}
	return list;
}

/* How a dax device's memory is used, in daxctl's words. */
static const char *dax_mode(const struct cxl_dax *d)
{
	if (d->driver && !strcmp(d->driver, "device_dax"))
		return "devdax";
	return d->driver && !strcmp(d->driver, "kmem") ? "system-ram" : d->driver;
}

static struct json_object *record_users(const struct cxl_dax *d)
{
	struct json_object *list;

	if (d->users_unknown && !d->n_users)
		return NULL;
	list = json_object_new_array();
	for (size_t i = 0; i < d->n_users; i++) {
		struct json_object *obj = json_object_new_object();

		render_add(obj, "pid", json_object_new_int(d->users[i].pid));
		render_add_string(obj, "command", d->users[i].command);
		render_add_u64(obj, "mapped_bytes", true, d->users[i].mapped_bytes);
		json_object_array_add(list, obj);
	}
	return list;
}

static struct json_object *record_dax(const struct cxl_dax *d)
{
	struct json_object *obj = json_object_new_object();

	render_add_string(obj, "dax", d->name);
	render_add_string(obj, "region", d->region ? d->region->name : NULL);
	render_add_string(obj, "mode", dax_mode(d));
	render_add_u64(obj, "size", d->size_bytes.known, d->size_bytes.v);
	render_add(obj, "users", record_users(d));
	return obj;
}

static struct json_object *record_system_ram(const struct impact *im)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *nodes = json_object_new_array(), *processes = NULL;

	for (size_t i = 0; i < im->n_nodes; i++) {
		struct json_object *o = json_object_new_object();

		render_add_u64(o, "node", true, im->nodes[i].id);
		render_add_u64(o, "total_bytes", im->nodes[i].total_bytes.known, im->nodes[i].total_bytes.v);
		render_add_u64(o, "used_bytes", im->nodes[i].used_bytes.known, im->nodes[i].used_bytes.v);
		json_object_array_add(nodes, o);
	}
	if (!im->processes_unknown)
		processes = json_object_new_array();
	for (size_t i = 0; processes && i < im->n_processes; i++) {
		struct json_object *o = json_object_new_object();

		render_add(o, "pid", json_object_new_int(im->processes[i].pid));
		render_add_string(o, "command", im->processes[i].command);
		render_add_u64(o, "bytes", true, im->processes[i].bytes);
		json_object_array_add(processes, o);
	}
	render_add_u64(obj, "online_bytes", im->online_bytes.known, im->online_bytes.v);
	render_add(obj, "nodes", nodes);
	render_add(obj, "processes", processes);
	render_add_u64(obj, "hidden_processes", !im->processes_unknown, im->n_hidden_processes);
	return obj;
}

/* An array of what @record makes of each object that a pointer array holds. */
#define RECORDS(array, n, record) ({ \
	struct json_object *list_ = json_object_new_array(); \
	for (size_t i_ = 0; i_ < (n); i_++) \
		json_object_array_add(list_, record((array)[i_])); \
	list_; })

static struct json_object *record_name(const struct cxl_root_port *rp)
{
	return json_object_new_string(rp->name);
}

/* A type-1 or type-2 device, whose driver is its own. */
static struct json_object *record_accelerator(const struct cxl_accelerator *d)
{
	struct json_object *obj = json_object_new_object();

	render_add_string(obj, "device", d->name);
	render_add_string(obj, "driver", d->driver);
	render_add_string(obj, "memdev", d->memdev ? d->memdev->name : NULL);
	return obj;
}

static struct json_object *record_accelerators(const struct cxl_accelerator *v, size_t n)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < n; i++)
		json_object_array_add(list, record_accelerator(&v[i]));
	return list;
}

static struct json_object *record_impact(const struct impact *im)
{
	struct json_object *obj = json_object_new_object();

	render_add_u64(obj, "bytes", im->bytes.known, im->bytes.v);
	render_add(obj, "memdevs", RECORDS(im->memdevs, im->n_memdevs, record_memdev));
	render_add(obj, "accelerators", record_accelerators(im->accelerators, im->n_accelerators));
	render_add(obj, "regions", RECORDS(im->regions, im->n_regions, record_region));
	render_add(obj, "dax", RECORDS(im->dax, im->n_dax, record_dax));
	render_add(obj, "other_root_ports", RECORDS(im->others, im->n_others, record_name));
	render_add(obj, "system_ram", record_system_ram(im));
	return obj;
}

static const struct cxl_root_port *next_selected(const struct cxl_host *host, const struct target_set *set, size_t *at)
{
	while (!set->root_ports[*at])
		++*at;
	return &host->root_ports[(*at)++];
}

struct json_object *record_status(const struct cxl_host *host, const struct target_set *set,
				  const struct check_result *results, const struct status_parts *parts)
{
	struct json_object *list = record_root_ports(host, set, results, STATUS_DEPTH);

	for (size_t i = 0, at = 0; i < json_object_array_length(list); i++) {
		struct json_object *obj = json_object_array_get_idx(list, i);
		const struct cxl_root_port *rp = next_selected(host, set, &at);

		render_add(obj, "problems", record_problems(rp, &results[at - 1]));
		render_add(obj, "impact", parts->impact ? record_impact(&parts->impact[at - 1]) : NULL);
		render_add(obj, "checks", parts->checks ? record_checks(rp, &results[at - 1]) : NULL);
	}
	return list;
}

struct json_object *record_status_example(void)
{
	static const struct opt_u64 one = { true, 1 };
	struct cxl_bus bus = { .name = "root0" };
	struct cxl_port bridge = { .name = "port1", .bus = &bus };
	struct cxl_root_port rp = {
		.name = "0000:00:00.0", .bridge = &bridge, .present = true,
		.iso.regs = { .valid = true, .capable = true, .cap = UINT32_MAX, .status = UINT32_MAX },
		.link = { TRI_YES, "32.0 GT/s PCIe", 16 },
	};
	const struct cxl_host host = { .root_ports = &rp, .n_root_ports = 1 };
	const struct impact impact = { .bytes = one, .online_bytes = one };
	const struct target_set set = { .root_ports = (bool[]){ true } };
	const struct check_result result = { 0 };
	struct json_object *list = record_status(&host, &set, &result, &(struct status_parts){ &impact, true });
	struct json_object *obj = json_object_get(json_object_array_get_idx(list, 0));

	json_object_put(list);
	return obj;
}

/* --- for a monitor ----------------------------------------------------------- */

static struct json_object *watched_memdev(const struct cxl_memdev *m)
{
	struct json_object *obj = json_object_new_object();

	render_add_string(obj, "memdev", m->name);
	render_add_string(obj, "state", m->bound ? "enabled" : "disabled");
	return obj;
}

static struct json_object *watched_region(const struct cxl_region *r)
{
	struct json_object *obj = json_object_new_object();

	render_add_string(obj, "region", r->name);
	render_add_string(obj, "state", region_state_names[r->state]);
	render_add_u64(obj, "blocks_online", !r->blocks_unknown, r->blocks_online);
	return obj;
}

static struct json_object *watched_dax(const struct cxl_dax *d)
{
	struct json_object *obj = json_object_new_object();

	render_add_string(obj, "dax", d->name);
	render_add_string(obj, "mode", dax_mode(d));
	return obj;
}

struct json_object *record_watched(const struct cxl_host *host, const struct target_set *set,
				   const struct check_result *results)
{
	struct json_object *list = record_root_ports(host, set, results, 0);

	for (size_t i = 0, at = 0; i < json_object_array_length(list); i++) {
		struct json_object *obj = json_object_array_get_idx(list, i), *below = json_object_new_object();
		const struct cxl_root_port *rp = next_selected(host, set, &at);

		render_add(obj, "problems", record_problems(rp, &results[at - 1]));
		render_add(below, "memdevs", RECORDS(rp->memdevs, rp->n_memdevs, watched_memdev));
		render_add(below, "accelerators", record_accelerators(rp->accelerators, rp->n_accelerators));
		render_add(below, "regions", RECORDS(rp->regions, rp->n_regions, watched_region));
		render_add(below, "dax", RECORDS(rp->dax, rp->n_dax, watched_dax));
		render_add(obj, "below", below);
	}
	return list;
}
