// SPDX-License-Identifier: GPL-2.0-only
/* Counting what happens to a root port: see count.h. */
#include "lib/kept/count.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "lib/kept/counters.h"
#include "lib/kept/kept_read.h"
#include "lib/model/isolation_regs.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/state.h"

#define LOCK_SUFFIX COUNTERS_SUFFIX "-lock"

enum { LOCK_MS = 10, LOCK_TRIES = 100 };

struct event {
	bool is_isolation;
	enum counted_failure failure;
	bool is_back;
	bool is_recovery;
	enum counted_end end;
	uint64_t us;
};

/* False: there is nothing to count. */
static bool count(struct kept_counters *c, const struct event *e, const char *boot_id)
{
	bool is_open = c->boot_id && !strcmp(c->boot_id, boot_id);

	if (e->is_isolation ? is_open : !e->is_recovery && !c->boot_id)
		return false;
	if (e->is_isolation) {
		c->isolations[e->failure]++;
		c->boot_id = boot_id;
		c->since_us = clock_now_us();
	}
	if (e->is_back) {
		if (is_open && clock_now_us() > c->since_us)
			c->isolated_us += clock_now_us() - c->since_us;
		c->boot_id = NULL;
		c->since_us = 0;
	}
	if (e->is_recovery) {
		c->recoveries[e->end]++;
		c->recovery_us += e->end == ENDED_DONE ? e->us : 0;
	}
	return true;
}

/* Another one is at it for a moment only. */
static int lock(int dirfd, const char *root_port)
{
	char name[96];
	int fd;

	snprintf(name, sizeof(name), "%.64s" LOCK_SUFFIX, root_port);
	for (int i = 0; (fd = state_lock(dirfd, name)) == -EWOULDBLOCK && i < LOCK_TRIES; i++)
		poll(NULL, 0, LOCK_MS);
	return fd;
}

/* What cannot be used is begun anew, as if the machine were: a counter may be set back. */
static int write_counted(int dirfd, const struct cxl_host *host, const struct cxl_root_port *rp,
			 const struct event *e)
{
	_cleanup_close_ int held = lock(dirfd, rp->name);
	_cleanup_free_ char *text = NULL, *now = NULL;
	struct kept_counters c = { 0 };
	struct arena a = { 0 };
	char file[96], boot[64];
	int rc = held < 0 ? held : 0;

	snprintf(file, sizeof(file), "%.64s" COUNTERS_SUFFIX, rp->name);
	if (!rc && !state_read(dirfd, file, &text) && !counters_parse(text, rp->name, &a, &c))
		c = (struct kept_counters){ 0 };
	if (!rc && count(&c, e, kept_boot_id(host, boot, sizeof(boot)))) {
		now = counters_text(&c, rp->name);
		rc = now ? state_write(dirfd, file, now) : -ENOMEM;
	}
	arena_free(&a);
	return rc;
}

static enum counted_failure failure_of(const struct iso_registers *regs)
{
	const uint32_t down = ISO_STATUS_MEM_LINK_DOWN | ISO_STATUS_CACHE_LINK_DOWN;

	if (!regs->valid || !(regs->status & ISO_STATUS_ISOLATED))
		return FAILED_UNKNOWN;
	return regs->status & down ? FAILED_LINK_DOWN : FAILED_TIMEOUT;
}

int count_isolation(int dirfd, const struct cxl_host *host, const struct cxl_root_port *rp)
{
	const struct event e = { .is_isolation = true, .failure = failure_of(&rp->iso.regs) };

	return write_counted(dirfd, host, rp, &e);
}

int count_back(int dirfd, const struct cxl_host *host, const struct cxl_root_port *rp)
{
	return write_counted(dirfd, host, rp, &(struct event){ .is_back = true });
}

int count_recovery(int dirfd, const struct cxl_host *host, const struct cxl_root_port *rp,
		      enum counted_end end, uint64_t us)
{
	const struct event e = {
		.is_back = end == ENDED_DONE, .is_recovery = true, .end = end, .us = us,
	};

	return write_counted(dirfd, host, rp, &e);
}
