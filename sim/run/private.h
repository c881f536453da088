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
 * /etc/cxl, /etc/systemd/system, the state directory and /run/udev private, and put what the host has there:
 * the host file's "etc", the capture's policy file, its journals and proofs of recoveries
 * (@sim NULL: nothing).
 * 0 or -errno.
 */
int private_set_up(const char *dev, const struct sim *sim);

/* The run's state directory, for programs that the user names no other. */
#define PRIVATE_STATE_DIR "/dev/.cxl-isolation"

#endif
