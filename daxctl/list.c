// SPDX-License-Identifier: GPL-2.0-only
/* daxctl list --isolation: what the dax devices are used for, and whether that is fit for isolation. */
#include <errno.h>

#include "cxl/lib/snapshot/dax.h"
#include "cxl/lib/snapshot/target.h"
#include "daxctl/commands.h"
#include "daxctl/record.h"

struct list_options {
	struct common_options common;
	bool isolation;
	const char *sysroot;
};

static const struct opt list_opts[] = {
	{ "isolation", 0, OPT_FLAG, offsetof(struct list_options, isolation), NULL,
	  "list dax devices as isolation sees them (without it: the distribution's list)" },
	{ "sysroot", 0, OPT_STRING, offsetof(struct list_options, sysroot), "DIR",
	  "read an unpacked capture instead of this host" },
	COMMON_OPTIONS(struct list_options, "json (default), human or table"),
	{ 0 }
};

static int select_dax(const struct cxl_host *host, char *const *targets, struct arena *a, struct target_set *set,
		      struct err *err)
{
	int rc = 0;

	if (target_set_init(host, a, !*targets, set))
		return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory");
	for (; !rc && *targets; targets++)
		rc = target_add(host, *targets, TARGET_ANY, set, err);
	return rc;
}

static const struct render_column list_columns[] = {
	{ "DAX", "dax" }, { "REGION", "region" }, { "ROOT PORTS", "root_ports" }, { "MODE", "mode" },
	{ "DRIVER", "driver" }, { "BLOCKS", "blocks.total" },
	{ "ONLINE", "blocks.online" }, { "BYTES", "bytes" }, { "UNFIT BY", "checks" },
	{ 0 }
};

static const struct render_table list_table = { list_columns, record_dax_rows };
static const struct command_output list_output = { "daxctl-list/1", "dax", &list_table };

static int run_list(int argc, char **argv)
{
	struct list_options o = { 0 };
	struct json_object *list;
	struct command_run run;
	struct target_set set;
	struct dax_view view;
	struct cxl_host host;
	struct arena a = { 0 };
	int status = EXIT_DONE;
	struct err err;

	if (!command_begin(&cmd_list, argc, argv, &o, &o.common, &list_output, &run, &status))
		return status;
	list = json_object_new_array();
	if (host_read_dax(&host, o.sysroot, &err) || select_dax(&host, run.operands, &a, &set, &err) ||
	    dax_view_read(&host, &view, &err)) {
		status = (int)err.status;
		message_add_err(&host.messages, status == EXIT_USAGE ? "TARGET" : "HOST", &err);
	} else {
		for (size_t i = 0; i < host.n_dax; i++)
			if (set.dax[i])
				json_object_array_add(list, record_dax(&view, &view.v[i]));
	}
	status = command_end(&run, status, &host.messages, list);
	host_free(&host);
	arena_free(&a);
	return status;
}

const struct command cmd_list = {
	"list", "--isolation [TARGET...]", "List dax devices, what they are used for and whether isolation can rely on that.",
	list_opts, run_list,
};
