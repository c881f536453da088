/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a change ended in: of one root port, device or layout, or of several that belong
 * together.  One table has the word of the record for each, and what it amounts to.
 */
#ifndef CXL_OUTCOME_H
#define CXL_OUTCOME_H

#include <stdbool.h>

#include "util/err.h"

enum outcome {
	OUTCOME_NONE,		/* not decided yet */
	OUTCOME_SKIPPED,	/* not what a group stands for */
	OUTCOME_REFUSED,	/* before anything was written */
	OUTCOME_ALREADY,
	OUTCOME_PLANNED,
	OUTCOME_DONE,
	OUTCOME_PARTIAL,	/* done but for what cannot be done */
	OUTCOME_NOT_TRIED,	/* another one of the group failed before, or a signal came */
	OUTCOME_UNCHANGED,	/* failed before it changed anything */
	OUTCOME_UNDONE,		/* failed; everything is as it was */
	OUTCOME_LEFT,		/* failed; the state is neither */
	OUTCOME_STOPPED,	/* to be gone on with */
	OUTCOME_ABANDONED,
};
enum { N_OUTCOMES = OUTCOME_ABANDONED + 1 };

struct outcome_desc {
	const char *name;	/* in the record */
	bool is_as_asked;	/* it was, or would be, done, or it is so already */
	bool is_made;		/* the same without a dry run: it is so now */
	enum exit_status status;	/* where no error says more */
};
extern const struct outcome_desc outcome_descs[N_OUTCOMES];

/* @outcome into @ret; returns the status that goes with it where no error says more. */
static inline enum exit_status outcome_set(enum outcome *ret, enum outcome outcome)
{
	*ret = outcome;
	return outcome_descs[outcome].status;
}

#endif
