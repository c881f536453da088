// SPDX-License-Identifier: GPL-2.0-only
/* Status records: see record_status.h.  The root port's own part is record.c's. */
#include "lib/report/record_status.h"

#include <string.h>

#include "lib/report/history.h"
#include "lib/report/problem.h"
#include "util/render.h"

static struct json_object *record_problems(const struct cxl_root_port *rp,
					   const struct check_result *result)
{
	struct json_object *list = render_array();

	for (size_t i = 0; i < n_problems; i++)
		if (problems[i].applies(rp, result))
			render_append(list, render_string(problems[i].id));
	return list;
}

/* What each problem means here, and what to type. */
static struct json_object *record_advice(const struct cxl_host *host,
					 const struct cxl_root_port *rp,
					 const struct check_result *result)
{
	struct json_object *list = render_array();

	for (size_t i = 0; i < n_problems; i++) {
		struct problem p;
		struct json_object *obj;

		if (!problems[i].applies(rp, result))
			continue;
		p = problem_of(problems[i].id, rp, result);
		obj = render_object();
		render_add_string(obj, "problem", p.id);
		render_add_string(obj, "text", p.title);
		render_add_string(obj, "next", problem_next(&p, host, rp));
		render_append(list, obj);
	}
	return list;
}

/* Every check of the table; the findings are in its order. */
static struct json_object *record_checks(const struct check_result *result)
{
	struct json_object *list = render_array_of(N_CHECKS);
	size_t next = 0;

	for (size_t i = 0; i < N_CHECKS; i++) {
		const struct check *c = &checks[i];
		struct json_object *obj = render_object();
		const struct finding *f = next < result->n && result->v[next].check == c
						  ? &result->v[next++]
						  : NULL;
		enum containment caps_at = f ? f->caps_at : c->caps_at;

		render_add_string(obj, "check", c->id);
		render_add_string(obj, "severity", check_kind_names[c->kind]);
		render_add_string(obj, "caps_at", caps_at == CONTAINMENT_RECOVER ? NULL : containment_names[caps_at]);
		render_add_string(obj, "result", !f ? "passed" : f->answer == ANSWER_FAILS ? "failed" : "unknown");
		render_add_string(obj, "text", f ? f->text : NULL);
		render_add_string(obj, "remedy", f && finding_counts(f) ? f->remedy : NULL);
		render_append(list, obj);
	}
	return list;
}

/* In daxctl's words; else the driver it has, or null. */
static const char *mode_text(const struct cxl_dax *d)
{
	enum dax_mode mode = dax_mode_of(d->driver);

	return mode < DAX_UNBOUND ? dax_mode_names[mode] : d->driver;
}

static struct json_object *record_users(const struct cxl_dax *d)
{
	struct json_object *list;

	if (d->users_unknown && !d->n_users)
		return NULL;
	list = render_array();
	for (size_t i = 0; i < d->n_users; i++) {
		struct json_object *obj = render_object();

		render_add(obj, "pid", render_int(d->users[i].pid));
		render_add_string(obj, "command", d->users[i].command);
		render_add_u64(obj, "mapped_bytes", true, d->users[i].mapped_bytes);
		record_owner(obj, &d->users[i].owner);
		render_append(list, obj);
	}
	return list;
}

static struct json_object *record_dax(const struct cxl_dax *d, const char *name)
{
	struct json_object *obj = render_object();

	render_add_string(obj, "dax", d->name);
	render_add_string(obj, "name", name);
	render_add_string(obj, "region", d->region ? d->region->name : NULL);
	render_add_string(obj, "mode", mode_text(d));
	render_add_u64(obj, "size", d->size_bytes.known, d->size_bytes.v);
	render_add(obj, "users", record_users(d));
	return obj;
}

static struct json_object *record_cgroups(const struct impact_cgroups *c)
{
	struct json_object *obj = render_object(), *list = render_array();
	char unit[256];

	for (size_t i = 0; i < c->n; i++) {
		struct json_object *o = render_object();

		render_add_string(o, "cgroup", c->v[i]->path);
		render_add_string(o, "unit", owner_unit_of(c->v[i]->path, unit, sizeof(unit)));
		render_add_string(o, "nodes", c->v[i]->mems);
		render_add(o, "core", render_boolean(c->v[i]->is_core));
		render_add(o, "pid_1", render_boolean(c->v[i]->has_pid1));
		render_append(list, o);
	}
	render_add_u64(obj, "allowed", true, c->n_allowed);
	render_add(obj, "complete", render_boolean(c->is_whole));
	render_add(obj, "groups", list);
	render_add_string(obj, "remedy", c->remedy);
	return obj;
}

static struct json_object *record_system_ram(const struct impact *im)
{
	struct json_object *obj = render_object();
	struct json_object *nodes = render_array(), *processes = NULL;

	for (size_t i = 0; i < im->n_nodes; i++) {
		struct json_object *o = render_object();

		render_add_u64(o, "node", true, im->nodes[i].id);
		render_add_u64(o, "total_bytes", im->nodes[i].total_bytes.known, im->nodes[i].total_bytes.v);
		render_add_u64(o, "used_bytes", im->nodes[i].used_bytes.known, im->nodes[i].used_bytes.v);
		render_append(nodes, o);
	}
	if (!im->processes_unknown)
		processes = render_array();
	for (size_t i = 0; processes && i < im->n_processes; i++) {
		struct json_object *o = render_object();

		render_add(o, "pid", render_int(im->processes[i].pid));
		render_add_string(o, "command", im->processes[i].command);
		render_add_u64(o, "bytes", true, im->processes[i].bytes);
		record_owner(o, &im->processes[i].owner);
		render_append(processes, o);
	}
	render_add_u64(obj, "online_bytes", im->online_bytes.known, im->online_bytes.v);
	render_add(obj, "nodes", nodes);
	render_add(obj, "processes", processes);
	render_add(obj, "cgroups", im->cgroups.is_known ? record_cgroups(&im->cgroups) : NULL);
	render_add_u64(obj, "hidden_processes", !im->processes_unknown, im->n_hidden_processes);
	return obj;
}

/* An array of what @record makes of each object that a pointer array holds. */
#define RECORDS(array, n, record) ({ \
	struct json_object *list_ = render_array(); \
	for (size_t i_ = 0; i_ < (n); i_++) \
		render_append(list_, record((array)[i_])); \
	list_; })

static struct json_object *record_name(const struct cxl_root_port *rp)
{
	return render_string(rp->name);
}

static struct json_object *record_strings(const char *const *v, size_t n)
{
	struct json_object *list = render_array();

	for (size_t i = 0; i < n; i++)
		render_append(list, render_string(v[i]));
	return list;
}

/* What a function is used for; @f NULL: it is not there any more. */
static void record_use(struct json_object *obj, const struct function_use *f)
{
	struct json_object *users = f && !f->users_unknown ? render_array() : NULL;

	for (size_t i = 0; users && i < f->n_users; i++) {
		struct json_object *u = render_object();

		render_add(u, "pid", render_int(f->users[i].pid));
		render_add_string(u, "command", f->users[i].command);
		record_owner(u, &f->users[i].owner);
		render_append(users, u);
	}
	render_add(obj, "netdevs", record_strings(f ? f->netdevs : NULL, f ? f->n_netdevs : 0));
	render_add(obj, "block_devices", !f || f->blocks_unknown ? NULL : record_strings(f->blocks, f->n_blocks));
	render_add_string(obj, "iommu_group", f ? f->iommu_group : NULL);
	render_add(obj, "vfio_users", users);
}

static const struct function_use *function_of(const struct impact *im, const char *name)
{
	for (size_t i = 0; i < im->functions.n; i++)
		if (!strcmp(im->functions.v[i].name, name))
			return &im->functions.v[i];
	return NULL;
}

/* A type-1 or type-2 device, whose driver is its own. */
static struct json_object *record_accelerator(const struct cxl_accelerator *d)
{
	struct json_object *obj = render_object();

	render_add_string(obj, "device", d->name);
	render_add_string(obj, "driver", d->driver);
	render_add_string(obj, "memdev", d->memdev ? d->memdev->name : NULL);
	return obj;
}

static struct json_object *record_accelerators(const struct cxl_accelerator *v, size_t n)
{
	struct json_object *list = render_array();

	for (size_t i = 0; i < n; i++)
		render_append(list, record_accelerator(&v[i]));
	return list;
}

/* With what they are used for. */
static struct json_object *record_lost_accelerators(const struct impact *im)
{
	struct json_object *list = render_array();

	for (size_t i = 0; i < im->n_accelerators; i++) {
		const struct cxl_accelerator *d = im->accelerators[i];
		struct json_object *obj = record_accelerator(d);

		record_use(obj, function_of(im, d->name));
		render_append(list, obj);
	}
	return list;
}

/* Listed as a memory device, or as an accelerator. */
static bool is_listed(const struct impact *im, const struct function_use *f)
{
	for (size_t i = 0; i < im->n_memdevs; i++)
		if (im->memdevs[i]->host && !strcmp(im->memdevs[i]->host, f->name))
			return true;
	for (size_t i = 0; i < im->n_accelerators; i++)
		if (!strcmp(im->accelerators[i]->name, f->name))
			return true;
	return false;
}

/* What else goes with the port: an ordinary device, another function of one, a virtual function. */
static struct json_object *record_functions(const struct impact *im)
{
	struct json_object *list = render_array();

	for (size_t i = 0; i < im->functions.n; i++) {
		const struct function_use *f = &im->functions.v[i];
		struct json_object *obj;

		if (is_listed(im, f))
			continue;
		obj = render_object();
		render_add_string(obj, "function", f->name);
		render_add_string(obj, "driver", f->driver);
		render_add_string(obj, "physical_function", f->physical);
		record_use(obj, f);
		render_append(list, obj);
	}
	return list;
}

static struct json_object *record_impact(const struct cxl_host *host, const struct impact *im,
					 const char *const *names)
{
	struct json_object *obj = render_object(), *dax = render_array();

	for (size_t i = 0; i < im->n_dax; i++) {
		const char *name = names ? names[im->dax[i] - host->dax] : NULL;

		render_append(dax, record_dax(im->dax[i], name));
	}

	render_add_u64(obj, "bytes", im->bytes.known, im->bytes.v);
	render_add(obj, "memdevs", RECORDS(im->memdevs, im->n_memdevs, record_memdev));
	render_add(obj, "accelerators", record_lost_accelerators(im));
	render_add(obj, "pci_functions", record_functions(im));
	render_add(obj, "regions", RECORDS(im->regions, im->n_regions, record_region));
	render_add(obj, "dax", dax);
	render_add(obj, "other_root_ports", RECORDS(im->others, im->n_others, record_name));
	render_add(obj, "system_ram", record_system_ram(im));
	return obj;
}

/* What was counted of it; null: that cannot be told. */
static struct json_object *record_history(const struct kept_counters *c)
{
	struct json_object *obj = c ? render_object() : NULL;

	if (c)
		history_add(obj, c);
	return obj;
}

static const struct cxl_root_port *next_selected(const struct cxl_host *host,
						 const struct target_set *set, size_t *at)
{
	while (!set->root_ports[*at])
		++*at;
	return &host->root_ports[(*at)++];
}

struct json_object *record_status(const struct cxl_host *host, const struct target_set *set,
				  const struct check_result *results,
				  const struct status_parts *parts)
{
	struct json_object *list = record_root_ports(host, set, results);

	for (size_t i = 0, at = 0; i < render_length(list); i++) {
		struct json_object *obj = json_object_array_get_idx(list, i);
		const struct cxl_root_port *rp = next_selected(host, set, &at);

		render_add(obj, "problems", record_problems(rp, &results[at - 1]));
		render_add(obj, "history", record_history(rp->kept.counters));
		render_add(obj, "advice", record_advice(host, rp, &results[at - 1]));
		render_add(obj, "impact", parts->impact ? record_impact(host, &parts->impact[at - 1], parts->dax_names) : NULL);
		render_add(obj, "checks", parts->checks ? record_checks(&results[at - 1]) : NULL);
	}
	return list;
}

struct json_object *record_status_example(void)
{
	static const struct opt_u64 one = { true, 1 };
	struct cxl_bus bus = { .name = "root0" };
	struct cxl_port bridge = { .name = "port1", .bus = &bus };
	struct cxl_root_port rp = {
		.name = "0000:00:00.0",
		.bridge = &bridge,
		.present = true,
		.iso.regs = { .valid = true,
			      .capable = true,
			      .cap = UINT32_MAX,
			      .status = UINT32_MAX },
		.link = { TRI_YES, "32.0 GT/s PCIe", 16 },
		.kept = { .proof_date = "2026-01-01T00:00:00Z",
			  .proof_kernel = "6.12.0",
			  .counters = &(const struct kept_counters){ .recovery_us = 0 },
			  .platform_recovery = "isolation.conf:1" },
	};
	const struct cxl_host host = { .root_ports = &rp, .n_root_ports = 1 };
	const struct impact impact = { .bytes = one, .online_bytes = one,
				       .cgroups = { .is_known = true, .remedy = "systemctl daemon-reload" } };
	const struct target_set set = { .root_ports = (bool[]){ true } };
	const struct check_result result = { 0 };
	struct json_object *list = record_status(&host, &set, &result,
						 &(struct status_parts){ &impact, NULL, true });
	struct json_object *obj = render_length(list)
					  ? json_object_get(json_object_array_get_idx(list, 0))
					  : NULL;

	json_object_put(list);
	return obj;
}

/* --- for a monitor ----------------------------------------------------------- */

static struct json_object *watched_memdev(const struct cxl_memdev *m)
{
	struct json_object *obj = render_object();

	render_add_string(obj, "memdev", m->name);
	render_add_string(obj, "state", m->bound ? "enabled" : "disabled");
	return obj;
}

static struct json_object *watched_region(const struct cxl_region *r)
{
	struct json_object *obj = render_object();

	render_add_string(obj, "region", r->name);
	render_add_string(obj, "state", region_state_names[r->state]);
	render_add_u64(obj, "blocks_online", !r->blocks_unknown, r->blocks_online);
	return obj;
}

static struct json_object *watched_dax(const struct cxl_dax *d)
{
	struct json_object *obj = render_object();

	render_add_string(obj, "dax", d->name);
	render_add_string(obj, "mode", mode_text(d));
	return obj;
}

struct json_object *record_watched(const struct cxl_host *host, const struct target_set *set,
				   const struct check_result *results)
{
	struct json_object *list = record_root_ports(host, set, results);

	for (size_t i = 0, at = 0; i < render_length(list); i++) {
		struct json_object *obj = json_object_array_get_idx(list, i),
				   *below = render_object();
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
