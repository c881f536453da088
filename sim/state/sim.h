/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One simulated host while a command runs on it: what the file system, the
 * models, the faults and the log share.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "sim/state/fault.h"
#include "sim/state/log.h"
#include "sim/state/tree.h"

struct kernel;
struct later;
struct models;
struct port;
struct udev;

/*
 * In memory shared by the processes of a run, so that what happened is known
 * even when the server was killed.
 */
struct sim_shared {
	unsigned long violations;
	char violation[512];		/* the first one, a sentence */
	char death[512];		/* why the host is dead, "" while it lives */
	bool own_proc;			/* /proc shows the run's processes */
	bool command_started;
	int command_status;		/* as wait(2) gives it */
	struct err err;			/* why the run could not be set up or went wrong */
};

struct sim {
	struct tree tree;
	char *host;			/* absolute path of what it was loaded from */
	const struct kernel *kernel;	/* NULL: faithful replay, no models */
	struct models *models;		/* NULL with kernel; models.h */
	bool running;			/* the command runs: /dev follows, and udev hears */
	void (*uevent)(struct sim *sim, const char *action, const struct node *device);	/* in a run */
	struct port **ports;		/* CXL root ports, by address */
	size_t n_ports;
	struct port **only;		/* --only: the ports that may be written */
	size_t n_only;
	struct fault *faults;
	size_t n_faults, max_faults;
	struct oplog log;
	struct later *later;		/* later.h */
	struct udev *udev;		/* udev.h */
	bool finding_devices;		/* second part of a reboot */
	struct sim_shared *shared;
};

/* One file operation by the command, as models see it. */
enum op_kind { OP_READ, OP_WRITE, OP_OPEN };

struct op {
	struct sim *sim;
	enum op_kind kind;
	pid_t pid;
	uid_t uid;
	bool is_nonblocking;	/* OP_READ: the file was opened with O_NONBLOCK */
	struct node *node;
	const char *path;
	unsigned int tries;	/* how often the callback answered SIM_AGAIN before */
	unsigned int wait_ms;	/* set with SIM_AGAIN, 60000 at most */
	char *reply;		/* set by a store: what reading the same handle gives, malloced */
};

bool sim_is_dead(const struct sim *sim);

/* The host panics or resets: every file operation fails with EIO from now on.
 * @how is "panic" or "reset". */
void sim_die(struct sim *sim, const char *how, const char *port, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Something that no correct tool does; recorded, and the run ends with status 4. */
void sim_violation(struct sim *sim, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
