/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal of a recovery: one file per root port in the state directory,
 * rewritten as a whole before each step, so that whoever comes after a crash
 * knows what was there, what was planned and how far it came.
 */
#ifndef CXL_JOURNAL_H
#define CXL_JOURNAL_H

#include "cxl/lib/change/step.h"
#include "cxl/lib/recover/recipe.h"
#include "cxl/lib/recover/recover_plan.h"

struct journal {
	const char *version;		/* of the format */
	const char *boot_id;
	bool is_running;		/* a step was begun */
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

/* Write it, whole or not at all, and wait until it is on disk.  -errno. */
int journal_write(int dirfd, const struct journal *j);

enum journal_state { JOURNAL_NONE, JOURNAL_HERE, JOURNAL_DAMAGED, JOURNAL_OTHER };

/*
 * Read the journal of @root_port, memory from @a.  A damaged one is told from
 * one that is not there, and from one of another version of this program
 * (@ret has that version, nothing else); -errno with @err when it cannot be read
 * at all.
 */
int journal_read(int dirfd, const char *root_port, struct arena *a, struct journal *ret, enum journal_state *ret_state,
		 struct err *err);

/* The same from text: true when it is a journal, whole and undamaged. */
bool journal_parse(const char *text, struct arena *a, struct journal *ret);

/* As text, malloc()ed; NULL when there is no memory. */
char *journal_text(const struct journal *j);

int journal_remove(int dirfd, const char *root_port);

#endif
