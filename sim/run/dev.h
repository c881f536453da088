/* SPDX-License-Identifier: GPL-2.0-only */
/* The private /dev of a run. */
#ifndef SIM_DEV_H
#define SIM_DEV_H

struct sim;

/*
 * Fill the empty directory @dir: the machine's harmless devices, and plain
 * files for the devices of @sim (may be NULL).  0 or -errno.
 */
int dev_populate(const char *dir, const struct sim *sim);

#endif
