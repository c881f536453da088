/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changing isolation on a set of root ports: who is meant, who is refused, what
 * is planned, and what came of it.  The command around it is enable.c.
 */
#ifndef CXL_CHANGE_H
#define CXL_CHANGE_H

#include "cxl/lib/change/exec.h"
#include "cxl/lib/change/policy.h"
#include "cxl/lib/checks/check.h"

enum result { RESULT_SKIPPED, RESULT_REFUSED, RESULT_ALREADY, RESULT_PLANNED,
	      RESULT_DONE, RESULT_FAILED, RESULT_ROLLED_BACK, RESULT_NOT_TRIED, RESULT_NONE };
extern const char *const result_names[];

enum change_kind { CHANGE_ENABLE, CHANGE_DISABLE, CHANGE_TIMEOUT };

/* One selected root port on its way through the command. */
struct job {
	struct cxl_root_port *rp;
	bool named;
	enum result result;
	enum exit_status status;	/* of this port alone */
	struct check_result checks;
	struct exec_port exec;
	struct iso_control before;	/* its settings */
	struct iso_control goal;	/* -1: stays */
	struct plan made;		/* with change_restore(): what was done before */
	enum require require;		/* what must be reached */
	bool cache;			/* CXL.cache is to be isolated, too */
	bool was_isolated, tried, restores;
	const char *why_skipped;	/* for after its name; NULL: it is not */
	size_t group;			/* jobs with one number succeed or fail together */
};

struct change {
	struct cxl_host *host;
	struct messages *messages;
	struct arena arena;
	enum change_kind kind;
	bool dry_run, registers, cache;
	struct iso_control goal;	/* of every root port; -1: stays */
	struct check_policy policy;
	const struct policy *file;	/* goal and level of each root port come from it; NULL: from above */
	size_t n_missing;		/* its sections that nothing here has the name of */
	bool *enabling;			/* per host->root_ports[] */
	bool restoring;			/* change_restore() is under way, or was */
	bool interrupted;		/* a signal came: groups after it were left alone */
	struct job *jobs;
	size_t n_jobs;
};

/* Jobs for @targets (ends with NULL) of c->host; -errno with @err, nothing written. */
int change_select(struct change *c, char **targets, struct err *err);

/* Refuse what must not be, plan the rest.  Nothing is written. */
int change_plan(struct change *c, struct err *err);

/*
 * The parts of change_plan() in change_decide.c: run the checks on one job; skip
 * and refuse (-ENOMEM or 0); drop what a refused port is tied to; what forbids a
 * change of the timeout, NULL when nothing does; "isolation is on" (of
 * set-timeout: "the timeout is on (range B2)") for a message.
 */
int change_check(struct change *c, struct job *job);
int change_decide(struct change *c);
void change_refuse_tied(struct change *c);
const struct finding *change_timeout_blocker(const struct change *c, const struct job *job);
const char *change_state_now(struct change *c, const struct job *job);

/* Run the plans; what failed is in the jobs and the messages.  -ENOMEM or 0. */
int change_run(struct change *c, struct err *err);

/*
 * After a change of the timeout that was done (change_restore.c): put it back on
 * all its root ports, as far as that is possible now, and say what is left.
 */
int change_restore(struct change *c, struct err *err);

/* Did any write go through? */
bool change_is_changed(const struct change *c);

/* The exit status of all jobs together; says why when nothing was done. */
int change_status(struct change *c);

#endif
