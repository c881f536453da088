// SPDX-License-Identifier: GPL-2.0-only
/* Running another program: see child.h. */
#include "util/child.h"

#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

static const int held_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
#define N_HELD (sizeof(held_signals) / sizeof(held_signals[0]))

static void fill(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < N_HELD; i++)
		sigaddset(set, held_signals[i]);
}

void child_hold_signals(struct child_signals *ret)
{
	sigset_t set;

	fill(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &ret->old);
}

void child_release_signals(const struct child_signals *held)
{
	sigprocmask(SIG_SETMASK, &held->old, NULL);
}

bool child_signal_waits(void)
{
	sigset_t pending;

	sigpending(&pending);
	for (size_t i = 0; i < N_HELD; i++)
		if (sigismember(&pending, held_signals[i]) == 1)
			return true;
	return false;
}

static int status_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int wait_for(pid_t pid)
{
	siginfo_t info;
	sigset_t set;
	int status;

	fill(&set);
	sigaddset(&set, SIGCHLD);
	for (;;) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status_of(status);
		if (sigwaitinfo(&set, &info) < 0)
			continue;
		/* SI_USER: kill(2), and not a terminal, which signals the whole group */
		if (info.si_signo != SIGCHLD && info.si_code <= 0)
			kill(pid, info.si_signo);
	}
}

int child_run(char **argv, const struct child_signals *held)
{
	extern char **environ;
	posix_spawnattr_t attr;
	pid_t pid;
	int rc;

	rc = posix_spawnattr_init(&attr);
	if (rc)
		return -rc;
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawnattr_setsigmask(&attr, &held->old);
	rc = posix_spawnp(&pid, argv[0], NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	return rc ? -rc : wait_for(pid);
}
