// SPDX-License-Identifier: GPL-2.0-only
/* daxctl list --isolation: what the dax devices are used for, and whether that is fit for isolation. */
#include <errno.h>

#include "config.h"
#include "daxctl/commands.h"
#include "daxctl/dax_record.h"
#include "daxctl/dax_text.h"
#include "daxctl/layout_formats.h"
#include "daxctl/layout_record.h"
#include "lib/model/dax_facts.h"
#include "lib/model/target.h"
#include "lib/policy/policy.h"
#include "lib/read/host_read.h"

struct list_options {
	struct common_options common;
	bool isolation;
	struct opt_optional policy;
	const char *sysroot;
};

static const struct opt list_opts[] = {
	{ "isolation", 0, OPT_FLAG, offsetof(struct list_options, isolation), NULL,
	  "list dax devices as isolation sees them (without it: the distribution's list)" },
	{ "policy", 0, OPT_OPTIONAL, offsetof(struct list_options, policy), "FILE",
	  "exit status 1 and a message for each difference of the memory from the policy file (default " POLICY_FILE ")" },
	{ "sysroot", 0, OPT_STRING, offsetof(struct list_options, sysroot), "DIR",
	  "read an unpacked capture instead of this host" },
	COMMON_OPTIONS(struct list_options),
	{ 0 }
};

static int select_dax(const struct cxl_host *host, char *const *targets, struct arena *a,
		      struct target_set *set, struct err *err)
{
	int rc = 0;

	if (target_set_init(host, a, !*targets, set))
		return err_no_memory(err, "");
	for (; !rc && *targets; targets++)
		rc = target_add(host, *targets, TARGET_ANY, set, err);
	return rc;
}

static const struct render_column list_columns[] = {
	{ "DAX", "dax" }, { "NAME", "device.name", .rank = 4 }, { "REGION", "region", .rank = 5 },
	{ "ROOT PORTS", "root_ports", .rank = 6 }, { "MODE", "mode" },
	{ "DRIVER", "driver", .rank = 3 }, { "STATE", "state", .if_any = "state", .rank = 7 }, { "BLOCKS", "blocks.total", .rank = 2 },
	{ "ONLINE", "blocks.online" }, { "BYTES", "bytes", .rank = 1 }, { "UNFIT BY", "checks" },
	{ 0 }
};

static struct json_object *record_nothing(void)
{
	struct json_object *members = render_object();

	render_add(members, "dax", render_array());
	render_add(members, "regions", render_array());
	return members;
}

static const struct render_table list_table = {
	.columns = list_columns,
	.rows = record_dax_rows,
	.text = &dax_list_text,
	.colours = report_colours,
	.own = layout_formats,
};
static const struct command_output list_output = {
	.schema = "daxctl-list/1", .table = &list_table, .empty = record_nothing,
};

static struct json_object *record_all(const struct dax_view *view, const struct layout_view *layout,
				      const struct target_set *set)
{
	struct json_object *members = render_object(), *list = render_array(),
			   *regions = render_array();
	const struct cxl_host *host = view->host;

	for (size_t i = 0; i < host->n_dax; i++)
		if (set->dax[i]) {
			struct json_object *dax = record_dax(view, &view->v[i]);

			render_set(dax, "device", record_device(layout, &host->dax[i]));
			render_append(list, dax);
		}
	for (size_t i = 0; i < host->n_regions; i++)
		if (set->regions[i]) {
			struct json_object *region =
				record_region_layout(layout, &host->regions[i]);

			render_add(region, "sysram", record_sysram(&host->regions[i].sysram));
			render_append(regions, region);
		}
	render_add(members, "dax", list);
	render_add(members, "regions", regions);
	return members;
}

/* Memory is made as a whole, so it is compared as a whole. */
static int compare_with_policy(const struct cxl_host *host, const struct list_options *o,
			       char *const *targets, struct arena *a, bool *ret_same,
			       struct err *err)
{
	struct policy_drifts drifts;
	struct policy policy;
	int rc;

	*ret_same = true;
	if (!o->policy.is_given)
		return 0;
	if (*targets)
		return err_set(err, EXIT_USAGE, EINVAL, "--policy compares all of the memory, so that '%s' cannot be named beside it",
			       *targets);
	rc = policy_read(o->policy.value ? o->policy.value : POLICY_FILE, a, &policy, err);
	rc = rc ? rc : policy_compare(&policy, host, NULL, NULL, a, &drifts, err);
	if (rc)
		return rc;
	policy_report(&policy, &drifts, host->messages);
	*ret_same = !drifts.n;
	return policy_report_layout(&policy, host, a, ret_same, err);
}

static int run_list(int argc, char **argv)
{
	struct list_options o = { 0 };
	struct json_object *members;
	struct layout_view layout;
	struct command_run run;
	struct target_set set;
	struct dax_view view;
	struct host_reading reading;
	struct arena a = { 0 };
	int status = EXIT_DONE;
	bool is_as_policy;
	struct err err;

	if (!command_begin(&cmd_list, argc, argv, &o, &o.common, &run, &status))
		return status;
	if (host_read_dax(&reading, o.sysroot, &err) ||
	    select_dax(&reading.host, run.operands, &a, &set, &err) ||
	    dax_view_read(&reading.host, &view, &err) ||
	    layout_view_read(&reading.host, &layout, &err) ||
	    compare_with_policy(&reading.host, &o, run.operands, &a, &is_as_policy, &err)) {
		status = (int)err.status;
		message_add_err(&reading.messages, status == EXIT_USAGE ? "TARGET" : "HOST", &err);
		members = record_nothing();
	} else {
		members = record_all(&view, &layout, &set);
		status = is_as_policy ? EXIT_DONE : EXIT_NEGATIVE;
	}
	status = command_end(&run, status, &reading.messages, members);
	host_free(&reading);
	arena_free(&a);
	return status;
}

const struct command cmd_list = {
	"list", "--isolation [TARGET...]", "List dax devices, what they are used for and whether isolation can rely on that.",
	list_opts, run_list, .mark = "isolation", .output = &list_output,
};
