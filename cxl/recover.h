/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bringing one root port back, in parts: recover.c is the command and its
 * output, recover_start.c what is refused and planned, recover_run.c the run
 * with journal and progress, recover_names.c what returned under which name.
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
enum { RECOVER_MAX_TRIES = 3, RECOVER_MAX_READS = RECOVER_MAX_TRIES + 3 };

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
	struct step_run run;
	bool is_line_begun;		/* of the progress, on a terminal */
	bool keeps_journal;		/* of this run: written before each step */
	int dirfd;			/* state directory; -1: none */
	int *locks;
	size_t n_locks;
	/* what came of it */
	enum recover_result result;
	struct iso_control before, after;
	uint64_t took_us;
};

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

/* recover_run.c: run the plan to its end.  -errno with @err. */
int recover_execute(struct recover *r, struct err *err);
/* Go on with what the journal says. */
int recover_resume(struct recover *r, struct err *err);
/* Leave the port fenced and forget the journal. */
int recover_abandon(struct recover *r, struct err *err);

/* recover_names.c: step_run.resolve; run->data is the struct recover. */
int recover_resolve(struct step_run *run, const char *name, char *buf, size_t size, struct err *err);
/* What @key was created or returned as; NULL: not yet. */
bool recover_are_devices_there(const struct recover *r);
const char *recover_name_of(const struct journal *j, const char *key);

#endif
