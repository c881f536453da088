/* SPDX-License-Identifier: GPL-2.0-only */
/* What the back-ends of kernels share: attributes below the root port's directory. */
#ifndef CXL_SYSFS_ATTRS_H
#define CXL_SYSFS_ATTRS_H

#include <sys/types.h>

#include "lib/iso/backend.h"

/* Read what place() of @b says; -errno or the length. */
ssize_t attrs_read(const struct iso_backend *b, const struct cxl_host *host,
		   const struct cxl_root_port *rp, enum iso_field field, char *buf, size_t size);

/* Write what text() of @b makes of @value.  -errno or 0. */
int attrs_write(const struct iso_backend *b, const struct cxl_host *host,
		const struct cxl_root_port *rp, enum iso_field field, int value);

/* A message: reading gave @rc, or @text, which means nothing. */
void attrs_complain(const struct iso_backend *b, const struct cxl_host *host,
		    const struct cxl_root_port *rp, enum iso_field field, ssize_t rc,
		    const char *text);

/* Every attribute of @b, that of isolation first. */
bool attrs_watch(const struct iso_backend *b, const struct cxl_root_port *rp, size_t i,
		 struct iso_watch *ret);

#endif
