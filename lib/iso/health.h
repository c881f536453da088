/* SPDX-License-Identifier: GPL-2.0-only */
/* What a memory device says of its own health, asked through its mailbox. */
#ifndef CXL_HEALTH_H
#define CXL_HEALTH_H

#include "util/message.h"
#include "util/sysfs.h"

/* Load what asking takes, now: later there may be no memory for it.  Without it nothing is asked. */
void memdev_health_prepare(void);

/*
 * Ask memory device @name (GET_HEALTH_INFO, CXL r3.2 sec 8.2.10.9.3.1) through
 * libcxl.  What is not as it should be goes to @messages, and so does why it
 * could not be asked where that is not a failure (no character device: a simulated
 * host).  -errno when it does not answer, -EIO when its media is not ready or
 * it must be replaced.
 */
int memdev_health(struct sysfs *fs, const char *name, struct messages *messages);

#endif
