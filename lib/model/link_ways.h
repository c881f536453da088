/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ways to take the link below a root port down and up, which is the only way
 * out of isolation (CXL r3.2 sec 12.3): what each needs, in one table, for the
 * checks and for recover-port alike.  How each is done is recover_link.c's.
 */
#ifndef CXL_LINK_WAYS_H
#define CXL_LINK_WAYS_H

#include "lib/model/host.h"

/* How the link is taken down, in the order of preference. */
enum link_method {
	LINK_AUTO,
	LINK_CXL_BUS,		/* the endpoint's own reset */
	LINK_FORCED,		/* it is down already, by the isolation or whatever went wrong */
	LINK_SUBORDINATE,	/* Unmask SBR, reset_subordinate: the kernel takes the link down and up in one step */
	LINK_DISABLE,		/* Unmask Link Disable, Link Disable */
	LINK_SLOT_POWER,
	LINK_NONE,		/* not at all: removal and rescan do for a port that is not isolated */
	N_LINK_METHODS
};
extern const char *const link_method_names[N_LINK_METHODS];
int link_method_parse(const char *name);	/* -1 when it is none */

/*
 * Why @rp, as it is now, cannot do @method (not LINK_AUTO); NULL when it can.
 * @stays_masked: it was tried to unmask it, in vain.  What link_ways_read() did not
 * read counts as missing.
 */
const char *link_method_why_not(const struct cxl_root_port *rp, enum link_method method,
				bool stays_masked);

/* The bit of DVSEC 3 that lets @method through; 0: nothing masks it. */
unsigned int link_method_unmask_bit(enum link_method method);
/* Is @method masked in @rp's DVSEC 3?  Whether the port lets it through shows only when it is tried. */
bool link_method_is_masked(const struct cxl_root_port *rp, enum link_method method);

/*
 * Once @rp isolated with its link up or forced down: is there a way out that is
 * sure, one that needs no unmasking, which may turn out to be in vain?  TRI_NO
 * and TRI_UNKNOWN with the reason, a sentence part, in *@ret_why.
 */
enum tri link_way_without_unmasking(const struct cxl_root_port *rp, const char **ret_why);

#endif
