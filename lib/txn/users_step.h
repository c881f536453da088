/* SPDX-License-Identifier: GPL-2.0-only */
/* The step that ends the processes that use memory which is to be taken down. */
#ifndef CXL_USERS_STEP_H
#define CXL_USERS_STEP_H

#include "lib/model/dax.h"
#include "lib/txn/step_run.h"

struct found_user {
	const struct dax_user *user;
	const char *dax;	/* the first of the devices that it uses */
	bool is_ours;		/* this command, or what runs it */
};

/* Each process once. */
struct found_users {
	struct found_user *v;
	size_t n;
	struct arena *arena;	/* its memory, and for more */
};

/* What it reads. */
#define STEP_UNUSED "unused"
#define STEP_IN_USE "in use"

/*
 * Value: of users_end_names[], but not "refuse"; .timeout_us: how long they have after
 * SIGTERM.  Who they are step_run.find_users says.  Nothing takes it back.
 */
extern const struct step_op step_users;

/* "pid 5 (db, unit db.service) has dax0.0 mapped", and how many more do. */
const char *users_text(const struct found_users *users, struct arena *a);

/* Why and how to go on when @u came after the users were ended. */
const char *users_came_back_text(const struct found_user *u, struct arena *a);

#endif
