// SPDX-License-Identifier: GPL-2.0-only
/*
 * libudev's monitor: see uevents.h.  Who waits for a device waits for udev's word and not the
 * kernel's, so that what udev's rules do to it has been done; who only looks hears the kernel.
 */
#include "lib/read/uevents.h"

#include <errno.h>
#include <libudev.h>
#include <poll.h>
#include <stddef.h>
#include <time.h>

/* More of them follow within this time: they are looked at together. */
enum { BURST_US = 20000 };

static const char *const subsystems[] = { "cxl", "pci", "dax", "memory" };
enum { N_OF_DEVICES = 2 };	/* of them: what is waited for */

static void open_from(struct uevents *ret, const char *source, size_t n_subsystems)
{
	int rc = 0;

	*ret = (struct uevents){ .udev = udev_new() };
	if (ret->udev)
		ret->monitor = udev_monitor_new_from_netlink(ret->udev, source);
	for (size_t i = 0; ret->monitor && !rc && i < n_subsystems; i++)
		rc = udev_monitor_filter_add_match_subsystem_devtype(ret->monitor, subsystems[i],
								     NULL);
	if (ret->monitor && (rc || udev_monitor_enable_receiving(ret->monitor) < 0)) {
		udev_monitor_unref(ret->monitor);
		ret->monitor = NULL;
	}
}

void uevents_open(struct uevents *ret)
{
	open_from(ret, "udev", N_OF_DEVICES);
}

void uevents_open_kernel(struct uevents *ret)
{
	open_from(ret, "kernel", sizeof(subsystems) / sizeof(*subsystems));
}

static void pause_us(uint64_t us)
{
	const struct timespec t = { .tv_sec = (time_t)(us / 1000000),
				    .tv_nsec = (long)(us % 1000000) * 1000 };

	nanosleep(&t, NULL);
}

/* What they say is not asked: whoever waits looks at the host again. */
static bool drain(struct udev_monitor *monitor)
{
	struct udev_device *device;
	bool any = false;

	while ((device = udev_monitor_receive_device(monitor))) {
		udev_device_unref(device);
		any = true;
	}
	return any;
}

int uevents_fd(const struct uevents *u)
{
	return u->monitor ? udev_monitor_get_fd(u->monitor) : -1;
}

bool uevents_take(struct uevents *u)
{
	bool any;

	errno = 0;
	any = u->monitor && drain(u->monitor);
	return any || errno == ENOBUFS;	/* more came than there was room for */
}

void uevents_wait(struct uevents *u, uint64_t us)
{
	struct pollfd p = { .fd = uevents_fd(u), .events = POLLIN };
	const struct timespec t = { .tv_sec = (time_t)(us / 1000000),
				    .tv_nsec = (long)(us % 1000000) * 1000 };

	if (ppoll(&p, 1, &t, NULL) <= 0)
		return;
	pause_us(us < BURST_US ? us : BURST_US);
	drain(u->monitor);
}

void uevents_close(struct uevents *u)
{
	if (u->monitor)
		udev_monitor_unref(u->monitor);
	if (u->udev)
		udev_unref(u->udev);
	*u = (struct uevents){ 0 };
}
