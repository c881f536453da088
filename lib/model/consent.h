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

/* Is that PCI function one of the first accelerator's device? */
bool consent_has_function(const struct cxl_root_port *rp, const char *name);
/* Is it one of VFIO's, which gives a function to a guest, or to a process?  @driver NULL: there is none. */
bool driver_is_vfio(const char *driver);
/* Has the first accelerator's device virtual functions, by what its functions say or where that cannot be read? */
bool device_has_virtual(const struct cxl_root_port *rp);
/* "0000:0f:00.1 (sfc)", from @a; NULL: no memory. */
const char *function_text(const struct device_function *f, struct arena *a);

/*
 * It has no driver, and the port has failed: a kernel may take the driver off by itself then.  Which
 * one it was only who consents knows, and what it had made of the device is gone.
 */
bool accelerator_is_detached(const struct cxl_root_port *rp);

/*
 * Can the recovery of @rp, whose accelerator's driver is to be @driver, be planned?
 * @ends_users: whoever has a virtual function by VFIO is ended before.  Where not, or where
 * that cannot be told, *@ret_why is a sentence part, from @a.
 */
bool consent_reaches(const struct cxl_root_port *rp, const char *driver, bool ends_users,
		     struct arena *a, const char **ret_why);

#endif
