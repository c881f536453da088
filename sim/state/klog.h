/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's log: /dev/kmsg, which is a plain file inside a run. */
#ifndef SIM_KLOG_H
#define SIM_KLOG_H

struct sim;

/* A record of @level, as in KERN_ERR and such; before the run begins nothing is logged. */
void klog(const struct sim *sim, int level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
