/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The part of systemd in a restart of the host: units of ours that are enabled in the
 * run's /etc/systemd/system run their commands.
 */
#ifndef SIM_BOOT_UNITS_H
#define SIM_BOOT_UNITS_H

/*
 * One that a device wants, as systemd starts it: in a process of its own, once the units of a
 * restart have run.  It need not be enabled.  Of "cxl-a@mem0.service" the file is cxl-a@.service.
 */
void boot_unit_start(const char *name);

/* The host starts again: until boot_units_run() is done no other unit is started. */
void boot_units_hold(void);

/* In their order, by the process that asked for the restart; says of each what came of it. */
void boot_units_run(void);

#endif
