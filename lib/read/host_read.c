// SPDX-License-Identifier: GPL-2.0-only
/* Reading the snapshot, part by part: see host.h. */
#include <errno.h>

#include "lib/iso/backend.h"
#include "lib/model/host.h"
#include "lib/read/host_read.h"
#include "lib/read/host_own.h"
#include "lib/read/reader.h"
#include "util/array.h"

/* What only the checks need, once the objects are known. */
static int (*const readers[])(struct cxl_host *host) = {
	locks_read,   firmware_map_read, mounts_read,	memory_policy_read,
	devices_read, windows_read,	 platform_read,	ras_read,
};

/* High-bandwidth memory has dax devices on hosts without CXL. */
static bool does_without_cxl(struct cxl_host *host)
{
	struct sysfs_names names;

	return host->wants_dax && !sysfs_list(host->fs, host->arena, "sys/bus/dax/devices", NULL, &names) && names.n;
}

static int read_all(struct cxl_host *host, const char *sysroot, struct err *err)
{
	int rc;

	/* what fails without a word has run out of memory */
	err_no_memory(err, " while reading the host");
	rc = sysfs_init(host->fs, sysroot, err);
	if (rc)
		return rc;
	rc = topology_read(host, err);
	if (rc == -ENODEV && does_without_cxl(host)) {
		message_add(host->messages, SEV_INFO, "HOST", NULL, "%s", err->text);
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
	rc = iso_read(host, host->own->root_ports, err);
	if (rc)
		return rc;
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		if (readers[i](host))
			return err_no_memory(err, " while reading the host");
	/* what a reader took for unknown may only have had no room */
	return host->arena->is_exhausted || host->messages->lost ? err_no_memory(err, " while reading the host") : 0;
}

void host_reading_init(struct host_reading *ret)
{
	*ret = (struct host_reading)HOST_UNREAD;
	ret->host.fs = &ret->fs;
	ret->host.arena = &ret->arena;
	ret->host.messages = &ret->messages;
}

int host_read(struct host_reading *ret, const char *sysroot, struct err *err)
{
	host_reading_init(ret);
	return read_all(&ret->host, sysroot, err);
}

int host_read_watched(struct host_reading *ret, const char *sysroot, struct err *err)
{
	host_reading_init(ret);
	ret->host.lets_sleep = true;
	return read_all(&ret->host, sysroot, err);
}

int host_read_dax(struct host_reading *ret, const char *sysroot, struct err *err)
{
	host_reading_init(ret);
	ret->host.wants_dax = true;
	return read_all(&ret->host, sysroot, err);
}

int host_read_topology(struct host_reading *ret, struct err *err)
{
	int rc;

	host_reading_init(ret);
	err_no_memory(err, " while reading the host");
	rc = sysfs_init(&ret->fs, NULL, err);
	return rc ? rc : topology_read(&ret->host, err);
}

void host_free(struct host_reading *reading)
{
	messages_free(&reading->messages);
	sysfs_exit(&reading->fs);
	arena_free(&reading->arena);
}
