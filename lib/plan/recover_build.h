/* SPDX-License-Identifier: GPL-2.0-only */
/* For the files that plan a recovery, recover_plan.c, recover_link.c and recover_dax.c: how steps are added. */
#ifndef CXL_RECOVER_BUILD_H
#define CXL_RECOVER_BUILD_H

#include "lib/plan/recover_plan.h"

struct builder {
	struct arena *a;
	struct step *steps;
	size_t n, capacity;
	bool no_memory;
	uint64_t unbind_us;	/* that a driver of the dax bus has to let go; 0: as by default */
};

/* @text, or "" and .no_memory. */
const char *build_keep(struct builder *b, const char *text);

#define TEXT(b, ...) build_keep(b, arena_printf((b)->a, __VA_ARGS__))

/* A copy of @step, with what it leaves out. */
struct step *build_step(struct builder *b, struct step step);
void build_write(struct builder *b, const char *title, const char *path, const char *value,
		 const char *before, const char *after);

#define CXL_DRIVERS "sys/bus/cxl/drivers"
/* @what: the device in words; @device may be a name in braces. */
void build_unbind(struct builder *b, const char *drivers, const char *driver, const char *what,
		  const char *device);
void build_bind(struct builder *b, const char *drivers, const char *driver, const char *what,
		const char *device);

/* Where the isolation status of @rp is. */
const char *build_status_path(struct builder *b, const struct cxl_root_port *rp);

/* What can be tried, and taken back, before anything is taken down. */
void build_link_prepare(struct builder *b, const struct cxl_root_port *rp, enum link_method method);
/* The devices below removed, the link down and up, the isolation status cleared. */
void build_link(struct builder *b, const struct cxl_root_port *rp,
		const struct recover_options *options, enum link_method method);

/* The accelerator that @recipe has, as it is now (NULL: not known, any there is); NULL: it has none, or that is not there. */
const struct cxl_accelerator *build_accelerator_now(const struct cxl_root_port *rp,
						    const struct recipe *recipe);
/* Its device's virtual functions end, and the others lose their drivers. */
void build_device_teardown(struct builder *b, const struct cxl_root_port *rp,
			   const struct recipe *recipe);
/* The functions are there again, with their drivers; and last of all the virtual ones. */
void build_device_return(struct builder *b, const struct recipe *recipe,
			 const struct recover_options *o);
void build_device_virtual(struct builder *b, const struct recipe *recipe,
			  const struct recover_options *o);

/* The dax devices of @r lose their drivers. */
void build_dax_teardown(struct builder *b, const struct cxl_region *r);
/* The region that was made again gets its driver if it had one, and is cut into its dax devices. */
void build_driver(struct builder *b, const struct recipe_region *r,
		  const struct recover_facts *facts);

#endif
