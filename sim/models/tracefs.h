/* SPDX-License-Identifier: GPL-2.0-only */
/* tracefs: the buffer at its top and those of instances, which processes make and remove. */
#ifndef SIM_TRACEFS_H
#define SIM_TRACEFS_H

struct models;
struct port;
struct sim;

/* A buffer at the top and room for instances, with every event that has a format there.  -ENOMEM or 0. */
int tracefs_add(struct sim *sim);
void tracefs_free(struct models *m);

/* To each buffer in which "SYSTEM/EVENT" is on; @task is the kernel's thread that meets it: "irq/26-aerdrv-105". */
void trace_emit(struct sim *sim, const char *event, const char *task, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
