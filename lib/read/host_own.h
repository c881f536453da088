/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the snapshot is made of, for those who make it: its arrays are const to
 * everybody else.  Included by what fills in a host that is being read, by
 * nothing that only looks at one.
 */
#ifndef CXL_HOST_OWN_H
#define CXL_HOST_OWN_H

#include "lib/model/host.h"

/* The arrays of struct cxl_host, by the same names. */
struct host_own {
	struct cxl_bus *buses;
	struct cxl_port *ports;
	struct cxl_root_port *root_ports;
	struct cxl_memdev *memdevs;
	struct cxl_endpoint *endpoints;
	struct cxl_region *regions;
	struct cxl_dax *dax;
	struct loose_memory *loose;
	struct mem_block *blocks;
	struct mem_zone *zones;
	struct cxl_window *windows;
	struct window_line *window_lines;
};

/* Memory for @n of @array; both see it, NULL when there is none. */
#define OWN_ALLOC(host, array, n) \
	((host)->array = (host)->own->array = \
		 arena_alloc((host)->arena, (n), sizeof(*(host)->array)))

/* What a link leads to, one of @array, to be filled in. */
#define OWN(host, array, link) (&(host)->own->array[(link) - (host)->array])

#endif
