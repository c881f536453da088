/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Events of devices on the netlink socket of the run's own network namespace: the
 * kernel's at once, and udev's once its rules have been applied, as programs that use
 * libudev's monitor wait for them.  Without such a namespace nothing is sent.
 */
#ifndef SIM_UEVENT_H
#define SIM_UEVENT_H

#include <stddef.h>

/* What is said of a device: "NAME=VALUE" each, DEVPATH, SUBSYSTEM and ACTION among them. */
struct uevent {
	const char *const *v;
	size_t n;
};

/*
 * Enter a new network namespace, with a loopback device alone, where what is sent by this
 * process and those that it starts is heard.  -errno: nothing is sent.
 */
int uevent_open(void);
/* In a process that was started and has closed its descriptors. */
void uevent_open_again(void);

/* The kernel adds SEQNUM, and is seen as its sender. */
void uevent_send_kernel(const struct uevent *e);
/* Needs SEQNUM. */
void uevent_send_udev(const struct uevent *e);

#endif
