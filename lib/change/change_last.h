/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What was changed last on the root ports (lib/kept/last_change.h), for those who change
 * them: what was not finished, keeping what is done, taking it back.
 */
#ifndef CXL_CHANGE_LAST_H
#define CXL_CHANGE_LAST_H

#include "lib/change/change.h"

/* Before change_select(), with messages.  -ENOMEM or 0. */
int change_last_read(struct change *c);
/* Of @job, whose goal was set: an unfinished change that is finished by it may need more. */
void change_last_go_on(struct change *c, struct job *job);
/* Does an unfinished change stand against @job?  With a message, and its status. */
bool change_last_refuses(struct change *c, struct job *job);
/* "'cxl ...' was ended before it was done with it; run that again ...". */
const char *last_change_refusal(const struct last_change *l, struct arena *a);
/* Before the first write, and after the last. */
int change_last_begin(struct change *c);
void change_last_end(struct change *c);
/* All that @c did was taken back by another change: what was kept before it counts again. */
void change_last_forget(struct change *c);
/*
 * With .undo_last: ports that were changed as one with a selected one are selected; a job's
 * goal is what was there before; then all jobs together are what the checks are asked about.
 */
void change_undo_expand(struct change *c, bool *selected, bool *named);
void change_undo_aim(struct change *c, struct job *job);
void change_undo_judge(struct change *c);

#endif
