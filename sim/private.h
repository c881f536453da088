/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Directories of the machine in which commands leave what is to last: the run has
 * its own, empty at first, so that nothing reaches the machine.
 */
#ifndef SIM_PRIVATE_H
#define SIM_PRIVATE_H

struct sim;

/*
 * In the run's mount namespace, with its /dev at @dev: make /etc/udev/rules.d,
 * /etc/cxl, /var/lib/cxl-isolation and /run/udev private, and put the host file's
 * "etc" there (@sim NULL: nothing).  0 or -errno.
 */
int private_set_up(const char *dev, const struct sim *sim);

#endif
