/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The functions behind the table of checks, for table.c alone: what each is
 * about stands there.  They are called as struct check's look().
 */
#ifndef CXL_CHECKS_H
#define CXL_CHECKS_H

#include "lib/check/check.h"

/* check_port.c: the root port, its kernel, and what hangs below it */
check_look_fn check_no_capability, check_no_abi, check_is_isolated, check_registers_unread,
	check_link_is_down;
check_look_fn check_driver_panics, check_protocol_error_panics, check_nothing_signals;
check_look_fn check_has_switch, check_is_not_direct;
check_look_fn check_is_driver_owned, check_core_is_module, check_nothing_below, check_is_pci_below;

/* check_settings.c: which causes of a failure the port's settings leave uncontained */
check_look_fn check_timeout_is_off, check_has_no_timeout, check_cache_is_off;

/* check_memory.c: what the memory is used for */
check_look_fn check_is_busy, check_memory_is_online, check_memmap_is_inside, check_is_persistent;
check_look_fn check_is_demoted_to, check_has_no_room, check_would_go_online;

/* check_region.c: how regions lie, and who made them */
check_look_fn check_interleaves, check_firmware_made, check_is_locked;

/* What makes the registers of @rp readable; @host: where it was read from. */
const char *check_unread_remedy(const struct cxl_host *host, const struct cxl_root_port *rp,
				struct arena *a);

/* Has @rp, in hardware, nothing that could isolate what the context asks for? */
bool check_lacks_isolation(const struct check_context *ctx, const struct cxl_root_port *rp);

/* check_rebuild.c: what recover-port could not take down, or make again */
check_look_fn check_link_stays_up;
check_look_fn check_cannot_be_rebuilt;	/* of every check that check_of_rebuild() has a reason for */

/* A region whose driver is not cxl_region, given to it; NULL as @a is. */
const char *check_driver_remedy(const struct cxl_region *r, struct arena *a);

/* check_history.c: what this machine is, what was proven on it, decided for it, and begun */
check_look_fn check_platform_cannot, check_is_unproven, check_policy_forbids, check_has_journal;

/* Regions of which a position cannot be read may lie below any root port: such a one, or NULL. */
const struct cxl_region *check_hidden_region(const struct check_context *ctx,
					     const struct cxl_root_port *rp);

#endif
