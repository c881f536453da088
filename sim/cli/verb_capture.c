// SPDX-License-Identifier: GPL-2.0-only
/* cxl-sim capture: record this machine for `cxl-sim run --host FILE`. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim/cli/verb.h"
#include "sim/host/capture.h"
#include "sim/models/models.h"
#include "sim/state/sim.h"

struct capture_options {
	const char *output;
	bool help;
};

static const struct opt capture_opts[] = {
	{ "output", 'o', OPT_STRING, offsetof(struct capture_options, output), "FILE",
	  "the archive to write, a .tar.xz; an older one is replaced when the new one is complete" },
	HELP_OPTION(struct capture_options),
	{ 0 }
};

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; text && (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

static int run(int argc, char **argv)
{
	struct capture_options o = { 0 };
	struct sim sim = { .log = { .fd = -1 } };
	struct capture capture = { .sim = &sim };
	struct err err;
	int first, status, rc;

	if (!verb_start(&cmd_capture, &o, &o.help, argc, argv, false, &first, &status))
		return status;
	if (!o.output || !*o.output) {
		err_set(&err, EXIT_USAGE, EINVAL, "where is the capture to go? For example: cxl-sim capture -o host.tar.xz");
		return verb_failed(&err);
	}
	rc = tree_init(&sim.tree) ? err_set(&err, EXIT_REFUSED, ENOMEM, "out of memory") :
	     capture_collect(&capture, &err);
	rc = rc ? rc : capture_write(&capture, o.output, &err);
	status = rc ? verb_failed(&err) : EXIT_DONE;
	if (!rc && capture.errors)
		fprintf(stderr, "cxl-sim: %zu files could not be read: capture/errors.txt in the archive says why\n",
			count_lines(capture.errors));
	if (!rc && capture.no_bus)
		fprintf(stderr, "cxl-sim: this machine has no CXL bus ('modprobe cxl_acpi' if it should have one): only what 'cxl check-soft-reserved' looks at was recorded\n");
	capture_free(&capture);
	sim_exit(&sim);
	return status;
}

const struct command cmd_capture = {
	"capture", "", "record this machine, for 'run --host FILE'", capture_opts, run,
};
