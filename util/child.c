// SPDX-License-Identifier: GPL-2.0-only
/* Running another program: see child.h. */
#include "util/child.h"

#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/array.h"

static const int held_signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
#define N_HELD (ARRAY_SIZE(held_signals))

void child_hold_signals(struct child_signals *ret)
{
	const struct sigaction standard = { .sa_handler = SIG_DFL };
	struct sigaction now;

	sigemptyset(&ret->held);
	for (size_t i = 0; i < N_HELD; i++)
		if (!sigaction(held_signals[i], NULL, &now) && now.sa_handler != SIG_IGN)	/* nohup */
			sigaddset(&ret->held, held_signals[i]);
	sigaddset(&ret->held, SIGCHLD);
	/* ignored, as some parents leave it, it would lose the child's status: wait(2) */
	sigaction(SIGCHLD, &standard, &ret->old_child);
	sigprocmask(SIG_BLOCK, &ret->held, &ret->old);
	/* what comes meanwhile ends us once they are released, whoever only noted it before (stop.h) */
	for (size_t i = 0; i < N_HELD; i++)
		if (sigismember(&ret->held, held_signals[i]) == 1)
			sigaction(held_signals[i], &standard, NULL);
}

void child_release_signals(const struct child_signals *held)
{
	sigaction(SIGCHLD, &held->old_child, NULL);
	sigprocmask(SIG_SETMASK, &held->old, NULL);
}

bool child_signal_waits(const struct child_signals *held)
{
	sigset_t pending;

	sigpending(&pending);
	for (size_t i = 0; i < N_HELD; i++)
		if (sigismember(&pending, held_signals[i]) == 1 &&
		    sigismember(&held->held, held_signals[i]) == 1)
			return true;
	return false;
}

static int status_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* What ended the child was sent to the whole group, and so to us: that is one event. */
static void forget_signal(const struct child_signals *held, int status)
{
	static const struct timespec now;
	sigset_t set;

	if (!WIFSIGNALED(status) || sigismember(&held->held, WTERMSIG(status)) != 1)
		return;
	sigemptyset(&set);
	sigaddset(&set, WTERMSIG(status));
	sigtimedwait(&set, NULL, &now);
}

static int wait_for(pid_t pid, const struct child_signals *held)
{
	siginfo_t info;
	int status;

	for (;;) {
		pid_t done = waitpid(pid, &status, WNOHANG);

		if (done == pid) {
			forget_signal(held, status);
			return status_of(status);
		}
		if (done < 0 && errno != EINTR)
			return -errno;
		if (sigwaitinfo(&held->held, &info) < 0)
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
	sigset_t standard;
	pid_t pid;
	int rc;

	rc = posix_spawnattr_init(&attr);
	if (rc)
		return -rc;
	sigemptyset(&standard);
	sigaddset(&standard, SIGPIPE);	/* we ignore it, see program.c */
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigdefault(&attr, &standard);
	posix_spawnattr_setsigmask(&attr, &held->old);
	rc = posix_spawnp(&pid, argv[0], NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	return rc ? -rc : wait_for(pid, held);
}
