/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An accelerator's driver that consents, by its administrator, to be taken off the device
 * and given it back: is a recovery of the port then one that can be planned?  Pure.
 */
#ifndef CXL_CONSENT_H
#define CXL_CONSENT_H

#include "lib/model/port.h"

/* As the kernel names drivers of modules: letters, digits, "-" and "_". */
bool consent_is_driver_name(const char *name);

/* The region of its memory; NULL: it has none. */
const struct cxl_region *accelerator_region(const struct cxl_root_port *rp,
					    const struct cxl_accelerator *acc);

/*
 * It has no driver, and the port has failed: a kernel may take the driver off by itself then.  Which
 * one it was only who consents knows, and what it had made of the device is gone.
 */
bool accelerator_is_detached(const struct cxl_root_port *rp);

/*
 * Can the recovery of @rp, whose accelerator's driver is to be @driver, be planned?
 * Where not, or where that cannot be told, *@ret_why is a sentence part, from @a (NULL:
 * only the answer is wanted).
 */
bool consent_reaches(const struct cxl_root_port *rp, const char *driver, struct arena *a,
		     const char **ret_why);

#endif
