/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Judging Soft Reserved memory: for every range its class, what that means
 * under a policy, how much of it is owned, usable, stranded.  Pure: a picture
 * (sources.h) in, a report out; no I/O, no clock.
 *
 * A range S is judged by unions: W the windows, R the committed regions, C the
 * regions that have a dax device, H the dax devices of dax_hmem, RAM the System
 * RAM that is not kmem's.  A unit is S cut at SRAT memory entries and window
 * boundaries: what the kernel arbitrates by.  A committed region counts as
 * window, too: it cannot lie outside of one, whatever is hidden.
 */
#ifndef CXL_SOFT_RESERVED_H
#define CXL_SOFT_RESERVED_H

#include "lib/soft/sources.h"

/* In the order in which they are tried; the first that fits is the class. */
enum soft_class {
	SOFT_INCONCLUSIVE,
	SOFT_NOT_CXL, SOFT_NOT_CXL_UNCLAIMED, SOFT_SR_OVERRIDDEN,
	SOFT_STRADDLE_RAM, SOFT_STRADDLE_GAP, SOFT_RAM_COLLISION, SOFT_DOUBLE_CLAIM,
	SOFT_CXL_OWNED, SOFT_CXL_OWNED_TILED, SOFT_REGION_NO_DAX, SOFT_FALLBACK_HMEM,
	SOFT_NO_OWNER, SOFT_MIXED_UNITS, SOFT_REGION_MISFIT,
	N_SOFT_CLASSES,
};
extern const char *const soft_class_names[];

/* From best to worst. */
enum soft_verdict {
	VERDICT_OK,
	VERDICT_INFO,
	VERDICT_FALLBACK,
	VERDICT_INCONCLUSIVE,
	VERDICT_STRANDED,
	VERDICT_CONFLICT,
	VERDICT_GIVE_UP,
};
extern const char *const soft_verdict_names[];

enum soft_modifier_id {
	MODIFIER_ALIGN_LOSS, MODIFIER_WINDOW_HEADROOM, MODIFIER_OFFLINE, MODIFIER_DEV_COHERENT,
	MODIFIER_CDAT_MISMATCH, MODIFIER_ORPHAN_IOMEM, MODIFIER_QUIRK_ELC, MODIFIER_QUIRK_ATL,
	MODIFIER_QUIRK_LMH,
	N_MODIFIERS,
};
extern const char *const soft_modifier_names[];

struct soft_policy {
	bool strict;
	bool has_max_align_loss;
	uint64_t max_align_loss;	/* bytes a range may lose to block alignment */
};

struct soft_unit {
	uint64_t start, end;
	enum soft_class class;
	enum soft_verdict verdict;
};

/* Why a range cannot be judged. */
enum soft_doubt {
	DOUBT_NONE,
	DOUBT_WINDOWS,
	DOUBT_REGIONS,
	DOUBT_DAX,
	DOUBT_RAM,
	DOUBT_SRAT,
	DOUBT_UNITS,
	DOUBT_ONLY_FIRMWARE,
	DOUBT_ONLY_IOMEM,
};

struct soft_range {
	uint64_t start, end;
	enum soft_class class;
	enum soft_verdict verdict;
	enum soft_verdict by_class;	/* the verdict before modifiers and other ranges made it worse */
	enum soft_doubt doubt;
	uint64_t owned_bytes, usable_bytes, stranded_bytes, uncovered_bytes;
	bool in_window;			/* some byte of it lies in a window */
	bool in_regions;		/* every byte of it lies in a committed region */
	bool modified[N_MODIFIERS];
	uint64_t modifier_bytes[N_MODIFIERS];
	const char **windows, **regions, **dax;	/* names of what overlaps it */
	size_t n_windows, n_regions, n_dax;
	struct soft_unit *units;
	size_t n_units;
	bool is_tainted;		/* strict: another range made Linux give up on CXL */
	bool exceeds_align_loss;
	bool is_unproven;		/* DEV_COHERENT, and no CDAT says that dax may have it */
	const char *text, *remedy;	/* remedy NULL: nothing to do */
};

struct soft_report {
	enum soft_verdict verdict;	/* the worst range's, or inconclusive without a source */
	bool no_source;			/* nothing tells whether there is Soft Reserved memory */
	struct soft_range *ranges;	/* by address */
	size_t n_ranges;
};

/* -ENOMEM or 0; memory from @a. */
int soft_judge(const struct soft_picture *p, const struct soft_policy *policy, struct arena *a,
	       struct soft_report *ret);

/* Fill @r's text and remedy; everything else of it is known. */
int soft_explain(const struct soft_picture *p, struct arena *a, struct soft_range *r);

/* Is something without an owner that the kernel's arbitration may still give one? */
bool soft_is_unsettled(const struct soft_report *report);

#endif
