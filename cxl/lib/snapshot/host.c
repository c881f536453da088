// SPDX-License-Identifier: GPL-2.0-only
/* Reading the snapshot, part by part: see host.h. */
#include <errno.h>

#include "cxl/lib/snapshot/host.h"

/* What only the checks need, once the objects are known. */
static int (*const readers[])(struct cxl_host *host) = {
	locks_read, firmware_map_read, mounts_read, memory_policy_read, devices_read,
};

/* High-bandwidth memory has dax devices on hosts without CXL. */
static bool does_without_cxl(struct cxl_host *host)
{
	struct sysfs_names names;

	return host->wants_dax && !sysfs_list(&host->fs, &host->arena, "sys/bus/dax/devices", NULL, &names) && names.n;
}

static int read_all(struct cxl_host *host, const char *sysroot, struct err *err)
{
	int rc;

	rc = sysfs_init(&host->fs, sysroot, err);
	if (rc)
		return rc;
	rc = topology_read(host, err);
	if (rc == -ENODEV && does_without_cxl(host)) {
		message_add(&host->messages, SEV_INFO, "HOST", NULL, "%s", err->text);
		rc = 0;
	}
	if (rc)
		return rc;
	rc = memory_read(host, err);
	if (!rc)
		rc = users_read(host, err);
	if (rc)
		return rc;
	regions_report(host);
	rc = iso_read(host, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++)
		if (readers[i](host))
			return err_set(err, EXIT_REFUSED, ENOMEM, "out of memory while reading the host");
	return 0;
}

int host_read(struct cxl_host *host, const char *sysroot, struct err *err)
{
	*host = (struct cxl_host){ .fs.rootfd = -1 };
	return read_all(host, sysroot, err);
}

int host_read_dax(struct cxl_host *host, const char *sysroot, struct err *err)
{
	*host = (struct cxl_host){ .fs.rootfd = -1, .wants_dax = true };
	return read_all(host, sysroot, err);
}

void host_free(struct cxl_host *host)
{
	registers_exit(host);
	messages_free(&host->messages);
	sysfs_exit(&host->fs);
	arena_free(&host->arena);
}
