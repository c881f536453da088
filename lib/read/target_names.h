/* SPDX-License-Identifier: GPL-2.0-only */
/* The names that TARGET takes on this host, for shell completion: no more of it is read than they need. */
#ifndef CXL_TARGET_NAMES_H
#define CXL_TARGET_NAMES_H

#include "util/complete.h"

/*
 * Offer those of @kinds (enum target_kind), of the capture that --sysroot names where
 * that is on the line.  What cannot be read is left out, without a message.
 */
void target_names_complete(const struct complete *c, unsigned int kinds);
/* The drivers of PCI devices that this host has. */
void target_drivers_complete(const struct complete *c);

#endif
