/* SPDX-License-Identifier: GPL-2.0-only */
/* The FUSE server: the tree as a file system that behaves as sysfs does. */
#ifndef SIM_FS_H
#define SIM_FS_H

#include "util/err.h"

struct sim;

/* Serve @fuse_fd, an opened and mounted /dev/fuse, until it is unmounted. */
int fs_serve(struct sim *sim, int fuse_fd, struct err *err);

#endif
