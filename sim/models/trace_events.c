// SPDX-License-Identifier: GPL-2.0-only
/*
 * The formats of the CXL core's trace events on uncorrectable protocol errors, as far as
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
#include "sim/state/device.h"
#include "sim/state/sim.h"

#define EVENTS "/sys/kernel/tracing/events/cxl"

static const char common[] =
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n";

/* @names: of the strings that the event has, a space between two. */
static int add_format(struct sim *sim, const char *event, const char *names)
{
	char path[160], text[2000];
	struct node *node;
	int offset = 8;
	size_t n;

	snprintf(path, sizeof(path), EVENTS "/%s/format", event);
	n = (size_t)snprintf(text, sizeof(text), "name: %s\nID: 1400\nformat:\n%s", event, common);
	for (size_t len; *names; names += len + (names[len] == ' '), offset += 4) {
		len = strcspn(names, " ");
		n += (size_t)snprintf(text + n, sizeof(text) - n, "\tfield:__data_loc char[] %.*s;\toffset:%d;\tsize:4;\tsigned:0;\n",
				      (int)len, names, offset);
	}
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
	struct node *top;
	int rc;

	if (!tree_dir(&sim->tree, "/sys/bus/cxl"))
		return 0;
	rc = add_format(sim, "cxl_aer_uncorrectable_error", posted ? "memdev host port dport" : "memdev host");
	if (!rc && !posted && is_newer_kernel(sim))
		rc = add_format(sim, "cxl_port_aer_uncorrectable_error", "device host");
	if (posted && (top = tree_dir(&sim->tree, EVENTS "/cxl_port_aer_uncorrectable_error")))
		tree_remove(&sim->tree, top);
	top = tree_dir(&sim->tree, "/sys/kernel/tracing");
	if (top)
		top->mode = (top->mode & ~(mode_t)0777) | 0700;
	return rc;
}
