// SPDX-License-Identifier: GPL-2.0-only
/*
 * A libcxl whose one memory device, mem0, is as FAKE_HEALTH in the environment says:
 * "well", "maintenance", "replace", the errno of the command, or "mailbox".
 * For test/cli/test_recover_health.py, which builds it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char something;

static int says(const char *word)
{
	const char *health = getenv("FAKE_HEALTH");

	return health && !strcmp(health, word);
}

int cxl_new(void **ctx)
{
	*ctx = &something;
	return 0;
}

void *cxl_unref(void *ctx)
{
	(void)ctx;
	return NULL;
}

void cxl_set_log_fn(void *ctx, void *fn)
{
	(void)ctx;
	(void)fn;
}

void *cxl_memdev_get_first(void *ctx)
{
	return says("gone") ? NULL : ctx;
}

void *cxl_memdev_get_next(void *memdev)
{
	(void)memdev;
	return NULL;
}

const char *cxl_memdev_get_devname(void *memdev)
{
	(void)memdev;
	return "mem0";
}

void *cxl_cmd_new_get_health_info(void *memdev)
{
	return memdev;
}

int cxl_cmd_submit(void *cmd)
{
	(void)cmd;
	return says("EIO") ? -EIO : says("ENOTTY") ? -ENOTTY : says("EOPNOTSUPP") ? -EOPNOTSUPP : 0;
}

int cxl_cmd_get_mbox_status(void *cmd)
{
	(void)cmd;
	return says("mailbox") ? 5 : 0;
}

void cxl_cmd_unref(void *cmd)
{
	(void)cmd;
}

int cxl_cmd_health_info_get_maintenance_needed(void *cmd)
{
	(void)cmd;
	return says("maintenance");
}

int cxl_cmd_health_info_get_hw_replacement_needed(void *cmd)
{
	(void)cmd;
	return says("replace");
}
