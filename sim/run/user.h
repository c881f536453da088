/* SPDX-License-Identifier: GPL-2.0-only */
/* Processes of the run that map a dax device: `cxl-sim ctl map` and `unmap`. */
#ifndef SIM_USER_H
#define SIM_USER_H

#include <stdbool.h>

#include "util/err.h"

/* Start one that maps /dev/@dax and reads from it now and then, or with @idle
 * only holds it.  It ends with the run.  Says on stdout which process it is. */
int user_start(const char *dax, bool idle, struct err *err);

/* End those that user_start() left, and wait until they are gone. */
int user_stop(const char *dax, struct err *err);

/* And of all devices, without a word. */
void user_stop_all(void);

#endif
