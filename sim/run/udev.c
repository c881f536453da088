// SPDX-License-Identifier: GPL-2.0-only
/* Events until a process is started for them, one process at a time: see udev.h. */
#include "sim/run/udev.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/run/uevent.h"
#include "sim/state/later.h"
#include "sim/state/sim.h"
#include "util/cleanup.h"

enum { DELAY_MS = 2, POLL_MS = 5, MAX_LINES = 64 };

struct udev {
	struct udev_event *events, **end;
	pid_t worker;		/* 0: none */
	bool scheduled;
	uint64_t stamp;		/* of the rules that were read last */
	uint64_t number;	/* of the last event */
};

static void free_events(struct udev *u)
{
	while (u->events) {
		struct udev_event *e = u->events;

		u->events = e->next;
		free(e->action);
		free(e->syspath);
		free(e->subsystem);
		free(e->properties);
		free(e);
	}
	u->end = &u->events;
}

/* As the kernel says it, or udev (@by_udev), which knows its number. */
static void send(const struct udev_event *e, bool by_udev)
{
	const char *lines[MAX_LINES + 4];
	_cleanup_free_ char *action = NULL, *path = NULL, *subsystem = NULL, *number = NULL,
			    *copy = strdup(e->properties);
	struct uevent all = { lines, 4 };
	char *save = NULL;

	if (!copy || asprintf(&action, "ACTION=%s", e->action) < 0 ||
	    asprintf(&path, "DEVPATH=%s", e->syspath + strlen("/sys")) < 0 ||
	    asprintf(&subsystem, "SUBSYSTEM=%s", e->subsystem) < 0 ||
	    asprintf(&number, "SEQNUM=%llu", (unsigned long long)e->number) < 0)
		return;
	lines[0] = action;
	lines[1] = path;
	lines[2] = subsystem;
	lines[3] = number;
	all.n -= !by_udev;
	for (char *line = strtok_r(copy, "\n", &save); line && all.n < MAX_LINES; line = strtok_r(NULL, "\n", &save))
		lines[all.n++] = line;
	if (by_udev)
		uevent_send_udev(&all);
	else
		uevent_send_kernel(&all);
}

static void work(const struct udev_event *events, bool aloud)
{
	struct udev_rule *rules;

	for (int sig = 1; sig < 32; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			signal(sig, SIG_DFL);
	setpgid(0, 0);
	close_range(STDERR_FILENO + 1, ~0u, 0);
	dup2(STDERR_FILENO, STDOUT_FILENO);
	uevent_open_again();
	prctl(PR_SET_NAME, "cxl-sim-udev");
	rules = udev_rules_read(aloud);
	for (; events; events = events->next)
		udev_apply(rules, events);
	_exit(EXIT_SUCCESS);
}

static void go_on(struct sim *sim, void *arg)
{
	struct udev *u = arg;
	pid_t ended;

	u->scheduled = false;
	while ((ended = waitpid(-1, NULL, WNOHANG)) > 0)
		if (ended == u->worker)
			u->worker = 0;
	if (!u->worker && u->events) {
		uint64_t stamp = udev_rules_stamp();

		u->worker = stamp ? fork() : 0;
		if (u->worker > 0)
			setpgid(u->worker, u->worker);	/* here and there: whoever comes first */
		if (stamp && !u->worker)
			work(u->events, stamp != u->stamp);
		u->stamp = stamp;	/* what is wrong with the rules is said once */
		if (u->worker < 0) {
			fprintf(stderr, "cxl-sim: no process for udev's rules can be started\n");
			u->worker = 0;
		}
		for (const struct udev_event *e = u->worker ? NULL : u->events; e; e = e->next)
			send(e, true);	/* no rules that come first */
		free_events(u);
	}
	if (u->worker)
		u->scheduled = !later_add(sim, POLL_MS, go_on, u);
}

static char *subsystem_of(const struct node *device)
{
	const struct node *link = tree_child(device, "subsystem");
	const char *slash = link && link->kind == NODE_LINK ? strrchr(link->data, '/') : NULL;

	return strdup(slash ? slash + 1 : "");
}

static char *properties_of(const struct node *device)
{
	const struct node *n = tree_child(device, "uevent");

	return strdup(n && n->data ? n->data : "");
}

void udev_tell(struct sim *sim, const char *action, const struct node *device)
{
	struct udev_event *e;
	struct udev *u;

	if (!sim->udev) {
		sim->udev = calloc(1, sizeof(*sim->udev));
		if (!sim->udev)
			return;
		sim->udev->end = &sim->udev->events;
	}
	u = sim->udev;
	e = calloc(1, sizeof(*e));
	if (!e)
		return;
	e->action = strdup(action);
	e->syspath = node_path(device);
	e->subsystem = subsystem_of(device);
	e->properties = properties_of(device);
	e->number = ++u->number;
	send(e, false);
	*u->end = e;
	u->end = &e->next;
	if (!u->scheduled)
		u->scheduled = !later_add(sim, DELAY_MS, go_on, u);
}

bool udev_is_busy(const struct sim *sim)
{
	return sim->udev && (sim->udev->events || sim->udev->worker);
}

void udev_kill(struct sim *sim)
{
	struct udev *u = sim->udev;

	if (!u)
		return;
	/* with its programs; not waited for, since it may wait for this process to answer */
	if (u->worker)
		kill(-u->worker, SIGKILL);
	u->worker = 0;
	free_events(u);
	later_cancel(sim, go_on);
	u->scheduled = false;
}
