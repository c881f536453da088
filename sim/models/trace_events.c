// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trace events of errors: which a kernel has, and the formats of the CXL core's on protocol errors, as far as
 * they tell one kernel from another (drivers/cxl/core/trace.h, kernel/trace/trace_events.c):
 *
 * - 6.12: cxl_aer_uncorrectable_error names the memory device;
 * - later ones have cxl_port_aer_uncorrectable_error as well, for ports;
 * - as posted on 2026-07-17 that is gone again, and the first one has the fields port
 *   and dport, too.
 *
 * tracefs is root's alone.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim/models/kernel.h"
#include "sim/models/tracefs.h"
#include "sim/state/device.h"
#include "sim/state/sim.h"
#include "util/array.h"

#define EVENTS "/sys/kernel/tracing/events"

enum from { ALWAYS, NEWER, NOT_POSTED_NEWER };

/* With the strings of each, a space between two. */
static const struct {
	const char *event, *strings;
	enum from from;
} events[] = {
	{ "ras/aer_event", "dev_name", ALWAYS },
	{ "cxl/cxl_aer_uncorrectable_error", "memdev host", ALWAYS }, { "cxl/cxl_aer_correctable_error", "memdev host", ALWAYS },
	{ "cxl/cxl_port_aer_uncorrectable_error", "device host", NOT_POSTED_NEWER },
	{ "cxl/cxl_port_aer_correctable_error", "device host", NOT_POSTED_NEWER },
	{ "cxl/cxl_overflow", "memdev host", ALWAYS }, { "cxl/cxl_generic_event", "memdev host", ALWAYS },
	{ "cxl/cxl_general_media", "memdev host", ALWAYS }, { "cxl/cxl_dram", "memdev host", ALWAYS },
	{ "cxl/cxl_memory_module", "memdev host", ALWAYS }, { "cxl/cxl_memory_sparing", "memdev host", NEWER },
	{ "cxl/cxl_poison", "memdev host", ALWAYS },
};

static const char common[] =
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n";

/* What follows the strings is shown of errors alone. */
static int add_format(struct sim *sim, const char *event, const char *names)
{
	char path[160], text[2000];
	struct node *node;
	int offset = 8;
	size_t n;

	snprintf(path, sizeof(path), EVENTS "/%s/format", event);
	n = (size_t)snprintf(text, sizeof(text), "name: %s\nID: 1400\nformat:\n%s", strchr(event, '/') + 1, common);
	for (size_t len; *names; names += len + (names[len] == ' '), offset += 4) {
		len = strcspn(names, " ");
		n += (size_t)snprintf(text + n, sizeof(text) - n, "\tfield:__data_loc char[] %.*s;\toffset:%d;\tsize:4;\tsigned:0;\n",
				      (int)len, names, offset);
	}
	if (strstr(event, "_error"))
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "\tfield:u32 status;\toffset:%d;\tsize:4;\tsigned:0;\n"
				      "\tfield:u32 first_error;\toffset:%d;\tsize:4;\tsigned:0;\n",
				      offset, offset + 4);
	node = tree_add_path(&sim->tree, path, NODE_FILE, 0440);
	return node && !node_set_data(node, text, n) ? 0 : -ENOMEM;
}

int trace_events_add(struct sim *sim)
{
	bool posted = sim->kernel->panics_on_protocol_error;
	int rc = 0;

	if (!tree_dir(&sim->tree, "/sys/bus/cxl"))
		return 0;
	for (size_t i = 0; !rc && i < ARRAY_SIZE(events); i++) {
		enum from from = events[i].from;
		bool is_error = strstr(events[i].event, "cxl_aer_");
		char path[160];
		struct node *old;

		if (from == ALWAYS || (is_newer_kernel(sim) && (from == NEWER || !posted))) {
			rc = add_format(sim, events[i].event, posted && is_error ? "memdev host port dport" : events[i].strings);
			continue;
		}
		snprintf(path, sizeof(path), EVENTS "/%s", events[i].event);
		old = tree_dir(&sim->tree, path);
		if (old && posted)
			tree_remove(&sim->tree, old);
	}
	return rc ? rc : tracefs_add(sim);
}
