/* SPDX-License-Identifier: GPL-2.0-only */
/* A captured host, archive or directory, into the tree. */
#ifndef SIM_LOAD_H
#define SIM_LOAD_H

#include "sim/state/tree.h"
#include "util/err.h"

/* The files of /proc that describe the host and not its processes; ends with NULL. */
extern const char *const load_proc_files[];

/*
 * Add the sys/ and proc/ parts of the capture at @path, its policy file and the files
 * of its state directory to @tree: a directory that holds them, or a tar archive, plain or
 * compressed by xz, gzip, bzip2 or zstd.
 */
int load_capture(struct tree *tree, const char *path, struct err *err);

#endif
