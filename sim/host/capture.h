/* SPDX-License-Identifier: GPL-2.0-only */
/* Recording a machine: its files into a tree, and the tree into an archive. */
#ifndef SIM_CAPTURE_H
#define SIM_CAPTURE_H

#include <stdbool.h>

#include "sim/state/tree.h"
#include "util/err.h"

struct sim;

/*
 * The file in the archive that says what could not be read: per line a path, a
 * tab, and "ENXIO: No such device or address" or another reason.  A replay
 * answers with the same errno.
 */
#define CAPTURE_ERRORS "capture/errors.txt"

struct capture {
	struct sim *sim;	/* its tree is filled, its root ports found */
	char *errors;		/* a line per file that could not be read, malloced; see CAPTURE_ERRORS */
	size_t errors_len;
	bool no_bus;		/* the machine has no CXL bus: what there is of memory was recorded */
};

/* Record the machine that this process sees.  capture_free() in any case. */
int capture_collect(struct capture *capture, struct err *err);

/* Write it to @file, a .tar.xz that appears whole or not at all. */
int capture_write(const struct capture *capture, const char *file, struct err *err);

void capture_free(struct capture *capture);

/*
 * What must not leave the machine is taken out of a file's content: addresses
 * of the kernel, who built it, serial numbers of devices that are not CXL's.
 * @path is relative to the root ("proc/modules").  0 or -ENOMEM.
 */
int capture_clean(struct node *node, const char *path);

/* Does this PCI function's config space hold a DVSEC of CXL? */
bool capture_is_cxl(const struct node *config);

#endif
