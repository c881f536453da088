// SPDX-License-Identifier: GPL-2.0-only
/* Processes in /proc: see process.h. */
#include "cxl/lib/snapshot/process.h"

#include <stdio.h>
#include <string.h>

#include "util/parse.h"

static bool is_number(const char *name)
{
	return *name && !name[strspn(name, "0123456789")];
}

int process_list(struct cxl_host *host, struct arena *a, struct sysfs_names *ret)
{
	int rc = sysfs_list(&host->fs, a, "proc", is_number, ret);

	if (!rc)
		sysfs_sort(ret);
	return rc;
}

bool process_list_is_whole(const struct sysfs_names *pids)
{
	return pids->n && !strcmp(pids->v[0], "1");
}

const char *process_command(struct cxl_host *host, const char *pid)
{
	char path[64], text[64], shown[64];

	snprintf(path, sizeof(path), "proc/%s/comm", pid);
	if (sysfs_read(&host->fs, path, text, sizeof(text)) < 0)
		return arena_strdup(&host->arena, "?");
	return arena_strdup(&host->arena, printable(text, shown, sizeof(shown)));
}
