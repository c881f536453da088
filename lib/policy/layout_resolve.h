/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the layout of a policy file is on a host: which memory devices, which root
 * decoder, how many bytes, where.  All that making it takes; whether the host is so
 * already is layout_match.h's.  Pure: over a snapshot alone.
 */
#ifndef CXL_LAYOUT_RESOLVE_H
#define CXL_LAYOUT_RESOLVE_H

#include "lib/model/layout_facts.h"
#include "lib/policy/layout.h"

struct wanted_region {
	const struct layout_region *section;
	const struct cxl_memdev **memdevs;	/* per position */
	size_t ways;
	const struct root_decoder *decoder;	/* that it is made from */
	uint64_t granularity;
	uint64_t size_bytes;	/* of host physical addresses, all positions together */
	uint64_t bytes_each;	/* of each memory device */
	struct opt_u64 address;	/* where it is, or the kernel will make it; root's alone may be told */
	const struct cxl_region *is;	/* made of the same memory devices in the same order; NULL: none is */
	bool stays;		/* .is has size, granularity and decoder as wanted: it need not be made */
};

struct wanted_dax {
	const struct layout_dax *section;	/* has mode, align, owner, group and file mode */
	const struct wanted_region *region;
	uint64_t offset, size_bytes;	/* in the region: by that a device is known again */
};

struct wanted_layout {
	const struct layout *layout;
	struct wanted_region *regions;	/* as layout->regions[] */
	struct wanted_dax *dax;		/* as layout->dax[] */
	const struct wanted_region **to_make;	/* those that do not stay, in the order in which they can be made */
	size_t n_to_make;
};

/*
 * @l on the host of @facts, memory from @a.  -EINVAL with @err where it cannot be made there, -ENODEV
 * where a memory device is not there (now): EXIT_USAGE for what is not there, or there twice, EXIT_NEGATIVE for what does not fit, or is in
 * the way; one sentence with file and line.
 */
int layout_resolve(const struct layout *l, const struct layout_facts *facts, struct arena *a,
		   struct wanted_layout *ret, struct err *err);

/* Is @r a region of volatile memory that a policy can be about: every position known, none an accelerator's? */
bool layout_can_name(const struct cxl_region *r);
/* Is @m the one that @name means? */
bool layout_memdev_is(const struct cxl_memdev *m, const struct layout_memdev *name);
/* "serial number 0x1001", "PCI address 0000:0d:00.0" */
void layout_memdev_text(const struct layout_memdev *name, char *buf, size_t size);
/* Why no policy has @r as it is; NULL: one can. */
const char *layout_why_not(const struct layout_facts *facts, const struct cxl_region *r);
/* Has another memory device of @host the serial number of @m, or has @m none that tells it from others? */
bool layout_needs_address(const struct cxl_host *host, const struct cxl_memdev *m);
/* How many root decoders would do for a region of @memdevs; @ret: the first of them. */
size_t layout_fitting_decoders(const struct layout_facts *facts,
			       const struct cxl_memdev *const *memdevs, size_t ways,
			       const struct root_decoder **ret);

#endif
