// SPDX-License-Identifier: GPL-2.0-only
/* cxl enable-isolation and disable-isolation: their options.  The work is in change.c. */
#include <errno.h>

#include "config.h"
#include "cxl/change_command.h"
#include "util/parse.h"

struct enable_options {
	struct change_options change;
	bool link_down;
	const char *require, *timeout;
	struct opt_list overrides;
	struct opt_optional policy;
};

#define OVERRIDE_OPTION \
	{ "override", 0, OPT_LIST, offsetof(struct enable_options, overrides), "CHECK-ID", \
	  "do it in spite of this one check (repeatable; see cxl explain)" }
#define LINK_DOWN_OPTION(help) \
	{ "link-down", 0, OPT_FLAG, offsetof(struct enable_options, link_down), NULL, help }
#define OTHER_OPTIONS(cache_help) \
	CHANGE_OPTIONS(struct enable_options, cache_help), \
	COMMON_OPTIONS_IN(struct enable_options, change.common, "json (default) or human")

static const struct opt enable_opts[] = {
	{ "require", 0, OPT_STRING, offsetof(struct enable_options, require), "LEVEL",
	  "safe (default), debug, contain or recover: what must be reached, else refuse" },
	{ "timeout", 0, OPT_STRING, offsetof(struct enable_options, timeout), "WHAT",
	  "also set the timeout: A to D2, a duration, default, on or off (default: leave it)" },
	{ "policy", 0, OPT_OPTIONAL, offsetof(struct enable_options, policy), "FILE",
	  "do what the policy file says (default " POLICY_FILE "); without TARGET: all of it" },
	OVERRIDE_OPTION,
	LINK_DOWN_OPTION("also let isolation force the link down (with --registers)"),
	OTHER_OPTIONS("also isolate CXL.cache (with --registers)"),
	{ 0 }
};

static const struct opt disable_opts[] = {
	OVERRIDE_OPTION,
	LINK_DOWN_OPTION("also no longer let isolation force the link down (with --registers)"),
	OTHER_OPTIONS("also CXL.cache isolation (with --registers)"),
	{ 0 }
};

/* The file says it for each root port by itself. */
static int read_policy(struct change *c, const struct enable_options *o, struct policy *policy, struct err *err)
{
	if (!o->policy.is_given)
		return 0;
	if (o->require || o->timeout || o->link_down || o->change.cache)
		return err_set(err, EXIT_USAGE, EINVAL, "--policy and --%s contradict each other, nothing was done: write it into the policy file, or leave --policy out",
			       o->require ? "require" : o->timeout ? "timeout" : o->link_down ? "link-down" : "cache");
	c->file = policy;
	return policy_read(o->policy.value ? o->policy.value : POLICY_FILE, &c->arena, policy, err);
}

static int parse_policy(struct change *c, const struct enable_options *o, struct err *err)
{
	int require = o->require ? require_parse(o->require) : REQUIRE_SAFE;
	struct timeout_request timeout = { .kind = TIMEOUT_KEEP };
	int on = c->kind == CHANGE_ENABLE, rc;
	char shown[48];

	if (require < 0)
		return err_set(err, EXIT_USAGE, EINVAL, "'%s' is no level: use --require=safe, debug, contain or recover",
			       printable(o->require, shown, sizeof(shown)));
	for (size_t i = 0; i < o->overrides.n; i++) {
		const struct check *check = check_by_id(o->overrides.v[i]);

		if (!check)
			return err_set(err, EXIT_USAGE, EINVAL, "--override=%s names no check; 'cxl explain' lists them",
				       printable(o->overrides.v[i], shown, sizeof(shown)));
		if (check->kind == CHECK_CANNOT)
			return err_set(err, EXIT_USAGE, EINVAL, "%s cannot be overridden: %s", check->id, check->title);
	}
	c->policy = (struct check_policy){ (enum require)require, &o->overrides };
	rc = o->timeout ? timeout_parse(o->timeout, &timeout, err) : 0;
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
	plan_goal_timeout(&c->goal, &timeout, false);
	return 0;
}

static int run_change(const struct command *cmd, enum change_kind kind, const struct command_output *output,
		      int argc, char **argv)
{
	struct cxl_host host = { .fs.rootfd = -1 };
	struct change c = { .host = &host, .messages = &host.messages, .kind = kind };
	struct enable_options o = { 0 };
	struct policy policy;
	struct command_run run;
	int status = EXIT_DONE;
	struct err err;

	if (command_begin(cmd, argc, argv, &o, &o.change.common, output, &run, &status)) {
		if (parse_policy(&c, &o, &err) || read_policy(&c, &o, &policy, &err) ||
		    change_apply(&c, &o.change, run.operands, &err))
			status = change_end(&run, &c, EXIT_REFUSED, &err);
		else
			status = change_end(&run, &c, change_status(&c), NULL);
	}
	opt_list_free(&o.overrides);
	return status;
}

static int run_enable(int argc, char **argv)
{
	static const struct command_output output = { "cxl-enable-isolation/1", "root_ports", .changes = true };

	return run_change(&cmd_enable_isolation, CHANGE_ENABLE, &output, argc, argv);
}

static int run_disable(int argc, char **argv)
{
	static const struct command_output output = { "cxl-disable-isolation/1", "root_ports", .changes = true };

	return run_change(&cmd_disable_isolation, CHANGE_DISABLE, &output, argc, argv);
}

const struct command cmd_enable_isolation = {
	"enable-isolation", "[TARGET...]", "Enable CXL.mem isolation on root ports, when that is safe.",
	enable_opts, run_enable,
};

const struct command cmd_disable_isolation = {
	"disable-isolation", "TARGET...", "Disable CXL.mem isolation on root ports.",
	disable_opts, run_disable,
};
