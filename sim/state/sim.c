// SPDX-License-Identifier: GPL-2.0-only
/* The state of a run: see sim.h. */
#include "sim/state/sim.h"

#include <stdarg.h>
#include <stdio.h>

bool sim_is_dead(const struct sim *sim)
{
	return sim->shared->death[0];
}

void sim_die(struct sim *sim, const char *how, const char *port, const char *fmt, ...)
{
	char reason[400];
	va_list ap;

	if (sim_is_dead(sim))
		return;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	snprintf(sim->shared->death, sizeof(sim->shared->death), "%s on %s: %s", how, port, reason);
	oplog_event(&sim->log, how, "port", port, reason);
}

void sim_violation(struct sim *sim, const char *path, const char *fmt, ...)
{
	struct sim_shared *s = sim->shared;
	char reason[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	if (!s->violations++)
		snprintf(s->violation, sizeof(s->violation), "%s", reason);
	oplog_event(&sim->log, "violation", "path", path, reason);
}
