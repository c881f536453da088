// SPDX-License-Identifier: GPL-2.0-only
/* What a change ended in, in words and as an exit status: see outcome.h. */
#include "lib/txn/outcome.h"

const struct outcome_desc outcome_descs[N_OUTCOMES] = {
	[OUTCOME_NONE] = { "not-tried", .status = EXIT_RESUMABLE },
	[OUTCOME_SKIPPED] = { "skipped" },
	[OUTCOME_REFUSED] = { "refused", .status = EXIT_REFUSED },
	[OUTCOME_ALREADY] = { "already", .is_as_asked = true, .is_made = true },
	[OUTCOME_PLANNED] = { "planned", .is_as_asked = true },
	[OUTCOME_DONE] = { "done", .is_as_asked = true, .is_made = true },
	[OUTCOME_PARTIAL] = { "partial", .is_as_asked = true, .is_made = true, .status = EXIT_PARTIAL },
	[OUTCOME_NOT_TRIED] = { "not-tried", .status = EXIT_RESUMABLE },
	[OUTCOME_UNCHANGED] = { "failed", .status = EXIT_REFUSED },
	[OUTCOME_UNDONE] = { "rolled-back", .status = EXIT_REFUSED },
	[OUTCOME_LEFT] = { "failed", .status = EXIT_REFUSED },
	[OUTCOME_STOPPED] = { "stopped", .status = EXIT_RESUMABLE },
	[OUTCOME_ABANDONED] = { "abandoned" },
};
