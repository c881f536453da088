// SPDX-License-Identifier: GPL-2.0-only
/* `cxl check-soft-reserved` for people, made of its record. */
#include "lib/soft/soft_record.h"
#include "util/render_text.h"

static const struct text_line head[] = {
	{ NULL, "{verdict}[: {#ranges:Soft Reserved range:Soft Reserved ranges}]", "ranges" },
	{ NULL, "{verdict}: no Soft Reserved range is known", "!ranges,exit_status!=2" },
	{ 0 }
};

static const struct text_line lines[] = {
	{ NULL, "{start}-{end} ({size}): {verdict}" },
	{ "is", "{text}" },
	{ "belongs to", "[windows {windows}][; regions {regions}][; dax {dax}]", "windows" },
	{ "belongs to", "regions {regions}[; dax {dax}]", "!windows,regions" },
	{ "belongs to", "dax {dax}", "!windows,!regions,dax" },
	{ "memory", "owned {owned_bytes}[, usable {usable_bytes}][, stranded {stranded_bytes}][, outside of CXL {uncovered_bytes}]", "owned_bytes!=null" },
	{ "next", "{remedy}", "remedy" },
	{ 0 }
};

static void rows(struct json_object *record, struct json_object *ret)
{
	struct json_object *ranges = json_object_object_get(record, "ranges");

	for (size_t i = 0; i < render_length(ranges); i++)
		render_append(ret, json_object_get(json_object_array_get_idx(ranges, i)));
}

const struct render_text soft_text = { .head = head, .rows = rows, .lines = lines };

const struct render_colour soft_colours[] = {
	{ "verdict", "ok", COLOUR_GREEN }, { "verdict", "stranded", COLOUR_RED }, { "verdict", "conflict", COLOUR_RED },
	{ "verdict", "give-up-cxl", COLOUR_RED }, { "verdict", "fallback", COLOUR_YELLOW }, { "verdict", "inconclusive", COLOUR_YELLOW },
	{ "stranded_bytes", NULL, COLOUR_RED }, { "severity", "error", COLOUR_RED }, { "severity", "warning", COLOUR_YELLOW },
	{ 0 }
};
