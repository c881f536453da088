// SPDX-License-Identifier: GPL-2.0-only
/* cxl list --isolation: the isolation view of the host. */
#include <errno.h>
#include <stdio.h>

#include "cxl/common.h"
#include "cxl/texts.h"
#include "lib/kept/kept_read.h"
#include "lib/read/host_read.h"
#include "lib/report/dot_format.h"
#include "lib/report/record.h"
#include "util/array.h"

struct list_options {
	struct common_options common;
	bool isolation;
	const char *sysroot;
	struct opt_list bus, port, memdev, region;
};

static const struct opt list_opts[] = {
	{ "isolation", 0, OPT_FLAG, offsetof(struct list_options, isolation), NULL,
	  "list root ports and their isolation (without it: the distribution's list)" },
	{ "bus", 'b', OPT_LIST, offsetof(struct list_options, bus), "BUS", "only what is on that bus" },
	{ "port", 'p', OPT_LIST, offsetof(struct list_options, port), "PORT", "only what is below that port" },
	{ "memdev", 'm', OPT_LIST, offsetof(struct list_options, memdev), "MEM", "only what is above that memdev" },
	{ "region", 'r', OPT_LIST, offsetof(struct list_options, region), "REGION", "only what that region touches" },
	{ "sysroot", 0, OPT_STRING, offsetof(struct list_options, sysroot), "DIR",
	  "read an unpacked capture instead of this host" },
	COMMON_OPTIONS(struct list_options),
	{ 0 }
};

/* What all of one filter's values stand for, cut with what is left so far. */
static int filter(const struct cxl_host *host, struct arena *a, unsigned int kinds,
		  char *const *values, size_t n, struct target_set *set, struct err *err)
{
	struct target_set wanted;

	if (!n)
		return 0;
	if (target_set_init(host, a, false, &wanted))
		return err_no_memory(err, "");
	for (size_t i = 0; i < n; i++) {
		int rc = target_add(host, values[i], kinds, &wanted, err);

		if (rc)
			return rc;
	}
	target_intersect(host, set, &wanted);
	return 0;
}

static int select_objects(const struct cxl_host *host, const struct list_options *o,
			  char *const *targets, size_t n_targets, struct arena *a,
			  struct target_set *set, struct err *err)
{
	const struct {
		unsigned int kinds;
		const struct opt_list *list;
	} filters[] = {
		{ TARGET_BUS, &o->bus }, { TARGET_PORT | TARGET_PCI, &o->port },
		{ TARGET_MEMDEV, &o->memdev }, { TARGET_REGION, &o->region },
	};
	int rc;

	if (target_set_init(host, a, true, set))
		return err_no_memory(err, "");
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		rc = filter(host, a, filters[i].kinds, (char *const *)filters[i].list->v,
			    filters[i].list->n, set, err);
		if (rc)
			return rc;
	}
	return filter(host, a, TARGET_ANY, targets, n_targets, set, err);
}

static struct json_object *list_buses(const struct cxl_host *host, const struct target_set *set,
				      struct arena *a, struct err *err)
{
	struct check_result *results;

	if (!check_run_all(host, a, false, &results))
		return record_buses(host, set, results);
	err_no_memory(err, "");
	return NULL;
}

static const struct render_column list_columns[] = {
	{ "ROOT PORT", "root_port" }, { "BRIDGE", "host_bridge", .rank = 9 }, { "LINK", "link.state", .rank = 4 },
	{ "ABI", "abi", .rank = 9 }, { "ISOLATION", "control.mem.isolation" },
	{ "TIMEOUT", "control.mem.timeout.enabled", .rank = 3 }, { "RANGE", "control.mem.timeout.range", .rank = 7 },
	{ "CACHE", "control.cache.isolation", "capability.cache.isolation", .rank = 2 },
	{ "CACHE TIMEOUT", "control.cache.timeout.enabled", "capability.cache.timeout", .rank = 8 },
	{ "CACHE RANGE", "control.cache.timeout.range", "capability.cache.timeout", .rank = 8 },
	{ "STATE", "status.state" }, { "CONTAINMENT", "containment" },
	{ "IF ENABLED", "containment_if_enabled", .rank = 2 }, { "BLOCKERS", "blockers", .rank = 1 }, { "LIMITS", "limits", .rank = 6 },
	{ "MEMDEVS", "memdevs" }, { "REGIONS", "regions", .rank = 4 }, { "DAX", "dax", .rank = 5 }, { "BYTES", "bytes", .rank = 5 },
	{ 0 }
};

static const struct render_format list_formats[] = { DOT_FORMAT, { 0 } };
static const struct render_table list_table = {
	.columns = list_columns,
	.rows = listed_port_rows,
	.tree_columns = port_tree_columns,
	.tree = port_tree_rows,
	.text = &list_text,
	.colours = report_colours,
	.own = list_formats,
};
static const struct command_output list_output = { "cxl-list/1", "buses", &list_table };

static int run_list(int argc, char **argv)
{
	struct list_options o = { 0 };
	struct json_object *buses = NULL;
	struct command_run run;
	struct target_set set;
	struct host_reading reading;
	struct arena a = { 0 };
	int status = EXIT_DONE;
	struct err err;

	if (!command_begin(&cmd_list, argc, argv, &o, &o.common, &run, &status))
		goto out;
	if (host_read(&reading, o.sysroot, &err) || kept_read(&reading.host, &err) ||
	    select_objects(&reading.host, &o, run.operands, (size_t)(argc - run.first_operand), &a,
			   &set, &err) ||
	    !(buses = list_buses(&reading.host, &set, &a, &err))) {
		status = (int)err.status;
		message_add_err(&reading.messages, status == EXIT_USAGE ? "TARGET" : "HOST", &err);
		buses = render_array();
	}
	status = command_end(&run, status, &reading.messages, buses);
	host_free(&reading);
	arena_free(&a);
out:
	opt_list_free(&o.bus);
	opt_list_free(&o.port);
	opt_list_free(&o.memdev);
	opt_list_free(&o.region);
	return status;
}

const struct command cmd_list = {
	"list", "--isolation [TARGET...]", "List root ports, their isolation and what is below them.",
	list_opts, run_list, .mark = "isolation", .output = &list_output,
};
