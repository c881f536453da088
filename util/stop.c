// SPDX-License-Identifier: GPL-2.0-only
/* Signals that end a command between two of its steps: see stop.h. */
#include "util/stop.h"

#include <stddef.h>

static const int stop_signals[N_STOP_SIGNALS] = { SIGINT, SIGTERM, SIGHUP };
static volatile sig_atomic_t stop_requested;

static void request_stop(int sig)
{
	(void)sig;
	stop_requested = 1;
}

void stop_begin(struct stop_signals *ret, bool restart)
{
	const struct sigaction stop = { .sa_handler = request_stop,
					.sa_flags = restart ? SA_RESTART : 0 };

	for (size_t i = 0; i < N_STOP_SIGNALS; i++) {
		sigaction(stop_signals[i], &stop, &ret->old[i]);
		if (ret->old[i].sa_handler == SIG_IGN)
			sigaction(stop_signals[i], &ret->old[i], NULL);
	}
}

void stop_end(const struct stop_signals *held)
{
	for (size_t i = 0; i < N_STOP_SIGNALS; i++)
		sigaction(stop_signals[i], &held->old[i], NULL);
}

bool stop_is_requested(void)
{
	return stop_requested;
}
