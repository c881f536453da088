/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A timeout that is set while a command runs (cxl set-timeout --while), as a file per
 * root port and protocol in the state directory: what the port had before, and what
 * it was set to.  Everybody who needs it so holds the file, and lets go by ending: the
 * last one puts the timeout back.  A file that nobody holds is of one who could not.
 *
 * Written, held and removed only with the host's lock (util/lock.h); looking at it
 * takes none, and holds nothing.
 */
#ifndef CXL_TEMPORARY_H
#define CXL_TEMPORARY_H

#include "lib/model/isolation.h"
#include "lib/model/kept.h"
#include "util/arena.h"

#define TEMPORARY_SUFFIX ".while"

/* What runs meanwhile has the processes that set them in its environment, parted by blanks, the innermost last. */
#define TEMPORARY_ENV "CXL_WHILE_PID"

/* "0000:0c:00.0-mem.while" into @buf. */
void temporary_file(const char *root_port, bool cache, char *buf, size_t size);

/* @t as text, malloc()ed; NULL for lack of memory. */
char *temporary_text(const struct kept_temporary *t);
/* Is @text one, whole?  Its texts live in @a; whether it is held is not in it. */
bool temporary_parse(const char *text, struct arena *a, struct kept_temporary *ret);

/* Is this process (a part of) what runs under the command that set @t?  Then it knows what it does. */
bool temporary_is_own(const struct kept_temporary *t);

#endif
