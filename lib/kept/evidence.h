/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Evidence of root ports that failed: a file each in the state directory, written before a
 * recovery takes anything down.  The oldest go where there are too many, or they are too big.
 */
#ifndef CXL_EVIDENCE_H
#define CXL_EVIDENCE_H

#include <json-c/json.h>

#include "lib/model/host.h"

#define EVIDENCE_SUFFIX ".evidence"
#define EVIDENCE_SCHEMA "cxl-evidence/1"	/* of what is in one */
/* In the environment of what is run about a failure: the number of what is kept of it. */
#define EVIDENCE_VARIABLE "CXL_ISOLATION_EVIDENCE"

enum { EVIDENCE_MAX = 16, EVIDENCE_MAX_BYTES = 1 << 20 };	/* so many, each at most so big */

/*
 * Keep what there is of @rp, which failed, in the state directory @dirfd: on disk when this
 * returns, what is below the port as far as it answered.  @events: the last events of errors that were heard of,
 * an array, NULL: nobody has listened.  Its number to *@ret.  -errno with @err.
 */
int evidence_keep(int dirfd, const struct cxl_host *host, const struct cxl_root_port *rp,
		  struct json_object *events, unsigned long *ret, struct err *err);

/* "12.0000:0c:00.0.evidence" */
struct evidence {
	unsigned long number;	/* counted from 1; a number is never given twice while one before it is there */
	char root_port[64];
	char file[128];
	size_t bytes;
};
/* Those in the state directory @dirfd, the oldest first; at most the newest 2 * EVIDENCE_MAX.  Memory from @a.  -errno. */
int evidence_list(int dirfd, struct arena *a, struct evidence **ret, size_t *ret_n);

#endif
