// SPDX-License-Identifier: GPL-2.0-only
/* Sleeping until there is something to look at: see monitor_wake.h. */
#include "cxl/monitor_wake.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "util/array.h"
#include "util/clock.h"

enum { US_PER_S = 1000000, NS_PER_US = 1000 };

static volatile sig_atomic_t stop_requested;

static void request_stop(int sig)
{
	(void)sig;
	stop_requested = 1;
}

bool monitor_is_to_stop(void)
{
	return stop_requested;
}

void monitor_wake_open(struct monitor_wake *ret, bool is_live)
{
	const struct sigaction stop = { .sa_handler = request_stop };
	sigset_t signals;

	*ret = (struct monitor_wake){ 0 };
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, &ret->open_signals);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigdelset(&ret->open_signals, SIGINT);
	sigdelset(&ret->open_signals, SIGTERM);
	if (is_live)
		uevents_open_kernel(&ret->uevents);
}

void monitor_wake_close(struct monitor_wake *w)
{
	uevents_close(&w->uevents);
}

int monitor_wake_sleep(struct monitor_wake *w, int64_t then_us, int trace_fd,
		       unsigned int *ret_heard, struct err *err)
{
	struct pollfd fds[] = {
		{ .fd = STDOUT_FILENO },
		{ .fd = uevents_fd(&w->uevents), .events = POLLIN },
		{ .fd = trace_fd, .events = POLLIN },
	};

	*ret_heard = 0;
	while (!stop_requested && !*ret_heard) {
		int64_t now = (int64_t)clock_now_us(), left = then_us > now ? then_us - now : 0;
		struct timespec t = { left / US_PER_S, left % US_PER_S * NS_PER_US };
		/* also when it is late: what was heard meanwhile comes before another look */
		int n = ppoll(fds, ARRAY_SIZE(fds), &t, &w->open_signals);

		if (!n)
			return 0;
		if (n < 0)
			continue;
		if (fds[0].revents & (POLLERR | POLLNVAL))
			return err_set(err, EXIT_REFUSED, EPIPE, "the output cannot be written to standard output: %s", strerror(EPIPE));
		if (fds[1].revents && uevents_take(&w->uevents))
			*ret_heard |= HEARD_UEVENT;
		if (fds[2].revents)
			*ret_heard |= HEARD_TRACE;
	}
	return 0;
}
