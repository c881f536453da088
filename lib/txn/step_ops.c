// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations of steps that need nothing but files: attributes, drivers,
 * devices that come and go, and the memory behind a dax device.
 * Those on a root port's registers are in step_port.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "lib/txn/dax_write.h"
#include "lib/txn/pattern.h"
#include "util/cleanup.h"
#include "util/parse.h"

int step_write_value(struct step_run *run, const struct step *step, struct err *err)
{
	(void)err;
	return sysfs_write(run->fs, step->path, step->value);
}

int step_read_text(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	ssize_t n = sysfs_read(run->fs, step->path, buf, size);

	return n < 0 ? (int)n : 0;
}

/*
 * Of an endpoint decoder's capacity: where the attribute cannot be read what was
 * accepted counts, since the region's commit and the pattern in its memory prove it.
 */
int step_read_capacity(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	int rc = step_read_text(run, step, buf, size);

	if (rc && rc != -ENOENT && rc != -ENODEV) {
		snprintf(buf, size, "%s", run->steps[run->at].tried ? step->expect_after : "");
		return 0;
	}
	return rc;
}

static int read_presence(struct step_run *run, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = sysfs_open(run->fs, path, O_PATH);

	if (fd < 0)
		return fd;
	snprintf(buf, size, STEP_PRESENT);
	return 0;
}

/* "a/b/c" -> "a/b/NAME"; "a/b" when @name is NULL. */
static int sibling(char *buf, size_t size, const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash - path) : 0;
	int n = snprintf(buf, size, "%.*s%s%s", dir, path, name ? "/" : "", name ? name : "");

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int read_parent(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	char path[PATH_MAX];
	int rc = sibling(path, sizeof(path), step->path, NULL);

	return rc ? rc : read_presence(run, path, buf, size);
}

static int read_sibling(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	char path[PATH_MAX];
	int rc = sibling(path, sizeof(path), step->path, step->value);

	return rc ? rc : read_presence(run, path, buf, size);
}

static int read_path(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	return read_presence(run, step->path, buf, size);
}

/* --- drivers ---------------------------------------------------------------- */

/* sys/bus/B/drivers/D/bind -> the driver of sys/bus/B/devices/VALUE */
static int read_driver(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	const char *drivers = strstr(step->path, "/drivers/"), *slash;
	char path[PATH_MAX], link[PATH_MAX];
	int n;

	if (!drivers)
		return -EINVAL;
	n = snprintf(path, sizeof(path), "%.*s/devices/%s", (int)(drivers - step->path), step->path, step->value);
	if (n < 0 || (size_t)n >= sizeof(path) - sizeof("/driver"))
		return -ENAMETOOLONG;
	n = read_presence(run, path, buf, size);
	if (n)
		return n;
	strcat(path, "/driver");
	n = (int)sysfs_readlink(run->fs, path, link, sizeof(link));
	if (n < 0 && n != -ENOENT)
		return n;
	slash = n < 0 ? NULL : strrchr(link, '/');
	snprintf(buf, size, "%s", n < 0 ? STEP_NO_DRIVER : slash ? slash + 1 : link);
	return 0;
}

/* What may hang is bounded; a driver that is to have the device may make a page map of it. */
static int write_driver(struct step_run *run, const struct step *step, const char *path,
			struct err *err)
{
	uint64_t timeout_us = step->timeout_us;

	if (!dax_write_is(path))
		return sysfs_write(run->fs, path, step->value);
	if (step->op == &step_bind && timeout_us < DAX_WRITE_TIMEOUT_US)
		timeout_us = DAX_WRITE_TIMEOUT_US;
	return dax_write(run, path, step->value, timeout_us, err);
}

static int do_driver(struct step_run *run, const struct step *step, struct err *err)
{
	return write_driver(run, step, step->path, err);
}

/*
 * Linux 7.2 takes what is written as soon as the device appeared and binds nothing;
 * the same written again binds at once.
 */
static void bind_again(struct step_run *run, const struct step *step)
{
	struct err err;

	do_driver(run, step, &err);
}

static int undo_driver(struct step_run *run, const struct step *step)
{
	const char *slash = strrchr(step->path, '/');
	char path[PATH_MAX];
	struct err err;
	int rc = sibling(path, sizeof(path), step->path, slash && !strcmp(slash, "/bind") ? "unbind" : "bind");

	return rc ? rc : write_driver(run, step, path, &err);
}

/* --- memory blocks ------------------------------------------------------------ */

static void wake_up(int sig)
{
	(void)sig;
}

/*
 * Offlining goes on until it succeeds or a signal comes (offline_pages() of
 * mm/memory_hotplug.c).
 */
void step_timer_begin(uint64_t end_us, struct sigaction *old)
{
	const struct sigaction interrupt = { .sa_handler = wake_up };	/* no SA_RESTART */
	uint64_t now = clock_now_us(), left_us = now < end_us ? end_us - now : 0;
	struct itimerval timer = { .it_value = { (time_t)(left_us / 1000000),
						 (suseconds_t)(left_us % 1000000) } };

	if (!left_us)
		timer.it_value.tv_usec = 1;
	timer.it_interval.tv_usec = 100000;	/* in case it came before the write began */
	sigaction(SIGALRM, &interrupt, old);
	setitimer(ITIMER_REAL, &timer, NULL);
}

void step_timer_end(const struct sigaction *old)
{
	const struct itimerval off = { 0 };

	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, old, NULL);
}

/* Pages on their way elsewhere make a block busy for a moment; what is pinned, for good. */
int step_offline_until(struct step_run *run, const char *path, uint64_t end_us)
{
	uint64_t wait = 0;

	for (;;) {
		struct sigaction old;
		int rc;

		step_timer_begin(end_us, &old);
		rc = sysfs_write(run->fs, path, STEP_OFFLINE);
		step_timer_end(&old);
		if ((rc != -EBUSY && rc != -EAGAIN && rc != -EINTR) || clock_now_us() >= end_us ||
		    step_is_to_stop(run))
			return rc;
		step_pause(&wait);
	}
}

/* --- memory ----------------------------------------------------------------- */

/* The least that every dax device can map: a huge page. */
enum { PATTERN_BYTES = 2 << 20 };

/* The first huge page and, where the value says the size, the last. */
static int do_pattern(struct step_run *run, const struct step *step, struct err *err)
{
	_cleanup_close_ int fd = sysfs_open(run->fs, step->path, O_RDWR);
	uint64_t size = PATTERN_BYTES;
	bool good = true;

	(void)err;
	if (fd < 0)
		return fd;
	if (parse_u64(step->value, &size) || size < PATTERN_BYTES)
		size = PATTERN_BYTES;
	for (int i = 0; good && i < 2; i++) {
		off_t at = i ? (off_t)(size - PATTERN_BYTES) / PATTERN_BYTES * PATTERN_BYTES : 0;
		void *p = mmap(NULL, PATTERN_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, at);

		if (p == MAP_FAILED)
			return -errno;
		good = pattern_is_survived(p, PATTERN_BYTES);
		munmap(p, PATTERN_BYTES);
	}
	return good ? 0 : -EIO;
}

static void explain_pattern(const struct step *step, char *buf, size_t size)
{
	snprintf(buf, size, "the memory of /%.64s does not give back what was written to it", step->path);
}

/* --- the table -------------------------------------------------------------- */

const struct step_op step_write = { .name = "write", .run = step_write_value, .read = step_read_text };
const struct step_op step_capacity = { .name = "capacity", .run = step_write_value, .read = step_read_capacity };
const struct step_op step_bind = { .name = "bind", .run = do_driver, .read = read_driver, .undo = undo_driver, .again = bind_again };
const struct step_op step_unbind = { .name = "unbind", .run = do_driver, .read = read_driver, .undo = undo_driver };
const struct step_op step_remove = { .name = "remove", .run = step_write_value, .read = read_parent };
const struct step_op step_rescan = { .name = "rescan", .run = step_write_value };
const struct step_op step_trigger = { .name = "trigger", .run = step_write_value };
const struct step_op step_create = { .name = "create", .run = step_write_value, .read = read_sibling };
const struct step_op step_delete = { .name = "delete", .run = step_write_value, .read = read_sibling };
const struct step_op step_wait = { .name = "wait", .read = read_path };
const struct step_op step_pattern = { .name = "pattern", .run = do_pattern, .explain = explain_pattern };

const struct step_op *const step_ops[] = {
	&step_write,   &step_capacity, &step_bind,   &step_unbind, &step_remove,
	&step_rescan,  &step_trigger,  &step_create, &step_delete, &step_wait,
	&step_pattern, NULL,
};
