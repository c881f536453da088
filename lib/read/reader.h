/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of host_read(), and what they share. */
#ifndef CXL_READER_H
#define CXL_READER_H

#include "lib/model/dax_facts.h"

/* In their order. */
int topology_read(struct cxl_host *host, struct err *err);
int root_ports_read(struct cxl_host *host);	/* -ENOMEM or 0; ports, endpoints and memdevs are known */
int root_ports_attach(struct cxl_host *host);	/* memdevs to their root ports */
void regions_report(struct cxl_host *host);	/* messages about husks; the blocks are known */
int regions_read(struct cxl_host *host);	/* -ENOMEM or 0; the memdevs are known */
int memory_read(struct cxl_host *host, struct err *err);
int loose_read(struct cxl_host *host);	/* -ENOMEM or 0; regions and dax devices are known */
int zones_read(struct cxl_host *host);	/* -ENOMEM or 0 */
/* The zone of an online block; NULL: not known. */
const char *zone_of_block(struct cxl_host *host, unsigned int number, uint64_t first,
			  uint64_t last);
int users_read(struct cxl_host *host, struct err *err);	/* the dax devices are known */
void unbinding_read(struct cxl_host *host);	/* the dax devices are known */
int locks_read(struct cxl_host *host);	/* -ENOMEM or 0; the regions are known */
int firmware_map_read(struct cxl_host *host);	/* the same */
int mounts_read(struct cxl_host *host);	/* -ENOMEM or 0; the dax devices are known */
int memory_policy_read(struct cxl_host *host);	/* the same */
int platform_read(struct cxl_host *host);	/* -ENOMEM or 0; what cannot be read stays unknown, without a message */
int ras_read(struct cxl_host *host);	/* 0; what cannot be read stays unknown, without a message */
int devices_read(struct cxl_host *host);	/* -ENOMEM or 0; the root ports' config space is read */
int link_ways_read(struct cxl_host *host, struct cxl_root_port *rp);	/* all ways of this one; -errno when its functions cannot be listed */
int link_ways_find(struct cxl_host *host);	/* as much of the ways of every root port as is needed to know one; -ENOMEM or 0 */
/* Of dax_view_read(), in udev_online.c: what would bring memory online.  -ENOMEM or 0. */
int online_causes_read(const struct cxl_host *host, struct dax_view *view);
int windows_read(struct cxl_host *host);	/* -ENOMEM or 0; the regions are known */

/* What @was is, to have a part of it read again, or dropped: for the functions that return a later snapshot.  NULL for lack of memory. */
struct cxl_host *host_copy(const struct cxl_host *was);

bool is_dax_name(const char *name);	/* dax0.1 */

/* A port's downstream ports, from the names of their links to PCI addresses. */
void port_follow_dports(struct cxl_host *host, struct cxl_port *port);
/* @path is below an nvdimm region ("…/ndbus0/region0/…"): the CXL region it is made of, NULL when none is. */
struct cxl_region *nd_region_of(struct cxl_host *host, const char *path);

/*
 * Attribute OBJECT_PATH/ATTR, as a number or as text in the arena.  When it is
 * missing, unreadable or no number the value stays unknown and @host gets one
 * message about @object.
 */
struct opt_u64 attr_u64(const struct cxl_host *host, const char *object, const char *path,
			const char *attr);
/* The same, where it may be missing: no message about that. */
struct opt_u64 attr_u64_optional(const struct cxl_host *host, const char *object, const char *path,
				 const char *attr);
/* OBJECT_PATH/ATTR (@attr NULL: the file @path itself) as text in the arena; NULL when it cannot be read. */
const char *attr_text(const struct cxl_host *host, const char *path, const char *attr);
/* The last component of a link such as "driver"; NULL when there is none. */
const char *attr_link_name(const struct cxl_host *host, const char *object, const char *path,
			   const char *attr);

#endif
