/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What udev and systemd remember of a device from one event to the next: its links in
 * /dev, and whether it is there for systemd.  In the run's /run/udev.
 */
#ifndef SIM_UDEV_DEVICE_H
#define SIM_UDEV_DEVICE_H

#include <stdbool.h>

/* /dev/NAME for each of the blank-separated @links to the file @devname of /dev; those of before and not among them go. */
void udev_set_links(const char *devname, const char *links);

/*
 * The device @name is there for systemd, or is not.  When it comes the blank-separated
 * units that it wants are started.
 */
void udev_set_plugged(const char *name, bool is_plugged, const char *wants);

/* The host starts again: nothing is remembered. */
void udev_forget(void);

#endif
