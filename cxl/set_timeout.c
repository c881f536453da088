// SPDX-License-Identifier: GPL-2.0-only
/*
 * cxl set-timeout: the CXL.mem or CXL.cache timeout of root ports, for good or
 * while a command runs.  The work is in change.c.
 */
#include <errno.h>
#include <string.h>

#include "cxl/change_command.h"
#include "util/child.h"
#include "util/parse.h"

struct timeout_options {
	struct change_options change;
	bool during;
};

static const struct opt timeout_opts[] = {
	{ "while", 0, OPT_FLAG, offsetof(struct timeout_options, during), NULL,
	  "run COMMAND meanwhile, then put the timeout back as it was" },
	CHANGE_OPTIONS(struct timeout_options, "CXL.cache's timeout instead of CXL.mem's (with --registers)"),
	COMMON_OPTIONS_IN(struct timeout_options, change.common, "json (default) or human"),
	{ 0 }
};

/* What stands behind the first "--": the command of --while. */
static char **split_command(int *argc, char **argv)
{
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "--"))
			continue;
		argv[i] = NULL;
		*argc = i;
		return argv + i + 1;
	}
	return NULL;
}

static bool has_option(int argc, char **argv, const char *name)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], name))
			return true;
	return false;
}

/*
 * TARGET... WHAT: the last operand is what to set.  With --while it may be left
 * out and means off.
 */
static int parse_operands(struct change *c, const struct timeout_options *o, char **operands, struct err *err)
{
	struct timeout_request request = { .kind = TIMEOUT_OFF };
	size_t n = 0;
	int rc;

	while (operands[n])
		n++;
	if (!n)
		return err_set(err, EXIT_USAGE, EINVAL, "no target and no timeout was named, nothing was done; for example: cxl set-timeout root0 B2");
	c->goal = iso_control_unknown;
	rc = timeout_parse(operands[n - 1], &request, err);
	if (!rc)
		operands[n - 1] = NULL;
	else if (!o->during || err->errnum == ERANGE)
		return rc;
	else
		request = (struct timeout_request){ .kind = TIMEOUT_OFF };
	plan_goal_timeout(&c->goal, &request, o->change.cache);
	return 0;
}

static bool is_any_changed_for_good(const struct change *c)
{
	for (size_t i = 0; i < c->n_jobs; i++)
		if (c->jobs[i].result == RESULT_DONE)
			return true;
	return false;
}

/* Run @command; its exit status, or a shell's for one that cannot be run. */
static int run_command(struct change *c, char **command, const struct child_signals *held)
{
	int status = child_run(command, held);
	char shown[64];

	if (status >= 0)
		return status;
	message_add(c->messages, SEV_ERROR, "COMMAND", NULL, "'%s' could not be run: %s; %s",
		    printable(command[0], shown, sizeof(shown)), strerror(-status),
		    is_any_changed_for_good(c) ? "the timeout is put back as it was" : "the timeout is as it was");
	return status == -ENOENT ? 127 : 126;
}

/* Run @command unless something failed; then put back what was changed.  The exit status. */
static int run_while(struct change *c, char **command, const struct child_signals *held, struct err *err)
{
	int status = change_status(c), restored;
	char shown[64];

	if (c->dry_run)
		return status;
	if (!status && !child_signal_waits(held)) {
		status = run_command(c, command, held);
	} else {
		message_add(c->messages, SEV_ERROR, "COMMAND", NULL, "'%s' was not run%s",
			    printable(command[0], shown, sizeof(shown)), status ? " because of that" : ": a signal came before");
		status = status ? status : EXIT_RESUMABLE;
	}
	if (!is_any_changed_for_good(c))
		return status;
	if (change_restore(c, err))
		return -1;
	restored = change_status(c);
	return status ? status : restored;
}

static int run_set_timeout(int argc, char **argv)
{
	static const struct command_output output = { "cxl-set-timeout/1", "root_ports", .changes = true };
	struct cxl_host host = { .fs.rootfd = -1 };
	struct change c = { .host = &host, .messages = &host.messages, .kind = CHANGE_TIMEOUT };
	struct timeout_options o = { 0 };
	struct child_signals held;
	char **command = has_option(argc, argv, "--while") ? split_command(&argc, argv) : NULL;
	struct command_run run;
	int status = EXIT_DONE;
	struct err err;

	if (!command_begin(&cmd_set_timeout, argc, argv, &o, &o.change.common, &output, &run, &status))
		return status;
	run.quiet = o.during && !o.change.dry_run;
	if (o.during && (!command || !*command)) {
		run.quiet = false;
		err_set(&err, EXIT_USAGE, EINVAL, "--while needs a command behind --, nothing was done; for example: cxl set-timeout mem0 off --while -- cxl update-firmware -F FILE mem0");
		return change_end(&run, &c, EXIT_USAGE, &err);
	}
	if (o.during)
		child_hold_signals(&held);
	if (parse_operands(&c, &o, run.operands, &err) || change_apply(&c, &o.change, run.operands, &err))
		status = -1;
	else
		status = o.during ? run_while(&c, command, &held, &err) : change_status(&c);
	status = change_end(&run, &c, status, status < 0 ? &err : NULL);
	if (o.during)
		child_release_signals(&held);
	return status;
}

const struct command cmd_set_timeout = {
	"set-timeout", "TARGET... WHAT [--while -- COMMAND...]",
	"Set the timeout of root ports: A to D2, a duration, default, off or on.",
	timeout_opts, run_set_timeout,
};
