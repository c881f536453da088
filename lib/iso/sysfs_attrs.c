// SPDX-License-Identifier: GPL-2.0-only
/* Attributes of whatever form: see sysfs_attrs.h. */
#include "lib/iso/sysfs_attrs.h"

#include <errno.h>
#include <limits.h>

#include "util/parse.h"

struct iso_kernel iso_kernel_found(const struct iso_backend *b, unsigned int quirks)
{
	struct iso_kernel ret = {
		.backend = b, .quirks = b->quirks & quirks, .control = iso_control_unknown,
	};

	for (int f = 0; f < N_ISO_FIELDS; f++)
		if (b->attrs[f])
			ret.fields |= 1u << f;
	return ret;
}

static int path_of(const struct iso_backend *b, const struct cxl_root_port *rp,
		   enum iso_field field, char *path, size_t size)
{
	char name[ISO_PLACE_BYTES];

	return sysfs_join(path, size, rp->path, b->place(rp, field, name));
}

ssize_t attrs_read(const struct iso_backend *b, const struct cxl_host *host,
		   const struct cxl_root_port *rp, enum iso_field field, char *buf, size_t size)
{
	char path[PATH_MAX];
	int rc = path_of(b, rp, field, path, sizeof(path));

	return rc ? rc : sysfs_read(host->fs, path, buf, size);
}

int attrs_write(const struct iso_backend *b, const struct cxl_host *host,
		const struct cxl_root_port *rp, enum iso_field field, int value)
{
	char path[PATH_MAX], text[ISO_TEXT_BYTES];
	int rc = path_of(b, rp, field, path, sizeof(path));

	b->text(field, value, text);
	return rc ? rc : sysfs_write(host->fs, path, text);
}

void attrs_complain(const struct iso_backend *b, const struct cxl_host *host,
		    const struct cxl_root_port *rp, enum iso_field field, ssize_t rc,
		    const char *text)
{
	char shown[40], name[ISO_PLACE_BYTES];
	const char *attr = b->place(rp, field, name);

	if (rc < 0 && rc != -E2BIG && rc != -EILSEQ)
		message_add(host->messages, SEV_WARNING, "ATTRIBUTE", rp->name,
			    "%s: attribute %s cannot be read (%s), so it is shown as null",
			    rp->name, attr, err_text((int)-rc));
	else
		message_add(host->messages, SEV_WARNING, "ATTRIBUTE", rp->name,
			    "%s: attribute %s holds an unknown value (\"%s\"), so it is shown as null",
			    rp->name, attr, rc < 0 ? "" : printable(text, shown, sizeof(shown)));
}

bool attrs_watch(const struct iso_backend *b, const struct cxl_root_port *rp, size_t i,
		 struct iso_watch *ret)
{
	size_t n = 0;

	*ret = (struct iso_watch){ 0 };
	for (int f = N_ISO_FIELDS - 1; f >= 0; f--)
		if (b->attrs[f] && n++ == i)
			return b->place(rp, (enum iso_field)f, ret->name);
	return false;
}
