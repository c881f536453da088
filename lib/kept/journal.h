/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal of a recovery: one file per root port in the state directory,
 * rewritten as a whole before each step, so that whoever comes after a crash
 * knows what was there, what was planned and how far it came.
 */
#ifndef CXL_JOURNAL_H
#define CXL_JOURNAL_H

#include "lib/plan/recipe.h"
#include "lib/plan/recover_plan.h"
#include "lib/txn/step.h"

/* What a recovery is in the middle of: the part of its plan that the step begun last belongs to. */
enum recover_phase {
	PHASE_PLANNED,		/* nothing was begun */
	PHASE_PREPARING,	/* users end, dax devices and regions are taken apart */
	PHASE_TAKEN_DOWN,	/* the functions below are removed, or being removed; the link may be down */
	PHASE_RETURNING,	/* looked for again: some may be there */
	PHASE_REBUILDING,	/* regions are made again */
	PHASE_FENCING,		/* given up: what is there is taken away */
};
enum { N_RECOVER_PHASES = PHASE_FENCING + 1 };

struct journal {
	const char *version;		/* of the format */
	const char *boot_id;
	enum recover_phase phase;
	unsigned int tries;		/* how often it was begun: 1 at first */
	int dax_autoprobe;		/* of the dax bus before, -1 unknown: to be left as it was */
	struct recover_options options;	/* as asked for */
	enum link_method method;	/* the one that was taken */
	struct recipe recipe;
	struct journal_name *names;
	size_t n_names, max_names;
	struct step *steps;
	size_t n_steps;
};

#define JOURNAL_SUFFIX ".json"

/* The name of @root_port's journal in the state directory (util/state.h), which @dirfd is below. */
void journal_file(const char *root_port, char *buf, size_t size);

/* The phase of a plan whose step @at is the last that was begun.  Pure. */
enum recover_phase recover_phase_of(const struct step *steps, size_t at);

/* Write it, whole or not at all, and wait until it is on disk.  -errno. */
int journal_write(int dirfd, const struct journal *j);

enum journal_state {
	JOURNAL_NONE,
	JOURNAL_HERE,
	JOURNAL_STALE,		/* of before a reboot: for whoever reads it to find */
	JOURNAL_DAMAGED,
	JOURNAL_OTHER,		/* of another version */
};

/*
 * Read the journal of @root_port, memory from @a.  A damaged one is told from
 * one that is not there, and from one of another version of this program
 * (@ret has that version, nothing else); -errno with @err when it cannot be read
 * at all.
 */
int journal_read(int dirfd, const char *root_port, struct arena *a, struct journal *ret,
		 enum journal_state *ret_state, struct err *err);

/* The same from text: 0, -ENOMEM, or -EINVAL when it is not a journal, or not whole and undamaged. */
int journal_parse(const char *text, struct arena *a, struct journal *ret);

/* As text, malloc()ed; NULL when there is no memory. */
char *journal_text(const struct journal *j);

int journal_remove(int dirfd, const char *root_port);

#endif
