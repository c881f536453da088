// SPDX-License-Identifier: GPL-2.0-only
/* The lock of this host's changes: see lock.h. */
#include "util/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/file.h"
#include "util/parse.h"
#include "util/state.h"
#include "util/stop.h"

#define LOCK_FILE "host.lock"
/* Whoever took it says so in its file at once. */
#define WRITTEN_WITHIN_US 100000

static int open_lock(struct err *err)
{
	_cleanup_close_ int dir = state_open(true, err);
	int fd, saved;

	if (dir < 0)
		return dir;
	fd = file_open(dir, LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, NULL);
	saved = -fd;
	if (fd == -EROFS)	/* one that is there can be held all the same */
		fd = file_open(dir, LOCK_FILE, O_RDONLY | O_NOFOLLOW, 0, NULL);
	if (fd >= 0)
		return fd;
	return err_set(err, EXIT_PREREQ, saved, "the lock %.200s/" LOCK_FILE " cannot be taken: %s; nothing was done; make that directory writable, or name another one in CXL_STATE_DIR",
		       state_path(), err_text(saved));
}

/* --- what its file says ------------------------------------------------------------- */

static void take_line(char **rest, char *buf, size_t size)
{
	const char *line = strsep(rest, "\n");

	printable(line ? line : "", buf, size);
}

/* "PID\nCOMMAND\nSINCE\nNAMES\n"; nothing else counts, nor what a process left that is gone. */
static void read_holder(int fd, struct lock_holder *ret)
{
	char text[sizeof(struct lock_holder) + 16], pid[16], *rest = text;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	uint64_t v;

	*ret = (struct lock_holder){ 0 };
	text[n > 0 ? n : 0] = '\0';
	take_line(&rest, pid, sizeof(pid));
	if (parse_u64(pid, &v) || !v || v > INT_MAX || (kill((pid_t)v, 0) && errno == ESRCH))
		return;
	ret->pid = (pid_t)v;
	take_line(&rest, ret->command, sizeof(ret->command));
	take_line(&rest, ret->since, sizeof(ret->since));
	take_line(&rest, ret->about, sizeof(ret->about));
}

/* For whoever finds it taken; it is held without. */
static void write_holder(int fd, const struct lock_holder *h)
{
	char text[sizeof(*h) + 16];
	int n = snprintf(text, sizeof(text), "%d\n%s\n%s\n%s\n", (int)h->pid, h->command, h->since, h->about);

	if (pwrite(fd, text, (size_t)n, 0) != n || ftruncate(fd, n))
		errno = 0;
}

static void set_holder(int fd, const char *command)
{
	struct lock_holder me = { .pid = getpid() };
	time_t now = time(NULL);
	struct tm tm;

	snprintf(me.command, sizeof(me.command), "%s", command);
	if (gmtime_r(&now, &tm))
		strftime(me.since, sizeof(me.since), "%Y-%m-%d %H:%M:%S UTC", &tm);
	write_holder(fd, &me);
}

static const char *holder_text(const struct lock_holder *h, char *buf, size_t size)
{
	if (h->pid)
		snprintf(buf, size, "'%s' (process %d, since %s)", h->command, (int)h->pid, h->since);
	else
		snprintf(buf, size, "another process, which has %.200s/" LOCK_FILE, state_path());
	return buf;
}

/* --- the lock ------------------------------------------------------------------------- */

int host_lock(const char *command, uint64_t wait_us, struct lock_holder *holder, struct err *err)
{
	_cleanup_close_ int fd = open_lock(err);
	uint64_t start = clock_now_us(), waited;
	struct lock_holder h;
	char who[320];

	if (fd < 0)
		return fd;
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		const struct timespec pause = { .tv_nsec = 20000000 };

		if (errno != EWOULDBLOCK && errno != EINTR) {
			int saved = errno;

			return err_set(err, EXIT_PREREQ, saved, "the lock %.200s/" LOCK_FILE " cannot be taken: %s; nothing was done; name another directory in CXL_STATE_DIR",
				       state_path(), strerror(saved));
		}
		read_holder(fd, &h);
		waited = clock_now_us() - start;
		if (stop_is_requested())
			return err_set(err, EXIT_RESUMABLE, EINTR, "a signal ended the command while it waited for the end of %s; nothing was done", holder_text(&h, who, sizeof(who)));
		if (waited >= wait_us && (h.pid || waited >= WRITTEN_WITHIN_US)) {
			if (holder)
				*holder = h;
			return err_set(err, EXIT_NEGATIVE, EBUSY, "this host is being changed by %s, nothing was done; wait for its end, then run the command again", holder_text(&h, who, sizeof(who)));
		}
		nanosleep(&pause, NULL);
	}
	set_holder(fd, command);
	return steal_fd(&fd);
}

int host_lock_for_change(const char *command, uint64_t wait_us, int *ret_fd, struct err *err)
{
	*ret_fd = host_lock(command, wait_us, NULL, err);
	if (*ret_fd >= 0)
		return 0;
	return err->status == EXIT_PREREQ ? err->errnum : *ret_fd;
}

void host_lock_tell_none(int errnum, struct messages *messages)
{
	if (errnum > 0 && !geteuid())
		message_add(messages, SEV_WARNING, "LOCK", NULL, "no lock keeps other commands from changing this host at the same time, so see to that yourself: the state directory %.200s cannot be used (%s); make it, or name another one in CXL_STATE_DIR",
			    state_path(), err_text(errnum));
}

void host_lock_set_about(int fd, const char *names)
{
	struct lock_holder h;

	if (fd < 0)
		return;
	read_holder(fd, &h);
	/* not told: then it is about everything */
	snprintf(h.about, sizeof(h.about), "%s", strlen(names) < sizeof(h.about) ? names : "*");
	write_holder(fd, &h);
}

bool host_lock_is_about(const struct lock_holder *holder, const char *name)
{
	size_t n = strlen(holder->about);

	return has_word(holder->about, n, name) || has_word(holder->about, n, "*");
}

void host_lock_release(int *fd)
{
	if (*fd >= 0 && !ftruncate(*fd, 0))
		errno = 0;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}
