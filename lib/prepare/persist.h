/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What keeps dax memory prepared after a reboot and a hot plug: a udev rule and
 * an entry of the policy file, both by the serial numbers of its memory devices.
 *
 * The rule switches automatic binding on the dax bus off as soon as a CXL memory
 * device appears, before its driver is loaded, so that kmem cannot take the memory
 * and online it; each dax device is then given to device_dax, or (of other memory)
 * to the driver that the kernel would have chosen, by 'prepare-isolation --hotplug'.
 */
#ifndef DAXCTL_PERSIST_H
#define DAXCTL_PERSIST_H

#include "lib/prepare/prepare.h"

/* Look at both files.  -errno with @err when one is not understood. */
int persist_read(struct prepare *p, struct err *err);

/* Why the memory devices of @f cannot be named by serial number; NULL when they can. */
const char *persist_why_not(struct prepare *p, const struct dax_facts *f);

/*
 * Add to @plan what makes the state of @f last, or (@on false) no longer; nothing
 * where it is so already.  -errno with @err.
 */
int persist_plan(struct prepare *p, const struct dax_facts *f, bool on, struct dax_plan *plan,
		 struct err *err);

/*
 * The same for what was selected and has no dax device: memory devices without a
 * region, and (@on false) entries of devices that are not here.  How many serial
 * numbers that is about goes to p->n_rest.  -errno with @err.
 */
int persist_plan_rest(struct prepare *p, bool on, struct dax_plan *plan, struct err *err);

/* Can the files be written that the plans are to write?  -errno with @err. */
int persist_check(struct prepare *p, struct err *err);

/* Where the steps that were done wrote, or those of a dry run would, as messages. */
void persist_tell(struct prepare *p);

#endif
