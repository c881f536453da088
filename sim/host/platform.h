/* SPDX-License-Identifier: GPL-2.0-only */
/* What the simulated machine is: processor, vendor, firmware. */
#ifndef SIM_PLATFORM_H
#define SIM_PLATFORM_H

#include "util/err.h"

struct json_object;
struct sim;

/*
 * "platform" of the overlay (NULL: none) over what was captured, and an emulated machine
 * where nothing was: on the loaded tree, before the overlay's files.
 */
int platform_apply(struct sim *sim, struct json_object *overlay, struct err *err);

/* What the overlay's files took away must not be the real machine's: reading it fails. */
int platform_hide(struct sim *sim, struct err *err);

#endif
