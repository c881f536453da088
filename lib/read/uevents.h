/* SPDX-License-Identifier: GPL-2.0-only */
/* Waiting for devices that come: udev's word of them, once its rules have been applied, or the kernel's. */
#ifndef CXL_UEVENTS_H
#define CXL_UEVENTS_H

#include <stdbool.h>
#include <stdint.h>

struct udev;
struct udev_monitor;

struct uevents {
	struct udev *udev;
	struct udev_monitor *monitor;	/* NULL: nothing is heard of, time alone passes */
};

/* From now on those of CXL and PCI devices are kept until they are waited for. */
void uevents_open(struct uevents *ret);

/*
 * Until there is one, @us have passed, or a signal came.  Where udev does not run, or one
 * was lost, none is ever heard of: look again after a while all the same.
 */
void uevents_wait(struct uevents *u, uint64_t us);

/*
 * For a loop of its own, which wants to hear of things and not to use a device: the kernel's
 * own word, of dax devices and memory blocks, too.  It comes before udev's, and without udev;
 * PCI errors (ERROR_EVENT of pci_uevent_ers()) and drivers that unbind are among it.
 */
void uevents_open_kernel(struct uevents *ret);
/* A descriptor to poll, -1 when nothing is heard of; then uevents_take(), was there one? */
int uevents_fd(const struct uevents *u);
bool uevents_take(struct uevents *u);

void uevents_close(struct uevents *u);

#endif
