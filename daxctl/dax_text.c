// SPDX-License-Identifier: GPL-2.0-only
/* Tables of text for people (--format=human): see dax_text.h, and render_text.h for how they are read. */
#include "daxctl/dax_text.h"

#include "daxctl/dax_record.h"

static const struct text_line list_head[] = {
	{ NULL, "{#dax:dax device:dax devices}[, {#dax fit=false} not fit for isolation]", "dax" },
	{ NULL, "no dax device was found", "!dax,exit_status=0" },
	{ 0 }
};

static const struct text_line list_lines[] = {
	{ NULL, "{dax}[ ({device.name})]: {mode}, fit for isolation", "fit=true" },
	{ NULL, "{dax}[ ({device.name})]: {mode}, not fit for isolation", "fit=false" },
	{ NULL, "{dax}[ ({device.name})]: {mode}, whether it is fit for isolation cannot be told", "fit=null" },
	{ "next", "daxctl prepare-isolation {dax}", "fit=false" },
	{ "unfit by", "{check}: {title}", NULL, "checks", report_check },
	{ "memory", "{bytes}[ of {region}]" },
	{ "blocks", "{blocks.online} of {blocks.total} online[, {blocks.online_bytes}]", "blocks.total" },
	{ "root ports", "{root_ports}", "root_ports" },
	{ "driver", "{driver}", "driver" },
	{ "driver", "none", "!driver" },
	{ "used by", "{command} (process {pid})[, virtual machine {guest}][, {unit}][, {mapped_bytes} mapped]", NULL, "users" },
	{ "mounted", "{type} on {mount}", NULL, "file_systems" },
	{ 0 }
};

const struct render_text dax_list_text = {
	.head = list_head, .rows = record_dax_rows, .first = "fit=false", .lines = list_lines,
};

static const struct text_line prepare_head[] = {
	{ NULL, "layout: {layout.result}[, as in {layout.file}]", "layout" },
	{ "dax devices", "{name}[: {dax}][ in {region}][, {result}]", NULL, "layout.dax" },
	{ "would", "{op}: {value} into {path}", "layout.result=planned", "layout.plan" },
	{ NULL, "{#dax:dax device:dax devices}[, {#dax changed} changed][, {#dax result=refused} refused][, {#dax result=failed} failed]", "dax" },
	{ NULL, "nothing was changed", "!dax,!layout" },
	{ 0 }
};

static const struct text_line prepare_lines[] = {
	{ NULL, "{dax}: {result}, {before.mode}", "result=already" },
	{ NULL, "{dax}: {result}, nothing was written", "result=planned" },
	{ NULL, "{dax}: {result}[, now {after.mode}]", "result!=already,result!=planned" },
	{ "next", "the same without --dry-run", "result=planned" },
	{ "next", "cxl isolation-status", "result=done" },
	{ "next", "daxctl list --isolation {dax}", "result=failed" },
	{ "next", "daxctl list --isolation {dax}", "result=refused" },
	{ "was", "{before.mode}[, {before.blocks.online} blocks online]", "changed" },
	{ "blocks", "{after.blocks.online} of {after.blocks.total} online", "after.blocks.total" },
	{ "unfit by", "{check}: {title}", NULL, "after.checks", report_check },
	{ "would", "{op}: {value} into {path}", "result=planned", "plan" },
	{ 0 }
};

const struct render_text prepare_text = { .head = prepare_head,
					  .rows = record_dax_rows,
					  .lines = prepare_lines };
