// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes of snapshot objects: text from the kernel into values that are
 * known or not, with one message for each that is not.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "lib/model/host.h"
#include "lib/read/reader.h"
#include "util/parse.h"

static void report_unreadable(const struct cxl_host *host, const char *object, const char *attr,
			      int errnum, const char *text)
{
	char shown[40];

	if (errnum == EINVAL || errnum == ERANGE || errnum == EILSEQ || errnum == E2BIG)
		message_add(host->messages, SEV_WARNING, "ATTRIBUTE", object,
			    "%s: attribute %s holds no usable number (\"%s\"), so it is shown as null",
			    object, attr, printable(text, shown, sizeof(shown)));
	else
		message_add(host->messages, SEV_WARNING, "ATTRIBUTE", object,
			    "%s: attribute %s %s (%s), so it is shown as null", object, attr,
			    errnum == ENOENT ? "does not exist" : "cannot be read", err_text(errnum));
}

static struct opt_u64 read_u64(const struct cxl_host *host, const char *object, const char *path,
			       const char *attr, bool may_be_missing)
{
	struct opt_u64 ret = { 0 };
	char full[PATH_MAX], text[64] = "";
	ssize_t n;
	int rc;

	rc = sysfs_join(full, sizeof(full), path, attr);
	if (!rc && (n = sysfs_read(host->fs, full, text, sizeof(text))) < 0) {
		rc = (int)n;
		text[sizeof(text) - 1] = '\0';
	} else if (!rc) {
		rc = parse_u64(text, &ret.v);
	}
	ret.known = !rc;
	if (rc && !(rc == -ENOENT && may_be_missing))
		report_unreadable(host, object, attr, -rc, text);
	return ret;
}

struct opt_u64 attr_u64(const struct cxl_host *host, const char *object, const char *path,
			const char *attr)
{
	return read_u64(host, object, path, attr, false);
}

struct opt_u64 attr_u64_optional(const struct cxl_host *host, const char *object, const char *path,
				 const char *attr)
{
	return read_u64(host, object, path, attr, true);
}

const char *attr_text(const struct cxl_host *host, const char *path, const char *attr)
{
	char full[PATH_MAX], text[4096], shown[256];

	if (attr && sysfs_join(full, sizeof(full), path, attr))
		return NULL;
	if (sysfs_read(host->fs, attr ? full : path, text, sizeof(text)) < 0)
		return NULL;
	return arena_strdup(host->arena, printable(text, shown, sizeof(shown)));
}

const char *attr_link_name(const struct cxl_host *host, const char *object, const char *path,
			   const char *attr)
{
	char full[PATH_MAX], link[PATH_MAX];
	const char *slash, *name;
	bool is_odd = false;
	ssize_t n;

	if (sysfs_join(full, sizeof(full), path, attr))
		return NULL;
	n = sysfs_readlink(host->fs, full, link, sizeof(link));
	if (n < 0) {
		if (n != -ENOENT)
			message_add(host->messages, SEV_WARNING, "ATTRIBUTE", object,
				    "%s: link %s cannot be read: %s", object, attr, err_text((int)-n));
		return NULL;
	}
	slash = strrchr(link, '/');
	name = slash ? slash + 1 : link;
	for (const char *p = name; !is_odd && (*p || p == name); p++)
		is_odd = *p <= ' ' || *p > '~';
	if (is_odd) {
		message_add(host->messages, SEV_WARNING, "ATTRIBUTE", object,
			    "%s: link %s leads to a name that no kernel gives, so it is ignored", object, attr);
		return NULL;
	}
	return arena_strdup(host->arena, name);
}

/* From the names of the links to the PCI addresses that they lead to. */
void port_follow_dports(struct cxl_host *host, struct cxl_port *port)
{
	size_t n = 0;

	for (size_t i = 0; i < port->n_dports; i++) {
		const char *name = attr_link_name(host, port->name, port->path, port->dports[i]);

		if (name && is_pci_address(name))
			port->dports[n++] = name;
	}
	port->n_dports = n;
}
