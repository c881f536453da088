// SPDX-License-Identifier: GPL-2.0-only
/* cxl isolation-status --monitor --act --test: are the programs of the policy's run as they should be? */
#include <errno.h>
#include <unistd.h>

#include "cxl/status.h"
#include "cxl/status_monitor.h"
#include "lib/act/act.h"
#include "lib/kept/kept_read.h"
#include "lib/read/host_read.h"

struct json_object *status_act_test(char **targets, struct messages *messages, struct err *err)
{
	struct host_reading reading = HOST_UNREAD;
	struct selection sel;
	struct arena a = { 0 };
	size_t n;
	int rc = geteuid() ? err_set(err, EXIT_PREREQ, EPERM, "--act runs programs as root, which needs root; nothing was run") : 0;

	rc = rc ? rc : host_read(&reading, NULL, err);
	rc = rc ? rc : kept_read(&reading.host, err);
	rc = rc ? rc : status_select(&reading.host, targets, NULL, false, &a, &sel, err);
	rc = rc ? rc : act_test(&reading.host, sel.set.root_ports, sel.results, &n, err);
	if (!rc)
		message_add(messages, SEV_INFO, "HOOK", NULL, "%zu programs were run with a test event, and each ended well", n);
	host_free(&reading);
	arena_free(&a);
	return rc ? NULL : render_array();
}
