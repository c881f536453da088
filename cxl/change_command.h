/* SPDX-License-Identifier: GPL-2.0-only */
/* The frame of the commands that change isolation or its timeout. */
#ifndef CXL_CHANGE_COMMAND_H
#define CXL_CHANGE_COMMAND_H

#include "cxl/common.h"
#include "lib/change/change.h"
#include "lib/policy/policy_wait.h"
#include "lib/read/host_read.h"

struct change_options {
	struct common_options common;
	bool dry_run, registers, cache, best_effort, undo_last;
	const char *sysroot;
	struct policy_wait wait;	/* of enable-isolation */
	bool load;		/* of enable-isolation, too, which sets .has_load */
	bool has_load;
};

/* Entries for a command's option table; @type begins with a member "change" of that struct. */
#define CHANGE_OPTIONS(type, cache_help) \
	{ "dry-run", 'n', OPT_FLAG, offsetof(type, change.dry_run), NULL, \
	  "print what would be written, write nothing" }, \
	{ "undo-last", 0, OPT_FLAG, offsetof(type, change.undo_last), NULL, \
	  "put back what TARGET had before this command changed it last, also where it was killed" }, \
	{ "cache", 0, OPT_FLAG, offsetof(type, change.cache), NULL, cache_help }, \
	{ "registers", 0, OPT_FLAG, offsetof(type, change.registers), NULL, \
	  "write the port's registers where the kernel has no attribute" }, \
	SYSROOT_REFUSED(type, change.sysroot)

/* Of the records that these commands print. */
extern const struct render_table change_table;

/* With the lock of this host, which is released at the end: read the host into @reading (c->host), select, decide, plan and run @c->goal on @targets (ends with NULL); -errno with @err, nothing was written. */
int change_apply(struct change *c, struct host_reading *reading, const struct change_options *o,
		 char **targets, struct err *err);

/*
 * Print what came of it (or @failed) and free @c and @reading.  Returns
 * @status, or that of the failure, or EXIT_REFUSED when it could not be printed.
 */
int change_end(const struct command_run *run, struct change *c, struct host_reading *reading,
	       int status, const struct err *failed);

#endif
