// SPDX-License-Identifier: GPL-2.0-only
/* Reading the snapshot, part by part: see host.h. */
#include "cxl/lib/host.h"

int host_read(struct cxl_host *host, const char *sysroot, struct err *err)
{
	int rc;

	*host = (struct cxl_host){ .fs.rootfd = -1 };
	rc = sysfs_init(&host->fs, sysroot, err);
	if (rc)
		return rc;
	rc = topology_read(host, err);
	if (rc)
		return rc;
	rc = memory_read(host, err);
	if (!rc)
		rc = users_read(host, err);
	if (rc)
		return rc;
	regions_report(host);
	return iso_read(host, err);
}

void host_free(struct cxl_host *host)
{
	registers_exit(host);
	messages_free(&host->messages);
	sysfs_exit(&host->fs);
	arena_free(&host->arena);
}
