/* SPDX-License-Identifier: GPL-2.0-only */
/* What returned, or was made again, under which name: see recover.h. */
#ifndef CXL_RECOVER_NAMES_H
#define CXL_RECOVER_NAMES_H

#include "lib/recover/recover.h"

/* step_run.resolve; run->data is the struct recover. */
int recover_resolve(struct step_run *run, const char *name, char *buf, size_t size,
		    struct err *err);
/* step_run.keep_name and .name_of: which dax device is the second of "region0/dax1". */
int recover_keep_name(struct step_run *run, const char *key, const char *name);
const char *recover_made_name(struct step_run *run, const char *key);
/* Where the port's devices are; *@ret_other: another one is in the place of one of them. */
const char *recover_devices_text(const struct recover *r, char *buf, size_t size, bool *ret_other);
/* What @key was created or returned as; NULL: not yet. */
const char *recover_name_of(const struct journal *j, const char *key);
/* What dax[@k] of @region is called now, into @buf; NULL: it is not there. */
const char *recover_dax_now(const struct recover *r, const struct recipe_region *region, size_t k,
			    char *buf, size_t size);
/* The name of the region that @step made; NULL: none yet. */
const char *recover_created_by(const struct journal *j, const struct step *step);

#endif
