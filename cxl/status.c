// SPDX-License-Identifier: GPL-2.0-only
/* cxl isolation-status: state, impact, checks, assertions; --monitor is in status_monitor.c. */
#include <errno.h>
#include <string.h>

#include "config.h"
#include "cxl/status.h"
#include "cxl/status_monitor.h"
#include "lib/act/act.h"
#include "lib/kept/kept_read.h"
#include "lib/kept/kept_names.h"
#include "lib/policy/policy.h"
#include "lib/read/host_read.h"
#include "lib/report/assert.h"
#include "lib/report/problem.h"
#include "lib/report/record_status.h"
#include "util/size.h"

struct status_options {
	struct common_options common;
	bool impact, check, problems, monitor, once, act, test;
	struct opt_list assertions;
	struct opt_optional policy, evidence;
	const char *interval, *sysroot;
};

static const struct opt status_opts[] = {
	{ "impact", 0, OPT_FLAG, offsetof(struct status_options, impact), NULL,
	  "also what is lost when the root port fails, and who uses it" },
	{ "check", 0, OPT_FLAG, offsetof(struct status_options, check), NULL,
	  "also every readiness check with its result and remedy" },
	{ "assert", 0, OPT_LIST, offsetof(struct status_options, assertions), "FIELD=VALUE",
	  "exit status 1 unless this holds for every root port selected (also !=, and >= for containment; repeatable)" },
	{ "policy", 0, OPT_OPTIONAL, offsetof(struct status_options, policy), "FILE",
	  "exit status 1 and a message for each difference from the policy file (default " POLICY_FILE ")" },
	{ "problems", 'x', OPT_FLAG, offsetof(struct status_options, problems), NULL,
	  "only root ports with which something is wrong; exit status 1 when there is one" },
	{ "evidence", 0, OPT_OPTIONAL, offsetof(struct status_options, evidence), "N",
	  "list what recover-port, or --act, kept of root ports that failed, or print number N of it" },
	{ "monitor", 0, OPT_FLAG, offsetof(struct status_options, monitor), NULL,
	  "print a line of JSON now, and one for each root port that changes, until stopped" },
	{ "interval", 0, OPT_STRING, offsetof(struct status_options, interval), "DURATION",
	  "how often --monitor looks: 200ms, 5s (default 1s, and 100ms at status registers)" },
	{ "once", 0, OPT_FLAG, offsetof(struct status_options, once), NULL,
	  "end --monitor after the first change" },
	{ "act", 0, OPT_FLAG, offsetof(struct status_options, act), NULL,
	  "with --monitor, when a root port fails: keep evidence, run programs and recover it, as the policy file says" },
	{ "test", 0, OPT_FLAG, offsetof(struct status_options, test), NULL,
	  "with --monitor --act: run each program of the policy file's once, with a test event, and end" },
	{ "sysroot", 0, OPT_STRING, offsetof(struct status_options, sysroot), "DIR",
	  "read an unpacked capture instead of this host" },
	COMMON_OPTIONS(struct status_options),
	{ 0 }
};

enum { US_PER_S = 1000000, REGISTERS_US = 100000, SHORTEST_US = 10000 };
#define LONGEST_US (24ULL * 3600 * US_PER_S)

/* Evidence is of this host, and of whatever ports it is. */
static int check_evidence(const struct status_options *o, const char *other,
			  const struct command_run *run, struct err *err)
{
	other = other ? other : o->monitor ? "--monitor" : o->sysroot ? "--sysroot" : run->operands[0] ? "a target" : NULL;
	if (other)
		return err_set(err, EXIT_USAGE, EINVAL, "--evidence lists what is kept on this host and cannot be combined with %s", other);
	return 0;
}

/* Options that say nothing together. */
static int check_options(const struct status_options *o, struct command_run *run, struct err *err)
{
	const char *look = o->impact ? "--impact" : o->check ? "--check" : o->problems ? "-x" :
		o->assertions.n ? "--assert" : o->policy.is_given ? "--policy" : NULL;
	const char *other = look ? look : o->common.output ? "--output" :
		o->common.columns ? "--columns" : o->common.human || (o->common.format && strcmp(o->common.format, "json")) ? "another format than json" : NULL;

	if (o->evidence.is_given)
		return check_evidence(o, look, run, err);
	if (!o->monitor && (o->interval || o->once))
		return err_set(err, EXIT_USAGE, EINVAL, "--%s goes with --monitor only", o->interval ? "interval" : "once");
	if ((o->act && !o->monitor) || (o->test && !o->act))
		return err_set(err, EXIT_USAGE, EINVAL, "%s only", o->act ? "--act goes with --monitor" : "--test goes with --monitor --act");
	if (o->act && (o->sysroot || (o->test && (o->interval || o->once))))
		return err_set(err, EXIT_USAGE, EINVAL, "%s", o->sysroot ? "--act acts on this host, and a capture cannot be changed: it cannot be combined with --sysroot" :
			       "--test ends by itself and cannot be combined with --interval or --once");
	if (o->monitor && other)
		return err_set(err, EXIT_USAGE, EINVAL,
			       "--monitor prints lines of JSON on standard output and cannot be combined with %s", other);
	return 0;
}

static int parse_interval(const char *text, struct monitor_rhythm *ret, struct err *err)
{
	uint64_t us;

	*ret = (struct monitor_rhythm){ .interval_us = US_PER_S, .registers_us = REGISTERS_US };
	if (!text)
		return 0;
	if (duration_parse(text, &us) || us < SHORTEST_US || us > LONGEST_US)
		return err_set(err, EXIT_USAGE, EINVAL,
			       "--interval takes a duration with its unit from 10ms to 86400s, such as 500ms or 5s");
	*ret = (struct monitor_rhythm){ .interval_us = us, .registers_us = us };
	return 0;
}

static int parse_assertions(const struct status_options *o, struct arena *a, struct assertion **ret,
			    struct err *err)
{
	struct json_object *example = record_status_example();
	int rc = 0;

	*ret = arena_alloc(a, o->assertions.n, sizeof(**ret));
	if (!*ret || !example)
		rc = err_no_memory(err, "");
	for (size_t i = 0; !rc && i < o->assertions.n; i++)
		rc = assert_parse(o->assertions.v[i], example, &(*ret)[i], err);
	json_object_put(example);
	return rc;
}

/* What holds the level back that was asserted, for after the sentence; "" where it is not a level. */
static const char *held_back(const struct cxl_host *host, const struct selection *sel,
			     const char *name, const struct assertion *assertion)
{
	static const char start[] = "containment_by_cause.";
	bool is_by_cause = !strncmp(assertion->path, start, strlen(start));
	const struct cxl_root_port *rp = host_root_port(host, name);
	const struct check_result *result = rp ? &sel->results[rp - host->root_ports] : NULL;
	int cause = is_by_cause ? cause_parse(assertion->path + strlen(start)) : -1;
	const struct finding *f;
	const char *text;

	if (!result || (is_by_cause ? cause < 0 : strcmp(assertion->path, "containment") != 0))
		return "";
	f = check_find(result, ID_RAS_PANIC);
	if (is_by_cause && cause == CAUSE_PROTOCOL_ERROR && f && f->answer == ANSWER_UNTOLD) {
		text = arena_printf(host->arena, " (%s; remedy: %s)", f->text, f->remedy);
		return text ? text : "";
	}
	if (is_by_cause && (result->now.v[cause] < 0 || result->now.are_assumed))
		return " (no such failure can occur there)";
	f = check_holding_back(result, &cause);
	if (cause < 0)
		return "";
	if (!f && cause == CAUSE_PROTOCOL_ERROR && result->now.v[cause] == CONTAINMENT_CONTAIN)
		return " (a protocol error is contained at best: the kernel takes the devices' driver off)";
	text = f ? arena_printf(host->arena, " (%s holds %s back: %s; remedy: %s)", f->check->id, cause_names[cause], f->text, f->remedy) :
		arena_printf(host->arena, " (isolation is off; remedy: cxl enable-isolation %s)", root_port_with_tied(host, name));
	return text ? text : "";
}

/* False when an assertion fails for one of the root ports, or there is none. */
static bool all_hold(const struct cxl_host *host, const struct selection *sel,
		     const struct assertion *list, size_t n, struct json_object *root_ports)
{
	size_t n_ports = render_length(root_ports);
	bool hold = true;

	if (n && !n_ports)
		message_add(host->messages, SEV_ERROR, "ASSERT", NULL,
			    "no root port is selected, so what was asserted does not hold");
	for (size_t i = 0; i < n_ports; i++) {
		struct json_object *rp = json_object_array_get_idx(root_ports, i);
		const char *name = json_object_get_string(json_object_object_get(rp, "root_port")), *found;

		for (size_t k = 0; k < n; k++) {
			if (assert_holds(&list[k], rp, &found))
				continue;
			hold = false;
			message_add(host->messages, SEV_ERROR, "ASSERT", name,
				    "%s: asserted was that %s %s %s, and it is %s%s", name,
				    list[k].path, assert_op_text(list[k].op), list[k].value, found,
				    held_back(host, sel, name, &list[k]));
		}
	}
	return hold && (!n || n_ports);
}

/* False when the host is not as the policy says; targets that are named leave out the others. */
static int compare_with_policy(const struct cxl_host *host, const struct status_options *o,
			       const struct selection *sel, bool all, struct arena *a,
			       bool *ret_same, struct err *err)
{
	struct policy_drifts drifts;
	struct policy policy;
	int rc;

	*ret_same = true;
	if (!o->policy.is_given)
		return 0;
	rc = policy_read(o->policy.value ? o->policy.value : POLICY_FILE, a, &policy, err);
	if (!rc)
		rc = policy_compare(&policy, host, sel->results, all ? NULL : sel->set.root_ports,
				    a, &drifts, err);
	if (rc)
		return rc;
	policy_report(&policy, &drifts, host->messages);
	*ret_same = !drifts.n;
	rc = act_report_programs(&policy, host, all ? NULL : sel->set.root_ports, ret_same, err);
	if (rc)
		return rc;
	return all ? policy_report_layout(&policy, host, a, ret_same, err) : 0;
}

static void report_problem(const struct cxl_host *host, const struct selection *sel,
			   const char *name, const char *id)
{
	const struct cxl_root_port *rp = host_root_port(host, name);
	const struct problem p = rp ? problem_of(id, rp, &sel->results[rp - host->root_ports])
				    : (struct problem){ 0 };
	const char *next = rp ? problem_next(&p, host, rp) : NULL;

	if (p.id)
		message_add(host->messages, SEV_WARNING, "PROBLEM", name, "%s: %s: %s%s%s%s", name, p.id, p.title,
			    next ? "; type '" : "", next ? next : "", next ? "'" : "");
}

/* Keep those with a problem, and say on stderr what it is. */
static struct json_object *only_problems(const struct cxl_host *host, const struct selection *sel,
					 struct json_object *root_ports)
{
	struct json_object *kept = render_array();

	for (size_t i = 0; i < render_length(root_ports); i++) {
		struct json_object *rp = json_object_array_get_idx(root_ports, i);
		struct json_object *list = json_object_object_get(rp, "problems");
		const char *name = json_object_get_string(json_object_object_get(rp, "root_port"));

		for (size_t k = 0; k < render_length(list); k++)
			report_problem(host, sel, name,
				       json_object_get_string(json_object_array_get_idx(list, k)));
		if (render_length(list))
			render_append(kept, json_object_get(rp));
	}
	json_object_put(root_ports);
	return kept;
}

static bool wants_impact(const struct status_options *o, const struct assertion *list)
{
	bool wanted = o->impact;

	for (size_t i = 0; i < o->assertions.n; i++)
		wanted |= !strncmp(list[i].path, "impact.", strlen("impact."));
	return wanted;
}

/* The records; the verdict goes to *@ret_status, unless the format has its own (@is_verdict).  NULL with @err. */
static struct json_object *look(struct host_reading *reading, const struct status_options *o,
				bool is_verdict, char **targets, struct arena *a, int *ret_status,
				struct err *err)
{
	const struct cxl_host *host = &reading->host;
	struct status_parts parts = { .checks = o->check };
	struct json_object *root_ports;
	struct assertion *assertions;
	struct selection sel;
	struct layout_view view;
	struct impact *impact;
	bool is_as_policy;

	if (parse_assertions(o, a, &assertions, err) || host_read(reading, o->sysroot, err) ||
	    kept_read(&reading->host, err) ||
	    status_select(host, targets, NULL, o->check || o->assertions.n, a, &sel, err) ||
	    compare_with_policy(host, o, &sel, !*targets, a, &is_as_policy, err))
		return NULL;
	if (wants_impact(o, assertions)) {
		if (impact_read(host, &sel.set, &impact, err) || layout_view_read(host, &view, err))
			return NULL;
		parts.impact = impact;
		parts.dax_names = view.names.dax;
	}
	root_ports = record_status(host, &sel.set, sel.results, &parts);
	if (render_take_lost()) {	/* no verdict on a part of it */
		json_object_put(root_ports);
		err_no_memory(err, ": the output cannot be made");
		return NULL;
	}
	if (!all_hold(host, &sel, assertions, o->assertions.n, root_ports) || !is_as_policy)
		*ret_status = EXIT_NEGATIVE;
	if (o->problems && !is_verdict) {
		root_ports = only_problems(host, &sel, root_ports);
		if (render_length(root_ports))
			*ret_status = EXIT_NEGATIVE;
	}
	return root_ports;
}

static int run_status(int argc, char **argv)
{
	struct host_reading reading = HOST_UNREAD;
	struct status_options o = { 0 };
	struct json_object *root_ports = NULL;
	struct arena a = { 0 };
	struct command_run run;
	int status = EXIT_DONE;
	struct monitor_rhythm rhythm;
	struct err err;

	if (!command_begin(&cmd_isolation_status, argc, argv, &o, &o.common, &run, &status))
		goto out;
	if (!check_options(&o, &run, &err) &&
	    !command_pick(&run,
			  o.evidence.is_given ? &status_evidence_output
			  : o.check	      ? &status_check_output
			  : o.impact	      ? &status_impact_output
					      : &status_output,
			  &err) &&
	    !parse_interval(o.interval, &rhythm, &err)) {
		if (o.monitor && !o.test) {
			status = monitor_run(&run, o.sysroot, &rhythm, o.once, o.act);
			goto out;
		}
		root_ports = o.test ? status_act_test(run.operands, &reading.messages, &err) :
			o.evidence.is_given ?
			status_evidence(o.evidence.value, &a, &reading.messages, &err) :
			look(&reading, &o, run.format->verdict, run.operands, &a, &status, &err);
	}
	if (!root_ports) {
		status = (int)err.status;
		message_add_err(&reading.messages, status == EXIT_USAGE ? "USAGE" : "HOST", &err);
		root_ports = render_array();
	}
	status = command_end(&run, status, &reading.messages, root_ports);
	host_free(&reading);
	arena_free(&a);
out:
	opt_list_free(&o.assertions);
	return status;
}

const struct command cmd_isolation_status = {
	"isolation-status", "[TARGET...]", "Show whether root ports are isolated, could be, and what would be lost.",
	status_opts, run_status, .output = &status_output,
};
