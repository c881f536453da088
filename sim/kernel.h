/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a kernel makes of a root port with Timeout & Isolation: its sysfs
 * attributes, what it does when it finds the port and when the port isolates.
 */
#ifndef SIM_KERNEL_H
#define SIM_KERNEL_H

#include "util/err.h"

struct port;

struct kernel {
	const char *name;
	const char *summary;
	/* the port is found at boot */
	int (*discover)(const struct kernel *kernel, struct port *port, struct err *err);
	/* the port signals isolation; NULL: nobody listens */
	void (*isolated)(struct port *port);
	const struct attr_ops *isolation_ctrl, *timeout_ctrl, *timeout_range;
};

/* NULL when there is none of this name. */
const struct kernel *kernel_find(const char *name);

/* "mainline, v1, v1-fixed" */
const char *kernel_names(void);

/* The hardware isolated: let the kernel react, if it enabled the interrupt. */
void kernel_signal(struct port *port);

#endif
