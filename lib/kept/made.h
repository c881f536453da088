/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which regions of this boot `daxctl prepare-isolation` made, or cut into dax devices, in one
 * file of the state directory.  It is written before a region is begun and after it is whole, so that
 * what a killed command left behind is known, and nobody else's region is taken for ours.
 *
 * Written only with the host's lock (util/lock.h).
 */
#ifndef CXL_MADE_H
#define CXL_MADE_H

#include "lib/model/host.h"

struct made_region {
	const char *region;	/* "region0"; "": its capacity was set aside, it has no name yet */
	bool is_whole;
	bool is_cut;		/* somebody else made it, and its dax devices are ours */
	uint64_t bytes_each;	/* of each memory device */
	const char **memdevs;	/* by position: "0000:0d:00.0 0x1001" */
	size_t n_memdevs;
};

struct made {
	struct made_region *v;
	size_t n, capacity;
	bool autoprobe_is_held;	/* DAX_AUTOPROBE was 1, and is 0 while a region is being made */
};

/*
 * Those of this boot, with room for @more; memory from @a.  A file that is damaged or cannot be read
 * tells nothing: *@ret_why is then why, for after "...: ".  -ENOMEM or 0.
 */
int made_read(const struct cxl_host *host, size_t more, struct arena *a, struct made *ret,
	      const char **ret_why);
/* Whole or not at all.  -errno. */
int made_write(const struct cxl_host *host, const struct made *made);

/* How @m is called in .memdevs, memory from @a; NULL for lack of it. */
const char *made_memdev_text(const struct cxl_memdev *m, struct arena *a);

/* The entry that @r, of @host, is; NULL: none, so somebody else made it. */
struct made_region *made_find(const struct made *made, const struct cxl_region *r);
/* That @r of others, @bytes_each of each memory device, is cut by us: in the room that was read for.  -ENOMEM or 0. */
int made_add_cut(struct made *made, const struct cxl_region *r, uint64_t bytes_each,
		 struct arena *a);
/* The region of @host that is @m, one of @made; NULL: it is not there. */
const struct cxl_region *made_region_of(const struct cxl_host *host, const struct made *made,
					const struct made_region *m);

#endif
