/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading what this host keeps in files of its own: the policy file and the
 * state directory.  What is read is in lib/model/kept.h.
 */
#ifndef CXL_RECOVER_KEPT_H
#define CXL_RECOVER_KEPT_H

#include "lib/model/host.h"
#include "lib/policy/policy.h"

/*
 * Behind every host_read(): what files say of its root ports.  Of a capture its
 * own files count, never this machine's.  A file that cannot be used is told in
 * the data or in a message, not as an error: 0, or -ENOMEM with @err.
 */
int kept_read(struct cxl_host *host, struct err *err);

/* The policy file of @host, a capture's own; -ENOENT: there is none.  -errno with @err where it cannot be used. */
int kept_policy(const struct cxl_host *host, struct policy *ret, struct err *err);

/* A later snapshot, in which @t of @was is no longer kept; as host_read_settings().  NULL for lack of memory. */
const struct cxl_host *kept_without_temporary(const struct cxl_host *was,
					      const struct kept_temporary *t);

/* What tells this boot from others, into @buf, which is returned; "unknown". */
const char *kept_boot_id(const struct cxl_host *host, char *buf, size_t size);

#endif
