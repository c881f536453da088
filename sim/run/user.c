// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user of a dax device as an administrator meets it: a process of the run, of
 * its own name, with a shared mapping.  See user.h.
 */
#include "sim/run/user.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/models/mapped.h"
#include "util/cleanup.h"
#include "util/parse.h"

#define NAME "dax-user"		/* /proc/PID/comm */

enum {
	USE_MS = 20,		/* between two accesses */
	STOP_TRIES = 200,	/* of 10 ms, until a killed process is gone */
};

/* Its fate goes through @pipe as one int: 0 or an errno. */
static void use(const char *path, bool idle, int pipe)
{
	int fd = open(path, O_RDWR | O_CLOEXEC), null = open("/dev/null", O_RDWR), rc = 0;
	const volatile char *at = MAP_FAILED;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		rc = errno;
	else if (!st.st_size)
		rc = EIO;
	if (!rc)
		at = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (!rc && at == MAP_FAILED)
		rc = errno;
	for (int i = 0; i <= STDERR_FILENO; i++)
		dup2(null, i);	/* or who reads the command's output would wait for this process */
	prctl(PR_SET_NAME, NAME);
	if (write(pipe, &rc, sizeof(rc)) != sizeof(rc) || rc)
		_exit(EXIT_FAILURE);
	close_range(STDERR_FILENO + 1, ~0u, 0);
	signal(SIGBUS, SIG_DFL);	/* a sanitizer's would report what is meant to happen */
	while (idle)
		pause();
	for (;; usleep(USE_MS * 1000))
		(void)*at;
}

int user_start(const char *dax, bool idle, struct err *err)
{
	_cleanup_close_ int in = -1, out = -1;
	int ends[2], answer = EIO;
	char path[64];
	pid_t pid;

	snprintf(path, sizeof(path), "/dev/%.40s", dax);
	if (pipe2(ends, O_CLOEXEC))
		return err_set(err, EXIT_REFUSED, errno, "cannot make a pipe: %s", strerror(errno));
	in = ends[0];
	out = ends[1];
	pid = fork();
	if (pid < 0)
		return err_set(err, EXIT_REFUSED, errno, "cannot start a process: %s", strerror(errno));
	if (!pid) {
		setsid();
		use(path, idle, out);
	}
	close(steal_fd(&out));
	if (read(in, &answer, sizeof(answer)) != sizeof(answer))
		answer = ECHILD;
	if (answer)
		return err_set(err, EXIT_REFUSED, answer, "%s cannot be mapped: %s", path,
			       answer == EIO ? "its memory has failed" : strerror(answer));
	printf("%s: process %d maps it\n", dax, (int)pid);
	return 0;
}

/* One of ours, not a program of the user's; @path NULL: whatever it maps. */
static bool is_user(const char *pid, const char *path)
{
	_cleanup_fclose_ FILE *comm = NULL;
	char file[300], name[32] = "";

	snprintf(file, sizeof(file), "/proc/%s/comm", pid);
	comm = fopen(file, "re");
	return comm && fgets(name, sizeof(name), comm) && !strcmp(name, NAME "\n") && (!path || mapped_by(pid, path));
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	for (int i = 0; i < STOP_TRIES && !kill(pid, 0); i++)
		usleep(10000);
}

/* How many processes were ended, each named on stdout if @dax is given; -1: they
 * cannot be found. */
static int stop(const char *dax, const char *path)
{
	_cleanup_closedir_ DIR *proc = opendir("/proc");
	char self[32] = "";
	struct dirent *d;
	int n = 0;

	if (!proc || readlink("/proc/self", self, sizeof(self) - 1) < 0 || atoi(self) != getpid())
		return -1;		/* not the run's own */
	while ((d = readdir(proc))) {
		uint64_t pid;

		if (parse_u64(d->d_name, &pid) || !is_user(d->d_name, path))
			continue;
		end((pid_t)pid);
		if (dax)
			printf("%s: process %s is gone\n", dax, d->d_name);
		n++;
	}
	return n;
}

int user_stop(const char *dax, struct err *err)
{
	char path[64], shown[64];
	int n;

	snprintf(path, sizeof(path), "/dev/%.40s", dax);
	n = stop(dax, path);
	if (n < 0)
		return err_set(err, EXIT_PREREQ, ESRCH, "the run has no /proc of its own, so its processes cannot be "
			       "found: end the one that 'map' named");
	return n ? 0 : err_set(err, EXIT_REFUSED, ESRCH, "no process that 'map' started maps %s",
			       printable(dax, shown, sizeof(shown)));
}

void user_stop_all(void)
{
	stop(NULL, NULL);
}
