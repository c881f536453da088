/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bringing one root port back, in parts: recover.c is the command and its
 * output, recover_start.c the start and the plan, recover_refuse.c what is
 * refused, recover_run.c the run with its journal, recover_progress.c what is told
 * meanwhile, recover_names.c what returned under which name.
 */
#ifndef CXL_RECOVER_H
#define CXL_RECOVER_H

#include "cxl/lib/checks/check.h"
#include "cxl/lib/recover/journal.h"
#include "cxl/lib/recover/recover_plan.h"
#include "util/options.h"

enum recover_result {
	RECOVER_REFUSED, RECOVER_PLANNED, RECOVER_DONE, RECOVER_FAILED, RECOVER_STOPPED, RECOVER_ABANDONED,
	N_RECOVER_RESULTS
};
extern const char *const recover_result_names[N_RECOVER_RESULTS];

enum progress { PROGRESS_AUTO, PROGRESS_JSON, PROGRESS_NONE };

/* Starting over reads the host anew; what the recipe was taken from stays. */
enum { RECOVER_MAX_TRIES = 3, RECOVER_MAX_READS = RECOVER_MAX_TRIES + 4 };

struct recover {
	struct cxl_host *host;		/* the last one that was read */
	struct cxl_host *hosts[RECOVER_MAX_READS];
	size_t n_hosts;
	struct cxl_root_port *rp;
	struct messages *messages;
	struct arena arena;
	/* what was asked for */
	bool dry_run, resume, abandon, force_healthy;
	bool asks_anew;			/* --resume with options that the journal has otherwise: @asked */
	struct recover_options asked;	/* what was not asked for is LINK_AUTO, true, false, 0 */
	struct opt_list overrides;
	enum progress progress;
	/* what is found and planned */
	struct check_result checks;
	const char *blocker;		/* id of the check that refused it, NULL when none did */
	bool stays_masked;		/* see recover_facts */
	struct recover_facts facts;
	enum journal_state journal_state;
	struct journal journal;		/* with options, recipe, names, steps */
	bool is_planned;		/* the journal's parts are filled in */
	bool is_fencing;		/* ... with no more than the steps that fence the port */
	struct step_run run;
	bool is_line_open;		/* a step's line of progress waits for its end */
	bool is_retrying;		/* going on where the journal says: a failure is answered by starting over */
	bool changed_before;		/* something was carried out in an earlier try of this run */
	bool keeps_journal;		/* of this run: written before each step */
	int dirfd;			/* state directory; -1: none */
	bool is_other_boot;		/* the journal is of before a reboot */
	struct recover_lock {
		const char *name;
		int fd;
	} *locks;			/* one per root port at most */
	size_t n_locks;
	/* what came of it */
	enum recover_result result;
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
	return r->resume || recover_has_changed(r);
}

/* recover_start.c: find the port by @target, take its lock, look at its journal.  -errno with @err. */
int recover_open(struct recover *r, const char *target, struct err *err);
/* Refuse what must not be; else take the recipe and plan.  -errno with @err. */
int recover_prepare(struct recover *r, struct err *err);
/* Read the host, again; messages about it only the first time. */
int recover_read_host(struct recover *r, struct err *err);
/* The steps that leave nothing below the port that could be used. */
int recover_fence(struct recover *r, struct recover_plan *ret, struct err *err);
/* From the recipe that the journal has, and what is there now: the plan anew. */
int recover_replan(struct recover *r, struct err *err);

/* recover_refuse.c: @err is told as a refusal, @code in the record.  -errno. */
int recover_refuse(struct recover *r, enum exit_status status, const char *code, struct err *err);
int recover_no_memory(struct err *err);
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
/* What cannot be made again would be lost for good. */
int recover_refuse_lost(struct recover *r, struct err *err);

/* recover_run.c: run the plan to its end.  -errno with @err. */
int recover_execute(struct recover *r, struct err *err);
/* Go on with what the journal says. */
int recover_resume(struct recover *r, struct err *err);
/* Leave the port fenced and forget the journal. */
int recover_abandon(struct recover *r, struct err *err);

/* recover_progress.c: step_run.end, and what is said when a step begins. */
void recover_progress_end(struct step_run *run);
void recover_progress_begin(const struct step_run *run, struct recover *r);

/* recover_names.c: step_run.resolve; run->data is the struct recover. */
int recover_resolve(struct step_run *run, const char *name, char *buf, size_t size, struct err *err);
/* How many memory devices are below the port now. */
size_t recover_count_devices(const struct recover *r);
/* What @key was created or returned as; NULL: not yet. */
const char *recover_name_of(const struct journal *j, const char *key);
/* The name of the region that @step made; NULL: none yet. */
const char *recover_created_by(const struct journal *j, const struct step *step);

#endif
