// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel makes of uncorrectable CXL protocol errors.  The handling as posted (v18,
 * 2026-07-17) panics on one, and is told by what it shows, not by a version: its trace event
 * cxl_aer_uncorrectable_error has the fields port and dport, and cxl_port_aer_* are gone.
 *
 * Source: kernel/trace/trace_events.c for a format's lines ("\tfield:TYPE NAME;\toffset:...").
 * tracefs is root's, and captures of others have none.
 */
#include <stdio.h>
#include <string.h>

#include "lib/model/host.h"
#include "lib/read/reader.h"

enum { MAX_FORMAT = 4096 };	/* a page; fields stand at its beginning */

#define EVENTS "/events/cxl/"

/* Where tracefs is mounted, and where it was in older days (below debugfs, if that is mounted). */
static const char *const places[] = { "sys/kernel/tracing", "sys/kernel/debug/tracing" };

static bool has_field(const char *format, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = strstr(format, "\tfield:"); line; line = strstr(line + 1, "\tfield:")) {
		const char *end = line + strcspn(line, ";\n");

		if (*end == ';' && (size_t)(end - line) > n && end[-(ptrdiff_t)n - 1] == ' ' &&
		    !strncmp(end - n, name, n))
			return true;
	}
	return false;
}

int ras_read(struct cxl_host *host)
{
	char path[96], format[MAX_FORMAT];

	host->panics_on_protocol_error = TRI_UNKNOWN;
	for (size_t i = 0; host->n_root_ports && i < sizeof(places) / sizeof(places[0]); i++) {
		ssize_t n;

		snprintf(path, sizeof(path), "%s" EVENTS "cxl_aer_uncorrectable_error/format", places[i]);
		n = sysfs_read_bytes(host->fs, path, 0, format, sizeof(format) - 1);
		if (n <= 0)
			continue;
		format[n] = '\0';
		snprintf(path, sizeof(path), "%s" EVENTS "cxl_port_aer_uncorrectable_error", places[i]);
		host->panics_on_protocol_error = tri_of((has_field(format, "port") || has_field(format, "dport")) &&
							!sysfs_exists(host->fs, path));
		break;
	}
	return 0;
}
