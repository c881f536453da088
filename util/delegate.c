// SPDX-License-Identifier: GPL-2.0-only
/* Delegation to the distribution's programs: see delegate.h. */
#include "util/delegate.h"

#include <errno.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/err.h"

/* ndctl's programs end so after --list-opts: an option that shows something and runs nothing (util/parse-options.c). */
enum { EXIT_LISTED = 130 };

extern char **environ;

const char *delegate_path(const struct delegate *d)
{
	const char *override = getauxval(AT_SECURE) ? NULL : getenv(d->env);

	return override && *override ? override : d->path;
}

/* Handing over to ourselves would loop for ever. */
static bool is_self(const char *path)
{
	struct stat self, other;

	return !stat("/proc/self/exe", &self) && !stat(path, &other) &&
	       self.st_dev == other.st_dev && self.st_ino == other.st_ino;
}

/*
 * A script or a copy of us in between is not known by its file: what we handed over
 * to leaves its mark in the environment.
 */
static const char *mark_of(const struct delegate *d, char *buf, size_t size)
{
	snprintf(buf, size, "%s_IN_USE", d->env);
	return buf;
}

static bool is_handed_over(const struct delegate *d)
{
	char mark[64];

	return getenv(mark_of(d, mark, sizeof(mark))) != NULL;
}

static int hand_over(const struct delegate *d, const char *path)
{
	char mark[64];

	return setenv(mark_of(d, mark, sizeof(mark)), path, 1);
}

static bool usable(const struct delegate *d, const char *path, int *ret_status)
{
	char mark[64];

	*ret_status = EXIT_NO_PROGRAM;
	if (*path != '/') {
		fprintf(stderr, "%s: '%.200s' (from %s) is not an absolute path; unset it or name the distribution's program in full\n",
			d->name, path, d->env);
		return false;
	}
	if (is_self(path)) {
		fprintf(stderr, "%s: this command belongs to the distribution's %s, but %.200s is this program itself; set %s to the distribution's\n",
			d->name, d->name, path, d->env);
		return false;
	}
	if (is_handed_over(d)) {
		fprintf(stderr, "%s: this command belongs to the distribution's %s, but %.200s led back to this program; set %s to the distribution's (where it is, unset %s)\n",
			d->name, d->name, path, d->env, mark_of(d, mark, sizeof(mark)));
		return false;
	}
	return true;
}

int delegate_exec(const struct delegate *d, char **argv)
{
	const char *path = delegate_path(d);
	bool is_named = path != d->path;
	const char *hint[] = { is_named ? "unset " : "", is_named ? d->env : "", is_named ? ", which says so, or " : "" };
	int status, saved;

	if (!usable(d, path, &status))
		return status;
	if (!hand_over(d, path))
		execv(path, argv);
	saved = errno;
	if (saved == ENOENT)
		fprintf(stderr, "%s: '%.80s' is a command of the distribution's %s, which is not installed at %.200s; %s%s%sinstall the package %s\n",
			d->name, argv[1] ? argv[1] : "", d->name, path, hint[0], hint[1], hint[2], d->package);
	else
		fprintf(stderr, "%s: the distribution's program %.200s cannot be run: %s; %s%s%sreinstall the package %s\n",
			d->name, path, strerror(saved), hint[0], hint[1], hint[2], d->package);
	return EXIT_NO_PROGRAM;
}

void delegate_capture(const struct delegate *d, const char *arg, const char *more, char *buf,
		      size_t size)
{
	const char *path = delegate_path(d);
	char *argv[] = { (char *)d->name, (char *)arg, (char *)more, NULL };
	posix_spawn_file_actions_t actions;
	_cleanup_close_ int out = -1;
	int pipefd[2], status;
	size_t n = 0;
	char mark[64];
	pid_t pid;

	buf[0] = '\0';
	if (*path != '/' || is_self(path) || is_handed_over(d) || access(path, X_OK) ||
	    pipe(pipefd))
		return;
	out = pipefd[0];
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, pipefd[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, pipefd[0]);
	posix_spawn_file_actions_addclose(&actions, pipefd[1]);
	status = hand_over(d, path) ? ENOMEM
				    : posix_spawn(&pid, path, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	unsetenv(mark_of(d, mark, sizeof(mark)));
	close(pipefd[1]);
	if (status)
		return;
	while (n + 1 < size) {
		ssize_t got = read(out, buf + n, size - 1 - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	buf[n] = '\0';
	close(steal_fd(&out));	/* one that has more to say gets SIGPIPE */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || (WEXITSTATUS(status) && WEXITSTATUS(status) != EXIT_LISTED))
		buf[0] = '\0';
}
