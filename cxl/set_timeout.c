// SPDX-License-Identifier: GPL-2.0-only
/*
 * cxl set-timeout: the CXL.mem or CXL.cache timeout of root ports, for good or
 * while a command runs.  The work is in change.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cxl/change_command.h"
#include "lib/kept/temporary.h"
#include "util/child.h"
#include "util/lock.h"
#include "util/parse.h"

struct timeout_options {
	struct change_options change;
	bool during;
};

static const struct opt timeout_opts[] = {
	{ "while", 0, OPT_FLAG, offsetof(struct timeout_options, during), NULL,
	  "run COMMAND meanwhile, then put the timeout back as it was" },
	CHANGE_OPTIONS(struct timeout_options, "CXL.cache's timeout instead of CXL.mem's (with --registers)"),
	COMMON_OPTIONS_IN(struct timeout_options, change.common),
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
static int parse_operands(struct change *c, const struct timeout_options *o, char **operands,
			  struct err *err)
{
	struct timeout_request request = { .kind = TIMEOUT_OFF };
	size_t n = 0;
	int rc;

	while (operands[n])
		n++;
	c->goal = iso_control_unknown;
	if (o->change.undo_last)
		return !o->during && !o->change.cache ? 0 :
			err_set(err, EXIT_USAGE, EINVAL, "--undo-last puts back what was there before, whatever that was; nothing was done: leave out %s", o->during ? "--while" : "--cache");
	if (!n)
		return err_set(err, EXIT_USAGE, EINVAL, "no target and no timeout was named, nothing was done; for example: cxl set-timeout root0 B2");
	rc = timeout_parse_change(operands[n - 1], &request, err);
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
		if (c->jobs[i].result == OUTCOME_DONE)
			return true;
	return false;
}

static bool is_any_held(const struct change *c)
{
	for (size_t i = 0; i < c->n_jobs; i++)
		if (c->jobs[i].is_held)
			return true;
	return false;
}

/* What runs under the command is within all that this one is within, too. */
static void mark_within(struct change *c)
{
	const char *outer = secure_getenv(TEMPORARY_ENV);
	const char *text = arena_printf(&c->arena, "%s%s%d", outer ? outer : "", outer ? " " : "", (int)getpid());

	if (text)
		setenv(TEMPORARY_ENV, text, 1);
}

/* Run @command; its exit status, or a shell's for one that cannot be run. */
static int run_command(struct change *c, char **command, const struct child_signals *held)
{
	char shown[64];
	int status;

	mark_within(c);
	status = child_run(command, held);
	if (status >= 0)
		return status;
	message_add(c->messages, SEV_ERROR, "COMMAND", NULL, "'%s' could not be run: %s; %s",
		    printable(command[0], shown, sizeof(shown)), strerror(-status),
		    is_any_changed_for_good(c) ? "the timeout is put back as it was" : "the timeout is as it was");
	return status == -ENOENT ? 127 : 126;
}

/* As it was before, unless others still need it; -1 with @err for lack of memory, else the exit status. */
static int put_back(struct change *c, struct err *err)
{
	int rc = host_lock_for_change(c->command, HOST_LOCK_WAIT_BACK_US, &c->lock, err);

	if (rc < 0) {
		message_add(c->messages, SEV_ERROR, "RESTORE", NULL,
			    "the timeout stays as it was for the command, since another one %s; the next command that changes this host puts it back",
			    err->status == EXIT_NEGATIVE ? "still changes this host" : "may change this host, and the lock cannot be had");
		return EXIT_REFUSED;
	}
	change_ask_others(c);
	rc = change_restore(c, err);
	change_let_go(c, false);
	host_lock_release(&c->lock);
	return rc ? -1 : change_status(c);
}

/* Run @command unless something failed; then put back what was changed.  The exit status. */
static int run_while(struct change *c, char **command, const struct child_signals *held,
		     struct err *err)
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
	if (!is_any_changed_for_good(c) && !is_any_held(c))
		return status;
	restored = put_back(c, err);
	return restored < 0 || !status ? restored : status;
}

static int run_set_timeout(int argc, char **argv)
{
	struct host_reading reading = HOST_UNREAD;
	struct change c = { .host = &reading.host, .messages = &reading.messages,
		.kind = CHANGE_TIMEOUT, .command = "cxl set-timeout", .lock = -1 };
	struct timeout_options o = { 0 };
	struct child_signals held;
	char **command = has_option(argc, argv, "--while") ? split_command(&argc, argv) : NULL;
	struct command_run run;
	int status = EXIT_DONE;
	struct err err;

	c.by = BY_TIMEOUT;
	if (!command_begin(&cmd_set_timeout, argc, argv, &o, &o.change.common, &run, &status))
		return status;
	c.typed = command_typed(&c.arena, argc, argv);
	run.quiet = o.during && !o.change.dry_run;
	if (o.during && (!command || !*command)) {
		run.quiet = false;
		err_set(&err, EXIT_USAGE, EINVAL, "--while needs a command behind --, nothing was done; for example: cxl set-timeout mem0 off --while -- cxl update-firmware -F FILE mem0");
		return change_end(&run, &c, &reading, EXIT_USAGE, &err);
	}
	if (o.during) {
		c.during = command[0];
		child_hold_signals(&held);
	}
	if (parse_operands(&c, &o, run.operands, &err) ||
	    change_apply(&c, &reading, &o.change, run.operands, &err))
		status = -1;
	else
		status = o.during ? run_while(&c, command, &held, &err) : change_status(&c);
	status = change_end(&run, &c, &reading, status, status < 0 ? &err : NULL);
	if (o.during)
		child_release_signals(&held);
	return status;
}

static const struct command_output timeout_output = { "cxl-set-timeout/1", "root_ports", &change_table };

const struct command cmd_set_timeout = {
	"set-timeout", "TARGET... WHAT [--while -- COMMAND...]",
	"Set the timeout of root ports: A to D2, a duration, default, off or on.",
	timeout_opts, run_set_timeout, .changes = true, .output = &timeout_output,
};
