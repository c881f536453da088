/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changing isolation on a set of root ports: who is meant, who is refused, what
 * is planned, and what came of it.  The command around it is enable.c.
 */
#ifndef CXL_CHANGE_H
#define CXL_CHANGE_H

#include "lib/change/group.h"
#include "lib/check/check.h"
#include "lib/kept/last_change.h"
#include "lib/policy/policy.h"

enum change_kind { CHANGE_ENABLE, CHANGE_DISABLE, CHANGE_TIMEOUT };

/* One selected root port on its way through the command. */
struct job {
	const struct cxl_root_port *rp;	/* in change.host */
	bool named;
	enum outcome result;
	enum exit_status status;	/* of this port alone */
	struct check_result checks;
	struct port_change change;
	struct iso_control before;	/* its settings */
	struct iso_control goal;	/* -1: stays */
	struct plan made;		/* with change_restore(): what was done before */
	struct requirement require;	/* what must be reached, */
	struct check_policy policy;	/* the same for the checks */
	bool cache;			/* CXL.cache is to be isolated, too */
	bool best_effort;		/* what cannot be set is left out, and that is well */
	bool auto_timeout;		/* the timeout was not asked for, but switched on where it can be */
	bool left_out[N_ISO_FIELDS];	/* asked for, and impossible here */
	bool was_isolated, tried, restores;
	bool is_held;			/* of change_hold(): @held_fd */
	bool is_needed;			/* somebody else still needs the timeout as it is */
	int held_fd;
	const char *why_skipped;	/* for after its name; NULL: it is not */
	/* those that succeed or fail together: the first of them, and from that one to the next (NULL: the last) */
	struct job *group, *next;
};

struct change {
	const struct cxl_host *host;	/* as it was read last: see change_move_to() */
	struct messages *messages;
	struct arena arena;
	enum change_kind kind;
	bool dry_run, registers, cache, best_effort;
	struct iso_control goal;	/* of every root port; -1: stays */
	struct timeout_request timeout;	/* TIMEOUT_AUTO: it depends on the port, see plan_goal_auto() */
	struct requirement require;
	const struct opt_list *overrides;	/* check ids taken out; NULL for none */
	const struct policy *file;	/* goal and level of each root port come from it; NULL: from above */
	size_t n_missing;		/* its sections that nothing here has the name of */
	bool *enabling;			/* per host->root_ports[] */
	bool restoring;			/* change_restore() is under way, or was */
	bool interrupted;		/* a signal came: groups after it were left alone */
	const char *command;		/* "cxl set-timeout": who has the lock, */
	int lock;			/* which is of this host; -1: not held */
	enum changed_by by;		/* the same for what is kept: .last, of change_last.c */
	const char *typed;		/* the whole command */
	struct last_changes last, last_before;
	bool is_kept;			/* begun, and to be ended */
	bool undo_last;			/* what .by made last is taken back */
	bool within_prepare, is_way_back;	/* as a part of daxctl prepare-isolation; taking it back, which no signal ends */
	const char *during;		/* the timeout is set only while this runs; NULL: for good */
	const char *refused_by;		/* code of the message on why nothing was begun; NULL: any */
	struct job *jobs;
	size_t n_jobs;
};

/* Jobs for @targets (ends with NULL) of c->host; -errno with @err, nothing written. */
int change_select(struct change *c, char **targets, struct err *err);
/* The same for @ports, per host.root_ports[], as if each was named. */
int change_select_ports(struct change *c, bool *ports, struct err *err);

/* Refuse what must not be, plan the rest.  Nothing is written. */
int change_plan(struct change *c, struct err *err);

/*
 * The parts of change_plan() in change_decide.c: run the checks on one job; skip
 * and refuse (-ENOMEM or 0); drop what a refused port is tied to; what forbids a
 * change of the timeout, NULL when nothing does.
 */
int change_check(struct change *c, struct job *job);
int change_decide(struct change *c);
void change_refuse_tied(struct change *c);
const struct finding *change_timeout_blocker(const struct job *job);

/*
 * What there is to say, of change_report.c: "isolation is on" (of set-timeout: "the timeout is
 * on (range B2)") for a message; of a port on which something was tried; and at the end.
 */
const char *change_state_now(struct change *c, const struct job *job);
void change_report_tried(struct change *c, struct job *job);
void change_report_end(struct change *c);

/* Per root port: has it a job that @is_in?  NULL for lack of memory.  *@ret_any: has one of them? */
bool *change_ports(struct change *c, bool (*is_in)(const struct job *job), bool *ret_any);

/* @host, a later snapshot, takes the place of the one that @c and its jobs have. */
void change_move_to(struct change *c, const struct cxl_host *host);

/* Run the plans; what failed is in the jobs and the messages.  -ENOMEM or 0. */
int change_run(struct change *c, struct err *err);

/*
 * After a change of the timeout that was done (change_restore.c): put it back on
 * all its root ports, as far as that is possible now, and say what is left.
 */
int change_restore(struct change *c, struct err *err);

/* Timeouts that are set for a while: change_temporary.c. */

/* Before anything is written: write down what is to be put back, and hold it.  -errno with @err. */
int change_hold(struct change *c, struct err *err);
/* Before change_restore(): what others still need is not for this one to put back. */
void change_ask_others(struct change *c);
/* Let go.  What is back as it was, or was not changed (@unchanged), needs nobody any more. */
void change_let_go(struct change *c, bool unchanged);

/*
 * With the lock held, before anything else is changed: put back what was set for a
 * while by commands that ended without doing so.  What cannot be put back now is said
 * and stays for the next command.  *@host becomes a later snapshot when anything was.
 * -errno with @err for lack of memory.
 */
int change_put_back(const struct cxl_host **host, struct messages *messages, struct err *err);

/* Was something asked for that was left out?  Did any write go through? */
bool change_left_any_out(const struct job *job);
bool change_is_changed(const struct change *c);

/* The exit status of all jobs together; says why when nothing was done. */
int change_status(struct change *c);

#endif
