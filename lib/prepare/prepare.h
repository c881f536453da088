/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * daxctl prepare-isolation: who is meant, who is refused, what is planned, and
 * what came of it.  The command around it is prepare.c.
 */
#ifndef DAXCTL_PREPARE_H
#define DAXCTL_PREPARE_H

#include "lib/change/change.h"
#include "lib/kept/last_change.h"
#include "lib/model/dax_facts.h"
#include "lib/plan/dax_plan.h"
#include "lib/prepare/before.h"
#include "lib/prepare/persist_text.h"
#include "lib/read/host_read.h"
#include "lib/read/modules.h"
#include "lib/txn/busy.h"
#include "lib/txn/step_run.h"
#include "util/lock.h"
#include "util/progress.h"

enum prepare_goal {
	PREPARE_DEVDAX,		/* offline, device-dax (or famfs: .famfs), no struct pages on itself */
	PREPARE_SYSTEM_RAM,	/* isolation on first, then System RAM, without struct pages on itself */
	PREPARE_UNDO,		/* as it was before; where that is not known it stays */
};

/* One dax device on its way through the command. */
struct prepare_job {
	const struct dax_facts *before, *after;	/* @after: as read at the end; NULL when it is gone */
	bool is_named;		/* itself, not as one of a group */
	enum outcome result;
	enum exit_status status;
	struct before was;	/* with PREPARE_UNDO: what is kept of it */
	bool keeps_before;	/* of before.h: written by this run */
	bool is_partial;	/* its entries are taken out, its state is not known, so it stays */
};

struct isolation_part;

struct prepare {
	struct host_reading reading, reading_after;
	const struct cxl_host *host, *host_after;	/* of @reading, and as read at the end */
	struct dax_view view, view_after;
	struct messages *messages;	/* of @host */
	struct arena arena;
	int lock;		/* of this host; -1: not held */
	struct lock_holder holder;	/* with @is_hotplug: who has it */
	const char *typed;	/* the whole command */
	struct last_changes last;	/* of prepare_last.c */
	const char *refused_by;	/* code of the message on why nothing was begun; NULL: any */
	enum prepare_goal goal;
	enum tri famfs;		/* with PREPARE_DEVDAX: famfs's or no; TRI_UNKNOWN: what famfs has is its */
	bool dry_run, keep_going, persist, is_hotplug;
	bool has_no_bus;	/* nothing of CXL is here; only entries of what was are taken out */
	uint64_t timeout_us;		/* how long all of it may take to go offline, */
	uint64_t end_us;		/* which is until then, of clock_now_us() */
	struct prepare_job *jobs;
	size_t n_jobs;
	struct dax_plan *plans;		/* one, or with @keep_going one per job; and one for what has no dax device */
	size_t n_plans;
	struct isolation_part *isolation;	/* per plan, of isolate.h; NULL: nothing is to be System RAM */
	struct kernel_log log;		/* since the first step */
	bool is_stopped;		/* by a signal */
	size_t n_blocks, n_blocks_done;
	struct progress progress;	/* on standard error */
	struct modules_loaded loaded;	/* with --load */
	struct serials persisted;	/* of persist.c: what the rule will hold */
	const bool *memdevs;		/* selected, per host.memdevs[]; NULL: no target was named */
	const bool *regions;	/* selected, per host.regions[]; NULL with --hotplug */
	size_t n_without_dax;	/* of them: System RAM that no dax device stands for */
	size_t n_rest;			/* serial numbers of the last plan, which is about what has no dax device */
	enum exit_status rest_status;
	bool autoprobe_planned;
};

/* What the memory of @f is to be with PREPARE_DEVDAX: DAX_DEVDAX or DAX_FAMFS. */
static inline enum dax_mode prepare_mode(const struct prepare *p, const struct dax_facts *f)
{
	bool is_famfs = p->famfs == TRI_YES || (p->famfs == TRI_UNKNOWN && f->mode == DAX_FAMFS);

	return is_famfs ? DAX_FAMFS : DAX_DEVDAX;
}

/* Jobs for @targets (ends with NULL; none: all); -errno with @err. */
int prepare_select(struct prepare *p, char **targets, struct err *err);

/*
 * As the udev rule asks for @dax that has just appeared: a job for it when its
 * memory has one of @serials (ends with NULL), else it is given to the driver that
 * the kernel has for it.  -errno with @err.
 */
int prepare_hotplug(struct prepare *p, const char *dax, char **serials, struct err *err);

/* Decide who is refused, with messages. */
void prepare_refuse(struct prepare *p);
/* One of them: "@text; nothing was changed of it". */
void prepare_refuse_job(struct prepare *p, struct prepare_job *job, enum exit_status status,
			const char *code, const char *text);

/* With PREPARE_UNDO, and no step planned for the state: is that since what it was is not known?  Then that is said. */
void prepare_refuse_unknown(struct prepare *p, struct prepare_job *job, bool has_entries);

/* Refuse what must not be, plan the rest.  Nothing is written.  -errno with @err. */
int prepare_plan(struct prepare *p, struct err *err);

/* Run the plans, read everything again; what failed is in jobs and messages.  -errno with @err. */
int prepare_run(struct prepare *p, struct err *err);

/* The state after a failure in the middle of @plan, as it is read now; *@ret_back: it is as it was. */
const char *prepare_state_after(struct prepare *p, const struct dax_plan *plan, size_t left,
				bool *ret_back);
/* .after of the jobs, as it is now; a device that is gone has none.  -errno with @err. */
int prepare_read_again(struct prepare *p, struct err *err);
/* What was done, and read back, is looked at once more: others may have changed it since. */
void prepare_check_lasting(struct prepare *p);
/* Somebody else may have been faster to bring memory online, or it was so before. */
void prepare_report_zones(struct prepare *p);
/* What the memory is now cannot be read, for the reason in @err: add to that how far it came. */
void prepare_add_what_was_done(const struct prepare *p, struct err *err);

/* The exit status of all jobs together; says why when nothing was done. */
int prepare_status(struct prepare *p);

/* Changes that others did not finish: read them (-ENOMEM or 0); why memory of @r is left alone for one, or NULL. */
int prepare_last_read(struct prepare *p);
const char *prepare_last_refusal(struct prepare *p, const struct cxl_region *r);
/* Before the first step and after the last: that this one is under way.  -ENOMEM or 0. */
int prepare_last_begin(struct prepare *p);
int prepare_last_end(struct prepare *p);

/* The plan that @job's steps are in. */
static inline struct dax_plan *prepare_plan_of(const struct prepare *p,
					       const struct prepare_job *job)
{
	return &p->plans[p->keep_going ? job - p->jobs : 0];
}

/* Timeouts that commands which are gone had set for a while: isolate.c.  -errno with @err. */
int prepare_put_back_timeouts(struct prepare *p, struct err *err);

#endif
