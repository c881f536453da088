/* SPDX-License-Identifier: GPL-2.0-only */
/* The frame of the commands that change isolation or its timeout. */
#ifndef CXL_CHANGE_COMMAND_H
#define CXL_CHANGE_COMMAND_H

#include "cxl/change.h"
#include "cxl/common.h"

struct change_options {
	struct common_options common;
	bool dry_run, registers, cache;
	const char *sysroot;
};

/* Entries for a command's option table; @type begins with a member "change" of that struct. */
#define CHANGE_OPTIONS(type, cache_help) \
	{ "dry-run", 'n', OPT_FLAG, offsetof(type, change.dry_run), NULL, \
	  "print what would be written, write nothing" }, \
	{ "cache", 0, OPT_FLAG, offsetof(type, change.cache), NULL, cache_help }, \
	{ "registers", 0, OPT_FLAG, offsetof(type, change.registers), NULL, \
	  "write the port's registers where the kernel has no attribute" }, \
	SYSROOT_REFUSED(type, change.sysroot)

/* Select, decide, plan and run @c->goal on @targets (ends with NULL); -errno with @err, nothing was written. */
int change_apply(struct change *c, const struct change_options *o, char **targets, struct err *err);

/*
 * Print what came of it (or @failed) and free @c and its host.  Returns
 * @status, or that of the failure, or EXIT_REFUSED when it could not be printed.
 */
int change_end(const struct command_run *run, struct change *c, int status, const struct err *failed);

#endif
