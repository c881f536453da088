// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a recovery leaves behind: evidence of the failure, counters for metrics, and when it
 * ended well the proof that this root port can be recovered on this machine.  See recover.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/kept/count.h"
#include "lib/kept/evidence.h"
#include "lib/kept/proof.h"
#include "lib/recover/recover.h"

/* Who runs this about a failure has kept what there was to keep, and says which: *@ret. */
static bool is_kept_already(const struct recover *r, unsigned long *ret)
{
	const char *said = secure_getenv(EVIDENCE_VARIABLE);
	struct evidence *v;
	char number[32];
	size_t n;

	if (!said || evidence_list(r->dirfd, r->host->arena, &v, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		*ret = v[i].number;
		snprintf(number, sizeof(number), "%lu", v[i].number);
		if (!strcmp(number, said) && !strcmp(v[i].root_port, r->rp->name))
			return true;
	}
	return false;
}

static void say_uncounted(struct recover *r, const char *what, int rc)
{
	if (rc)
		message_add(r->messages, SEV_WARNING, "COUNTERS", r->rp->name, "%s: %s is not counted: %s", r->rp->name, what, err_text(-rc));
}

void recover_count_isolation(struct recover *r, bool again)
{
	int rc = again ? count_back(r->dirfd, r->host, r->rp) : 0;

	say_uncounted(r, "this isolation", rc ? rc : count_isolation(r->dirfd, r->host, r->rp));
}

void recover_count_end(struct recover *r)
{
	static const int ends[N_OUTCOMES] = {
		[OUTCOME_DONE] = ENDED_DONE + 1, [OUTCOME_LEFT] = ENDED_FAILED + 1,
		[OUTCOME_STOPPED] = ENDED_STOPPED + 1, [OUTCOME_ABANDONED] = ENDED_ABANDONED + 1,
	};
	int end = ends[r->result] - 1;

	if (end >= 0 && !r->request.dry_run && r->dirfd >= 0)
		say_uncounted(r, "this recovery", count_recovery(r->dirfd, r->host, r->rp, (enum counted_end)end, r->took_us));
}

/* Of a healthy port that is taken down to try it out there is nothing to tell. */
void recover_keep_evidence(struct recover *r)
{
	unsigned long number;
	struct err err;

	if (iso_isolated(&r->rp->iso) == TRI_YES)
		recover_count_isolation(r, false);
	if (is_kept_already(r, &number))
		return;
	if (iso_isolated(&r->rp->iso) == TRI_NO && r->rp->link.up == TRI_YES)
		return;
	if (evidence_keep(r->dirfd, r->host, r->rp, NULL, &number, &err))
		message_add(r->messages, SEV_WARNING, "EVIDENCE", r->rp->name, "%s", err.text);
	else
		message_add(r->messages, SEV_INFO, "EVIDENCE", r->rp->name, "%s: evidence %lu is kept; 'cxl isolation-status --evidence=%lu' shows it",
			    r->rp->name, number, number);
}

/* Only with the link taken down and the memory used again was everything tried. */
void recover_prove(struct recover *r)
{
	struct err err;
	int rc;

	if (r->journal.method == LINK_NONE || !r->journal.options.rebuild)
		return;
	rc = proof_write(r->dirfd, r->host, r->rp, &err);
	if (rc)
		message_add(r->messages, rc == -ENODATA ? SEV_INFO : SEV_WARNING, "PROOF", r->rp->name, "%s", err.text);
}
