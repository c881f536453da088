/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading a host: see lib/model/host.h for what comes of it. */
#ifndef CXL_HOST_READ_H
#define CXL_HOST_READ_H

#include "lib/model/dax_facts.h"
#include "lib/model/layout_facts.h"

/* A snapshot, and what is behind it.  Not to be moved: the snapshot points into it. */
struct host_reading {
	struct cxl_host host;
	struct sysfs fs;
	struct arena arena;
	struct messages messages;
};
#define HOST_UNREAD { .fs = { .rootfd = -1, .devicesfd = -1 } }

/* Nothing is read yet; of what is to be read with the parts of host_read() alone. */
void host_reading_init(struct host_reading *ret);

/*
 * Read the host below @sysroot (NULL: the live one).  0, or -errno with @err:
 * EXIT_PREREQ when there is no CXL bus (says what is missing), EXIT_USAGE when
 * @sysroot cannot be opened.  Free with host_free() in either case.  What files
 * of the host say is read by kept_read() in lib/kept/kept_read.h, which goes
 * with it.
 */
int host_read(struct host_reading *ret, const char *sysroot, struct err *err);
/* The same for who looks again and again: what is asleep is left so, and not known. */
int host_read_watched(struct host_reading *ret, const char *sysroot, struct err *err);
/* The same with what the dax side needs: where dax devices outside of regions lie, zones of memory blocks. */
int host_read_dax(struct host_reading *ret, const char *sysroot, struct err *err);
/* Its devices and how they hang together, and nothing else: for who waits for them.  -ENODEV where there is no CXL bus. */
int host_read_topology(struct host_reading *ret, struct err *err);
void host_free(struct host_reading *reading);

/* PCI functions that are CXL memory devices (class 0x050210), with or without a driver. */
struct memory_functions {
	struct memory_function {
		const char *address;
		const char *path;	/* "sys/devices/pci...", "" when it is gone */
	} *v;
	size_t n;
};
/* Memory from @a.  -ENOMEM or 0. */
int memory_functions_read(struct sysfs *fs, struct arena *a, struct memory_functions *ret);

/* Look at the dax devices of @host, which host_read_dax() read.  -errno with @err. */
int dax_view_read(const struct cxl_host *host, struct dax_view *ret, struct err *err);

/* What a layout is judged by.  Of a host that host_read_dax() read, where dax devices matter.  -errno with @err. */
int layout_facts_read(const struct cxl_host *host, struct layout_facts *ret, struct err *err);

/*
 * Later snapshots (host_again.c).  What was read does not change: what is read again
 * is in another snapshot, which else has all that is in @was, each object at the same
 * place in its array.  It shares the memory of @was, and goes with it.
 */

/* Settings, status and link of the root ports that are @wanted (per root_ports[]); NULL for lack of memory. */
const struct cxl_host *host_read_settings(const struct cxl_host *was, const bool *wanted);
/* The same, whether they are there, and who uses the dax devices.  NULL for lack of memory; @err may say where. */
const struct cxl_host *host_look_again(const struct cxl_host *was, const bool *wanted,
				       struct err *err);
/* The dax device of that name alone, bound to device_dax, with who uses it; the same. */
const struct cxl_host *host_look_at_dax(const struct cxl_host *was, const char *dax,
					struct err *err);
/*
 * All ways of @rp to take the link down (link_ways.h), and which functions are below
 * it now.  NULL with *@ret_rc, -errno, when these cannot be listed.
 */
const struct cxl_host *host_read_link_ways(const struct cxl_host *was,
					   const struct cxl_root_port *rp, int *ret_rc);

#endif
