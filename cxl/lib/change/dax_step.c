// SPDX-License-Identifier: GPL-2.0-only
/* Steps on dax devices: see dax_step.h. */
#include "cxl/lib/change/dax_step.h"

#include <daxctl/libdaxctl.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/cleanup.h"

#define AUTO_ONLINE "sys/devices/system/memory/auto_online_blocks"

/* --- memory blocks ------------------------------------------------------------ */

static int offline_block(struct step_run *run, const struct step *step)
{
	return step_offline_until(run, step->path, step_now_us() + step->timeout_us);
}

static int write_block(struct step_run *run, const struct step *step)
{
	return sysfs_write(run->fs, step->path, step->value);
}

static int read_block(struct step_run *run, const struct step *step, char *buf, size_t size)
{
	ssize_t n = sysfs_read(run->fs, step->path, buf, size);

	return n < 0 ? (int)n : 0;
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

static void be_quiet(struct daxctl_ctx *ctx, int priority, const char *file, int line, const char *fn,
		     const char *format, va_list args)
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

/* "sys/bus/dax/devices/dax0.0/driver" -> "dax0.0" */
static int name_of(const struct step *step, char *buf, size_t size)
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
	uint64_t end = step_now_us() + 2000000, wait = 0;	/* it has only just come */

	for (;;) {
		struct daxctl_memory *memory = daxctl_dev_get_memory(dev);
		struct sigaction old;

		if (!memory || !daxctl_memory_is_online(memory))
			return 0;
		if (step_now_us() >= end || (run->is_stopped && run->is_stopped(run) && wait))
			return -ENOTEMPTY;
		step_timer_begin(end, &old);
		daxctl_memory_offline(memory);
		step_timer_end(&old);
		step_pause(&wait);
	}
}

/*
 * Memory that kmem adds comes online by the kernel's policy at once, in a zone of
 * its choosing (add_memory_resource() of mm/memory_hotplug.c): in Normal nothing
 * gets it offline again for sure.  The steps behind say which blocks, and where.
 */
static int enable_ram(struct step_run *run, struct daxctl_dev *dev)
{
	char policy[32];
	bool held = sysfs_read(run->fs, AUTO_ONLINE, policy, sizeof(policy)) > 0 && strcmp(policy, "offline") &&
		!sysfs_write(run->fs, AUTO_ONLINE, "offline");
	int rc = daxctl_dev_enable_ram(dev), back = held ? sysfs_write(run->fs, AUTO_ONLINE, policy) : 0;

	if (back && run->messages)
		message_add(run->messages, SEV_WARNING, "POLICY", NULL,
			    "/" AUTO_ONLINE " was %s and is offline since new memory was to stay so for a moment: %s; 'echo %s > /" AUTO_ONLINE "' puts it back",
			    policy, strerror(-back), policy);
	return rc;
}

static int disable(struct step_run *run, struct daxctl_dev *dev)
{
	int rc = take_memory_offline(run, dev);

	return rc ? rc : daxctl_dev_disable(dev);
}

static int enable_devdax(struct step_run *run, struct daxctl_dev *dev)
{
	(void)run;
	return daxctl_dev_enable_devdax(dev);
}

static const struct dax_switch {
	const char *mode;
	int (*enable)(struct step_run *run, struct daxctl_dev *dev);	/* NULL: no driver at all */
} switches[] = {
	{ "devdax", enable_devdax },
	{ "system-ram", enable_ram },
	{ "unbound", NULL },
};

static int switch_by_libdaxctl(struct step_run *run, const struct step *step)
{
	_cleanup_(unref_ctx) struct daxctl_ctx *ctx = NULL;
	struct daxctl_dev *dev;
	char name[64];
	int rc = name_of(step, name, sizeof(name));

	rc = rc ? rc : daxctl_new(&ctx);
	if (rc)
		return rc;
	daxctl_set_log_fn(ctx, be_quiet);
	dev = find_dev(ctx, name);
	if (!dev)
		return -ENODEV;
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		if (strcmp(switches[i].mode, step->value))
			continue;
		if (daxctl_dev_is_enabled(dev))
			rc = disable(run, dev);
		return rc || !switches[i].enable ? rc : switches[i].enable(run, dev);
	}
	return -EINVAL;
}

static int switch_mode(struct step_run *run, const struct step *step)
{
	int rc = switch_by_libdaxctl(run, step), may = rc && rc != -ENOTEMPTY ? may_bind(run->fs) : 0;

	return may ? may : rc;
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

/* --- memmap_on_memory -------------------------------------------------------------- */

/* dev_dax's store: drivers/dax/bus.c memmap_on_memory_store() */
static int undo_memmap(struct step_run *run, const struct step *step)
{
	int rc = sysfs_write(run->fs, step->path, step->undo);

	return rc == -EOPNOTSUPP ? 0 : rc;
}

const struct step_op step_offline_block = { .name = "offline", .run = offline_block, .read = read_block, .undo = undo_offline };
const struct step_op step_online_block = { .name = "online", .run = write_block, .read = read_block };
const struct step_op step_dax_mode = { .name = "mode", .run = switch_mode, .read = read_mode };
const struct step_op step_memmap = { .name = "memmap", .run = write_block, .read = read_block, .undo = undo_memmap };

const struct step_op *const step_dax_ops[] = {
	&step_offline_block, &step_online_block, &step_dax_mode, &step_memmap, NULL,
};
