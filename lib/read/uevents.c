// SPDX-License-Identifier: GPL-2.0-only
/*
 * libudev's monitor: see uevents.h.  It is udev's word that is waited for and not the
 * kernel's, so that what udev's rules do to a device has been done.
 */
#include "lib/read/uevents.h"

#include <libudev.h>
#include <poll.h>
#include <stddef.h>
#include <time.h>

/* More of them follow within this time: they are looked at together. */
enum { BURST_US = 20000 };

static const char *const subsystems[] = { "cxl", "pci" };

void uevents_open(struct uevents *ret)
{
	int rc = 0;

	*ret = (struct uevents){ .udev = udev_new() };
	if (ret->udev)
		ret->monitor = udev_monitor_new_from_netlink(ret->udev, "udev");
	for (size_t i = 0; ret->monitor && !rc && i < sizeof(subsystems) / sizeof(*subsystems); i++)
		rc = udev_monitor_filter_add_match_subsystem_devtype(ret->monitor, subsystems[i],
								     NULL);
	if (ret->monitor && (rc || udev_monitor_enable_receiving(ret->monitor) < 0)) {
		udev_monitor_unref(ret->monitor);
		ret->monitor = NULL;
	}
}

static void pause_us(uint64_t us)
{
	const struct timespec t = { .tv_sec = (time_t)(us / 1000000),
				    .tv_nsec = (long)(us % 1000000) * 1000 };

	nanosleep(&t, NULL);
}

/* What they say is not asked: whoever waits looks at the host again. */
static void drain(struct udev_monitor *monitor)
{
	struct udev_device *device;

	while ((device = udev_monitor_receive_device(monitor)))
		udev_device_unref(device);
}

void uevents_wait(struct uevents *u, uint64_t us)
{
	struct pollfd p = { .fd = u->monitor ? udev_monitor_get_fd(u->monitor) : -1,
			    .events = POLLIN };
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
