// SPDX-License-Identifier: GPL-2.0-only
/*
 * Back-end "rfc": the attributes of the PCIe port service "CXL timeout" as
 * posted in 20240215194048.141411-4, in the directory of the service's device
 * below the root port (ADDRESS:pcie020).
 *
 * There is the range of the CXL.mem timeout and what ranges the port supports,
 * and nothing else: the kernel switches isolation and timeout on when it finds
 * the port, and only the registers tell what became of that.
 *
 * The range is printed in decimal, and what is written is taken for hexadecimal,
 * with or without 0x: "10" is read for C2 and refused when it is written.  So
 * numbers are written with their 0x.
 */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/iso/sysfs_attrs.h"
#include "lib/model/isolation_regs.h"
#include "lib/model/timeout.h"

/* bit 5 of the port services, which no other kernel gives to any */
#define SERVICE ":pcie020"
#define AVAILABLE SERVICE "/available_timeout_ranges"

enum { MAX_RANGE = 0xf };	/* what the field of the register holds */

/* A decimal number; -1 when it is none, or too large for a range. */
static int parse_range(const char *text)
{
	unsigned long value;
	char *end;

	if (!isdigit((unsigned char)*text))
		return -1;
	value = strtoul(text, &end, 10);
	return value > MAX_RANGE || *end ? -1 : (int)value;
}

/* -errno is left to the caller, which knows what a missing attribute means. */
static int read_range(const struct cxl_host *host, const struct cxl_root_port *rp, int *ret)
{
	char text[16];
	ssize_t n = attrs_read(&iso_backend_sysfs_rfc, host, rp, ISO_MEM_RANGE, text, sizeof(text));

	*ret = n < 0 ? -1 : parse_range(text);
	if (n != -ENOENT && *ret < 0)
		attrs_complain(&iso_backend_sysfs_rfc, host, rp, ISO_MEM_RANGE, n, text);
	return n == -ENOENT ? -ENOENT : 0;
}

/* A port without a CXL.mem timeout has the directory, with nothing in it: as good as none. */
static int rfc_probe(const struct cxl_host *host, struct cxl_root_port *rp)
{
	int range;

	if (read_range(host, rp, &range))
		return 0;
	rp->iso.kernel = iso_kernel_found(&iso_backend_sysfs_rfc, ~0u);
	rp->iso.kernel.control.v[ISO_MEM_RANGE] = range;
	return 0;
}

static int rfc_read_settings(const struct cxl_host *host, const struct cxl_root_port *rp,
			     struct iso_control *ret)
{
	*ret = iso_control_unknown;
	return read_range(host, rp, &ret->v[ISO_MEM_RANGE]);
}

static int rfc_read_field(const struct cxl_host *host, const struct cxl_root_port *rp,
			  enum iso_field field)
{
	char text[16];
	ssize_t n;
	int value;

	if (field != ISO_MEM_RANGE)
		return -ENOENT;
	n = attrs_read(&iso_backend_sysfs_rfc, host, rp, field, text, sizeof(text));
	value = n < 0 ? (int)n : parse_range(text);
	return n >= 0 && value < 0 ? -EINVAL : value;
}

static int rfc_write(const struct cxl_host *host, const struct cxl_root_port *rp,
		     enum iso_field field, int value)
{
	return attrs_write(&iso_backend_sysfs_rfc, host, rp, field, value);
}

/*
 * Lines "0x5<TAB>Range B (16ms-55ms)", one for each range the port supports; no such
 * attribute where it supports none.  That the range can be set says that there is a
 * timeout.  What else the port can do is not told.
 */
static int rfc_read_caps(const struct cxl_host *host, const struct cxl_root_port *rp, uint32_t *ret,
			 uint32_t *ret_known)
{
	char path[PATH_MAX], text[1024], *line, *rest = text;
	ssize_t n;

	*ret = *ret_known = ISO_CAP_MEM_TIMEOUT;
	if (snprintf(path, sizeof(path), "%s/%s" AVAILABLE, rp->path, rp->name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	n = sysfs_read(host->fs, path, text, sizeof(text));
	if (n < 0 && n != -ENOENT)
		return (int)n;
	*ret_known |= ISO_CAP_MEM_RANGES(~0u);
	while (n > 0 && (line = strsep(&rest, "\n"))) {
		unsigned int value = (unsigned int)strtoul(line, NULL, 16);
		const struct timeout_range *r = timeout_by_value(value);

		if (r && r->value)
			*ret |= 1u << r->group;
	}
	return 0;
}

static const char *rfc_place(const struct cxl_root_port *rp, enum iso_field field, char *buf)
{
	const char *attr = iso_backend_sysfs_rfc.attrs[field];

	snprintf(buf, ISO_PLACE_BYTES, "%s%s", rp->name, attr ? attr : SERVICE);
	return buf;
}

static void rfc_text(enum iso_field field, int value, char *buf)
{
	(void)field;
	snprintf(buf, ISO_TEXT_BYTES, "0x%x", (unsigned int)value);
}

static bool rfc_watch(const struct cxl_root_port *rp, size_t i, struct iso_watch *ret)
{
	return attrs_watch(&iso_backend_sysfs_rfc, rp, i, ret);
}

const struct iso_backend iso_backend_sysfs_rfc = {
	.name = "rfc",
	.source = "kernel",
	.title = "2024 series",
	.attrs = { [ISO_MEM_RANGE] = SERVICE "/timeout_range" },
	.range_refused = ENXIO,
	.probe = rfc_probe,
	.read_settings = rfc_read_settings,
	.read_field = rfc_read_field,
	.write = rfc_write,
	.read_caps = rfc_read_caps,
	.place = rfc_place,
	.text = rfc_text,
	.watch = rfc_watch,
};
