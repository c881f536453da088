// SPDX-License-Identifier: GPL-2.0-only
/*
 * The processes of a run.  The one the user started (P0) waits and forwards
 * signals; P1 is the first of a PID namespace, sets the stage and starts the
 * file system's server (P2) and the command (P3).  Whatever ends, all end: P1
 * dies with P0, everything dies with P1, and only P2 holds the FUSE device.
 */
#include "sim/run/run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "sim/host/host.h"
#include "sim/run/private.h"
#include "sim/run/stage.h"
#include "sim/run/udev.h"
#include "sim/server/fs.h"
#include "sim/state/sim.h"
#include "util/cleanup.h"

struct run {
	struct sim *sim;
	char **argv;
	struct stage stage;
	sigset_t waited;	/* signals taken with sigwaitinfo() */
	sigset_t original;	/* the user's mask, for the command */
	int alive[2];		/* pipe: its write end is P0's */
	pid_t server, command;
	bool server_ended, command_ended;
	int server_status;
};

/* --- P3 ------------------------------------------------------------------ */

/* The programs that came with this one are found first in a run, of a build in its directories. */
static void find_siblings(void)
{
	const char *set = getenv("PATH"), *path = set ? set : "/bin:/usr/bin";	/* as execvp() has it */
	_cleanup_free_ char *with = NULL;
	char own[PATH_MAX], hosts[PATH_MAX];
	int n;

	host_beside_program("", own, sizeof(own));
	host_beside_program(HOSTS_OF_BUILD, hosts, sizeof(hosts));
	if (!*own || strchr(own, ':'))
		return;
	own[strlen(own) - 1] = '\0';	/* the slash */
	if (!access(hosts, F_OK))
		n = asprintf(&with, "%s/../cxl:%s/../daxctl:%s:%s", own, own, own, path);
	else
		n = asprintf(&with, "%s:%s:%s", FRONT_END_DIR, own, path);
	if (n < 0) {
		with = NULL;
		return;
	}
	setenv("PATH", with, 1);
}

static void exec_command(const struct run *run)
{
	int e;

	find_siblings();
	sigprocmask(SIG_SETMASK, &run->original, NULL);
	setenv("CXL_STATE_DIR", PRIVATE_STATE_DIR, 0);	/* journals of this host, gone with it */
	setenv("SYSTEMD_DEVICE_VERIFY_SYSFS", "0", 1);	/* libudev refuses a /sys that is not sysfs */
	execvp(run->argv[0], run->argv);
	e = errno;
	fprintf(stderr, "cxl-sim: cannot run %s: %s\n", run->argv[0], strerror(e));
	_exit(e == ENOENT ? EXIT_NO_PROGRAM : 126);
}

/* --- P2 ------------------------------------------------------------------ */

static void ignore_terminal(void)
{
	static const int signals[] = { SIGINT,  SIGQUIT, SIGHUP, SIGTSTP,
				       SIGTTIN, SIGTTOU, SIGPIPE };

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		signal(signals[i], SIG_IGN);
}

static void serve(struct run *run)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	ignore_terminal();
	signal(SIGALRM, SIG_DFL);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
	}
	if (chdir("/"))
		_exit(EXIT_REFUSED);
	run->sim->log.own_proc = run->stage.own_proc;
	run->sim->uevent = udev_tell;
	run->sim->running = run->sim->models;
	_exit(fs_serve(run->sim, run->stage.fuse_fd, &run->sim->shared->err) ? EXIT_REFUSED
									     : EXIT_DONE);
}

/* --- P1 ------------------------------------------------------------------ */

/* Signals that somebody sent; the terminal's reach every process by themselves. */
static bool is_sent(const siginfo_t *info)
{
	return info->si_code <= 0;
}

static void reap(struct run *run)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == run->command) {
			run->command_ended = true;
			run->sim->shared->command_status = status;
		} else if (pid == run->server) {
			run->server_ended = true;
			run->server_status = status;
		}
	}
}

static void report_server(struct run *run)
{
	struct err *err = &run->sim->shared->err;
	int status = run->server_status;

	if (err->text[0])
		return;
	if (WIFSIGNALED(status))
		err_set(err, EXIT_REFUSED, EIO, "the server of the simulated host was killed (%s), and the command "
			"with it; run it again", strsignal(WTERMSIG(status)));
	else
		err_set(err, EXIT_REFUSED, EIO, "the server of the simulated host ended with status %d, and the "
			"command with it; run it again", WEXITSTATUS(status));
}

static void supervise(struct run *run)
{
	siginfo_t info;
	int sig;

	while (!run->command_ended) {
		if (run->server_ended) {
			kill(run->command, SIGKILL);
			waitpid(run->command, &run->sim->shared->command_status, 0);
			report_server(run);
			return;
		}
		sig = sigwaitinfo(&run->waited, &info);
		if (sig == SIGCHLD)
			reap(run);
		else if (sig > 0 && is_sent(&info))
			kill(run->command, sig);
	}
}

static int start_server(struct run *run, struct err *err)
{
	run->server = fork();
	if (run->server < 0)
		return err_set(err, EXIT_PREREQ, errno, "cannot start a process: %s", strerror(errno));
	if (!run->server)
		serve(run);
	close(steal_fd(&run->stage.fuse_fd));
	return 0;
}

static int start_command(struct run *run, struct err *err)
{
	run->command = fork();
	if (run->command < 0)
		return err_set(err, EXIT_PREREQ, errno, "cannot start a process: %s", strerror(errno));
	if (!run->command)
		exec_command(run);
	run->sim->shared->command_started = true;
	return 0;
}

static void direct(struct run *run)
{
	struct err *err = &run->sim->shared->err;
	struct pollfd p = { .fd = run->alive[0] };

	/* die with P0, also when it died before this took effect */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(run->alive[1]);
	if (poll(&p, 1, 0) > 0 && p.revents & POLLHUP)
		_exit(EXIT_REFUSED);
	if (stage_set(&run->stage, err) || start_server(run, err) ||
	    stage_finish(&run->stage, err) || start_command(run, err))
		_exit(EXIT_REFUSED);
	supervise(run);
	_exit(EXIT_DONE);
}

/* --- P0 ------------------------------------------------------------------ */

static int wait_for(struct run *run, pid_t first)
{
	siginfo_t info;
	int status;

	for (;;) {
		int sig = sigwaitinfo(&run->waited, &info);

		if (sig == SIGCHLD && waitpid(first, &status, WNOHANG) == first)
			return status;
		if (sig > 0 && sig != SIGCHLD && is_sent(&info))
			kill(first, sig);
	}
}

static int result(const struct sim_shared *s, int first_status, struct err *err)
{
	if (s->err.text[0]) {
		*err = s->err;
		return err->errnum ? -err->errnum : -EINVAL;
	}
	if (WIFSIGNALED(first_status) || WEXITSTATUS(first_status) || !s->command_started)
		return err_set(err, EXIT_REFUSED, EIO, "the first process of the run ended unexpectedly (%s)",
			       WIFSIGNALED(first_status) ? strsignal(WTERMSIG(first_status)) : "status not 0");
	if (WIFSIGNALED(s->command_status))
		return 128 + WTERMSIG(s->command_status);
	return WEXITSTATUS(s->command_status);
}

int run_command(struct sim *sim, char **argv, struct err *err)
{
	static const int waited[] = { SIGCHLD, SIGINT, SIGQUIT, SIGTERM, SIGHUP };
	struct run run = { .sim = sim, .argv = argv, .stage = { .sim = sim, .fuse_fd = -1 } };
	pid_t first;
	int status;

	if (pipe2(run.alive, O_CLOEXEC))
		return err_set(err, EXIT_PREREQ, errno, "cannot make a pipe: %s", strerror(errno));
	sigemptyset(&run.waited);
	for (size_t i = 0; i < sizeof(waited) / sizeof(*waited); i++)
		sigaddset(&run.waited, waited[i]);
	sigprocmask(SIG_BLOCK, &run.waited, &run.original);
	signal(SIGCHLD, SIG_DFL);	/* an inherited "ignore" would reap behind our back */
	first = stage_fork(&run.stage);
	if (!first)
		direct(&run);
	close(run.alive[0]);
	if (first < 0) {
		status = err_set(err, EXIT_PREREQ, -first, "cannot run a simulated host here: namespaces are refused: "
				 "%s; 'cxl-sim doctor' says what to do", strerror(-first));
	} else {
		status = result(sim->shared, wait_for(&run, first), err);
	}
	close(run.alive[1]);
	sigprocmask(SIG_SETMASK, &run.original, NULL);
	return status;
}
