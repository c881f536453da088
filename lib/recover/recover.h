/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bringing one root port back, in parts: recover.c is the command and its
 * output, recover_start.c the start and the plan, recover_refuse.c what is
 * refused, recover_users.[ch] who is ended, recover_run.c the run with its journal, recover_abandon.c its giving up,
 * recover_progress.c what is told meanwhile, recover_names.[ch] what returned under
 * which name, recover_proof.c what is kept of it.
 */
#ifndef CXL_RECOVER_H
#define CXL_RECOVER_H

#include "lib/check/check.h"
#include "lib/kept/journal.h"
#include "lib/plan/recover_plan.h"
#include "lib/read/host_read.h"
#include "lib/txn/outcome.h"
#include "lib/txn/step_run.h"
#include "util/options.h"
#include "util/progress.h"

/* What the command was called for. */
enum recover_task { RECOVER_BEGIN, RECOVER_RESUME, RECOVER_ABANDON };

/* What the journal's steps are, in memory or on disk. */
enum recover_steps { STEPS_NONE, STEPS_RECOVER, STEPS_FENCE };

/* Starting over reads the host again; what the recipe was taken from stays. */
enum { RECOVER_MAX_TRIES = 3, RECOVER_MAX_READS = RECOVER_MAX_TRIES + 4 };

/* What was asked for, beside what is in the journal (struct recover_options). */
struct recover_request {
	enum recover_task task;
	bool dry_run, force_healthy, load;
	struct opt_list overrides;
};

struct recover {
	const struct cxl_host *host;	/* the last one that was read */
	struct host_reading *hosts[RECOVER_MAX_READS];
	size_t n_hosts;
	const struct cxl_root_port *rp;	/* in it */
	struct messages *messages;
	struct arena arena;
	struct recover_request request;
	const struct recover_options *asked;	/* by --resume: what the journal may have otherwise; NULL: nothing */
	/* what is found and planned */
	struct check_result checks;
	const char *blocker;		/* id of the check that refused it, NULL when none did */
	struct recover_facts facts;
	enum journal_state journal_state;
	struct journal journal;		/* with options, recipe, names, steps */
	enum recover_steps planned;
	struct step_run run;
	struct progress progress;	/* on standard error */
	bool is_retrying;		/* going on where the journal says: a failure is answered by starting over */
	bool is_last_try;		/* ... or by giving it up */
	bool changed_before;		/* something was carried out in an earlier try of this run */
	bool keeps_journal;		/* of this run: written before each step */
	int dirfd;			/* state directory; -1: none */
	int lock;			/* of this host; -1: not held */
	/* what came of it */
	enum outcome result;
	struct iso_control before, after;
	uint64_t took_us;
};

static inline bool recover_has_changed(const struct recover *r)
{
	return r->run.changed || r->changed_before;
}

/* Is anything taken down that only the journal knows how to make again? */
static inline bool recover_is_begun(const struct recover *r)
{
	return r->request.task == RECOVER_RESUME || recover_has_changed(r);
}

/* recover_start.c: find the port by @target, take its lock, look at its journal.  -errno with @err. */
int recover_open(struct recover *r, const char *target, struct err *err);
/* Refuse what must not be; else take the recipe and plan.  -errno with @err. */
int recover_prepare(struct recover *r, struct err *err);
/* Read the host, again; messages about it only the first time. */
int recover_read_host(struct recover *r, struct err *err);
/* The steps that leave nothing usable below the port. */
int recover_fence(struct recover *r, struct recover_plan *ret, struct err *err);
/* From the recipe that the journal has, and what is there now: the plan again. */
int recover_replan(struct recover *r, struct err *err);

/* recover_refuse.c: @err is told as a refusal, @code in the record.  -errno. */
int recover_refuse(struct recover *r, enum exit_status status, const char *code, struct err *err);
/* Is there something to recover from, and may everything be taken down? */
int recover_refuse_now(struct recover *r, struct err *err);
/* The latter alone; for --resume and --abandon what can have come into use meanwhile. */
int recover_refuse_checks(struct recover *r, struct err *err);
/* What kmem has of it and cannot give back: also when a run starts over, or gives up. */
int recover_refuse_online(struct recover *r, struct err *err);
/* Out of isolation leads only the status register: it has to be there, or known not to be. */
int recover_refuse_unknown(struct recover *r, struct err *err);
/* What somebody made below the port since the recovery began is not for it to tear down. */
int recover_refuse_strange(struct recover *r, struct err *err);
/* A region that may lie below the port would lose its devices unawares. */
int recover_refuse_hidden(struct recover *r, struct err *err);
/* What goes down for it has no user: of a journal, if @all, else only what has steps ahead. */
int recover_refuse_neighbours(struct recover *r, bool all, struct err *err);
/* What cannot be made again would be lost for good. */
int recover_refuse_lost(struct recover *r, const struct rebuild_set *set, struct err *err);

/* recover_run.c: run the plan to its end.  -errno with @err. */
int recover_execute(struct recover *r, struct err *err);
/* Go on with what the journal says. */
int recover_resume(struct recover *r, struct err *err);
/* Leave the port fenced and forget the journal, with signals held back. */
int recover_abandon(struct recover *r, struct err *err);
/* The run of the journal's steps. */
void recover_set_up_run(struct recover *r);
/* While a region is made again new dax devices get no driver, new memory stays offline: not longer than this run. */
void recover_restore_held(struct recover *r);

/* recover_abandon.c: the same as recover_abandon(), also in the middle of a run. */
int recover_give_up(struct recover *r, struct err *err);

/* recover_progress.c: step_run.end, and what is said when a step begins. */
void recover_progress_end(struct step_run *run);
void recover_progress_begin(const struct step_run *run, struct recover *r);

/* recover_after.c: what is not as it was at the end. */
void recover_report_after(struct recover *r);

/* recover_proof.c: evidence of what failed, before anything is taken down; without it the recovery goes on, which is said. */
void recover_keep_evidence(struct recover *r);
/* For metrics: that it is isolated, @again after it was not; and how the recovery ended. */
void recover_count_isolation(struct recover *r, bool again);
void recover_count_end(struct recover *r);
/* A recovery that ended well is kept as a proof that it can. */
void recover_prove(struct recover *r);

#endif
