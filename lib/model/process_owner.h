/* SPDX-License-Identifier: GPL-2.0-only */
/* What a process belongs to: a guest, a machine, a unit.  Pure: /proc is read in lib/read/process.h. */
#ifndef CXL_PROCESS_OWNER_H
#define CXL_PROCESS_OWNER_H

#include <stdbool.h>
#include <stddef.h>

#include "util/arena.h"

/* Each NULL where it has none, or none can be told. */
struct process_owner {
	const char *guest;	/* the virtual machine it runs, as its command line or libvirt names it */
	const char *machine;	/* as systemd-machined names it: "qemu-1-vm1" */
	const char *unit;	/* of systemd, as systemctl takes it: "machine-qemu\x2d1\x2dvm1.scope" */
	const char *cgroup;	/* "/machine.slice/..." */
	bool is_own_unit;	/* this command runs in it, too, so that it tells nothing */
};

/*
 * Each of these puts what it finds into @buf and returns it; NULL when there is
 * none, or it does not fit.
 */

/* The guest of a QEMU command line: @args as /proc/PID/cmdline has them, @n bytes. */
const char *owner_guest_of_args(const char *args, size_t n, char *buf, size_t size);
/* The path of /proc/PID/cgroup: that of the unified hierarchy, or of systemd's own where that says nothing. */
const char *owner_cgroup_of(const char *text, char *buf, size_t size);
/* The innermost service or scope of a cgroup's path. */
const char *owner_unit_of(const char *cgroup, char *buf, size_t size);
/* The machine of "machine-NAME.scope" or "systemd-nspawn@NAME.service". */
const char *owner_machine_of(const char *unit, char *buf, size_t size);
/* The guest of a machine that libvirt made: "vm1" of "qemu-1-vm1". */
const char *owner_guest_of_machine(const char *machine, char *buf, size_t size);

/* ", guest vm1, unit NAME", as it stands behind a command's name; "" when there is nothing to say. */
const char *owner_text(const struct process_owner *o, struct arena *a);

#endif
