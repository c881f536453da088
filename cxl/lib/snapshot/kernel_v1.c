// SPDX-License-Identifier: GPL-2.0-only
/*
 * Back-end "kernel": the attribute group cxl_isolation/ of a root port's PCI
 * device as posted in 20250730214718.10679-13 and -14 (v1).
 *
 * Names of ranges are read in either case: v1 prints lower case, its review
 * asks for the specification's upper case.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cxl/lib/change/timeout.h"
#include "cxl/lib/snapshot/host.h"
#include "util/parse.h"

static ssize_t read_attr(struct cxl_host *host, const struct cxl_root_port *rp, const char *attr,
			 char *buf, size_t size)
{
	char path[PATH_MAX];

	int rc = sysfs_join(path, sizeof(path), rp->path, attr);

	if (rc)
		return rc;
	return sysfs_read(&host->fs, path, buf, size);
}

static void complain(struct cxl_host *host, const struct cxl_root_port *rp, const char *attr,
		     ssize_t rc, const char *text)
{
	char shown[40];

	if (rc < 0 && rc != -E2BIG && rc != -EILSEQ)
		message_add(&host->messages, SEV_WARNING, "ATTRIBUTE", rp->name,
			    "%s: attribute %s cannot be read (%s), so it is shown as null",
			    rp->name, attr, strerror((int)-rc));
	else
		message_add(&host->messages, SEV_WARNING, "ATTRIBUTE", rp->name,
			    "%s: attribute %s holds an unknown value (\"%s\"), so it is shown as null",
			    rp->name, attr, rc < 0 ? "" : printable(text, shown, sizeof(shown)));
}

static enum tri read_bool(struct cxl_host *host, const struct cxl_root_port *rp, const char *attr, ssize_t *ret_rc)
{
	char text[16];

	*ret_rc = read_attr(host, rp, attr, text, sizeof(text));
	if (*ret_rc == 1 && (text[0] == '0' || text[0] == '1'))
		return tri_of(text[0] == '1');
	if (*ret_rc != -ENOENT)
		complain(host, rp, attr, *ret_rc, text);
	return TRI_UNKNOWN;
}

/* -ENXIO stands for every value without a name, the default 0 included. */
static int read_range(struct cxl_host *host, const struct cxl_root_port *rp, bool *ret_posted)
{
	const struct timeout_range *range;
	char text[16];
	const char *attr = iso_fields[ISO_MEM_RANGE].attr;
	ssize_t n = read_attr(host, rp, attr, text, sizeof(text));

	if (n == -ENXIO) {
		*ret_posted = true;
		return 0;
	}
	range = n > 0 ? timeout_by_name(text) : NULL;
	if (!range) {
		complain(host, rp, attr, n, text);
		*ret_posted = true;	/* cannot be told: count on its defects */
		return -1;
	}
	*ret_posted = range->value && islower((unsigned char)text[0]);
	return range->value;
}

int iso_kernel_read_control(struct cxl_host *host, const struct cxl_root_port *rp, struct iso_kernel *ret)
{
	const char *isolation = iso_fields[ISO_MEM_ISOLATION].attr, *timeout = iso_fields[ISO_MEM_TIMEOUT].attr;
	ssize_t rc;

	*ret = (struct iso_kernel){ .control = iso_control_unknown };
	ret->control.v[ISO_MEM_ISOLATION] = (int)read_bool(host, rp, isolation, &rc);
	if (rc == -ENOENT) {
		char path[PATH_MAX];

		/* one attribute missing, or the whole group? */
		snprintf(path, sizeof(path), "%s/cxl_isolation", rp->path);
		if (!sysfs_exists(&host->fs, path))
			return 0;
		complain(host, rp, isolation, rc, "");
	}
	ret->present = true;
	ret->control.v[ISO_MEM_TIMEOUT] = (int)read_bool(host, rp, timeout, &rc);
	if (rc == -ENOENT)
		complain(host, rp, timeout, rc, "");
	ret->control.v[ISO_MEM_RANGE] = read_range(host, rp, &ret->posted_v1);
	return 0;
}

static int kernel_v1_read(struct cxl_host *host, struct cxl_root_port *rp)
{
	return iso_kernel_read_control(host, rp, &rp->iso.kernel);
}

const struct iso_backend iso_backend_kernel_v1 = { "kernel", kernel_v1_read };
