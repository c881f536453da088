// SPDX-License-Identifier: GPL-2.0-only
/* cxl enable-isolation and disable-isolation: their options.  The work is in change.c. */
#include <errno.h>

#include "config.h"
#include "cxl/change_command.h"
#include "util/parse.h"

struct enable_options {
	struct change_options change;
	bool link_down;
	const char *timeout;
	struct opt_list require, overrides;
	struct opt_optional policy, wait;
};

#define OVERRIDE_OPTION \
	{ "override", 0, OPT_LIST, offsetof(struct enable_options, overrides), "CHECK-ID", \
	  "do it in spite of this one check (repeatable; see cxl explain)" }
#define BEST_EFFORT_OPTION \
	{ "best-effort", 0, OPT_FLAG, offsetof(struct enable_options, change.best_effort), NULL, \
	  "success also where something that was asked for cannot be set" }
#define LINK_DOWN_OPTION(help) \
	{ "link-down", 0, OPT_FLAG, offsetof(struct enable_options, link_down), NULL, help }
#define OTHER_OPTIONS(cache_help) \
	CHANGE_OPTIONS(struct enable_options, cache_help), \
	COMMON_OPTIONS_IN(struct enable_options, change.common)

static const struct opt enable_opts[] = {
	{ "require", 0, OPT_LIST, offsetof(struct enable_options, require), "[CAUSE:]LEVEL",
	  "safe (default), debug, contain or recover: what must be reached, else refuse; for one cause: mem_timeout:none (repeatable)" },
	{ "timeout", 0, OPT_STRING, offsetof(struct enable_options, timeout), "WHAT",
	  "auto (default: on where it is off), keep, A to D2, a duration, default, on or off" },
	{ "policy", 0, OPT_OPTIONAL, offsetof(struct enable_options, policy), "FILE",
	  "do what the policy file says (default " POLICY_FILE "); without TARGET: all of it" },
	POLICY_WAIT_OPTION(struct enable_options, wait),
	{ "load", 0, OPT_FLAG, offsetof(struct enable_options, change.load), NULL,
	  "first load the kernel's modules that this needs and that are not loaded" },
	OVERRIDE_OPTION,
	LINK_DOWN_OPTION("also let isolation force the link down (with --registers)"),
	BEST_EFFORT_OPTION,
	OTHER_OPTIONS("also isolate CXL.cache (with --registers)"),
	{ 0 }
};

static const struct opt disable_opts[] = {
	{ "timeout", 0, OPT_STRING, offsetof(struct enable_options, timeout), "WHAT",
	  "keep (default), or off: also switch the timeout off", .values = "keep off" },
	OVERRIDE_OPTION,
	LINK_DOWN_OPTION("also no longer let isolation force the link down (with --registers)"),
	BEST_EFFORT_OPTION,
	OTHER_OPTIONS("also CXL.cache isolation (with --registers)"),
	{ 0 }
};

/* The file says it for each root port by itself. */
static int read_policy(struct change *c, const struct enable_options *o, struct policy *policy,
		       struct err *err)
{
	if (!o->policy.is_given)
		return 0;
	if (o->require.n || o->timeout || o->link_down || o->change.cache)
		return err_set(err, EXIT_USAGE, EINVAL, "--policy and --%s contradict each other, nothing was done: write it into the policy file, or leave --policy out",
			       o->require.n ? "require" : o->timeout ? "timeout" : o->link_down ? "link-down" : "cache");
	c->file = policy;
	return policy_read(o->policy.value ? o->policy.value : POLICY_FILE, &c->arena, policy, err);
}

/* Disabling touches isolation only, unless it is told to. */
static int parse_timeout(struct change *c, const struct enable_options *o, struct err *err)
{
	char shown[48];
	int rc;

	c->timeout.kind = c->kind == CHANGE_ENABLE ? TIMEOUT_AUTO : TIMEOUT_KEEP;
	rc = o->timeout ? timeout_parse(o->timeout, &c->timeout, err) : 0;
	if (rc || c->kind == CHANGE_ENABLE || c->timeout.kind == TIMEOUT_KEEP ||
	    c->timeout.kind == TIMEOUT_OFF)
		return rc;
	return err_set(err, EXIT_USAGE, EINVAL, "--timeout=%s: disable-isolation can only leave the timeout as it is (keep) or switch it off (off), nothing was done; for the rest: cxl set-timeout",
		       printable(o->timeout, shown, sizeof(shown)));
}

static int parse_policy(struct change *c, const struct enable_options *o, struct err *err)
{
	int on = c->kind == CHANGE_ENABLE, rc;
	char shown[48];

	c->require = (struct requirement)REQUIREMENT_NONE;
	for (size_t i = 0; i < o->require.n; i++)
		if (requirement_parse(o->require.v[i], &c->require, err))
			return -EINVAL;
	for (size_t i = 0; i < o->overrides.n; i++) {
		const struct check *check = check_by_id(o->overrides.v[i]);

		if (!check)
			return err_set(err, EXIT_USAGE, EINVAL, "--override=%s names no check; 'cxl explain' lists them",
				       printable(o->overrides.v[i], shown, sizeof(shown)));
		if (check->kind == CHECK_CANNOT)
			return err_set(err, EXIT_USAGE, EINVAL, "%s cannot be overridden: %s", check->id, check->title);
	}
	c->overrides = &o->overrides;
	rc = parse_timeout(c, o, err);
	if (rc)
		return rc;
	c->goal = iso_control_unknown;
	c->goal.v[ISO_MEM_ISOLATION] = on;
	if (o->change.cache)
		c->goal.v[ISO_CACHE_ISOLATION] = on;
	if (o->link_down)
		c->goal.v[ISO_MEM_LINK_DOWN] = on;
	if (o->link_down && o->change.cache)
		c->goal.v[ISO_CACHE_LINK_DOWN] = on;
	plan_goal_timeout(&c->goal, &c->timeout, false);
	if (o->change.cache)
		plan_goal_timeout(&c->goal, &c->timeout, true);
	return 0;
}

/* What was there before needs nothing more said. */
static int refuse_with_undo(const struct enable_options *o, struct err *err)
{
	bool says_more = o->require.n || o->timeout || o->link_down || o->change.cache ||
			 o->policy.is_given;

	return !o->change.undo_last || !says_more ? 0 :
		err_set(err, EXIT_USAGE, EINVAL, "--undo-last puts back what was there before, whatever that was; nothing was done: leave out %s",
			o->require.n ? "--require" : o->timeout ? "--timeout" : o->link_down ? "--link-down" :
			o->change.cache ? "--cache" : "--policy");
}

static int run_change(const struct command *cmd, enum change_kind kind, int argc,
		      char **argv)
{
	struct host_reading reading = HOST_UNREAD;
	struct change c = { .host = &reading.host, .messages = &reading.messages, .kind = kind,
		.lock = -1,
		.command = kind == CHANGE_ENABLE ? "cxl enable-isolation" : "cxl disable-isolation" };
	struct enable_options o = { 0 };
	struct policy policy;
	struct command_run run;
	int status = EXIT_DONE;
	struct err err;

	c.by = kind == CHANGE_ENABLE ? BY_ENABLE : BY_DISABLE;
	if (command_begin(cmd, argc, argv, &o, &o.change.common, &run, &status)) {
		c.typed = command_typed(&c.arena, argc, argv);
		o.change.has_load = kind == CHANGE_ENABLE;
		if (refuse_with_undo(&o, &err) || parse_policy(&c, &o, &err) ||
		    policy_wait_parse(&o.wait, o.policy.is_given, &o.change.wait, &err) ||
		    read_policy(&c, &o, &policy, &err) ||
		    change_apply(&c, &reading, &o.change, run.operands, &err))
			status = change_end(&run, &c, &reading, EXIT_REFUSED, &err);
		else
			status = change_end(&run, &c, &reading, change_status(&c), NULL);
	}
	opt_list_free(&o.require);
	opt_list_free(&o.overrides);
	return status;
}

static int run_enable(int argc, char **argv)
{
	return run_change(&cmd_enable_isolation, CHANGE_ENABLE, argc, argv);
}

static int run_disable(int argc, char **argv)
{
	return run_change(&cmd_disable_isolation, CHANGE_DISABLE, argc, argv);
}

static const struct command_output enable_output = { "cxl-enable-isolation/1", "root_ports", &change_table };
static const struct command_output disable_output = { "cxl-disable-isolation/1", "root_ports", &change_table };

const struct command cmd_enable_isolation = {
	"enable-isolation", "[TARGET...]", "Enable CXL.mem isolation on root ports, when that is safe.",
	enable_opts, run_enable, .changes = true, .output = &enable_output,
};

const struct command cmd_disable_isolation = {
	"disable-isolation", "TARGET...", "Disable CXL.mem isolation on root ports.",
	disable_opts, run_disable, .changes = true, .output = &disable_output,
};
