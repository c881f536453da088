// SPDX-License-Identifier: GPL-2.0-only
/*
 * Back-end "v1": the attribute group cxl_isolation/ of a root port's PCI device
 * as posted in 20250730214718.10679-13 and -14, with or without its defects.
 *
 * Names of ranges are read in either case: v1 prints lower case, its review
 * asks for the specification's upper case.  Numbers are written: v1 misreads
 * names.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "lib/iso/sysfs_attrs.h"
#include "lib/model/timeout.h"

#define GROUP "cxl_isolation"

static void complain(const struct cxl_host *host, const struct cxl_root_port *rp,
		     enum iso_field field, ssize_t rc, const char *text)
{
	attrs_complain(&iso_backend_sysfs_v1, host, rp, field, rc, text);
}

/* 0 or 1; *@ret_rc is what reading gave. */
static int read_switch(const struct cxl_host *host, const struct cxl_root_port *rp,
		       enum iso_field field, ssize_t *ret_rc)
{
	char text[16];

	*ret_rc = attrs_read(&iso_backend_sysfs_v1, host, rp, field, text, sizeof(text));
	if (*ret_rc == 1 && (text[0] == '0' || text[0] == '1'))
		return text[0] == '1';
	if (*ret_rc != -ENOENT)
		complain(host, rp, field, *ret_rc, text);
	return -1;
}

/* -ENXIO stands for every value without a name, the default 0 included. */
static int read_range(const struct cxl_host *host, const struct cxl_root_port *rp, bool *ret_posted)
{
	const struct timeout_range *range;
	char text[16];
	ssize_t n = attrs_read(&iso_backend_sysfs_v1, host, rp, ISO_MEM_RANGE, text, sizeof(text));

	if (n == -ENXIO) {
		*ret_posted = true;
		return 0;
	}
	range = n > 0 ? timeout_by_name(text) : NULL;
	if (!range) {
		complain(host, rp, ISO_MEM_RANGE, n, text);
		*ret_posted = true;	/* cannot be told: count on its defects */
		return -1;
	}
	*ret_posted = range->value && islower((unsigned char)text[0]);
	return range->value;
}

/* *@ret_posted: signs of the code as posted, with its defects. */
static int read_all(const struct cxl_host *host, const struct cxl_root_port *rp,
		    struct iso_control *ret, bool *ret_posted)
{
	ssize_t rc;

	*ret = iso_control_unknown;
	ret->v[ISO_MEM_ISOLATION] = read_switch(host, rp, ISO_MEM_ISOLATION, &rc);
	if (rc == -ENOENT) {
		char path[PATH_MAX];

		/* one attribute missing, or the whole group? */
		snprintf(path, sizeof(path), "%s/" GROUP, rp->path);
		if (!sysfs_exists(host->fs, path))
			return -ENOENT;
		complain(host, rp, ISO_MEM_ISOLATION, rc, "");
	}
	ret->v[ISO_MEM_TIMEOUT] = read_switch(host, rp, ISO_MEM_TIMEOUT, &rc);
	if (rc == -ENOENT)
		complain(host, rp, ISO_MEM_TIMEOUT, rc, "");
	ret->v[ISO_MEM_RANGE] = read_range(host, rp, ret_posted);
	return 0;
}

static int v1_probe(const struct cxl_host *host, struct cxl_root_port *rp)
{
	struct iso_control control;
	bool posted;

	if (read_all(host, rp, &control, &posted))
		return 0;
	rp->iso.kernel = iso_kernel_found(&iso_backend_sysfs_v1,
					  posted ? ~0u : ISO_QUIRK_UNTOLD_DEFAULT);
	rp->iso.kernel.control = control;
	return 0;
}

static int v1_read_settings(const struct cxl_host *host, const struct cxl_root_port *rp,
			    struct iso_control *ret)
{
	bool posted;

	return read_all(host, rp, ret, &posted);
}

static int v1_read_field(const struct cxl_host *host, const struct cxl_root_port *rp,
			 enum iso_field field)
{
	const struct timeout_range *range;
	char text[16];
	ssize_t n = attrs_read(&iso_backend_sysfs_v1, host, rp, field, text, sizeof(text));

	if (iso_fields[field].is_range && n == -ENXIO)
		return 0;
	if (n < 0)
		return (int)n;
	if (!iso_fields[field].is_range)
		return text[0] == '1' && !text[1];
	range = timeout_by_name(text);
	return range ? (int)range->value : -EINVAL;
}

static int v1_write(const struct cxl_host *host, const struct cxl_root_port *rp,
		    enum iso_field field, int value)
{
	return attrs_write(&iso_backend_sysfs_v1, host, rp, field, value);
}

static const char *v1_place(const struct cxl_root_port *rp, enum iso_field field, char *buf)
{
	(void)rp;
	snprintf(buf, ISO_PLACE_BYTES, "%s", iso_backend_sysfs_v1.attrs[field]);
	return buf;
}

static void v1_text(enum iso_field field, int value, char *buf)
{
	(void)field;
	snprintf(buf, ISO_TEXT_BYTES, "%d", value);
}

static bool v1_watch(const struct cxl_root_port *rp, size_t i, struct iso_watch *ret)
{
	return attrs_watch(&iso_backend_sysfs_v1, rp, i, ret);
}

const struct iso_backend iso_backend_sysfs_v1 = {
	.name = "v1",
	.source = "kernel",
	.title = "posted v1",
	.attrs = {
		[ISO_MEM_RANGE] = GROUP "/timeout_range",
		[ISO_MEM_TIMEOUT] = GROUP "/timeout_ctrl",
		[ISO_MEM_ISOLATION] = GROUP "/isolation_ctrl",
	},
	.quirks = ISO_QUIRK_CLEARS_OTHERS | ISO_QUIRK_STAYS_ON | ISO_QUIRK_PANICS |
		  ISO_QUIRK_UNTOLD_DEFAULT,
	.range_refused = EINVAL,
	.probe = v1_probe,
	.read_settings = v1_read_settings,
	.read_field = v1_read_field,
	.write = v1_write,
	.place = v1_place,
	.text = v1_text,
	.watch = v1_watch,
};
