/* SPDX-License-Identifier: GPL-2.0-only */
/* Waiting for devices that come: udev's word of them, once its rules have been applied. */
#ifndef CXL_UEVENTS_H
#define CXL_UEVENTS_H

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

void uevents_close(struct uevents *u);

#endif
