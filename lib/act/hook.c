// SPDX-License-Identifier: GPL-2.0-only
/* Running a program of the administrator's: see hook.h. */
#include "lib/act/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/act/act_say.h"
#include "util/ask.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/parse.h"

enum {
	US_PER_MS = 1000, US_PER_S = 1000000,
	LOOK_MS = 100,			/* for a signal that came just before waiting */
	GRACE_US = 2 * US_PER_S,	/* between SIGTERM and SIGKILL */
	NOT_RUN = 126,			/* as a shell has it */
};

/* --- whose it is -------------------------------------------------------------------- */

/* *@ret: where links on the way lead, malloc()ed. */
static int find_program(const char *key, const char *program, char **ret, struct err *err)
{
	_cleanup_free_ char *real = realpath(program, NULL);
	_cleanup_close_ int fd = -1;
	char at[PATH_MAX];
	struct stat st;

	if (!real)
		return err_set(err, EXIT_PREREQ, errno, "%s: %.300s is not there: %s; nothing is run", key, program, strerror(errno));
	if (file_is_others(program, at, sizeof(at)))
		return err_set(err, EXIT_PREREQ, EUNTRUSTED, "%s: %.300s is not run, since others than root could have changed it: see to %.300s, which root has to own and nobody else may write",
			       key, program, at);
	fd = file_open(AT_FDCWD, real, O_RDONLY, 0, &st);
	if (fd < 0 || !(st.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)))
		return err_set(err, EXIT_PREREQ, EACCES, "%s: %.300s is not a program; nothing is run", key, program);
	*ret = steal_ptr(&real);
	return 0;
}

int hook_check(const char *key, const char *program, struct err *err)
{
	_cleanup_free_ char *real = NULL;

	return find_program(key, program, &real, err);
}

/* --- in the child ------------------------------------------------------------------- */

/*
 * With "no new privileges" the program that root runs gets back no capability that is given up here
 * (cap_bprm_creds_from_file() of security/commoncap.c), whatever it is.
 */
static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
		return -errno;
	return syscall(SYS_capset, &header, none) ? -errno : 0;
}

static void __attribute__((noreturn)) run_program(const struct hook *hook, const char *real, int in,
						  int out)
{
	char *const argv[] = { (char *)(uintptr_t)hook->program, NULL };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(out, STDERR_FILENO) < 0 || close_range(STDERR_FILENO + 1, ~0U, 0) ||
	    chdir("/") || drop_capabilities()) {
		dprintf(STDERR_FILENO, "it cannot be run safely: %s\n", strerror(errno));
		_exit(NOT_RUN);
	}
	/* as it was checked: a link may lead elsewhere by now */
	execve(real, argv, hook->env);
	dprintf(STDERR_FILENO, "it cannot be run: %s\n", strerror(errno));
	_exit(NOT_RUN);
}

/* --- its output ---------------------------------------------------------------------- */

struct output {
	int fd;
	char line[512];
	size_t n, lines;
	bool is_full;	/* and that was said */
};

static void say_line(const struct hook *hook, struct output *o)
{
	char shown[sizeof(o->line)];

	o->line[o->n] = '\0';
	o->lines += o->n && o->lines <= HOOK_MAX_LINES;
	if (o->n && o->lines <= HOOK_MAX_LINES)
		act_say(LOG_INFO, hook->root_port, "%s: %s", hook->key, printable(o->line, shown, sizeof(shown)));
	else if (o->n && !o->is_full)
		act_say(LOG_WARNING, hook->root_port, "%s: what more it writes is left out", hook->key);
	o->is_full |= o->n && o->lines > HOOK_MAX_LINES;
	o->n = 0;
}

/* What there is; false at its end. */
static bool take_output(const struct hook *hook, struct output *o)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(o->fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++) {
			if (buf[i] == '\n' || o->n + 1 == sizeof(o->line))
				say_line(hook, o);
			if (buf[i] != '\n')
				o->line[o->n++] = buf[i];
		}
	return n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* --- around it ----------------------------------------------------------------------- */

struct running {
	pid_t pid;
	int pidfd;
	struct output output;
};

/* Until it ended, or @end_us; false: it did not. */
static bool wait_until(const struct hook *hook, struct running *r, uint64_t end_us,
		       bool (*is_stopped)(void), int *ret_status)
{
	for (;;) {
		uint64_t now = clock_now_us();
		uint64_t left = now < end_us ? (end_us - now) / US_PER_MS + 1 : 0;
		struct pollfd p[] = { { .fd = r->pidfd, .events = POLLIN },
				      { .fd = r->output.fd, .events = POLLIN } };

		if (!left || (is_stopped && is_stopped()))
			return false;
		poll(p, 2, (int)(left < LOOK_MS ? left : LOOK_MS));
		if (!take_output(hook, &r->output))
			r->output.fd = -1;	/* it has closed it: it may go on */
		if (waitpid(r->pid, ret_status, WNOHANG) == r->pid)
			return true;
	}
}

/* It, and what it started in its group. */
static void end(const struct hook *hook, struct running *r)
{
	int status;

	kill(-r->pid, SIGTERM);
	if (wait_until(hook, r, clock_now_us() + GRACE_US, NULL, &status))
		return;
	kill(-r->pid, SIGKILL);
	wait_until(hook, r, clock_now_us() + GRACE_US, NULL, &status);
}

static int watch(const struct hook *hook, struct running *r, bool (*is_stopped)(void),
		 struct err *err)
{
	bool has_ended;
	int status = 0;

	has_ended = wait_until(hook, r, clock_now_us() + hook->timeout_us, is_stopped, &status);
	if (!has_ended)
		end(hook, r);
	kill(-r->pid, SIGKILL);	/* what it left behind */
	if (r->output.fd >= 0)
		take_output(hook, &r->output);
	say_line(hook, &r->output);
	if (is_stopped() && (!has_ended || WIFSIGNALED(status)))
		return err_set(err, EXIT_RESUMABLE, EINTR, "%s was ended with this command; the next one runs it again", hook->key);
	if (!has_ended)
		return err_set(err, EXIT_TIMEDOUT, ETIMEDOUT, "%s (%.300s) did not end within %g s and was ended; it goes on without", hook->key, hook->program,
			       (double)hook->timeout_us / US_PER_S);
	if (WIFSIGNALED(status))
		return err_set(err, EXIT_REFUSED, EIO, "%s (%.300s) was ended by signal %d; it goes on without", hook->key, hook->program, WTERMSIG(status));
	if (WEXITSTATUS(status))
		return err_set(err, EXIT_REFUSED, EIO, "%s (%.300s) ended with exit status %d; it goes on all the same", hook->key, hook->program, WEXITSTATUS(status));
	return 0;
}

/* Its standard input: nobody has to wait until it is read. */
static int input_of(const struct hook *hook)
{
	int fd = memfd_create("hook", MFD_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	rc = ask_answer(fd, hook->input, strlen(hook->input));
	rc = rc ? rc : ask_answer(fd, "\n", 1);
	if (!rc && lseek(fd, 0, SEEK_SET) < 0)
		rc = -errno;
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

static int start(const struct hook *hook, const char *real, struct running *r)
{
	_cleanup_close_ int in = input_of(hook), out = -1, from = -1;
	pid_t parent = getpid();
	int fds[2];

	if (in < 0 || pipe2(fds, O_CLOEXEC))
		return in < 0 ? in : -errno;
	from = fds[0];
	out = fds[1];
	if (fcntl(from, F_SETFL, O_NONBLOCK))
		return -errno;
	r->pid = fork();
	if (r->pid < 0)
		return -errno;
	if (!r->pid) {
		setpgid(0, 0);
		/* not without whoever waits for it */
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
			_exit(NOT_RUN);
		run_program(hook, real, in, out);
	}
	setpgid(r->pid, r->pid);
	r->pidfd = (int)syscall(SYS_pidfd_open, r->pid, 0);
	r->output.fd = steal_fd(&from);
	return 0;
}

int hook_run(const struct hook *hook, bool (*is_stopped)(void), struct err *err)
{
	struct running r = { .pidfd = -1, .output.fd = -1 };
	_cleanup_free_ char *real = NULL;
	int rc = find_program(hook->key, hook->program, &real, err), out;

	if (rc)
		return rc;
	rc = start(hook, real, &r);
	if (rc)
		return err_set(err, EXIT_REFUSED, -rc, "%s (%.300s) cannot be started: %s", hook->key, hook->program, strerror(-rc));
	out = r.output.fd;
	rc = watch(hook, &r, is_stopped, err);
	close(out);
	if (r.pidfd >= 0)
		close(r.pidfd);
	return rc;
}
