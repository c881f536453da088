// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ending who uses the memory: see users_step.h.  A process is held by a pidfd
 * (pidfd_open(2)), and asked for again after that: so a number that was given to
 * another process meanwhile ends nobody.
 */
#include "lib/txn/users_step.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	KILL_US = 5000000,	/* after SIGKILL: more than giving back its memory takes */
	SETTLE_US = 1000000,	/* a supervisor starts again what ended: systemd after 0.1 s */
	SLICE_MS = 50,
};

struct victims {
	const struct found_users *users;
	struct pollfd *fds;	/* per users->v[]; .fd -1: gone, or no user any more */
};

/* --- in words ------------------------------------------------------------------------- */

static const char *user_text(const struct found_user *u, struct arena *a)
{
	const char *text = arena_printf(a, "%s has %s %s", dax_user_text(u->user, a), u->dax, u->user->maps ? "mapped" : "open");

	return text ? text : u->dax;
}

const char *users_text(const struct found_users *users, struct arena *a)
{
	const char *first = user_text(&users->v[0], a), *text = first;

	if (users->n > 1)
		text = arena_printf(a, "%s, and %zu more", first, users->n - 1);
	return text ? text : first;
}

const char *users_came_back_text(const struct found_user *u, struct arena *a)
{
	const struct process_owner *o = &u->user->owner;
	bool has_unit = o->unit && !o->is_own_unit;
	const char *text = arena_printf(a, "%s again after those before were ended; %s%s%s, and run the command again", user_text(u, a),
					has_unit ? "stop what starts it: systemctl stop '" : "stop what starts it",
					has_unit ? o->unit : "", has_unit ? "'" : "");

	return text ? text : "its users come again";
}

/* --- who it is about -------------------------------------------------------------------- */

static int find(struct step_run *run, struct found_users *ret, struct err *err)
{
	if (!run->find_users)
		return err_set(err, EXIT_REFUSED, EOPNOTSUPP, "who uses the memory cannot be found out");
	return run->find_users(run, ret, err);
}

static int read_users(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	struct found_users users;
	struct err err;
	int rc = find(run, &users, &err);

	(void)step;
	if (!rc)
		snprintf(buf, size, "%s", users.n ? STEP_IN_USE : STEP_UNUSED);
	return rc;
}

static bool has_pid(const struct found_users *users, pid_t pid)
{
	for (size_t i = 0; i < users->n; i++)
		if (users->v[i].user->pid == pid)
			return true;
	return false;
}

static void let_go(struct victims *v, size_t i)
{
	if (v->fds[i].fd >= 0)
		close(v->fds[i].fd);
	v->fds[i].fd = -1;
}

/* A hold on each user that is one still when it is held. */
static int hold(struct step_run *run, struct victims *v, struct err *err)
{
	struct found_users again;
	int rc;

	for (size_t i = 0; i < v->users->n; i++) {
		const struct found_user *u = &v->users->v[i];

		if (u->is_ours)
			return err_set(err, EXIT_NEGATIVE, EBUSY, "%s, and is this command or what runs it, so nobody was ended; close it there, and run the command again",
				       user_text(u, v->users->arena));
		v->fds[i].fd = (int)syscall(SYS_pidfd_open, u->user->pid, 0);
		v->fds[i].events = POLLIN;
		if (v->fds[i].fd < 0 && errno != ESRCH)
			return err_set(err, EXIT_PREREQ, errno, "%s, and cannot be ended: %s; end it, and run the command again", user_text(u, v->users->arena),
				       err_text(errno));
	}
	rc = find(run, &again, err);
	for (size_t i = 0; !rc && i < v->users->n; i++)
		if (!has_pid(&again, v->users->v[i].user->pid))
			let_go(v, i);
	return rc;
}

/* --- ending them -------------------------------------------------------------------------- */

static void send_signal(const struct victims *v, int sig)
{
	for (size_t i = 0; i < v->users->n; i++)
		if (v->fds[i].fd >= 0)	/* who cannot be reached is found not to go */
			syscall(SYS_pidfd_send_signal, v->fds[i].fd, sig, NULL, 0);
}

/* Until all are gone, @end_us, or the run is stopped: how many are left. */
static size_t wait_for(struct step_run *run, struct victims *v, uint64_t end_us)
{
	for (;;) {
		uint64_t now = clock_now_us();
		size_t left = 0;

		poll(v->fds, v->users->n, now < end_us ? SLICE_MS : 0);
		for (size_t i = 0; i < v->users->n; i++) {
			if (v->fds[i].fd >= 0 && v->fds[i].revents)
				let_go(v, i);
			left += v->fds[i].fd >= 0;
		}
		if (!left || now >= end_us || step_is_to_stop(run))
			return left;
	}
}

static int did_not_go(const struct victims *v, const struct step *step, bool is_killed,
		       struct err *err)
{
	struct arena *a = v->users->arena;
	struct found_users left = { .v = arena_alloc(a, v->users->n, sizeof(*left.v)), .arena = a };

	for (size_t i = 0; left.v && i < v->users->n; i++)
		if (v->fds[i].fd >= 0)
			left.v[left.n++] = v->users->v[i];
	if (!left.n)
		return err_no_memory(err, ", nothing was taken down");
	return err_set(err, EXIT_NEGATIVE, EBUSY, "%s %g s after it was told to end%s", users_text(&left, a), (double)step->timeout_us / 1e6,
		       is_killed ? ", and was killed in vain: the kernel holds it, as it does where a device has pages of it pinned, and if it stays only a reboot helps" :
		       "; nothing was taken down; end it, or run the command again with --users=kill, or a longer --users-grace");
}

/* Nobody came after them; a supervisor has a moment to show that it would. */
static int stay_away(struct step_run *run, struct err *err)
{
	const uint64_t end_us = clock_now_us() + SETTLE_US;
	struct found_users now;

	for (;;) {
		int rc = find(run, &now, err);

		if (rc)
			return rc;
		if (now.n)
			return err_set(err, EXIT_NEGATIVE, EBUSY, "%s", users_came_back_text(&now.v[0], now.arena));
		if (clock_now_us() >= end_us)
			return 0;
		usleep(SETTLE_US / 5);
	}
}

static int end_all(struct step_run *run, const struct step *step, struct victims *v,
		   struct err *err)
{
	bool kills = !strcmp(step->value, users_end_names[USERS_KILL]);
	int rc = hold(run, v, err);
	size_t left;

	if (rc)
		return rc;
	send_signal(v, SIGTERM);
	left = wait_for(run, v, clock_now_us() + step->timeout_us);
	if (left && step_is_to_stop(run))
		return err_set(err, EXIT_RESUMABLE, EINTR, "stopped by a signal while users of the memory were ending");
	if (left && kills) {
		send_signal(v, SIGKILL);
		left = wait_for(run, v, clock_now_us() + KILL_US);
	}
	return left ? did_not_go(v, step, kills, err) : stay_away(run, err);
}

static int do_end_users(struct step_run *run, const struct step *step, struct err *err)
{
	struct found_users users;
	struct victims v = { .users = &users };
	int rc = find(run, &users, err);

	if (rc || !users.n)
		return rc;
	v.fds = arena_alloc(users.arena, users.n, sizeof(*v.fds));
	if (!v.fds)
		return err_no_memory(err, ", nobody was ended");
	for (size_t i = 0; i < users.n; i++)
		v.fds[i].fd = -1;
	rc = end_all(run, step, &v, err);
	for (size_t i = 0; i < users.n; i++)
		let_go(&v, i);
	return rc;
}

const struct step_op step_users = { .name = "end-users", .run = do_end_users, .read = read_users, .is_no_change = true };
