// SPDX-License-Identifier: GPL-2.0-only
/* All memory of a dax device at a time: see dax_state.h. */
#include "lib/txn/dax_state.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/host.h"

/* --- its blocks ------------------------------------------------------------------ */

static bool block_is(struct step_run *run, uint64_t number, const char *attr, const char *text)
{
	char path[80], is[64];

	snprintf(path, sizeof(path), "sys/devices/system/memory/memory%" PRIu64 "/%s", number, attr);
	return sysfs_read(run->fs, path, is, sizeof(is)) > 0 && (!text || !strcmp(is, text));
}

static void count_range(struct step_run *run, const struct addr_range *range,
			struct dax_blocks_now *now)
{
	uint64_t size = run->host->block_bytes;

	for (uint64_t n = size ? range->first / size : 0; size && n <= range->last / size; n++) {
		if (!block_is(run, n, "state", NULL))
			continue;
		now->there++;
		if (!block_is(run, n, "state", "online"))
			continue;
		now->online++;
		now->movable += block_is(run, n, "valid_zones", "Movable");
	}
}

struct dax_blocks_now dax_blocks_of(struct step_run *run, const char *name)
{
	struct dax_blocks_now now = { 0 };

	for (size_t i = 0; run->host && i < run->host->n_dax; i++) {
		const struct cxl_dax *d = &run->host->dax[i];

		for (size_t k = 0; !strcmp(d->name, name) && k < d->n_ranges; k++)
			count_range(run, &d->ranges[k], &now);
	}
	return now;
}

int dax_step_name(const struct step *step, char *buf, size_t size)
{
	const char *end = strrchr(step->path, '/'), *start = end;

	while (start > step->path && start[-1] != '/')
		start--;
	if (!end || end == start || (size_t)(end - start) >= size)
		return -EINVAL;
	memcpy(buf, start, (size_t)(end - start));
	buf[end - start] = '\0';
	return 0;
}

static int blocks_of(struct step_run *run, const struct step *step, struct dax_blocks_now *ret)
{
	char name[64];
	int rc = dax_step_name(step, name, sizeof(name));

	if (!rc)
		*ret = dax_blocks_of(run, name);
	return rc;
}

/* --- the file -------------------------------------------------------------------- */

static int read_state(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	char device[PATH_MAX], link[PATH_MAX];
	struct dax_blocks_now now;
	ssize_t n = blocks_of(run, step, &now);

	if (n)
		return (int)n;
	n = sysfs_read(run->fs, step->path, buf, size);
	if (n == -ENOENT) {	/* no kmem, or no device? */
		snprintf(device, sizeof(device), "%.*s", (int)(strlen(step->path) - strlen("/state")), step->path);
		n = sysfs_readlink(run->fs, device, link, sizeof(link));
	}
	if (n < 0)
		return (int)n;
	if (!now.online)
		snprintf(buf, size, DAX_UNPLUGGED);
	else if (now.movable == now.there)
		snprintf(buf, size, DAX_ONLINE_MOVABLE);
	else
		snprintf(buf, size, "%" PRIu64 " of %" PRIu64 " memory blocks online, %" PRIu64 " movable", now.online, now.there, now.movable);
	return 0;
}

/* Pages on their way elsewhere make memory busy for a moment; a file that is to come with kmem comes with it. */
static int write_until(struct step_run *run, const struct step *step, const char *word,
		       uint64_t end_us)
{
	uint64_t wait = 0;

	for (;;) {
		struct sigaction old;
		int rc;

		step_timer_begin(end_us, &old);
		rc = sysfs_write(run->fs, step->path, word);
		step_timer_end(&old);
		if ((rc != -EBUSY && rc != -EAGAIN && rc != -EINTR && rc != -ENOENT) ||
		    clock_now_us() >= end_us || step_is_to_stop(run))
			return rc;
		step_pause(&wait);
	}
}

/* What is plugged otherwise has to go first: EBUSY from any state but unplugged. */
static int put(struct step_run *run, const struct step *step, const char *word)
{
	uint64_t end = clock_now_us() + step->timeout_us;
	int rc = 0;

	if (run->end_us && run->end_us < end && !strcmp(word, DAX_UNPLUGGED))
		end = run->end_us;
	if (strcmp(word, DAX_UNPLUGGED) != 0)
		rc = write_until(run, step, DAX_UNPLUGGED, end);
	return rc ? rc : write_until(run, step, word, end);
}

static int set_state(struct step_run *run, const struct step *step, struct err *err)
{
	(void)err;
	return put(run, step, step->value);
}

/* An unplug that was refused left all of it, and is no reason to take it away. */
static int undo_state(struct step_run *run, const struct step *step)
{
	struct dax_blocks_now now;
	int rc = blocks_of(run, step, &now);

	if (rc)
		return rc;
	if (strcmp(step->undo, DAX_UNPLUGGED) != 0 && now.there && now.movable == now.there)
		return 0;
	return put(run, step, step->undo);
}

const struct step_op step_dax_state = { .name = "plug", .run = set_state, .read = read_state, .undo = undo_state };
