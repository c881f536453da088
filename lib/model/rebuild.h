/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Can what a recovery takes down be made again?  Regions that a root port's loss
 * tears down are made again from what they are; each reason why one cannot be is
 * asked for by itself.  The checks say it ahead, recover-port refuses for it: the
 * same functions, pure, over the snapshot alone.
 *
 * Source: drivers/cxl/core/region.c and kernel/resource.c of Linux 6.12 to 7.2.
 */
#ifndef CXL_REBUILD_H
#define CXL_REBUILD_H

#include "lib/model/host.h"

/* --- which regions ------------------------------------------------------------ */

/* Does @r touch @rp, or may it: a husk whose lost position can have been there? */
bool region_touches(const struct cxl_host *host, const struct cxl_root_port *rp,
		    const struct cxl_region *r);
/* The regions that touch @rp, from behind @from (NULL: the first) on; NULL when there is no other. */
const struct cxl_region *region_next_touching(const struct cxl_host *host,
					      const struct cxl_root_port *rp,
					      const struct cxl_region *from);
/* The same of those that may be below it, since a position cannot be read, and would be lost unawares. */
const struct cxl_region *region_next_hidden(const struct cxl_host *host,
					    const struct cxl_root_port *rp,
					    const struct cxl_region *from);

/*
 * The device of @rp that the husk @r must have lost.  TRI_YES: it is *@ret, or
 * where that is NULL whatever was below @rp before, of which nothing is left.
 * TRI_UNKNOWN: it can have been another one, or several are lost.
 */
enum tri husk_lost_device(const struct cxl_host *host, const struct cxl_root_port *rp,
			  const struct cxl_region *r, const struct cxl_memdev **ret);

/* --- where they are made again -------------------------------------------------- */

enum rebuild_place_kind {
	PLACE_UNKNOWN,		/* .why */
	PLACE_SAME,
	PLACE_ELSEWHERE,	/* at .at, in the same window */
	PLACE_NOWHERE,		/* the window has no room for it */
};

/* Where the kernel makes a region again: the lowest free place of its window (alloc_free_mem_region()). */
struct rebuild_place {
	enum rebuild_place_kind kind;
	uint64_t at;		/* when known */
	const char *why;	/* PLACE_UNKNOWN: a sentence part */
	const char *in_the_way;	/* what keeps the old place from it; NULL: nothing, a lower place is free */
	uint64_t stranded_bytes;	/* of the old place, which nothing can have then */
};

/*
 * What a recovery of @rp takes down and makes again: all that touches @rp, and
 * with neighbours the regions at higher addresses behind the same host bridges,
 * whose decoders would be in the way (the kernel programs them in the order of
 * addresses).  Made by rebuild_set_make(), given up by rebuild_set_free().
 */
struct rebuild_set {
	const struct cxl_host *host;
	const struct cxl_root_port *rp;
	bool may_move;			/* another place will do: no reason any more */
	const struct cxl_region **v;	/* in the order of their addresses */
	struct rebuild_place *places;	/* of each, when they are made in this order */
	size_t n;
};

/* -ENOMEM or 0. */
int rebuild_set_make(const struct cxl_host *host, const struct cxl_root_port *rp,
		     bool with_neighbours, struct rebuild_set *ret);
void rebuild_set_free(struct rebuild_set *set);
/* Is @r in it only since it is in the way: a neighbour? */
bool rebuild_is_neighbour(const struct rebuild_set *set, const struct cxl_region *r);

/*
 * A region outside of the set that keeps its v[@i] from being made again, from
 * behind @from (NULL: the first) on: at a higher address behind the same host
 * bridge, committed or not, idle or not.  *@ret_sure: false when that cannot be
 * told, but may be so.  NULL when there is no other.
 */
const struct cxl_region *rebuild_next_above(const struct rebuild_set *set, size_t i,
					    const struct cxl_region *from, bool *ret_sure);

/* A region outside of @set, not above v[@i], that is not committed and holds a decoder of a host bridge which v[@i] goes through. */
const struct cxl_region *rebuild_uncommitted_beside(const struct rebuild_set *set, size_t i);

/*
 * Why @r must not be taken down for another port's recovery, the rest of a
 * sentence that begins with its name, memory from @a (NULL: only the answer is
 * wanted, any text).  NULL when it may be: committed, nobody has its memory open, none of it is
 * System RAM or kmem's, it is not persistent, locked or an accelerator's, and its
 * root ports work.
 */
const char *region_why_busy(const struct cxl_host *host, const struct cxl_region *r,
			    struct arena *a);
/* Only the processes and file systems of it. */
const char *region_why_in_use(const struct cxl_host *host, const struct cxl_region *r,
			      struct arena *a);

/* --- why one cannot be made again ------------------------------------------------- */

enum rebuild_reason {
	REBUILD_PARTS,		/* an attribute that cannot be read, or was never set */
	REBUILD_TARGETS,	/* a target that cannot be read */
	REBUILD_HUSK,		/* which device it lost cannot be told */
	REBUILD_CACHE,		/* an extended linear cache, which only firmware sets up */
	REBUILD_KERNEL,		/* the kernel has no create_ram_region (or pmem) */
	REBUILD_DAX_LAYOUT,	/* a dax device that the kernel would not make so */
	REBUILD_DRIVER,		/* a driver of the region's other than cxl_region */
	REBUILD_DAX_DRIVER,	/* a dax driver other than device_dax, kmem and fsdev_dax */
	REBUILD_ORDER,		/* a region above it behind the same host bridge */
	REBUILD_HELD,		/* one that is not committed holds a decoder of the same host bridge */
	REBUILD_ROOM,		/* its place will not be free, or not the lowest free one */
	N_REBUILD_REASONS
};

/* An answer, and what a sentence about it names. */
struct rebuild_obstacle {
	enum rebuild_reason reason;
	enum tri answer;	/* TRI_YES: it cannot be made again; TRI_UNKNOWN: nor is it known that it can */
	const struct cxl_region *region;
	const struct cxl_region *other;	/* REBUILD_ORDER, REBUILD_HELD: the first in the way */
	const struct cxl_dax *dax;	/* of the dax reasons; NULL where none can be listed */
	size_t position;		/* REBUILD_HUSK: of the lost target */
	const char *what;		/* the attribute, of the region, of .memdev or .dax; REBUILD_DAX_LAYOUT: what .dax is, in words */
	const struct cxl_memdev *memdev;	/* REBUILD_PARTS: whose capacity is the matter; NULL: the region's part is */
	struct rebuild_place place;	/* REBUILD_ROOM */
	const char *others;		/* REBUILD_ORDER: all names, when there was an arena */
	size_t n_others;
};

/*
 * Does @reason keep region @r from being made again after a plain recovery of @rp?
 * TRI_NO: it does not.  @a NULL: no names are wanted.
 */
enum tri rebuild_ask(const struct cxl_host *host, const struct cxl_root_port *rp,
		     const struct cxl_region *r, enum rebuild_reason reason, struct arena *a,
		     struct rebuild_obstacle *ret);
/* The same of v[@i] of a set, which may have neighbours and may move. */
enum tri rebuild_ask_set(const struct rebuild_set *set, size_t i, enum rebuild_reason reason,
			 struct arena *a, struct rebuild_obstacle *ret);

/* The rest of a sentence like "region0 cannot be made again: ...", from @a; NULL when that is NULL, or there is nothing to say. */
const char *rebuild_text(const struct rebuild_obstacle *o, struct arena *a);

#endif
