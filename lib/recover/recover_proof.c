// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a recovery leaves behind that ended well: the proof that this root port
 * can be recovered on this machine.  See recover.h.
 */
#include <errno.h>

#include "lib/kept/proof.h"
#include "lib/recover/recover.h"

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
