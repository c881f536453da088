/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The functions behind the table of checks, for checks.c alone: what each is
 * about stands there.  They are called as struct check's fails().
 */
#ifndef CXL_CHECKS_H
#define CXL_CHECKS_H

#include "cxl/lib/checks/check.h"

typedef bool check_fails_fn(const struct check_context *ctx, const struct cxl_root_port *rp,
			    struct arena *a, struct finding *f);

typedef const char *check_cannot_tell_fn(const struct cxl_root_port *rp);

/* port.c: the root port, its kernel, and what hangs below it */
check_fails_fn check_no_capability, check_no_abi, check_is_isolated, check_link_is_down, check_driver_panics;
check_fails_fn check_nothing_signals, check_link_stays_up, check_has_switch, check_is_not_direct;
check_fails_fn check_is_driver_owned, check_core_is_module;
check_cannot_tell_fn check_capability_unknown, check_isolated_unknown, check_link_unknown, check_link_ways_unknown;

/* memory.c: what the memory is used for */
check_fails_fn check_is_busy, check_memory_is_online, check_memmap_is_inside, check_is_persistent;
check_fails_fn check_is_demoted_to, check_has_no_room, check_would_go_online;
check_cannot_tell_fn check_users_unknown;

/* region.c: how regions lie, and who made them */
check_fails_fn check_interleaves, check_firmware_made, check_is_locked;

/* Regions of which a position cannot be read may lie below any root port: such a one, or NULL. */
const struct cxl_region *check_hidden_region(const struct check_context *ctx, const struct cxl_root_port *rp);

/* @list with @name behind it, parted by @sep; NULL when @a is, or memory is exhausted. */
const char *check_join(struct arena *a, const char *list, const char *sep, const char *name);

#endif
