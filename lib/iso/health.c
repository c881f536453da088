// SPDX-License-Identifier: GPL-2.0-only
/*
 * Health of a memory device through libcxl: see health.h.  The library is
 * loaded when it is needed: it brings half a dozen others along, which every
 * listing would pay for.
 */
#include "lib/iso/health.h"

#include <cxl/libcxl.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "util/array.h"
#include "util/cleanup.h"

#define LIBRARY "libcxl.so.1"

static struct {
	__typeof__(&cxl_new) new;
	__typeof__(&cxl_unref) unref;
	__typeof__(&cxl_set_log_fn) set_log;
	__typeof__(&cxl_memdev_get_first) first;
	__typeof__(&cxl_memdev_get_next) next;
	__typeof__(&cxl_memdev_get_devname) name;
	__typeof__(&cxl_cmd_new_get_health_info) command;
	__typeof__(&cxl_cmd_submit) submit;
	__typeof__(&cxl_cmd_get_mbox_status) status;
	__typeof__(&cxl_cmd_unref) done;
} lib;

static const struct {
	const char *symbol;
	void **at;
} symbols[] = {
	{ "cxl_new", (void **)&lib.new }, { "cxl_unref", (void **)&lib.unref },
	{ "cxl_set_log_fn", (void **)&lib.set_log },
	{ "cxl_memdev_get_first", (void **)&lib.first }, { "cxl_memdev_get_next", (void **)&lib.next },
	{ "cxl_memdev_get_devname", (void **)&lib.name }, { "cxl_cmd_new_get_health_info", (void **)&lib.command },
	{ "cxl_cmd_submit", (void **)&lib.submit }, { "cxl_cmd_get_mbox_status", (void **)&lib.status },
	{ "cxl_cmd_unref", (void **)&lib.done },
};

/* What a device can complain about; @fatal: it cannot be used as it is. */
static const struct {
	const char *symbol, *text;
	bool fatal;
} complaints[] = {
	{ "cxl_cmd_health_info_get_media_not_ready", "its media is not ready", true },
	{ "cxl_cmd_health_info_get_hw_replacement_needed", "it asks to be replaced", true },
	{ "cxl_cmd_health_info_get_maintenance_needed", "it asks for maintenance", false },
	{ "cxl_cmd_health_info_get_performance_degraded", "its performance is degraded", false },
	{ "cxl_cmd_health_info_get_ext_temperature_critical", "its temperature is critical", false },
	{ "cxl_cmd_health_info_get_ext_life_used_critical", "it is near the end of its life", false },
};

typedef int (*complaint_fn)(struct cxl_cmd *cmd);

/* Loaded once, and kept.  NULL: @why says why not. */
static void *load(char *why, size_t size)
{
	static void *loaded;
	void *handle = loaded ? loaded : dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	const char *text = handle ? NULL : dlerror();

	for (size_t i = 0; handle && i < ARRAY_SIZE(symbols); i++) {
		*symbols[i].at = dlsym(handle, symbols[i].symbol);
		if (!*symbols[i].at) {
			text = dlerror();
			break;
		}
	}
	if (!text) {
		loaded = handle;
		return handle;
	}
	snprintf(why, size, "%s", text);
	if (handle)
		dlclose(handle);
	return NULL;
}

void memdev_health_prepare(void)
{
	char why[1];

	load(why, sizeof(why));
}

/* What it says is for those who write programs: the errno goes into our own words. */
static void be_quiet(struct cxl_ctx *ctx, int priority, const char *file, int line, const char *fn,
		     const char *format, va_list args)
{
	(void)ctx;
	(void)priority;
	(void)file;
	(void)line;
	(void)fn;
	(void)format;
	(void)args;
}

static struct cxl_memdev *find(struct cxl_ctx *ctx, const char *name)
{
	for (struct cxl_memdev *m = lib.first(ctx); m; m = lib.next(m))
		if (!strcmp(lib.name(m), name))
			return m;
	return NULL;
}

static int judge(void *handle, struct cxl_cmd *cmd, const char *name, struct messages *messages)
{
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(complaints); i++) {
		complaint_fn fn;

		*(void **)&fn = dlsym(handle, complaints[i].symbol);
		if (!fn || fn(cmd) != 1)
			continue;
		message_add(messages, SEV_WARNING, "HEALTH", name, "%s says that %s", name, complaints[i].text);
		if (complaints[i].fatal)
			rc = -EIO;
	}
	return rc;
}

/* Many a device has no such command, which is nothing that has failed: cxl_validate_cmd_from_user()
 * of drivers/cxl/core/mbox.c, and libcxl where the kernel does not know it. */
static bool has_no_command(int rc)
{
	return rc == -ENOTTY || rc == -EOPNOTSUPP;
}

static int ask(void *handle, struct cxl_memdev *memdev, const char *name, struct messages *messages)
{
	struct cxl_cmd *cmd;
	int rc;

	errno = 0;
	cmd = lib.command(memdev);
	if (!cmd)
		return errno ? -errno : -ENOMEM;
	rc = lib.submit(cmd);
	if (!rc && lib.status(cmd))
		rc = -EIO;
	if (!rc)
		rc = judge(handle, cmd, name, messages);
	lib.done(cmd);
	return rc;
}

int memdev_health(struct sysfs *fs, const char *name, struct messages *messages)
{
	struct cxl_ctx *ctx = NULL;
	struct cxl_memdev *memdev;
	char path[64];
	struct stat st;
	char why[200];
	void *handle;
	int rc;

	snprintf(path, sizeof(path), "dev/cxl/%.32s", name);
	{
		_cleanup_close_ int fd = sysfs_open(fs, path, O_PATH);

		if (fd < 0 || fstat(fd, &st) || !S_ISCHR(st.st_mode)) {
			message_add(messages, SEV_INFO, "HEALTH", name,
				    "%s was not asked for its health: /%s is not a character device, as on a simulated host", name, path);
			return 0;
		}
	}
	handle = load(why, sizeof(why));
	if (!handle) {
		message_add(messages, SEV_INFO, "HEALTH", name, "%s was not asked for its health, since libcxl cannot be loaded: %s", name, why);
		return 0;
	}
	rc = lib.new(&ctx);
	if (!rc)
		lib.set_log(ctx, be_quiet);
	memdev = rc ? NULL : find(ctx, name);
	if (!rc)
		rc = memdev ? ask(handle, memdev, name, messages) : -ENODEV;
	if (ctx)
		lib.unref(ctx);
	if (!has_no_command(rc))
		return rc;
	message_add(messages, SEV_INFO, "HEALTH", name, "%s does not tell its health: it has no such command", name);
	return 0;
}
