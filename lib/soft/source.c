// SPDX-License-Identifier: GPL-2.0-only
/* A source of what is known of memory, and what became of reading it: see sources.h. */
#include "lib/soft/sources.h"

#include <limits.h>
#include <stdarg.h>

#include "util/parse.h"

const char *const soft_source_names[] = {
	[SOURCE_FIRMWARE_MAP] = "firmware_map", [SOURCE_CMDLINE] = "cmdline", [SOURCE_IOMEM] = "iomem",
	[SOURCE_CEDT] = "cedt", [SOURCE_SRAT] = "srat", [SOURCE_WINDOWS] = "windows",
	[SOURCE_REGIONS] = "regions", [SOURCE_DAX] = "dax", [SOURCE_MEMORY_BLOCKS] = "memory_blocks",
	[SOURCE_CDAT] = "cdat",
};

const char *const soft_source_state_names[] = {
	[SOURCE_READ] = "read", [SOURCE_SILENT] = "silent", [SOURCE_MISSING] = "missing",
	[SOURCE_HIDDEN] = "hidden", [SOURCE_DAMAGED] = "damaged",
};

void soft_source_set(const struct cxl_host *host, struct soft_picture *p, enum soft_source_id id,
		     enum soft_source_state state, enum severity severity, const char *fmt, ...)
{
	struct soft_source *s = &p->sources[id];
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = arena_vprintf(host->arena, fmt, ap);
	va_end(ap);
	s->state = state;
	s->text = text;
	if (text)
		message_add(host->messages, severity, "SOURCE", soft_source_names[id], "%s", text);
}

int soft_attr(const struct cxl_host *host, const char *path, const char *attr, uint64_t *ret)
{
	char full[PATH_MAX], text[64];
	ssize_t n = sysfs_join(full, sizeof(full), path, attr);

	if (!n)
		n = sysfs_read(host->fs, full, text, sizeof(text));
	return n < 0 ? (int)n : parse_u64(text, ret);
}
