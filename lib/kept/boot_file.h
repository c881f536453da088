/* SPDX-License-Identifier: GPL-2.0-only */
/* A file of the state directory that counts for one boot: {"schema", "boot_id", and more}. */
#ifndef CXL_BOOT_FILE_H
#define CXL_BOOT_FILE_H

#include "lib/model/host.h"
#include "util/json_read.h"

/* What the file shall hold so far, for more to be added. */
struct json_object *boot_file_begin(const struct cxl_host *host, const char *schema);
/* Write it as @name, whole or not at all, and give it up.  -errno. */
int boot_file_write(struct json_object *obj, const char *name);

/* What makes up such a file. */
struct boot_file {
	const char *name, *schema;
	int n_members;		/* "schema" and "boot_id" with them */
	/* Take what else is in it; false: it is not whole. */
	bool (*take)(struct json_read *r, struct json_object *obj, bool is_of_boot, void *data);
};

/*
 * Read it, memory from @a: 0, or -ENOENT where there is none, or it is damaged or cannot be
 * read (*@ret_why is why, for after "...: ", else NULL).  -ENOMEM.
 */
int boot_file_read(const struct cxl_host *host, const struct boot_file *file, void *data,
		   struct arena *a, const char **ret_why);

#endif
