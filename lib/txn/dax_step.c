// SPDX-License-Identifier: GPL-2.0-only
/* Steps on dax devices: see dax_step.h. */
#include "lib/txn/dax_step.h"

#include <daxctl/libdaxctl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/model/host.h"
#include "lib/txn/dax_state.h"
#include "lib/txn/dax_write.h"
#include "util/cleanup.h"

/* --- memory blocks ------------------------------------------------------------ */

static int offline_block(struct step_run *run, const struct step *step, struct err *err)
{
	uint64_t now = clock_now_us(), end = now + step->timeout_us;

	(void)err;
	if (run->end_us && run->end_us <= now)
		return -ETIME;
	return step_offline_until(run, step->path,
				  run->end_us && run->end_us < end ? run->end_us : end);
}

/* A udev rule that is late brings it online again: its word is not the last one. */
static int undo_online(struct step_run *run, const struct step *step)
{
	uint64_t end = clock_now_us() + step->timeout_us, wait = 0;
	char state[32];
	int rc;

	for (;;) {
		rc = step_offline_until(run, step->path, end);
		if (sysfs_read(run->fs, step->path, state, sizeof(state)) > 0 &&
		    !strcmp(state, STEP_OFFLINE))
			return 0;
		if ((rc && rc != -EINVAL) || clock_now_us() >= end)
			return rc ? rc : -EBUSY;
		step_pause(&wait);
	}
}

/* It comes back in the zone that it was in; by what its value is, in none of "online"'s own choosing. */
static int undo_offline(struct step_run *run, const struct step *step)
{
	int rc = sysfs_write(run->fs, step->path, step->undo);
	char state[32];

	/* the kernel's policy, or a udev rule, may have been faster */
	if (rc && sysfs_read(run->fs, step->path, state, sizeof(state)) > 0 && !strcmp(state, "online"))
		return 0;
	return rc;
}

/* --- the mode ------------------------------------------------------------------- */

static void be_quiet(struct daxctl_ctx *ctx, int priority, const char *file, int line,
		     const char *fn, const char *format, va_list args)
{
	(void)ctx;
	(void)priority;
	(void)file;
	(void)line;
	(void)fn;
	(void)format;
	(void)args;
}

static void unref_ctx(struct daxctl_ctx **ctx)
{
	daxctl_unref(*ctx);
}

static struct daxctl_dev *find_dev(struct daxctl_ctx *ctx, const char *name)
{
	struct daxctl_region *region;
	struct daxctl_dev *dev;

	daxctl_region_foreach(ctx, region)
		daxctl_dev_foreach(region, dev)
			if (!strcmp(daxctl_dev_get_devname(dev), name))
				return dev;
	return NULL;
}

/* libdaxctl says "busy" whatever the reason was: may this process bind drivers at all?  -errno or 0. */
static int may_bind(struct sysfs *fs)
{
	_cleanup_close_ int fd = sysfs_open(fs, "sys/bus/dax/drivers_probe", O_WRONLY);

	return fd == -EACCES || fd == -EPERM || fd == -EROFS ? fd : 0;
}

/*
 * kmem lets a device go whose memory is online; that memory then stays with the
 * kernel, and the device without any driver, until the next boot
 * (dev_dax_kmem_remove() of drivers/dax/kmem.c).  What the kernel's policy or a
 * udev rule brought online since kmem got it goes offline first, or nothing goes.
 */
static int take_memory_offline(struct step_run *run, struct daxctl_dev *dev)
{
	uint64_t end = clock_now_us() + 2000000, wait = 0;	/* it has only just come */

	for (;;) {
		struct daxctl_memory *memory = daxctl_dev_get_memory(dev);
		int online = memory ? daxctl_memory_is_online(memory) : 0;
		struct sigaction old;

		/* without any memory it may have no node, which libdaxctl calls an error */
		if (online < 0)
			online = dax_blocks_of(run, daxctl_dev_get_devname(dev)).online > 0;
		if (!online)
			return 0;
		if (clock_now_us() >= end || (wait && step_is_to_stop(run)))
			return -ENOTEMPTY;
		step_timer_begin(end, &old);
		daxctl_memory_offline(memory);
		step_timer_end(&old);
		step_pause(&wait);
	}
}

/*
 * libdaxctl writes to kmem's new_id, and with that kmem gets every other device that it takes
 * and nobody has, too: driver_attach(), called by do_id_store() of drivers/dax/bus.c.
 */
static int bind_kmem(struct step_run *run, const struct step *step, struct daxctl_dev *dev,
		     struct err *err)
{
	int rc = dax_write(run, "sys/bus/dax/drivers/kmem/bind", daxctl_dev_get_devname(dev), step->timeout_us, err);

	return !rc || *run->hung ? rc : daxctl_dev_enable_ram(dev);
}

/* Before or behind it the file state of the device has all of its memory, which is to be movable. */
static bool is_by_state(const struct step_run *run)
{
	size_t n = strlen(run->path) - strlen("driver");

	for (size_t i = 0; i < run->n; i++)
		if (run->steps[i].op == &step_dax_state &&
		    !strncmp(run->steps[i].path, run->path, n))
			return true;
	return false;
}

/*
 * Memory that kmem adds comes online by the kernel's policy at once, in a zone of
 * its choosing (add_memory_resource() of mm/memory_hotplug.c): in Normal nothing
 * gets it offline again for sure.  The steps behind say which blocks, and where.
 */
static int enable_ram(struct step_run *run, const struct step *step, struct daxctl_dev *dev,
		      struct err *err)
{
	char policy[32];
	bool held = sysfs_read(run->fs, AUTO_ONLINE, policy, sizeof(policy)) > 0 && strcmp(policy, "offline") &&
		!(is_by_state(run) && !strcmp(policy, DAX_ONLINE_MOVABLE)) && !sysfs_write(run->fs, AUTO_ONLINE, "offline");
	int rc = bind_kmem(run, step, dev, err),
	    back = held ? sysfs_write(run->fs, AUTO_ONLINE, policy) : 0;

	if (back && run->messages)
		message_add(run->messages, SEV_WARNING, "POLICY", NULL,
			    "/" AUTO_ONLINE " was %s and is offline since new memory was to stay so for a moment: %s; 'echo %s > /" AUTO_ONLINE "' puts it back",
			    policy, strerror(-back), policy);
	return rc;
}

/*
 * While kmem's probe is still adding the memory its driver's link is there, and nothing is online yet.
 * To bind it again waits for the end of that probe, and is refused then: device_driver_attach() of
 * drivers/base/dd.c.  Where a step before has taken a block offline the probe is over.
 */
static void wait_for_probe(struct step_run *run, const char *name)
{
	for (size_t i = 0; i < run->at; i++)
		if (run->steps[i].op == &step_offline_block || run->steps[i].op == &step_dax_state)
			return;
	sysfs_write(run->fs, "sys/bus/dax/drivers/kmem/bind", name);
}

static int read_mode(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	char link[PATH_MAX], device[PATH_MAX];
	ssize_t n = sysfs_readlink(run->fs, step->path, link, sizeof(link));
	const char *slash = n > 0 ? strrchr(link, '/') : NULL;

	if (n == -ENOENT) {	/* no driver, or no device? */
		snprintf(device, sizeof(device), "%.*s", (int)(strlen(step->path) - strlen("/driver")), step->path);
		n = sysfs_readlink(run->fs, device, link, sizeof(link));
		snprintf(buf, size, STEP_NO_DRIVER);
		return n < 0 ? (int)n : 0;
	}
	if (n > 0)
		snprintf(buf, size, "%s", slash ? slash + 1 : link);
	return n < 0 ? (int)n : 0;
}

/*
 * The last look is right before kmem goes; what comes online between the two cannot be
 * helped, but it is seen afterwards.
 */
static int disable(struct step_run *run, const struct step *step, struct daxctl_dev *dev,
		   struct err *err)
{
	const char *name = daxctl_dev_get_devname(dev);
	bool was_kmem = daxctl_dev_get_memory(dev);
	char driver[32], path[80];
	int rc;

	if (was_kmem)
		wait_for_probe(run, name);
	rc = take_memory_offline(run, dev);
	rc = rc ? rc : read_mode(run, step, driver, sizeof(driver));
	if (rc || !strcmp(driver, STEP_NO_DRIVER))
		return rc;
	snprintf(path, sizeof(path), "sys/bus/dax/drivers/%s/unbind", driver);
	rc = dax_write(run, path, name, step->timeout_us, err);
	/* kmem lets go all the same, and what is online stays with the kernel */
	return !rc && was_kmem && dax_blocks_of(run, name).online ? -ENOTRECOVERABLE : rc;
}

#define DEVICE_DAX DAX_DRIVERS "/" DAX_DEVICE_DAX_NAME

/*
 * A name that device_dax was told before needs no new_id, which waits for every device that it
 * takes.  libdaxctl writes the same, and cannot be left behind: only a module that is not loaded is its work.
 */
static int enable_devdax(struct step_run *run, const struct step *step, struct daxctl_dev *dev,
			 struct err *err)
{
	const char *name = daxctl_dev_get_devname(dev);
	int rc = dax_write(run, DEVICE_DAX "/bind", name, step->timeout_us, err);

	if (rc == -ENOENT)
		return daxctl_dev_enable_devdax(dev);
	return rc == -ENODEV ? dax_write(run, DEVICE_DAX "/new_id", name, step->timeout_us, err) : rc;
}

/* Nobody's until now: the driver takes it as soon as it is told its name.  libdaxctl has no such mode before 85. */
static int enable_famfs(struct step_run *run, const struct step *step, struct daxctl_dev *dev,
			struct err *err)
{
	return dax_write(run, DAX_DRIVERS "/" DAX_FSDEV_NAME "/new_id", daxctl_dev_get_devname(dev),
			 step->timeout_us, err);
}

static int (*const enable_as[])(struct step_run *run, const struct step *step,
				struct daxctl_dev *dev, struct err *err) = {
	[DAX_DEVDAX] = enable_devdax, [DAX_SYSTEM_RAM] = enable_ram,
	[DAX_FAMFS] = enable_famfs, [DAX_UNBOUND] = NULL,
};

static int switch_by_libdaxctl(struct step_run *run, const struct step *step, struct err *err)
{
	_cleanup_(unref_ctx) struct daxctl_ctx *ctx = NULL;
	struct daxctl_dev *dev;
	char name[64];
	int rc = dax_step_name(step, name, sizeof(name)), mode = DAX_DEVDAX;

	rc = rc ? rc : daxctl_new(&ctx);
	if (rc)
		return rc;
	daxctl_set_log_fn(ctx, be_quiet);
	dev = find_dev(ctx, name);
	if (!dev)
		return -ENODEV;
	while (mode < N_DAX_GOALS && strcmp(dax_mode_names[mode], step->value))
		mode++;
	if (mode == N_DAX_GOALS)
		return -EINVAL;
	if (daxctl_dev_is_enabled(dev))
		rc = disable(run, step, dev, err);
	return rc || !enable_as[mode] ? rc : enable_as[mode](run, step, dev, err);
}

static int switch_mode(struct step_run *run, const struct step *step, struct err *err)
{
	int rc = switch_by_libdaxctl(run, step, err),
	    is_known = !rc || rc == -ENOTEMPTY || rc == -ENOTRECOVERABLE || *run->hung,
	    may = is_known ? 0 : may_bind(run->fs);

	if (rc == -ENOENT && !strcmp(step->value, dax_mode_names[DAX_FAMFS]))
		err_set(err, EXIT_PREREQ, ENOENT, NO_FSDEV);
	return may ? may : rc;
}

/* A device that has only just appeared may be bound to nothing: see step_bind. */
static void switch_again(struct step_run *run, const struct step *step)
{
	char driver[32];
	struct err err;

	if (!read_mode(run, step, driver, sizeof(driver)) && !strcmp(driver, STEP_NO_DRIVER))
		switch_mode(run, step, &err);
}

/* --- memmap_on_memory -------------------------------------------------------------- */

/* dev_dax's store: drivers/dax/bus.c memmap_on_memory_store() */
static int undo_memmap(struct step_run *run, const struct step *step)
{
	int rc = sysfs_write(run->fs, step->path, step->undo);

	return rc == -EOPNOTSUPP ? 0 : rc;
}

const struct step_op step_offline_block = { .name = "offline", .run = offline_block, .read = step_read_text, .undo = undo_offline };
const struct step_op step_online_block = { .name = "online", .run = step_write_value, .read = step_read_text, .undo = undo_online };
const struct step_op step_dax_mode = { .name = "mode", .run = switch_mode, .read = read_mode, .again = switch_again };
const struct step_op step_memmap = { .name = "memmap", .run = step_write_value, .read = step_read_text, .undo = undo_memmap };
