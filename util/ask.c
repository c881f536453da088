// SPDX-License-Identifier: GPL-2.0-only
/* Asking what may never answer: see ask.h. */
#include "util/ask.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/clock.h"

enum { US_PER_MS = 1000, ANSWER_FD = 3 };

int ask_answer(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

/* Left behind, it would hold a lock, or keep who reads our output waiting, until the next boot. */
static void __attribute__((noreturn)) answer(void (*fn)(int fd, void *data), void *data, int fd)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(fd, ANSWER_FD) < 0 || close_range(ANSWER_FD + 1, ~0U, 0) ||
	    close_range(0, ANSWER_FD - 1, 0))
		_exit(1);
	fn(ANSWER_FD, data);
	_exit(0);
}

/* 0 at the end of what there is. */
static int listen_to(int fd, uint64_t end_us, char *buf, size_t size, size_t *n)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now = clock_now_us();
		int rc = now < end_us ? poll(&p, 1, (int)((end_us - now) / US_PER_MS + 1)) : 0;
		char more;
		ssize_t got;

		if (rc < 0 && errno == EINTR)
			continue;
		if (rc <= 0)
			return rc ? -errno : -ETIMEDOUT;
		got = *n < size ? read(fd, buf + *n, size - *n) : read(fd, &more, 1);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (!got)
			return 0;
		if (*n == size && got > 0)
			return -EFBIG;
		*n += got > 0 ? (size_t)got : 0;
	}
}

int ask_in_child(void (*fn)(int fd, void *data), void *data, uint64_t limit_us, void *buf,
		 size_t size, size_t *ret_n)
{
	uint64_t end_us = clock_now_us() + limit_us;
	_cleanup_close_ int in = -1, out = -1;
	int fds[2], status = 0, rc;
	pid_t pid;

	*ret_n = 0;
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	in = fds[0];
	out = fds[1];
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		answer(fn, data, out);
	close(steal_fd(&out));
	rc = listen_to(in, end_us, buf, size, ret_n);
	if (rc) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, WNOHANG);
		return rc;
	}
	/* it has closed its end, so that it ends now; where SIGCHLD is ignored nothing is told */
	return waitpid(pid, &status, 0) == pid && status ? -ECHILD : 0;
}
