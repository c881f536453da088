/* SPDX-License-Identifier: GPL-2.0-only */
/* Which names the policy file of this host gives to its memory. */
#ifndef CXL_KEPT_NAMES_H
#define CXL_KEPT_NAMES_H

#include "lib/model/layout_facts.h"
#include "util/err.h"

/* NULL where it has none. */
struct kept_names {
	const char **regions;	/* per host->regions[] */
	const char **dax;	/* per host->dax[] */
};

/* Memory is the host's arena's; @facts of it, NULL: they are read.  -ENOMEM; -errno with @err, and no names, where the file is of no use; 0 without a file. */
int kept_names(const struct cxl_host *host, const struct layout_facts *facts,
	       struct kept_names *ret, struct err *err);

/* All that says of memory where it lies and what it is called. */
struct layout_view {
	struct layout_facts facts;
	struct kept_names names;
};

/* A policy file that cannot be used gives no names, and a message.  -errno with @err. */
int layout_view_read(const struct cxl_host *host, struct layout_view *ret, struct err *err);

#endif
