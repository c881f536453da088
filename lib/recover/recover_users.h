/* SPDX-License-Identifier: GPL-2.0-only */
/* Whose end a recovery brings about where it was asked to, and who is not to be ended. */
#ifndef CXL_RECOVER_USERS_H
#define CXL_RECOVER_USERS_H

#include "lib/recover/recover.h"
#include "lib/txn/users_step.h"

/* What the policy file says about users, where nothing was asked for. */
void recover_take_users_policy(struct recover *r);
/* Are users of the memory ended, before anything else? */
bool recover_ends_users(const struct recover *r);
/* Is a dax device below the port still on its way out of its driver?  -EBUSY with @err. */
int recover_refuse_unbinding(struct recover *r, struct err *err);
/* Before they are ended: has somebody a virtual function by VFIO?  The kernel waits for that.  -EBUSY with @err. */
int recover_refuse_held_functions(struct recover *r, struct err *err);
/* If so: who must not be, or may not be all?  -errno with @err. */
int recover_check_users(struct recover *r, struct err *err);
/*
 * Before @step (its texts resolved) takes memory from whoever uses it, or writes to it: did a
 * user come since it was looked, as one that a supervisor starts again late?  -EBUSY with @err.
 */
int recover_check_newcomers(struct step_run *run, const struct step *step, struct err *err);
/* What was asked for is in the journal's step. */
void recover_take_users_option(struct recover *r);
/* step_run.find_users; run->data is the struct recover. */
int recover_find_users(struct step_run *run, struct found_users *ret, struct err *err);

#endif
