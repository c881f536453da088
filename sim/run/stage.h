/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The private namespaces of a run and what is mounted there, as a table of
 * steps: `run` carries them out, `doctor` tries them and says what fails.
 */
#ifndef SIM_STAGE_H
#define SIM_STAGE_H

#include <stdbool.h>
#include <sys/types.h>

#include "util/err.h"

struct sim;

struct stage {
	const struct sim *sim;	/* NULL for doctor: no host */
	bool user_namespace;
	uid_t uid;		/* outside */
	gid_t gid;
	int fuse_fd;		/* /dev/fuse, opened and mounted */
	bool own_proc;
};

struct stage_step {
	const char *id;
	bool required;
	const char *what;	/* "open /dev/fuse" */
	const char *remedy;
	int (*run)(struct stage *stage);	/* 0 or -errno */
};

extern const struct stage_step stage_steps[];	/* ends with a nameless entry */

extern const char stage_namespace_remedy[];

/*
 * As fork(), into a new PID and mount namespace, and a user namespace where
 * that takes one: 0 in the child, the process id in the parent, or -errno.
 */
pid_t stage_fork(struct stage *stage);

/* In the child: all steps.  -errno with @err when a required one fails. */
int stage_set(struct stage *stage, struct err *err);

/* In the server: the host starts again, with another boot_id.  -errno. */
int stage_boot(void);

/* With the server running: put the host's files over /sys, /proc and /dev. */
int stage_finish(struct stage *stage, struct err *err);

#endif
